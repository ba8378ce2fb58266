//! The recorded requests to the original's HTTP handler, sent to ours, over the
//! same directories, broken in the same ways.

use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

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

fn recorded() -> Vec<Exchange> {
    serde_json::from_str(include_str!("../golden/workflow-http-external.json")).unwrap()
}

/// The directories that the original was recorded with.
fn directories() -> Plugins {
    let plugins = Plugins::with_kitchen();
    let with_program = |name: &str, manifest: &str| {
        plugins.plugin(name, manifest);
        std::fs::write(plugins.path(name).join(name), "").unwrap();
    };
    with_program("bad-json", "{");
    with_program(
        "bad-version",
        r#"{"name":"bad-version","version":"one","author":"A","description":"D"}"#,
    );
    with_program(
        "no-author",
        r#"{"name":"no-author","version":"1.0.0","description":"D"}"#,
    );
    with_program(
        "not-executable",
        r#"{"name":"not-executable","version":"1.0.0","author":"A","description":"D"}"#,
    );
    plugins.plugin(
        "no-binary",
        r#"{"name":"no-binary","version":"1.0.0","author":"A","description":"D"}"#,
    );
    plugins.plugin(
        "dir-binary",
        r#"{"name":"dir-binary","version":"1.0.0","author":"A","description":"D"}"#,
    );
    std::fs::create_dir(plugins.path("dir-binary/dir-binary")).unwrap();
    plugins.script("exits", "exit 3");
    plugins.script("garbage", "echo hello world; sleep 60");
    plugins.script("old-core", "echo '9|1|unix|/nowhere|grpc'; sleep 60");
    plugins.script("old-app", "echo '1|7|unix|/nowhere|grpc'; sleep 60");
    plugins.script("netrpc", "echo '1|1|unix|/nowhere|netrpc'; sleep 60");
    std::fs::write(plugins.path("a-file"), "").unwrap();
    plugins
}

// DIFFERENCE: the original answers 500 to every failure. Ours says what happened, so
// that a program can tell its own mistake from a broken plugin or a broken host.
fn our_status(exchange: &Exchange) -> StatusCode {
    if exchange.status != 500 {
        return StatusCode::from_u16(exchange.status).unwrap();
    }
    let name = exchange.path.split('/').nth(5).unwrap();
    match name {
        "%20" => StatusCode::BAD_REQUEST,
        "missing" | "a-file" => StatusCode::NOT_FOUND,
        // Loaded already, or not loaded.
        "kitchen" => StatusCode::CONFLICT,
        "bad-json" | "bad-version" | "no-author" | "not-executable" | "no-binary"
        | "dir-binary" => StatusCode::UNPROCESSABLE_ENTITY,
        "exits" | "garbage" | "old-core" | "old-app" | "netrpc" => StatusCode::BAD_GATEWAY,
        other => panic!("no status for {other}"),
    }
}

#[tokio::test]
async fn every_recorded_request_gets_the_same_envelope() {
    let running = Running::start(directories()).await;
    let exchanges = recorded();
    assert_eq!(exchanges.len(), 30);
    for exchange in &exchanges {
        let Exchange {
            method, path, note, ..
        } = exchange;
        let what = format!("{method} {path} {note}");
        let answer = running.client.send(method, path, "").await;
        assert_eq!(answer.status, our_status(exchange), "{what}: {answer:?}");
        for (name, value) in &exchange.headers {
            assert_eq!(answer.header(name), Some(value.as_str()), "{what}: {name}");
        }
        if exchange.status == 500 {
            // The same keys in the same order; the text is ours.
            let text = answer.json()["error"].as_str().unwrap().to_owned();
            assert!(text.len() > 10, "{what}: {text}");
            assert!(
                answer.body.starts_with(r#"{"status":"error","error":""#),
                "{what}: {answer:?}"
            );
            assert!(answer.body.ends_with("\"}\n"), "{what}: {answer:?}");
            assert_eq!(
                answer.json().as_object().map(serde_json::Map::len),
                Some(2),
                "{what}"
            );
        } else {
            assert_eq!(answer.body, exchange.body, "{what}");
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn a_failure_names_the_plugin_and_what_it_did_and_shows_no_path_of_ours() {
    let running = Running::start(directories()).await;
    for (name, part) in [
        ("missing", "there is no plugin"),
        ("bad-json", "plugin.json"),
        ("no-author", "author"),
        ("exits", "exit status 3"),
        ("garbage", "hello world"),
        ("old-core", "core protocol version 9"),
        ("old-app", "protocol version 7"),
        ("netrpc", "netrpc"),
        ("not-executable", "not executable"),
        ("no-binary", "no program"),
        ("dir-binary", "not a regular file"),
    ] {
        let path = format!("/api/v1/plugins/external/{name}/load");
        let answer = running.client.post(&path, "").await;
        let Value::String(text) = &answer.json()["error"] else {
            panic!("{answer:?}")
        };
        assert!(text.contains(part) && text.contains(name), "{name}: {text}");
        let directory = running.plugins.path("");
        assert!(
            !text.contains(directory.to_str().unwrap()),
            "{name}: {text}"
        );
    }
    // Nothing of what failed counts as loaded.
    let loaded = running.client.get("/api/v1/plugins/external/loaded").await;
    assert_eq!(loaded.body, "{\"status\":\"ok\",\"data\":[]}\n");
    running.stop().await;
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_is_refused_before_the_disk_is_touched() {
    let plugins = Plugins::with_kitchen();
    // With `..%2Fkitchen` from a directory below, the original would find it.
    let below = plugins.path("below");
    std::fs::create_dir(&below).unwrap();
    let running = Running::start(plugins).await;
    for name in [
        "..%2Fkitchen",
        "..",
        "%2e%2e",
        "below%2F..%2Fkitchen",
        "%2Fetc",
        "Kitchen",
        "kitchen%00",
        "kitchen%2F",
        "-x",
        "%ff",
        "a".repeat(65).as_str(),
    ] {
        for action in ["load", "unload", "reload"] {
            let path = format!("/api/v1/plugins/external/{name}/{action}");
            let answer = running.client.post(&path, "").await;
            let redirected = answer.status == StatusCode::TEMPORARY_REDIRECT && name == "..";
            assert!(
                answer.status == StatusCode::BAD_REQUEST || redirected,
                "{path}: {answer:?}"
            );
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn an_empty_and_a_missing_directory_list_nothing() {
    let plugins = Plugins::new();
    let running = Running::start(plugins).await;
    let empty = "{\"status\":\"ok\",\"data\":[]}\n";
    assert_eq!(
        running.client.get("/api/v1/plugins/external").await.body,
        empty
    );
    std::fs::remove_dir(running.plugins.path("")).unwrap();
    assert_eq!(
        running.client.get("/api/v1/plugins/external").await.body,
        empty
    );
    running.stop().await;
}
