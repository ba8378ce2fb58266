//! A trace, from who asks over HTTP to the processes of plugins and into the records.

use serde_json::{Value, json};

use crate::{
    connectors::support::{CONNECTORS, Restaurant},
    support::{Running, eventually},
};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const WORKFLOW: &str = "
pipelines:
  trace: { steps: [ { name: trace, type: kitchen.trace } ] }
triggers:
  - { type: http, path: /traced, method: POST, pipeline: trace }
";

/// Of the trace that was sent, and no longer from who sent it.
fn is_handed_on(parent: &Value) {
    let parent = parent.as_str().unwrap();
    let parts: Vec<&str> = parent.split('-').collect();
    assert_eq!(
        (parts[0], parts[1], parts[3]),
        ("00", TRACE, "01"),
        "{parent}"
    );
    assert_eq!(parts[2].len(), 16, "{parent}");
    assert_ne!(
        parts[2], "00f067aa0ba902b7",
        "the plugin's caller is the server"
    );
}

#[tokio::test]
async fn a_step_sees_the_trace_of_who_asked_and_the_run_remembers_it() {
    let running = Running::with_workflow(WORKFLOW).await;
    let client = running.client.with("traceparent", PARENT);
    let client = client.with("tracestate", "vendor=x");
    let run = client.post("/api/v1/pipelines/trace/run", "{}").await;
    let run = run.json();
    is_handed_on(&run["output"]["parent"]);
    assert_eq!(run["output"]["state"], "vendor=x");
    assert_eq!(run["trace_id"], TRACE);
    let id = run["id"].as_str().unwrap();
    let remembered = client.get(&format!("/api/v1/runs/{id}")).await.json();
    assert_eq!(remembered["trace_id"], TRACE);

    let triggered = client.post("/traced", "{}").await.json();
    is_handed_on(&triggered["output"]["parent"]);
    assert_ne!(
        triggered["output"]["parent"], run["output"]["parent"],
        "each call has an id of its own"
    );
    // One with a key runs in a task of its own.
    let once = client.with("idempotency-key", "k1");
    let once = once.post("/api/v1/pipelines/trace/run", "{}").await.json();
    is_handed_on(&once["output"]["parent"]);

    let log = running.manager.log("kitchen").unwrap();
    eventually("the plugin's log names the trace", || {
        log.recent().iter().any(|line| {
            let fields = line.fields.as_deref().unwrap_or_default();
            line.message == "traced" && fields.contains(TRACE)
        })
    })
    .await;
    running.stop().await;
}

#[tokio::test]
async fn a_request_without_a_usable_trace_begins_one() {
    let running = Running::with_workflow(WORKFLOW).await;
    let forged = PARENT.to_uppercase();
    for client in [
        running.client.clone(),
        running.client.with("traceparent", &forged),
        running.client.with("traceparent", "nonsense"),
    ] {
        let run = client.post("/api/v1/pipelines/trace/run", "{}").await;
        let run = run.json();
        let trace = run["trace_id"].as_str().unwrap();
        assert!(
            trace.len() == 32 && !trace.eq_ignore_ascii_case(TRACE),
            "{run}"
        );
        let parent = run["output"]["parent"].as_str().unwrap();
        assert!(parent.contains(trace) && parent.ends_with("-00"), "{run}");
        assert_eq!(run["output"]["state"], Value::Null);
    }
    // A run that nobody asked for over HTTP is part of no trace.
    let run = running
        .engine
        .run("trace", "manual", serde_json::Map::new())
        .await;
    let run = run.unwrap();
    assert_eq!(run.trace_id, None);
    assert_eq!(run.output["parent"], Value::Null);
    running.stop().await;
}

#[tokio::test]
async fn a_connector_sees_the_trace_and_the_history_has_it() {
    let restaurant = Restaurant::open().await;
    let client = restaurant.client().with("traceparent", PARENT);
    let path = format!("{CONNECTORS}/waiter/operations/trace");
    let answer = client.post(&path, "{}").await.json();
    is_handed_on(&answer["result"]["parent"]);
    assert_eq!(answer["result"]["same"], true, "{answer}");
    let streamed = client.with("accept", "text/event-stream");
    let streamed = streamed.post(&path, "{}").await;
    assert!(streamed.body.contains(TRACE), "{streamed:?}");

    let history = client.get(&format!("{CONNECTORS}/history")).await.json();
    let calls = history["calls"].as_array().unwrap();
    assert_eq!(calls.len(), 2);
    assert!(
        calls.iter().all(|call| call["trace_id"] == TRACE),
        "{history}"
    );

    // The same through a step of a pipeline.
    let file = "
pipelines:
  ask:
    steps:
      - { name: ask, type: step.connector, config: { connector: waiter, operation: trace } }
";
    restaurant.running.plugins.kitchen();
    restaurant.running.apply(file).await;
    let run = client.post("/api/v1/pipelines/ask/run", "{}").await.json();
    is_handed_on(&run["output"]["parent"]);
    restaurant.close().await;
}

#[tokio::test]
async fn a_state_that_is_malformed_does_not_reach_the_plugin() {
    let running = Running::with_workflow(WORKFLOW).await;
    let client = running.client.with("traceparent", PARENT);
    let client = client.with("tracestate", "x=1,=,y");
    let run = client.post("/api/v1/pipelines/trace/run", "{}").await;
    let run = run.json();
    is_handed_on(&run["output"]["parent"]);
    assert_eq!(
        run["output"],
        json!({ "parent": run["output"]["parent"], "state": null })
    );
    running.stop().await;
}
