//! What `/readyz` says, and when.

use serde_json::json;

use crate::support::{Plugins, Running, TOKEN, eventually};
use outboard_server::Token;

const WORKFLOW: &str = "
modules:
  - { name: stove, type: kitchen.stove }
pipelines:
  echo: { steps: [ { name: say-it-back, type: kitchen.echo } ] }
  die: { steps: [ { name: die, type: kitchen.die } ] }
";

#[tokio::test]
async fn a_server_that_waits_for_its_workflow_is_alive_and_not_ready() {
    let token = Some(Token::new(TOKEN));
    let running = Running::start_as(Plugins::with_kitchen(), token, |server| {
        server.expects_workflow(true)
    })
    .await;
    let client = &running.client;
    let answer = client.get("/readyz").await;
    assert_eq!(
        (answer.status.as_u16(), answer.kind().as_str()),
        (503, "not_ready")
    );
    assert_eq!(answer.json()["problems"][0]["kind"], "workflow");
    assert_eq!(client.get("/healthz").await.status, 200);

    running.apply(WORKFLOW).await;
    let answer = client.get("/readyz").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(
        answer.json(),
        json!({
            "status": "ok", "workflow": "running",
            "plugins": [{ "name": "kitchen", "state": "ready" }],
        })
    );
    running.engine.stop().await;
    assert_eq!(client.get("/readyz").await.kind(), "not_ready");
    running.stop().await;
}

#[tokio::test]
async fn a_server_without_a_workflow_is_ready_for_one() {
    let running = Running::start(Plugins::new()).await;
    let answer = running.client.get("/readyz").await;
    assert_eq!(
        answer.json(),
        json!({ "status": "ok", "workflow": "none", "plugins": [] })
    );
    running.stop().await;
}

#[tokio::test]
async fn a_plugin_that_is_missing_or_failed_is_named_until_it_is_back() {
    let running = Running::with_workflow(WORKFLOW).await;
    let client = &running.client;
    let act = async |action: &str| {
        let answer = client
            .post(&format!("/api/v1/plugins/external/kitchen/{action}"), "")
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    act("unload?force=1").await;
    let answer = client.get("/readyz").await;
    assert_eq!(answer.status, 503, "{answer:?}");
    let problems = answer.json()["problems"].as_array().unwrap().clone();
    assert!(
        problems
            .iter()
            .all(|problem| { problem["kind"] == "missing" && problem["plugin"] == "kitchen" })
    );
    assert!(
        answer.body.contains("module \\\"stove\\\"")
            && answer.body.contains("pipeline \\\"echo\\\""),
        "{answer:?}"
    );
    act("load").await;
    assert_eq!(client.get("/readyz").await.status, 200);

    // It dies and cannot start again.
    let program = running.plugins.path("kitchen/kitchen");
    let away = running.plugins.path("kitchen-away");
    std::fs::rename(&program, &away).unwrap();
    client.post("/api/v1/pipelines/die/run", "").await;
    eventually("the plugin is given up", || {
        let status = running.manager.status("kitchen");
        status.is_some_and(|status| status.state.as_str() == "failed")
    })
    .await;
    let answer = client.get("/readyz").await;
    assert_eq!(answer.status, 503);
    let problem = &answer.json()["problems"][0];
    assert_eq!(problem["kind"], "plugin", "{answer:?}");
    assert_eq!(problem["plugin"], "kitchen");
    std::fs::rename(&away, &program).unwrap();
    act("reload").await;
    assert_eq!(client.get("/readyz").await.status, 200);
    assert_eq!(running.engine.modules(), ["stove"]);
    let run = client.post("/api/v1/pipelines/echo/run", "").await;
    assert_eq!(run.json()["status"], "succeeded", "{run:?}");
    running.stop().await;
}
