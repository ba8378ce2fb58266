//! The document of the API, against the server that it is about.

use std::collections::BTreeSet;

use axum::{Router, body::Body};
use http::Request;
use outboard_server::{Access, HostPolicy, Server, api_document};
use outboard_workflow::engine::Engine;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::{
    connectors::support::Restaurant,
    contract::valid,
    support::{Plugins, Running},
};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
/// What rewrites the file.
const REWRITE: &str = "OUTBOARD_WRITE_OPENAPI";

/// The paths of a router. It has no list of them, but its `Debug` shows them; a change
/// of that leaves none, which the test notices.
fn paths(router: &Router) -> BTreeSet<String> {
    let text = format!("{router:?}");
    let mut paths = BTreeSet::new();
    for (at, _) in text.match_indices("RouteId(") {
        let rest = &text[at..];
        let Some((_, path)) = rest.split_once("): \"") else {
            continue;
        };
        let path = path.split('"').next().unwrap_or_default();
        if path.starts_with('/') {
            paths.insert(path.to_owned());
        }
    }
    paths
}

/// The methods of a path, which the server names to whoever asks with another one.
async fn methods(router: &Router, path: &str) -> BTreeSet<String> {
    let filled: Vec<_> = path
        .split('/')
        .map(|part| if part.starts_with('{') { "x" } else { part })
        .collect();
    let request = Request::builder()
        .method("PROPFIND")
        .uri(filled.join("/"))
        .header("host", "localhost")
        .body(Body::empty())
        .unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    if path.ends_with("/assets/{path}") {
        // Of a plugin that is not there, whatever the method.
        assert_eq!(response.status(), 404, "{path}");
        return BTreeSet::from(["get".to_owned()]);
    }
    assert_eq!(response.status(), 405, "{path}");
    let allow = response.headers()["allow"].to_str().unwrap();
    allow
        .split(',')
        .map(|method| method.trim().to_lowercase())
        .filter(|method| method != "head")
        .collect()
}

#[tokio::test]
async fn the_routes_of_a_server_are_those_of_the_document() {
    let plugins = Plugins::new();
    let restaurant = Restaurant::empty().await;
    let access = Access::new(HostPolicy::new("127.0.0.1:0".parse().unwrap(), &[]), None);
    let engine = Engine::builder().build().unwrap();
    let router = Server::builder(plugins.manager(), engine, access)
        .connectors(restaurant.host.clone())
        .build()
        .router();
    let mut registered = BTreeSet::new();
    let document = api_document()["paths"].as_object().unwrap();
    let mut asked = BTreeSet::new();
    for path in paths(&router) {
        // Pages, and a list with a slash at its end.
        if path.ends_with('/') || path.starts_with("/ui") || path.contains("__private") {
            continue;
        }
        // The same path with a slash is the one that answers.
        if path.ends_with("/assets") {
            continue;
        }
        match path.split_once("{*") {
            // What is behind it shows itself when it is asked.
            Some((before, _)) => {
                let behind = document.keys().filter(|path| path.starts_with(before));
                let before = asked.len();
                asked.extend(behind.cloned());
                assert!(
                    asked.len() > before,
                    "nothing behind {path} is in the document"
                );
            }
            None => {
                asked.insert(path);
            }
        }
    }
    for path in asked {
        for method in methods(&router, &path).await {
            registered.insert(format!("{method} {path}"));
        }
    }
    assert!(registered.len() > 80, "{registered:?}");
    let described: BTreeSet<_> = document
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().keys();
            methods.map(move |method| format!("{method} {path}"))
        })
        .collect();
    let undescribed: Vec<_> = registered.difference(&described).collect();
    let absent: Vec<_> = described.difference(&registered).collect();
    assert!(
        undescribed.is_empty() && absent.is_empty(),
        "not in the document: {undescribed:#?}; only in the document: {absent:#?}"
    );
    restaurant.close().await;
}

#[tokio::test]
async fn the_file_in_docs_is_what_the_server_serves() {
    let running = Running::start(Plugins::new()).await;
    let answer = running.client.get("/openapi.json").await;
    running.stop().await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    if std::env::var_os(REWRITE).is_some() {
        std::fs::write(GOLDEN, &answer.body).unwrap();
    }
    let file = std::fs::read_to_string(GOLDEN).unwrap_or_default();
    assert!(
        file == answer.body,
        "docs/openapi.json is not what the server serves; \
         look at the difference after `{REWRITE}=1 cargo test -p outboard-server --test it openapi`"
    );
}

