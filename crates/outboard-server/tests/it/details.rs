//! One plugin in detail, and what it says.

use http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Plugins, Running, eventually};

const LIST: &str = "/api/v1/plugins/external";
const WORKFLOW: &str = "
pipelines:
  say: { steps: [ { name: say, type: kitchen.say } ] }
  die: { steps: [ { name: die, type: kitchen.die } ] }
";

#[tokio::test]
async fn a_plugin_shows_its_state_its_types_and_its_deadlines() {
    let plugins = Plugins::with_kitchen();
    plugins.plugin("broken", "{");
    std::fs::write(plugins.path("broken/broken"), "").unwrap();
    let running = Running::start(plugins).await;
    let client = &running.client;

    let details = client.get(&format!("{LIST}/kitchen")).await.json();
    assert_eq!(details["state"], "stopped");
    assert_eq!(details["loaded"], false);
    assert_eq!(details["loadable"], true);
    assert_eq!(details["manifest"]["version"], "1.0.0");
    assert_eq!(details.get("transport"), None);

    client.post(&format!("{LIST}/kitchen/load"), "").await;
    let details = client.get(&format!("{LIST}/kitchen")).await.json();
    assert_eq!(details["state"], "ready");
    assert_eq!(
        details["pid"],
        running.manager.status("kitchen").unwrap().pid.unwrap()
    );
    assert_eq!(details["manifest"]["moduleTypes"], json!(["kitchen.stove"]));
    assert_eq!(details["deadlines"]["invoke_ms"], 30_000);
    assert_eq!(details["transport"], "mutual_tls");
    assert_eq!(details["callbacks"], false, "it makes no calls");

    let details = client.get(&format!("{LIST}/broken")).await.json();
    assert_eq!(details["loadable"], false);
    assert_eq!(details["problem"]["kind"], "manifest");

    assert_eq!(
        client.get(&format!("{LIST}/missing")).await.kind(),
        "not_found"
    );
    assert_eq!(
        client.get(&format!("{LIST}/..%2Fkitchen")).await.kind(),
        "invalid_name"
    );
    running.stop().await;
}

#[tokio::test]
async fn what_a_plugin_said_can_be_read_later() {
    let running = Running::with_workflow(WORKFLOW).await;
    let client = &running.client;
    for text in ["one", "two", "three"] {
        let input = json!({ "text": text }).to_string();
        client.post("/api/v1/pipelines/say/run", &input).await;
    }
    let log = running.manager.log("kitchen").unwrap();
    eventually("all lines are there", || {
        log.recent()
            .iter()
            .filter(|line| line.level.as_str() == "warn")
            .count()
            == 3
    })
    .await;
    let logs = client
        .get(&format!("{LIST}/kitchen/logs?lines=2"))
        .await
        .json();
    let said: Vec<_> = logs["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["message"].clone())
        .collect();
    assert_eq!(said, ["two", "three"]);
    assert_eq!(logs["lines"][0]["level"], "warn");
    assert_eq!(logs["lines"][0]["source"], "stderr");
    running.stop().await;
}

#[tokio::test]
async fn a_reader_of_the_log_sees_new_lines_and_how_the_process_ends() {
    let running = Running::with_workflow(WORKFLOW).await;
    let mut follow = running
        .client
        .follow(&format!("{LIST}/kitchen/logs?follow=1&lines=0"))
        .await;
    running
        .client
        .post("/api/v1/pipelines/say/run", r#"{"text":"hello"}"#)
        .await;
    let mut line = follow.until("line").await;
    while line.data["level"] != "warn" {
        line = follow.until("line").await;
    }
    assert_eq!(line.data["message"], "hello");

    running.client.post("/api/v1/pipelines/die/run", "").await;
    let exit = follow.until("exit").await.data;
    assert_eq!(exit["exit"]["code"], 7, "{exit}");
    assert_eq!(exit["exit"]["signal"], Value::Null);
    assert_eq!(exit["exit"]["requested"], false);
    let last = exit["exit"]["last_lines"].as_array().unwrap();
    assert!(
        last.iter().any(|line| line == "the oven exploded"),
        "{exit}"
    );
    running.stop().await;
}

#[tokio::test]
async fn a_log_that_cannot_be_followed_says_what_to_do() {
    let running = Running::start(Plugins::with_kitchen()).await;
    let client = &running.client;
    let logs = client.get(&format!("{LIST}/kitchen/logs")).await.json();
    assert_eq!(logs, json!({ "name": "kitchen", "lines": [] }));
    let answer = client.get(&format!("{LIST}/kitchen/logs?follow=1")).await;
    assert_eq!(
        (answer.status, answer.kind().as_str()),
        (StatusCode::CONFLICT, "not_loaded")
    );
    assert_eq!(
        client.get(&format!("{LIST}/missing/logs")).await.kind(),
        "not_found"
    );
    running.stop().await;
}

#[tokio::test]
async fn a_plugin_that_did_not_start_still_has_a_log() {
    let plugins = Plugins::new();
    plugins.script("sick", "echo 'I do not feel well' >&2; exit 3");
    let running = Running::start(plugins).await;
    let client = &running.client;
    let answer = client.post(&format!("{LIST}/sick/load"), "").await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    let logs = client.get(&format!("{LIST}/sick/logs")).await.json();
    assert_eq!(logs["lines"][0]["message"], "I do not feel well");
    running.stop().await;
}
