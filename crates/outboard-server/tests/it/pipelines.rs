//! Pipelines and runs over HTTP, through steps in a plugin's process.

use std::time::Duration;

use http::StatusCode;
use serde_json::json;

use crate::support::{Plugins, Running, eventually};

const WORKFLOW: &str = "
modules:
  - { name: stove, type: kitchen.stove }
pipelines:
  echo: { steps: [ { name: say-it-back, type: kitchen.echo } ] }
  wait: { steps: [ { name: wait, type: kitchen.wait } ] }
  die: { steps: [ { name: die, type: kitchen.die } ] }
triggers:
  - { type: http, path: /hooks/echo, method: POST, pipeline: echo }
  - { type: http, path: /hooks/die, method: POST, pipeline: die }
";

const LIST: &str = "/api/v1/plugins/external";

#[tokio::test]
async fn a_run_is_answered_listed_and_found_again() {
    let running = Running::with_workflow(WORKFLOW).await;
    let client = &running.client;
    let pipelines = client.get("/api/v1/pipelines").await.json();
    assert_eq!(pipelines["items"][0]["name"], "echo");
    assert_eq!(pipelines["items"][0]["steps"][0]["type"], "kitchen.echo");

    let run = client
        .post("/api/v1/pipelines/echo/run", r#"{"text":"hi","n":[1,2.5]}"#)
        .await;
    assert_eq!(run.status, StatusCode::OK);
    let run = run.json();
    assert_eq!(run["status"], "succeeded");
    assert_eq!(
        run["output"]["echo"],
        json!({ "text": "hi", "n": [1, 2.5] })
    );

    let listed = client.get("/api/v1/runs").await.json();
    assert_eq!(listed["items"][0]["id"], run["id"]);
    let found = client
        .get(&format!("/api/v1/runs/{}", run["id"].as_str().unwrap()))
        .await;
    assert_eq!(found.json()["steps"][0]["name"], "say-it-back");
    assert_eq!(client.get("/api/v1/runs/none").await.kind(), "not_found");
    running.stop().await;
}

#[tokio::test]
async fn pages_of_runs_neither_repeat_nor_skip_one_while_new_runs_come() {
    let running = Running::with_workflow(WORKFLOW).await;
    let client = &running.client;
    let mut expected = Vec::new();
    for _ in 0..5 {
        let run = client.post("/api/v1/pipelines/echo/run", "").await.json();
        expected.insert(0, run["id"].as_str().unwrap().to_owned());
    }
    let mut seen = Vec::new();
    let mut path = "/api/v1/runs?limit=2".to_owned();
    loop {
        let page = client.get(&path).await.json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        seen.extend(
            items
                .iter()
                .map(|run| run["id"].as_str().unwrap().to_owned()),
        );
        client.post("/api/v1/pipelines/echo/run", "").await;
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/api/v1/runs?limit=2&cursor={next}");
    }
    assert_eq!(seen, expected);
    let answer = client.get("/api/v1/runs?cursor=forgotten").await;
    assert_eq!(
        (answer.status.as_u16(), answer.kind().as_str()),
        (400, "bad_request")
    );
    running.stop().await;
}

#[tokio::test]
async fn pipelines_come_in_pages_too() {
    let running = Running::with_workflow(WORKFLOW).await;
    let client = &running.client;
    let mut seen = Vec::new();
    let mut path = "/api/v1/pipelines?limit=2".to_owned();
    loop {
        let page = client.get(&path).await.json();
        let items = page["items"].as_array().unwrap();
        seen.extend(items.iter().map(|item| item["name"].clone()));
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/api/v1/pipelines?limit=2&cursor={next}");
    }
    assert_eq!(seen, ["echo", "wait", "die"]);
    let answer = client.get("/api/v1/pipelines?cursor=none").await;
    assert_eq!(answer.kind(), "bad_request");
    running.stop().await;
}

#[tokio::test]
async fn what_cannot_run_says_why() {
    let running = Running::with_workflow(WORKFLOW).await;
    let client = &running.client;
    let answer = client.post("/api/v1/pipelines/ehco/run", "").await;
    assert_eq!(answer.kind(), "not_found");
    assert!(
        answer.json()["detail"]
            .as_str()
            .unwrap()
            .contains("\"echo\""),
        "{answer:?}"
    );
    let answer = client.post("/api/v1/pipelines/echo/run", "{").await;
    assert_eq!(
        (answer.status.as_u16(), answer.kind().as_str()),
        (400, "bad_input")
    );
    running.stop().await;
}

#[tokio::test]
async fn an_http_trigger_is_a_route_that_asks_for_the_token_too() {
    let running = Running::with_workflow(WORKFLOW).await;
    let client = &running.client;
    let answer = client.post("/hooks/echo", r#"{"text":"hi"}"#).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json()["output"]["echo"]["text"], "hi");
    let run = client
        .get(&format!(
            "/api/v1/runs/{}",
            answer.json()["run_id"].as_str().unwrap()
        ))
        .await;
    assert_eq!(run.json()["trigger"], "http");

    let answer = client.get("/hooks/echo").await;
    assert_eq!(
        (answer.status.as_u16(), answer.kind().as_str()),
        (405, "method_not_allowed")
    );
    assert_eq!(answer.header("allow"), Some("POST"));
    let stranger = client.without("authorization");
    assert_eq!(
        stranger.post("/hooks/echo", "").await.status,
        StatusCode::UNAUTHORIZED
    );
    let page = client.with("origin", "http://evil.example");
    assert_eq!(
        page.post("/hooks/echo", "").await.status,
        StatusCode::FORBIDDEN
    );
    running.stop().await;
}

#[tokio::test]
async fn a_plugin_that_dies_fails_its_run_and_serves_the_next_one() {
    let running = Running::with_workflow(WORKFLOW).await;
    let client = &running.client;
    let run = client.post("/api/v1/pipelines/die/run", "").await;
    assert_eq!(
        run.status,
        StatusCode::OK,
        "the run was done, and failed: {run:?}"
    );
    assert_eq!(run.json()["status"], "failed");
    eventually("the plugin is back", || {
        running
            .manager
            .status("kitchen")
            .is_some_and(|status| status.state.as_str() == "ready")
    })
    .await;
    let answer = client.post("/hooks/die", "").await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY, "{answer:?}");
    assert_eq!(answer.json()["status"], "failed");
    eventually("the plugin is back again", || {
        running
            .manager
            .status("kitchen")
            .is_some_and(|status| status.restarts == 2)
    })
    .await;
    assert_eq!(client.post("/hooks/echo", "").await.status, StatusCode::OK);
    running.stop().await;
}

#[tokio::test]
async fn a_plugin_in_use_is_unloaded_only_by_force() {
    let running = Running::with_workflow(WORKFLOW).await;
    let client = &running.client;
    let answer = client.post(&format!("{LIST}/kitchen/unload"), "").await;
    assert_eq!(answer.status, StatusCode::CONFLICT, "{answer:?}");
    assert!(
        answer.json()["error"].as_str().unwrap().contains("stove"),
        "{answer:?}"
    );
    assert!(running.manager.is_loaded("kitchen"));

    let answer = client
        .post(&format!("{LIST}/kitchen/unload?force=1"), "")
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert!(
        !running
            .engine
            .registry()
            .known_types()
            .modules
            .contains(&"kitchen.stove".to_owned())
    );
    running.stop().await;
}

#[tokio::test]
async fn a_plugin_that_was_unloaded_by_force_comes_back_with_its_modules_and_pipelines() {
    let running = Running::with_workflow(WORKFLOW).await;
    let client = &running.client;
    for load in ["load", "reload"] {
        let answer = client
            .post(&format!("{LIST}/kitchen/unload?force=1"), "")
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        assert!(running.engine.modules().is_empty());
        // In between, whoever asks is told what is missing and what to do.
        let answer = client.post("/api/v1/pipelines/echo/run", "").await;
        assert_eq!(
            (answer.status.as_u16(), answer.kind().as_str()),
            (409, "wrong_state")
        );
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(
            detail.contains("\"kitchen\"") && detail.contains("load it"),
            "{detail}"
        );
        assert_eq!(
            client.post("/hooks/echo", "").await.status,
            StatusCode::CONFLICT
        );

        let answer = client.post(&format!("{LIST}/kitchen/{load}"), "").await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        assert_eq!(running.engine.modules(), ["stove"]);
        let answer = client.post("/hooks/echo", r#"{"text":"hi"}"#).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        assert_eq!(answer.json()["output"]["echo"]["text"], "hi");
    }
    running.stop().await;
}

#[tokio::test]
async fn a_plugin_whose_module_does_not_start_is_not_left_loaded() {
    let running = Running::with_workflow(&WORKFLOW.replace(
        "kitchen.stove }",
        "kitchen.stove, config: { gas: \"GAS\" } }",
    ))
    .await;
    let client = &running.client;
    client
        .post(&format!("{LIST}/kitchen/unload?force=1"), "")
        .await;
    // The stove looks for this file in its directory when it is made.
    let gate = running.plugins.path("kitchen/no-GAS");
    std::fs::write(&gate, "").unwrap();
    let answer = client.post(&format!("{LIST}/kitchen/load"), "").await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY, "{answer:?}");
    let error = answer.json()["error"].as_str().unwrap().to_owned();
    assert!(
        error.contains("stove") && error.contains("no GAS"),
        "{error}"
    );
    assert!(running.manager.loaded_plugins().is_empty());
    assert!(running.engine.modules().is_empty());

    std::fs::remove_file(&gate).unwrap();
    let answer = client.post(&format!("{LIST}/kitchen/load"), "").await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(client.post("/hooks/echo", "").await.status, StatusCode::OK);
    running.stop().await;
}

#[tokio::test]
async fn loads_and_unloads_at_once_leave_engine_and_manager_in_step() {
    let running = Running::with_workflow(WORKFLOW).await;
    let client = &running.client;
    let mut requests = tokio::task::JoinSet::new();
    for round in 0..12 {
        let client = client.clone();
        let action = ["unload?force=1", "load", "reload"][round % 3];
        requests.spawn(async move { client.post(&format!("{LIST}/kitchen/{action}"), "").await });
    }
    while let Some(answer) = requests.join_next().await {
        let answer = answer.unwrap();
        assert!(matches!(answer.status.as_u16(), 200 | 409), "{answer:?}");
    }
    let answer = client.post(&format!("{LIST}/kitchen/reload"), "").await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(running.engine.modules(), ["stove"]);
    assert_eq!(client.post("/hooks/echo", "").await.status, StatusCode::OK);
    running.stop().await;
}

#[tokio::test]
async fn a_second_plugin_with_the_same_types_is_refused_and_not_left_running() {
    let running = Running::with_workflow(WORKFLOW).await;
    let manifest = r#"{"name":"copycat","version":"1.0.0","author":"A","description":"D"}"#;
    running.plugins.plugin("copycat", manifest);
    std::fs::copy(
        running.plugins.path("kitchen/kitchen"),
        running.plugins.path("copycat/copycat"),
    )
    .unwrap();
    let answer = running
        .client
        .post(&format!("{LIST}/copycat/load"), "")
        .await;
    assert_eq!(answer.status, StatusCode::CONFLICT, "{answer:?}");
    assert!(
        answer.json()["error"].as_str().unwrap().contains("kitchen"),
        "{answer:?}"
    );
    assert_eq!(running.manager.loaded_plugins(), ["kitchen"]);
    assert_eq!(
        running.client.post("/hooks/echo", "").await.status,
        StatusCode::OK
    );
    running.stop().await;
}

#[tokio::test]
async fn a_reload_keeps_pipelines_going() {
    let running = Running::with_workflow(WORKFLOW).await;
    let before = running.manager.status("kitchen").unwrap().pid;
    let answer = running
        .client
        .post(&format!("{LIST}/kitchen/reload"), "")
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_ne!(running.manager.status("kitchen").unwrap().pid, before);
    assert_eq!(
        running.client.post("/hooks/echo", "").await.status,
        StatusCode::OK
    );
    running.stop().await;
}

#[tokio::test]
async fn a_request_that_is_being_worked_on_is_answered_before_the_server_is_gone() {
    let running = Running::with_workflow(WORKFLOW).await;
    let gate = running.plugins.path("gate");
    let waiting = running.plugins.path("gate.waiting");
    let client = running.client.clone();
    let input = json!({ "text": gate }).to_string();
    let request =
        tokio::spawn(async move { client.post("/api/v1/pipelines/wait/run", &input).await });
    eventually("the step waits", || waiting.exists()).await;

    let client = running.client.clone();
    let (server, engine, manager, _plugins) = running.begin_stop();
    // New requests are refused, and still the old one has its time.
    let until = std::time::Instant::now() + Duration::from_secs(30);
    while client.get("/readyz").await.status == StatusCode::OK {
        assert!(std::time::Instant::now() < until, "it takes new work");
    }
    let ready = client.get("/readyz").await;
    assert_eq!(
        (ready.status.as_u16(), ready.kind().as_str()),
        (503, "not_ready")
    );
    assert_eq!(ready.json()["problems"][0]["kind"], "stopping", "{ready:?}");
    assert_eq!(client.get("/healthz").await.status, StatusCode::OK);
    let refused = client.post("/api/v1/pipelines/echo/run", "").await;
    assert_eq!(
        (refused.status.as_u16(), refused.kind().as_str()),
        (503, "stopping")
    );
    let refused = client.post(&format!("{LIST}/kitchen/reload"), "").await;
    assert_eq!(refused.json()["status"], "error", "{refused:?}");
    assert!(!request.is_finished());
    std::fs::write(&gate, "").unwrap();
    assert_eq!(request.await.unwrap().json()["status"], "succeeded");
    server.await.unwrap().unwrap();
    assert!(
        tokio::net::TcpStream::connect(client.address)
            .await
            .is_err(),
        "it still listens"
    );
    engine.stop().await;
    manager.shutdown().await;
}

#[tokio::test]
async fn a_server_without_a_workflow_says_what_it_has() {
    let running = Running::start(Plugins::new()).await;
    let client = &running.client;
    assert_eq!(
        client.get("/api/v1/pipelines").await.json(),
        json!({ "items": [], "next": null })
    );
    assert_eq!(
        client.get("/api/v1/runs").await.json(),
        json!({ "items": [], "next": null })
    );
    assert_eq!(client.get("/api/v1/pipelines/x").await.kind(), "not_found");
    let answer = client.post("/api/v1/pipelines/x/run", "").await;
    assert_eq!(answer.status, StatusCode::CONFLICT, "{answer:?}");
    running.stop().await;
}
