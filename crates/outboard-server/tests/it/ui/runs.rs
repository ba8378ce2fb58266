//! The history and the pages of runs and calls.

use serde_json::json;

use crate::{
    connectors::support::Restaurant,
    support::{Running, eventually},
};

const WORKFLOW: &str = "
pipelines:
  echo: { steps: [ { name: say-it-back, type: kitchen.echo, config: { note: \"{{ trigger.note }}\" } } ] }
  die: { steps: [ { name: die, type: kitchen.die } ] }
  wait: { steps: [ { name: wait, type: kitchen.wait } ] }
";

/// What somebody outside may send, and no page may run.
const EVIL: &str = "<script>alert(1)</script>";

#[tokio::test]
async fn a_run_is_shown_step_by_step_with_what_each_was_given_and_said() {
    let running = Running::with_workflow(WORKFLOW).await;
    let client = &running.client;
    let input = json!({ "note": EVIL }).to_string();
    let run = client
        .post("/api/v1/pipelines/echo/run", &input)
        .await
        .json();
    let id = run["id"].as_str().unwrap();

    let page = client.get(&format!("/ui/runs/{id}")).await;
    assert_eq!(page.status, 200, "{page:?}");
    let html = &page.body;
    for part in [
        "Run of echo",
        "succeeded",
        "say-it-back",
        "<svg class=\"span\"",
        "aria-label=\"after ",
        "/ui/plugins/workflow/kitchen",
        "kitchen</a> 1.0.0",
        "&#60;script&#62;alert(1)",
        "/ui/run/pipeline/echo",
        "Run again",
    ] {
        assert!(html.contains(part), "{part} is missing: {html}");
    }
    assert!(!html.contains(EVIL), "{html}");
    assert!(
        !html.contains("every 2s"),
        "one that ended is not asked for again"
    );
    let policy = page.header("content-security-policy").unwrap();
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(!html.contains(" style="), "the policy forbids it");
    running.stop().await;
}

#[tokio::test]
async fn a_run_that_failed_says_where_and_why_and_one_that_goes_on_stays_live() {
    let running = Running::with_workflow(WORKFLOW).await;
    let client = &running.client;
    let run = client.post("/api/v1/pipelines/die/run", "").await.json();
    let id = run["id"].as_str().unwrap();
    let html = client.get(&format!("/ui/runs/{id}")).await.body;
    assert!(html.contains("Step die failed"), "{html}");
    assert!(html.contains("<details class=\"step\" open>"), "{html}");

    let gate = running.plugins.path("gate");
    let input = json!({ "text": gate }).as_object().unwrap().clone();
    let engine = &running.engine;
    let id = engine.spawn_run("wait", "manual", input, Default::default());
    let id = id.await.unwrap();
    let started = || {
        engine
            .run_by_id(&id)
            .is_some_and(|run| !run.steps.is_empty())
    };
    eventually("the step runs", started).await;
    let html = client.get(&format!("/ui/runs/{id}")).await.body;
    assert!(
        html.contains("running") && html.contains("so far"),
        "{html}"
    );
    assert!(html.contains("live:runs from:body, every 2s"), "{html}");
    assert_eq!(client.get("/ui/runs/none").await.kind(), "not_found");
    let page = client
        .with("accept", "text/html")
        .get("/ui/runs/none")
        .await;
    assert_eq!(page.status, 404);
    assert!(page.body.contains("it is forgotten"), "{page:?}");
    std::fs::write(&gate, "").unwrap();
    let ended = || engine.run_by_id(&id).unwrap().status.is_final();
    eventually("the run ends", ended).await;
    let html = client.get(&format!("/ui/runs/{id}")).await.body;
    assert!(
        html.contains("succeeded") && !html.contains("live:runs"),
        "{html}"
    );
    running.stop().await;
}

#[tokio::test]
async fn runs_and_calls_are_one_history_that_can_be_searched_and_paged() {
    let restaurant = Restaurant::open().await;
    restaurant.running.plugins.kitchen();
    restaurant.running.apply(WORKFLOW).await;
    let client = restaurant.client();
    let rows = |html: &str| -> Vec<String> {
        let links = html
            .split("<td data-label=\"What\"><span><a href=\"")
            .skip(1);
        links
            .map(|link| link.split('"').next().unwrap().to_owned())
            .collect()
    };
    assert!(
        client
            .get("/ui/runs")
            .await
            .body
            .contains("Nothing has run yet"),
        "the empty list says what to do"
    );

    for _ in 0..30 {
        client
            .post("/api/v1/pipelines/echo/run", r#"{"note":"x"}"#)
            .await;
        restaurant.call("menu", json!({})).await;
    }
    client.post("/api/v1/pipelines/die/run", "").await;
    let mut seen = Vec::new();
    let mut path = "/ui/runs".to_owned();
    loop {
        let html = client.get(&path).await.body;
        let found = rows(&html);
        assert!(found.len() <= 50);
        seen.extend(found);
        // What is new does not shift the pages.
        client
            .post("/api/v1/pipelines/echo/run", r#"{"note":"y"}"#)
            .await;
        let Some(next) = html.split("rel=\"next\" href=\"").nth(1) else {
            break;
        };
        path = next.split('"').next().unwrap().replace("&#38;", "&");
    }
    assert_eq!(seen.len(), 61, "{seen:?}");
    let distinct: std::collections::BTreeSet<_> = seen.iter().collect();
    assert_eq!(distinct.len(), 61, "none comes twice");
    assert_eq!(
        seen.iter()
            .filter(|one| one.starts_with("/ui/calls/"))
            .count(),
        30
    );

    let failed = client.get("/ui/runs?outcome=failed").await.body;
    assert_eq!(rows(&failed).len(), 1, "{failed}");
    assert!(failed.contains("die"));
    let calls = client
        .get("/ui/runs?of=connector%3Awaiter&caller=http")
        .await
        .body;
    assert_eq!(rows(&calls).len(), 30);
    let nothing = client
        .get("/ui/runs?q=%3Cscript%3Ealert(1)%3C%2Fscript%3E")
        .await
        .body;
    assert!(
        nothing.contains("Nothing fits") && !nothing.contains(EVIL),
        "{nothing}"
    );
    let forgotten = client.get("/ui/runs?cursor=nothing~").await;
    assert_eq!(forgotten.kind(), "bad_request");
    restaurant.close().await;
}

#[tokio::test]
async fn a_viewer_looks_at_a_run_and_is_not_offered_another() {
    let running = Running::with_workflow(WORKFLOW).await;
    let run = running
        .client
        .post("/api/v1/pipelines/echo/run", r#"{"note":1}"#)
        .await
        .json();
    let viewer = running.client.of_role("viewer").await;
    let html = viewer
        .page(&format!("/ui/runs/{}", run["id"].as_str().unwrap()))
        .await;
    assert!(
        html.contains("say-it-back") && !html.contains("Run again"),
        "{html}"
    );
    viewer.page("/ui/runs").await;
    running.stop().await;
}

#[tokio::test]
async fn a_call_has_a_page_of_its_own() {
    let restaurant = Restaurant::open().await;
    let client = restaurant.client();
    restaurant.call("menu", json!({})).await;
    let html = client.get("/ui/calls/1").await.body;
    for part in [
        "waiter menu",
        "ok",
        "/ui/run/operation/waiter/menu",
        "Call it again",
        "/ui/plugins/connector/waiter",
    ] {
        assert!(html.contains(part), "{part} is missing: {html}");
    }
    for id in ["2", "x", "-1", "99999999999999999999"] {
        let answer = client.get(&format!("/ui/calls/{id}")).await;
        assert_eq!(answer.kind(), "not_found", "{id}");
    }
    restaurant.close().await;
}
