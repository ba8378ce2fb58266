//! Errors of our own routes: problem details (RFC 9457) with a `kind` that programs
//! branch on.
//!
//! ```json
//! {"title":"Not Found","status":404,"kind":"not_found",
//!  "detail":"there is no pipeline \"x\"","hint":"see GET /api/v1/pipelines"}
//! ```

use std::borrow::Cow;

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;

/// A failed request, as its sender sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    /// What programs branch on, in `snake_case`. Never changes its meaning.
    pub kind: Cow<'static, str>,
    /// What happened, for a person.
    pub detail: String,
    /// What to do about it, where that can be said.
    pub hint: Option<String>,
    /// The code that a connector's operation failed with, if that is what happened.
    pub code: Option<String>,
}

/// A failure as problem details.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Problem")]
pub(crate) struct ProblemDocument<'a> {
    /// The name of the status.
    title: &'a str,
    /// The HTTP status.
    status: u16,
    /// What programs branch on; a kind never changes its meaning.
    kind: &'a str,
    /// What happened, for people.
    detail: &'a str,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    /// With the kind `operation`: the code that the connector failed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
}

impl Problem {
    /// A problem without a hint.
    pub fn new(
        status: StatusCode,
        kind: impl Into<Cow<'static, str>>,
        detail: impl Into<String>,
    ) -> Problem {
        Problem {
            status,
            kind: kind.into(),
            detail: detail.into(),
            hint: None,
            code: None,
        }
    }

    /// The same, with what to do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Problem {
        self.hint = Some(hint.into());
        self
    }

    /// Something that does not exist.
    pub fn not_found(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// A request that makes no sense.
    pub fn bad_request(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, "bad_request", detail)
    }

    /// A failure of ours.
    pub fn internal(error: &dyn std::fmt::Display) -> Problem {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Problem::new(status, "internal", error.to_string())
    }

    /// The document, in one line.
    pub(crate) fn to_json(&self) -> String {
        let document = ProblemDocument {
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            kind: &self.kind,
            detail: &self.detail,
            hint: self.hint.as_deref(),
            code: self.code.as_deref(),
        };
        // Texts and a number always serialize; this is for the compiler.
        serde_json::to_string(&document).unwrap_or_default()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = self.to_json();
        body.push('\n');
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        // Where a person asked for a page, it is shown as one.
        response.extensions_mut().insert(self);
        response
    }
}
