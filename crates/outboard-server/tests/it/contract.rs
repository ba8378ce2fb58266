//! Every answer that a test sees is held against the document of the API.
//!
//! What the document allows is taken at its word: an object may have the fields that
//! are described and no others, so that a field which somebody adds is described too.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
};

use http::{HeaderMap, StatusCode};
use jsonschema::Validator;
use outboard_server::api_document;
use serde_json::{Map, Value, json};

/// The schemas and answers that operations refer to, with no room for what is not named.
static COMPONENTS: LazyLock<Value> = LazyLock::new(|| {
    let mut components = api_document()["components"].clone();
    let schemas = components["schemas"].as_object_mut().unwrap();
    schemas.values_mut().for_each(|schema| narrow(schema, true));
    components
});

type Cache = Mutex<HashMap<String, Arc<Validator>>>;
static VALIDATORS: LazyLock<Cache> = LazyLock::new(Cache::default);

/// Forbids what is not named, wherever names are given.
fn narrow(schema: &mut Value, whole: bool) {
    let Some(fields) = schema.as_object_mut() else {
        return;
    };
    let is_open = !fields.contains_key("additionalProperties");
    if whole && is_open && fields.contains_key("properties") {
        fields.insert("unevaluatedProperties".to_owned(), false.into());
    }
    for (key, below) in fields {
        match (key.as_str(), below) {
            ("properties", Value::Object(properties)) => {
                properties
                    .values_mut()
                    .for_each(|schema| narrow(schema, true));
            }
            ("items" | "additionalProperties", below) => narrow(below, true),
            ("anyOf" | "oneOf", Value::Array(schemas)) => {
                schemas.iter_mut().for_each(|schema| narrow(schema, true));
            }
            ("allOf", Value::Array(schemas)) => {
                schemas.iter_mut().for_each(|schema| narrow(schema, false));
            }
            _ => {}
        }
    }
}

/// What the document says of a request, if it is one of the API's.
#[derive(Clone, Debug)]
pub(crate) struct Described {
    name: String,
    operation: &'static Map<String, Value>,
}

/// The description of a request.
pub(crate) fn described(method: &str, uri: &str) -> Option<Described> {
    let path = uri.split('?').next().unwrap_or_default();
    // No path of a route, but one that is answered with where it leads to.
    if path.split('/').any(|segment| matches!(segment, "." | "..")) {
        return None;
    }
    let method = match method {
        "HEAD" => "get".to_owned(),
        other => other.to_lowercase(),
    };
    let paths = api_document()["paths"].as_object().unwrap();
    let fitting = paths.iter().filter(|(template, _)| fits(template, path));
    // As the server does: a word in its place before anything in its place.
    let (template, operations) =
        fitting.min_by_key(|(template, _)| template.matches('{').count())?;
    let operation = operations.get(&method)?.as_object().unwrap();
    Some(Described {
        name: format!("{method} {template}"),
        operation,
    })
}

fn fits(template: &str, path: &str) -> bool {
    let mut segments = path.split('/');
    let all = template.split('/').all(|part| {
        segments.next().is_some_and(|segment| {
            part == segment || (part.starts_with('{') && !segment.is_empty())
        })
    });
    all && segments.next().is_none()
}

fn resolved(value: &Value) -> &Value {
    match value["$ref"].as_str() {
        Some(reference) => {
            let pointer = reference.strip_prefix("#/components").unwrap();
            COMPONENTS.pointer(pointer).unwrap()
        }
        None => value,
    }
}

impl Described {
    /// What the document says of an answer's content.
    fn content(&self, status: StatusCode, headers: &HeaderMap) -> Option<(String, &Value)> {
        let name = format!("{} {}", self.name, status.as_u16());
        let answer = &self.operation["responses"][status.as_str()];
        assert!(answer.is_object(), "{name} is not in the document");
        let answer = resolved(answer);
        let media = headers.get("content-type").map(|media| {
            let media = media.to_str().unwrap();
            media.split(';').next().unwrap_or_default().to_owned()
        });
        let Some(media) = media else {
            assert!(
                answer.get("content").is_none(),
                "{name} says no type, and the document does"
            );
            return None;
        };
        let contents = &answer["content"];
        let any = &contents["*/*"];
        let content = contents.get(&media).unwrap_or(any);
        assert!(
            content.is_object(),
            "{name} as {media} is not in the document"
        );
        Some((format!("{name} {media}"), content))
    }

    /// Panics where a whole answer is not what the document says.
    pub(crate) fn check(&self, status: StatusCode, headers: &HeaderMap, body: &str) {
        // Said by the connection, which never heard of routes.
        if status == StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE {
            return;
        }
        let Some((name, content)) = self.content(status, headers) else {
            assert_eq!(body, "", "{}", self.name);
            return;
        };
        if name.ends_with("json") && !body.is_empty() {
            let value = serde_json::from_str(body).unwrap();
            valid(&name, &content["schema"], &value);
        }
    }

    /// Panics where an event of a stream is not what the document says.
    pub(crate) fn check_event(&self, event: &str, data: &Value) {
        let answer = resolved(&self.operation["responses"]["200"]);
        let event = if event.is_empty() { "message" } else { event };
        let schema = &answer["content"]["text/event-stream"]["x-events"][event];
        let name = format!("{} event {event}", self.name);
        assert!(!schema.is_null(), "{name} is not in the document");
        valid(&name, schema, data);
    }
}

/// Panics with all that is wrong with a value.
pub(crate) fn valid(name: &str, schema: &Value, value: &Value) {
    let validator = {
        let mut validators = VALIDATORS.lock().unwrap();
        let key = format!("{name} {schema}");
        Arc::clone(
            validators
                .entry(key)
                .or_insert_with(|| Arc::new(compiled(schema))),
        )
    };
    let wrong: Vec<_> = validator
        .iter_errors(value)
        .map(|error| format!("{} at {}", error, error.instance_path()))
        .collect();
    assert!(wrong.is_empty(), "{name}: {wrong:#?}\n{value}");
}

fn compiled(schema: &Value) -> Validator {
    let mut schema = schema.clone();
    if schema == json!(true) {
        schema = json!({});
    }
    narrow(&mut schema, true);
    schema["components"] = COMPONENTS.clone();
    jsonschema::draft202012::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap()
}
