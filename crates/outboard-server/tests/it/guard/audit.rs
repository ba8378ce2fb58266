//! The audit log: every change, whoever made it, and nothing that should not be told.

use serde_json::{Value, json};

use super::{Guarded, json_post, problem};
use crate::support::{Plugins, eventually};

#[tokio::test]
async fn every_change_is_a_line_and_looking_is_none() {
    let guarded = Guarded::start().await;
    let operator = guarded.with_role("operator").await;
    let answer = operator
        .with("x-request-id", "mine-1")
        .post("/api/v1/plugins/external/kv/load", "")
        .await;
    assert_eq!(answer.status, 404, "{answer:?}");
    operator.get("/api/v1/runs").await;
    operator.post("/hello?secret=s3cret", "s3cret").await;
    let page = guarded
        .local()
        .get("/api/v1/audit?principal=operator")
        .await;
    assert!(!page.body.contains("s3cret"), "{page:?}");
    let page = page.json();
    let lines = page["entries"].as_array().unwrap();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(
        (&lines[0]["action"], &lines[0]["target"]),
        (&json!("POST /{*}"), &json!("/hello"))
    );
    let line = &lines[1];
    assert_eq!(line["action"], "POST /api/v1/plugins/external/{name}/load");
    assert_eq!(line["target"], "/api/v1/plugins/external/kv/load");
    assert_eq!(line["status"], 404);
    assert_eq!(line["request_id"], "mine-1");
    assert_eq!(line["address"], "127.0.0.1");
    assert_eq!(
        (&line["name"], &line["via"]),
        (&json!("operator"), &json!("token"))
    );

    let viewer = guarded.with_role("viewer").await;
    viewer.post("/api/v1/plugins/external/kv/unload", "").await;
    let log = guarded.audit().await;
    let refused = "viewer token POST /api/v1/plugins/external/{name}/unload \
                   /api/v1/plugins/external/kv/unload 403";
    assert_eq!(log[0], refused);
    guarded.stop().await;
}

#[tokio::test]
async fn the_log_comes_in_pages_and_by_what_was_done() {
    let guarded = Guarded::start().await;
    for number in 0..5 {
        let wanted = json!({ "name": format!("t{number}"), "role": "viewer" });
        json_post(guarded.local(), "/api/v1/tokens", &wanted).await;
    }
    guarded.local().post("/other", "").await;
    let mut target = "/api/v1/audit?action=token.create&limit=2".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = guarded.local().get(&target).await.json();
        let names = page["entries"].as_array().unwrap().iter();
        seen.extend(names.map(|entry| entry["target"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(cursor) => {
                target = format!("/api/v1/audit?action=token.create&limit=2&cursor={cursor}");
            }
            None => break,
        }
    }
    assert_eq!(seen, ["t4", "t3", "t2", "t1", "t0"]);
    for wrong in ["cursor=x", "limit=many", "more=1"] {
        let answer = guarded.local().get(&format!("/api/v1/audit?{wrong}")).await;
        assert_eq!(answer.status, 400, "{wrong}");
    }
    let viewer = guarded.with_role("viewer").await;
    let answer = viewer.get("/api/v1/audit").await;
    assert_eq!(problem(&answer), (403, "forbidden".to_owned()));
    guarded.stop().await;
}

#[tokio::test]
async fn a_request_that_is_revoked_while_it_runs_is_done_and_written_down() {
    let guarded = Guarded::start_with(Plugins::with_kitchen(), |access| access).await;
    let running = &guarded.running;
    let file = "\npipelines:\n  wait: { steps: [ { name: wait, type: kitchen.wait } ] }\n";
    running.apply(file).await;
    let editor = guarded.with_role("editor").await;
    let gate = running.plugins.path("gate");
    let waiting = running.plugins.path("gate.waiting");
    let input = json!({ "text": gate }).to_string();
    let client = editor.clone();
    let run = tokio::spawn(async move { client.post("/api/v1/pipelines/wait/run", &input).await });
    eventually("the step waits", || waiting.exists()).await;
    guarded
        .local()
        .send("DELETE", "/api/v1/tokens/editor", "")
        .await;
    assert_eq!(editor.get("/api/v1/me").await.status, 401, "at once");
    std::fs::write(&gate, "").unwrap();
    assert_eq!(run.await.unwrap().status, 200);
    let log = guarded.audit().await;
    let line = "editor token POST /api/v1/pipelines/{name}/run /api/v1/pipelines/wait/run 200";
    assert!(log.iter().any(|entry| entry == line), "{log:?}");
    guarded.stop().await;
}

#[tokio::test]
async fn a_change_whose_sender_goes_away_is_written_down_too() {
    let guarded = Guarded::start_with(Plugins::with_kitchen(), |access| access).await;
    let running = &guarded.running;
    let file = "\npipelines:\n  wait: { steps: [ { name: wait, type: kitchen.wait } ] }\n";
    running.apply(file).await;
    let gate = running.plugins.path("gate");
    let waiting = running.plugins.path("gate.waiting");
    let input = json!({ "text": gate }).to_string();
    let client = guarded.local().clone();
    let run = tokio::spawn(async move { client.post("/api/v1/pipelines/wait/run", &input).await });
    eventually("the step waits", || waiting.exists()).await;
    run.abort();
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        let page = guarded
            .local()
            .get("/api/v1/audit?action=pipelines")
            .await
            .json();
        let lines = page["entries"].as_array().unwrap();
        if let Some(line) = lines.first() {
            assert_eq!(line["status"], Value::from(0), "{line}");
            assert!(
                line["detail"].as_str().unwrap().contains("went away"),
                "{line}"
            );
            break;
        }
        assert!(std::time::Instant::now() < until, "not within 30 seconds");
    }
    std::fs::write(&gate, "").unwrap();
    guarded.stop().await;
}

#[tokio::test]
async fn what_was_done_last_is_there_after_the_stop() {
    let guarded = Guarded::start().await;
    guarded
        .token(&json!({ "name": "last", "role": "viewer" }))
        .await;
    let guarded = guarded.restart().await;
    assert_eq!(guarded.audit().await, ["local local token.create last 201"]);
    guarded.stop().await;
}