/// All operations, with their names.
fn operations() -> Vec<(String, &'static Value)> {
    let paths = api_document()["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().iter();
        methods.map(move |(method, operation)| (format!("{method} {path}"), operation))
    });
    operations.collect()
}

#[test]
fn every_operation_is_named_grouped_and_guarded() {
    let mut ids = BTreeSet::new();
    let tags: Vec<_> = api_document()["tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| tag["name"].as_str().unwrap())
        .collect();
    for (name, operation) in operations() {
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id), "{name}: {id} is used twice");
        assert!(
            operation["summary"]
                .as_str()
                .is_some_and(|text| text.len() > 5)
        );
        let tag = operation["tags"][0].as_str().unwrap();
        assert!(tags.contains(&tag), "{name}: {tag}");
        let permission = operation["x-permission"].as_str().unwrap();
        let open = operation["security"].as_array().unwrap().is_empty();
        assert_eq!(permission == "none", open, "{name}");
        // In the path, and described, are the same.
        let path = name.split(' ').nth(1).unwrap();
        let in_path: BTreeSet<_> = path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .collect();
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let described: BTreeSet<_> = parameters
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        assert_eq!(in_path, described, "{name}");
    }
}

#[test]
fn every_example_is_what_its_schema_says() {
    let mut seen = 0;
    for (name, operation) in operations() {
        let body = &operation["requestBody"]["content"]["application/json"];
        if body.is_object() {
            valid(&format!("{name} body"), &body["schema"], &body["example"]);
            seen += 1;
        }
        let responses = operation["responses"].as_object().unwrap();
        for (status, answer) in responses {
            for (media, content) in answer["content"].as_object().into_iter().flatten() {
                let name = format!("{name} {status} {media} example");
                assert!(content.get("example").is_some(), "{name} is absent");
                valid(&name, &content["schema"], &content["example"]);
                seen += 1;
            }
        }
    }
    assert!(seen > 80, "{seen}");
}

#[test]
fn what_the_document_refers_to_is_in_it() {
    fn walk(value: &Value, references: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    references.insert(reference.clone());
                }
                fields.values().for_each(|below| walk(below, references));
            }
            Value::Array(items) => items.iter().for_each(|below| walk(below, references)),
            _ => {}
        }
    }
    let mut references = BTreeSet::new();
    walk(api_document(), &mut references);
    assert!(references.len() > 60, "{references:?}");
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(api_document().pointer(pointer).is_some(), "{reference}");
    }
    let schemas = api_document()["components"]["schemas"].as_object().unwrap();
    for name in schemas.keys() {
        // A number at the end is what two types of one name get.
        assert!(
            !name.ends_with(|last: char| last.is_ascii_digit()),
            "{name}"
        );
    }
}

#[tokio::test]
async fn the_page_has_a_form_for_each_operation_that_one_may_ask() {
    let running = Running::start(Plugins::new()).await;
    let page = running.client.get("/ui/api").await;
    assert_eq!(page.status, 200, "{page:?}");
    for (name, operation) in operations() {
        let id = operation["operationId"].as_str().unwrap();
        assert!(page.body.contains(&format!("id=\"{id}\"")), "{name}");
    }
    let forms = page.body.matches("<form data-call").count();
    assert_eq!(forms, operations().len(), "the local token may all");
    assert!(!page.body.contains("style=") && !page.body.contains("onclick="));

    let viewer = serde_json::json!({ "name": "looks", "role": "viewer" }).to_string();
    let made = running
        .client
        .with("content-type", "application/json")
        .post("/api/v1/tokens", &viewer)
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    let token = format!("Bearer {}", made.json()["token"].as_str().unwrap());
    let page = running
        .client
        .with("authorization", &token)
        .get("/ui/api")
        .await;
    assert!(page.body.contains("data-path=\"/api/v1/runs\""), "{page:?}");
    for path in [
        "/api/v1/tokens",
        "/api/v1/audit",
        "/api/v1/connectors/install",
    ] {
        let form = format!("data-path=\"{path}\"");
        assert!(!page.body.contains(&form), "a viewer may not ask {path}");
    }
    running.stop().await;
}
