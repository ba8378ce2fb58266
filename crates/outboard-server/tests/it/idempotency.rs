//! Changing requests that are sent twice.

use http::StatusCode;
use serde_json::json;

use crate::support::{Running, eventually};

const WORKFLOW: &str = "
pipelines:
  echo: { steps: [ { name: say-it-back, type: kitchen.echo } ] }
  wait: { steps: [ { name: wait, type: kitchen.wait } ] }
triggers:
  - { type: http, path: /hooks/echo, method: POST, pipeline: echo }
";

const RUN: &str = "/api/v1/pipelines/echo/run";
const LIST: &str = "/api/v1/plugins/external";

#[tokio::test]
async fn a_request_that_is_sent_twice_is_done_once_and_answered_twice() {
    let running = Running::with_workflow(WORKFLOW).await;
    let client = running.client.with("idempotency-key", "order-66");
    let first = client.post(RUN, r#"{"text":"hi"}"#).await;
    assert_eq!(first.status, StatusCode::OK);
    assert_eq!(first.header("idempotency-replayed"), None);
    let second = client.post(RUN, r#"{"text":"hi"}"#).await;
    assert_eq!(second.status, StatusCode::OK);
    assert_eq!(second.header("idempotency-replayed"), Some("true"));
    assert_eq!(second.body, first.body);
    assert_eq!(second.header("content-type"), first.header("content-type"));
    assert_ne!(
        second.header("x-request-id"),
        first.header("x-request-id"),
        "each request has its own"
    );
    assert_eq!(running.engine.runs().len(), 1);
    // Another key, or none, is another request.
    let other = running.client.with("idempotency-key", "order-67");
    other.post(RUN, r#"{"text":"hi"}"#).await;
    running.client.post(RUN, r#"{"text":"hi"}"#).await;
    assert_eq!(running.engine.runs().len(), 3);
    // What changes nothing needs no key, and is never answered from memory.
    let runs = other.get("/api/v1/runs").await;
    assert_eq!(runs.json()["items"].as_array().unwrap().len(), 3);
    running.stop().await;
}

#[tokio::test]
async fn a_key_of_another_request_is_refused() {
    let running = Running::with_workflow(WORKFLOW).await;
    let client = running.client.with("idempotency-key", "k");
    client.post(RUN, r#"{"text":"hi"}"#).await;
    for (path, body) in [
        (RUN, r#"{"text":"ho"}"#),
        ("/hooks/echo", r#"{"text":"hi"}"#),
        ("/api/v1/pipelines/echo/run?x=1", r#"{"text":"hi"}"#),
    ] {
        let answer = client.post(path, body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.kind().as_str()),
            (422, "idempotency_conflict"),
            "{path}"
        );
    }
    let answer = client.post(&format!("{LIST}/kitchen/unload"), "").await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        answer.body.starts_with(r#"{"status":"error","error":"#),
        "the seed's routes say it in the seed's words: {answer:?}"
    );
    assert_eq!(running.engine.runs().len(), 1);
    for key in ["", &"x".repeat(256), "a\tb"] {
        let answer = running
            .client
            .with("idempotency-key", key)
            .post(RUN, "")
            .await;
        assert_eq!(answer.kind(), "bad_request", "{key:?}");
    }
    let stranger = client.without("authorization");
    let answer = stranger.post(RUN, r#"{"text":"hi"}"#).await;
    assert_eq!(
        answer.status,
        StatusCode::UNAUTHORIZED,
        "a key is no way past the token"
    );
    running.stop().await;
}

#[tokio::test]
async fn the_same_request_at_the_same_time_waits_for_the_first() {
    let running = Running::with_workflow(WORKFLOW).await;
    let (gate, waiting) = (
        running.plugins.path("gate"),
        running.plugins.path("gate.waiting"),
    );
    let input = json!({ "text": gate }).to_string();
    let client = running.client.with("idempotency-key", "k");
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (client, input) = (client.clone(), input.clone());
        requests.spawn(async move { client.post("/api/v1/pipelines/wait/run", &input).await });
    }
    eventually("the step waits", || waiting.exists()).await;
    assert!(requests.try_join_next().is_none());
    std::fs::write(&gate, "").unwrap();
    let mut bodies = Vec::new();
    while let Some(answer) = requests.join_next().await {
        bodies.push(answer.unwrap().body);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    assert_eq!(running.engine.runs().len(), 1);
    running.stop().await;
}

#[tokio::test]
async fn a_sender_that_went_away_finds_its_request_done() {
    let running = Running::with_workflow(WORKFLOW).await;
    let (gate, waiting) = (
        running.plugins.path("gate"),
        running.plugins.path("gate.waiting"),
    );
    let input = json!({ "text": gate }).to_string();
    let client = running.client.with("idempotency-key", "k");
    let gone = tokio::spawn({
        let (client, input) = (client.clone(), input.clone());
        async move { client.post("/api/v1/pipelines/wait/run", &input).await }
    });
    eventually("the step waits", || waiting.exists()).await;
    gone.abort();
    assert!(gone.await.is_err());
    std::fs::write(&gate, "").unwrap();
    let answer = client.post("/api/v1/pipelines/wait/run", &input).await;
    assert_eq!(answer.json()["status"], "succeeded", "{answer:?}");
    assert_eq!(running.engine.runs().len(), 1);
    running.stop().await;
}

#[tokio::test]
async fn a_failure_is_remembered_too_and_so_is_a_plugins_load() {
    let running = Running::with_workflow(WORKFLOW).await;
    let client = running.client.with("idempotency-key", "k");
    let path = format!("{LIST}/kitchen/load");
    let first = client.post(&path, "").await;
    assert_eq!(first.status, StatusCode::CONFLICT, "already loaded");
    let second = client.post(&path, "").await;
    assert_eq!((second.status, &second.body), (first.status, &first.body));
    assert_eq!(second.header("idempotency-replayed"), Some("true"));

    let client = running.client.with("idempotency-key", "reload");
    let path = format!("{LIST}/kitchen/reload");
    assert_eq!(client.post(&path, "").await.status, StatusCode::OK);
    let pid = running.manager.status("kitchen").unwrap().pid;
    assert_eq!(client.post(&path, "").await.status, StatusCode::OK);
    assert_eq!(running.manager.status("kitchen").unwrap().pid, pid);
    running.stop().await;
}
