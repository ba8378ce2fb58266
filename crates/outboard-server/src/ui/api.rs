//! `GET /ui/api`: what can be asked of the server, and a form to ask it.
//!
//! All of it comes from the document of the API. Without its script the page is the
//! reference; with it, each form sends its request with the session of whoever looks.

use std::sync::Arc;

use askama::Template;
use http::{HeaderMap, Method};
use serde_json::Value;

use super::{
    assets,
    page::{Ui, UiResult},
};
use crate::{
    openapi::api_document,
    security::{Needs, Role, needed},
};

#[derive(Template)]
#[template(path = "api.html")]
struct Api<'a> {
    groups: Vec<Group<'a>>,
    count: usize,
    assets: Arc<assets::Paths>,
}

/// Operations under one heading.
struct Group<'a> {
    name: &'a str,
    description: &'a str,
    operations: Vec<Operation<'a>>,
}

struct Operation<'a> {
    id: &'a str,
    method: String,
    path: &'a str,
    summary: &'a str,
    description: &'a str,
    /// What it needs, in words.
    needs: String,
    /// Whether who looks may ask it.
    may: bool,
    changes: bool,
    fields: Vec<Field<'a>>,
    body: Option<Body<'a>>,
    /// Whether its answer may be a stream.
    streams: bool,
    answers: Vec<Answer<'a>>,
    example: Option<String>,
}

/// A parameter as a field of the form.
struct Field<'a> {
    place: &'a str,
    name: &'a str,
    description: &'a str,
    required: bool,
    hint: String,
    choices: Vec<&'a str>,
}

struct Body<'a> {
    description: &'a str,
    example: String,
}

struct Answer<'a> {
    status: &'a str,
    description: &'a str,
}

/// A text of the document.
fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn pretty(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => serde_json::to_string_pretty(value).unwrap_or_default(),
    }
}

/// What a reference leads to, or the value itself.
fn resolved(value: &Value) -> &Value {
    let target = value["$ref"]
        .as_str()
        .and_then(|target| target.strip_prefix('#'));
    target
        .and_then(|pointer| api_document().pointer(pointer))
        .unwrap_or(value)
}

pub(super) async fn api(mut ui: Ui, headers: HeaderMap) -> UiResult {
    // The query is of no use here, and packed pages show nothing of a request.
    "/ui/api".clone_into(&mut ui.path);
    let document = api_document();
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            all.push((text_of_tag(operation), shown(&ui, path, method, operation)));
        }
    }
    let count = all.len();
    let mut groups: Vec<Group<'_>> = list(document, "tags")
        .iter()
        .map(|tag| Group {
            name: text(tag, "name"),
            description: text(tag, "description"),
            operations: Vec::new(),
        })
        .collect();
    for (tag, operation) in all {
        if let Some(group) = groups.iter_mut().find(|group| group.name == tag) {
            group.operations.push(operation);
        }
    }
    let body = Api {
        groups,
        count,
        assets: assets::paths(),
    };
    let page = ui.page("API", "api", &body)?;
    Ok(assets::packed(page, &headers).await)
}

fn text_of_tag(operation: &Value) -> &str {
    list(operation, "tags")
        .first()
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn shown<'a>(ui: &Ui, path: &'a str, method: &str, operation: &'a Value) -> Operation<'a> {
    let method = method.to_uppercase();
    let (needs, may) = match needed(&method.parse().unwrap_or(Method::GET), path) {
        Needs::Nothing => ("nothing: everybody may".to_owned(), true),
        Needs::SomebodyKnown => ("that one is known".to_owned(), true),
        Needs::Permission(permission) => (permission.to_string(), ui.may(&permission)),
        Needs::Admin => (
            "the role admin".to_owned(),
            ui.principal.has_role(Role::Admin),
        ),
    };
    let body = &operation["requestBody"];
    let content = &body["content"]["application/json"];
    let responses = operation["responses"].as_object();
    let answers = responses
        .into_iter()
        .flatten()
        .map(|(status, answer)| Answer {
            status,
            description: text(resolved(answer), "description"),
        });
    let contents = responses
        .into_iter()
        .flatten()
        .filter(|(status, _)| status.starts_with('2'))
        .filter_map(|(_, answer)| answer["content"].as_object());
    let example = contents
        .clone()
        .flat_map(|contents| contents.values())
        .next();
    Operation {
        id: text(operation, "operationId"),
        changes: method != "GET",
        path,
        summary: text(operation, "summary"),
        description: text(operation, "description"),
        needs,
        may,
        fields: list(operation, "parameters").iter().map(field).collect(),
        body: body.is_object().then(|| Body {
            description: text(body, "description"),
            example: pretty(&content["example"]),
        }),
        streams: contents
            .flat_map(|contents| contents.keys())
            .any(|media| media == "text/event-stream"),
        answers: answers.collect(),
        example: example.map(|content| pretty(&content["example"])),
        method,
    }
}

fn field(parameter: &Value) -> Field<'_> {
    let parameter = resolved(parameter);
    let schema = &parameter["schema"];
    let limit = |key: &str| match &schema[key] {
        Value::Null => None,
        value => Some(format!("{key} {value}")),
    };
    let example = &parameter["example"];
    let mut hint: Vec<String> = ["minimum", "maximum", "default"]
        .into_iter()
        .filter_map(limit)
        .collect();
    if let Some(example) = example.as_str() {
        hint.push(format!("such as {example}"));
    }
    Field {
        place: text(parameter, "in"),
        name: text(parameter, "name"),
        description: text(parameter, "description"),
        required: parameter["required"].as_bool().unwrap_or_default(),
        hint: hint.join(", "),
        choices: list(schema, "enum")
            .iter()
            .filter_map(Value::as_str)
            .collect(),
    }
}
