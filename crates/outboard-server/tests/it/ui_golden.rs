//! The recorded requests to the original's handler of UI plugins, sent to ours, over the
//! same directories.

use std::{fs, path::Path};

use http::StatusCode;
use serde::Deserialize;

use crate::support::{Plugins, Running};

#[derive(Deserialize)]
struct Exchange {
    method: String,
    path: String,
    status: u16,
    headers: std::collections::BTreeMap<String, String>,
    body: String,
    #[serde(default)]
    note: String,
}

/// The directories that the original was recorded with, as its answers show them.
fn directories() -> Plugins {
    let plugins = Plugins::new();
    let write = |path: &str, text: &str| {
        let path = plugins.path(path);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
        fs::write(path, text).unwrap();
    };
    write("tiny/ui.json", "{}");
    write(
        "full/ui.json",
        r#"{"name":"full","version":"2.0.0","description":"All of it","assetDir":"dist",
            "navItems":[{"id":"full-home","label":"Home","icon":"🏠","category":"plugin",
            "order":2,"requiredRole":"admin","requiredPermission":"full.read"},
            {"id":"full-b","label":"B"}]}"#,
    );
    write("full/dist/index.html", "<h1>full</h1>\n");
    write("full/dist/app.js", "console.log('hi')\n");
    write("full/dist/.hidden", "secret\n");
    write("full/dist/sub/index.html", "sub\n");
    write("full/secret.txt", "secret\n");
    write(
        "other-name/ui.json",
        r#"{"name":"not-other","version":"1.0.0"}"#,
    );
    write("broken/ui.json", "{");
    write("wrong-type/ui.json", r#"{"name":7}"#);
    write("escape/ui.json", r#"{"assetDir":"../full/dist"}"#);
    write("absolute/ui.json", r#"{"assetDir":"/etc"}"#);
    write(
        "no-assets/ui.json",
        r#"{"name":"no-assets","version":"1.0.0"}"#,
    );
    fs::create_dir(plugins.path("plain")).unwrap();
    plugins
}

/// What ours answers where it means to differ: a status, and a part of the body.
///
/// DIFFERENCE: the original answers 500 to every failure.
fn difference(exchange: &Exchange) -> Option<(StatusCode, &'static str)> {
    let path = exchange.path.strip_prefix("/api/v1/plugins/ui").unwrap();
    let unusable = StatusCode::UNPROCESSABLE_ENTITY;
    Some(match (path, exchange.note.as_str()) {
        ("/broken/load", _) => (unusable, "ui.json cannot be read"),
        ("/wrong-type/load", _) => (unusable, "expected a string"),
        ("/plain/load" | "/missing/load" | "/missing/reload", _) => {
            (StatusCode::NOT_FOUND, "there is no UI plugin")
        }
        ("/full/unload", "again") => (StatusCode::CONFLICT, "is not loaded"),
        // DIFFERENCE: a name that is not the directory's is refused: it would be shown
        // here and the directory's there.
        ("/other-name/load", _) => (unusable, "make them the same"),
        ("/other-name/manifest", _) => (StatusCode::NOT_FOUND, "not loaded"),
        // DIFFERENCE: assets outside of the plugin are refused; the original serves them.
        ("/escape/load", _) => (unusable, "leads out of the plugin's directory"),
        ("/absolute/load", _) => (unusable, "is absolute"),
        ("/escape/assets/app.js" | "/absolute/assets/hostname", _) => {
            (StatusCode::NOT_FOUND, "not found or not loaded")
        }
        // DIFFERENCE: a hidden file is not served.
        ("/full/assets/.hidden", _) => (StatusCode::NOT_FOUND, "404 page not found"),
        _ => return None,
    })
}

/// The recorded lists name the plugins that ours does not load.
fn expected_body(exchange: &Exchange) -> String {
    let mut body = exchange.body.clone();
    if exchange.path == "/api/v1/plugins/ui" {
        for name in ["absolute", "escape"] {
            let entry = format!(r#"{{"name":"{name}","version":"","loaded":true}},"#);
            body = body.replace(&entry, "");
        }
        body = body.replace(
            r#"{"name":"other-name","version":"1.0.0","loaded":true},"#,
            "",
        );
    }
    if exchange.path == "/api/v1/plugins/ui/available" {
        for name in ["absolute", "escape", "other-name"] {
            let entry = |loaded| format!(r#"{{"name":"{name}","loaded":{loaded}}}"#);
            body = body.replace(&entry(true), &entry(false));
        }
    }
    body
}

#[tokio::test]
async fn every_recorded_request_for_ui_plugins_gets_the_same_answer() {
    let running = Running::start(directories()).await;
    let exchanges: Vec<Exchange> =
        serde_json::from_str(include_str!("../golden/workflow-http-ui.json")).unwrap();
    assert_eq!(exchanges.len(), 42);
    let mut differences = 0;
    for exchange in &exchanges {
        let Exchange {
            method, path, note, ..
        } = exchange;
        let what = format!("{method} {path} {note}");
        let client = match note.as_str() {
            "range" => running.client.with("range", "bytes=0-6"),
            _ => running.client.clone(),
        };
        let answer = client.send(method, path, "").await;
        if let Some((status, part)) = difference(exchange) {
            differences += 1;
            assert_eq!(answer.status, status, "{what}: {answer:?}");
            assert!(answer.body.contains(part), "{what}: {answer:?}");
            if answer.header("content-type") == Some("application/json") {
                // The same keys in the same order; the text is ours.
                let begins = answer.body.starts_with(r#"{"status":"error","error":""#);
                assert!(
                    begins && answer.body.ends_with("\"}\n"),
                    "{what}: {answer:?}"
                );
            }
            continue;
        }
        assert_eq!(
            answer.status.as_u16(),
            exchange.status,
            "{what}: {answer:?}"
        );
        for (name, value) in &exchange.headers {
            assert_eq!(answer.header(name), Some(value.as_str()), "{what}: {name}");
        }
        assert_eq!(answer.body, expected_body(exchange), "{what}");
    }
    assert_eq!(differences, 13, "each intended difference was met once");
    running.stop().await;
}
