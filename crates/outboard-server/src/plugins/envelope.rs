//! The answer format of the seed's routes, byte for byte as Go's encoder writes it.
//!
//! ```text
//! {"status":"ok","data":[{"name":"kv","loaded":true}]}⏎
//! {"status":"error","error":"plugin \"kv\" is not loaded"}⏎
//! ```
//!
//! `status` comes first, a newline ends the answer, and the characters that HTML
//! gives a meaning are escaped: clients compare and some embed these bytes.

use std::borrow::Cow;

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

/// An answer of a seed route.
#[derive(Debug, Serialize)]
struct Envelope<'a, T> {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

/// What an answer of a seed route is when it went well.
pub(crate) fn schema_of_ok<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let data = generator.subschema_for::<T>();
    json_schema!({
        "type": "object",
        "properties": { "status": { "const": "ok" }, "data": data },
        "required": ["status", "data"],
        "additionalProperties": false,
    })
}

/// What an answer of a seed route is when it failed.
pub(crate) struct ErrorEnvelope;

impl JsonSchema for ErrorEnvelope {
    fn schema_name() -> Cow<'static, str> {
        "ErrorEnvelope".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A failure in the seed's envelope.",
            "type": "object",
            "properties": { "status": { "const": "error" }, "error": { "type": "string" } },
            "required": ["status", "error"],
            "additionalProperties": false,
        })
    }
}

/// One entry of the list of plugins.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct PluginInfo {
    /// The plugin's name.
    pub name: String,
    /// Whether it runs.
    pub loaded: bool,
}

/// What a changing route did.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[schemars(rename = "PluginActionDone")]
pub(crate) struct ActionDone<'a> {
    pub(crate) action: &'static str,
    pub(crate) name: &'a str,
}

/// Success, with its data.
pub(crate) fn ok(data: impl Serialize) -> Response {
    let envelope = Envelope {
        status: "ok",
        data: Some(data),
        error: None,
    };
    answer(StatusCode::OK, &envelope)
}

/// A failure, with its text.
pub(crate) fn error(status: StatusCode, text: &str) -> Response {
    let envelope = Envelope::<()> {
        status: "error",
        data: None,
        error: Some(text),
    };
    answer(status, &envelope)
}

fn answer(status: StatusCode, envelope: &impl Serialize) -> Response {
    let Ok(json) = serde_json::to_string(envelope) else {
        // Strings and booleans always serialize; this is for the compiler.
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut response = Response::new(Body::from(as_go_writes(&json)));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// Escapes what Go's encoder escapes and ours does not, and ends the line. These
/// characters can only stand inside of strings.
pub(crate) fn as_go_writes(json: &str) -> String {
    let mut text = String::with_capacity(json.len() + 1);
    for character in json.chars() {
        match character {
            '<' => text.push_str("\\u003c"),
            '>' => text.push_str("\\u003e"),
            '&' => text.push_str("\\u0026"),
            '\u{2028}' => text.push_str("\\u2028"),
            '\u{2029}' => text.push_str("\\u2029"),
            other => text.push(other),
        }
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_html_gives_a_meaning_is_escaped_as_go_does() {
        let text = as_go_writes(
            &serde_json::to_string("<a href=\"x\">&\u{2028}ü\u{7f}\u{1}").expect("a string"),
        );
        assert_eq!(
            text,
            "\"\\u003ca href=\\\"x\\\"\\u003e\\u0026\\u2028ü\u{7f}\\u0001\"\n"
        );
    }

    #[test]
    fn an_empty_list_is_still_there_and_an_absent_error_is_not() {
        let envelope = Envelope {
            status: "ok",
            data: Some(Vec::<PluginInfo>::new()),
            error: None,
        };
        let json = serde_json::to_string(&envelope).expect("plain data");
        assert_eq!(json, r#"{"status":"ok","data":[]}"#);
    }
}
