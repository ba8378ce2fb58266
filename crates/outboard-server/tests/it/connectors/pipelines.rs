//! `step.connector`: operations from pipelines.

use outboard_server::ConnectorSteps;
use outboard_workflow::engine::{
    KnownTypes,
    workflow_file::{self, CheckOptions, Workflow},
};
use serde_json::{Value, json};

use super::support::{CONNECTORS, Restaurant};
use crate::support::eventually;

fn workflow(restaurant: &Restaurant, steps: &str) -> Workflow {
    let types: KnownTypes = restaurant.running.engine.registry().known_types();
    let options = CheckOptions {
        types: Some(&types),
        ..CheckOptions::permissive()
    };
    let file = format!("pipelines: {{ dinner: {{ steps: [ {steps} ] }} }}");
    workflow_file::check(file.as_bytes(), &options).unwrap()
}

async fn run(restaurant: &Restaurant, steps: &str, input: Value) -> Value {
    let workflow = workflow(restaurant, steps);
    let engine = &restaurant.running.engine;
    engine.stop().await;
    engine
        .apply(&workflow, std::path::Path::new("."))
        .await
        .unwrap();
    let path = "/api/v1/pipelines/dinner/run";
    restaurant
        .client()
        .post(path, &input.to_string())
        .await
        .json()
}

#[tokio::test]
async fn a_step_calls_an_operation_and_later_steps_see_its_result() {
    let restaurant = Restaurant::open().await;
    let steps = r#"
        { name: menu, type: step.connector, config: { connector: waiter, operation: menu } },
        { name: order, type: step.connector, config: {
            connector: waiter, operation: order,
            input: { dish: "{{ steps.menu.result[0] }}", times: "{{ trigger.guests }}" } } },
        { name: say, type: step.log, config: { message: "{{ steps.order.dish }} at {{ steps.order.table }}" } }"#;
    let result = run(&restaurant, steps, json!({ "guests": 3 })).await;
    assert_eq!(result["status"], "succeeded", "{result}");
    assert_eq!(result["output"]["message"], "soup at 7");
    assert_eq!(result["steps"][1]["output"]["times"], 3);
    assert_eq!(result["steps"][1]["output"]["request_id"], result["id"]);

    let history = format!("{CONNECTORS}/history?caller=pipeline%20dinner");
    let history = restaurant.client().get(&history).await.json();
    assert_eq!(history["calls"].as_array().unwrap().len(), 2, "{history}");
    assert_eq!(history["calls"][0]["request_id"], result["id"]);
    restaurant.close().await;
}

#[tokio::test]
async fn a_failed_operation_fails_its_step_with_what_it_said() {
    let restaurant = Restaurant::open().await;
    let step = |config: &str| {
        format!("{{ name: ask, type: step.connector, config: {{ connector: waiter, {config} }} }}")
    };
    let failed = run(&restaurant, &step("operation: fail"), json!({})).await;
    assert_eq!(failed["status"], "failed", "{failed}");
    assert_eq!(failed["error"]["kind"], json!({ "plugin": "refused" }));
    let message = failed["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("[out_of_soup]") && !message.contains("hunter2"),
        "{message}"
    );

    let died = run(&restaurant, &step("operation: die"), json!({})).await;
    assert_eq!(
        died["error"]["kind"],
        json!({ "plugin": "unavailable" }),
        "{died}"
    );

    let wrong = step("operation: order, input: { dish: soup, times: \"{{ trigger.many }}\" }");
    let wrong = run(&restaurant, &wrong, json!({ "many": "lots" })).await;
    assert_eq!(wrong["error"]["kind"], "invalid_config", "{wrong}");

    let gate = restaurant.path("gate");
    let slow = format!("operation: wait, timeout: 300ms, input: {{ gate: {gate:?} }}");
    let slow = run(&restaurant, &step(&slow), json!({})).await;
    assert_eq!(slow["status"], "timed_out", "{slow}");
    let cancelled = restaurant.path("gate.cancelled");
    eventually("the operation is cancelled", || cancelled.exists()).await;
    restaurant.close().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_step_is_found_before_there_is_a_run() {
    let restaurant = Restaurant::open().await;
    let steps = ConnectorSteps::new(restaurant.host.clone());
    for (config, why) in [
        ("{ connector: nobody, operation: x }", "not installed"),
        ("{ connector: waiter, operation: flambe }", "\"flambe\""),
        ("{ connector: waiter, operation: order }", "required"),
        (
            "{ connector: waiter, operation: menu, retries: 3 }",
            "\"retries\"",
        ),
        ("{ connector: waiter, operation: smash }", "confirm"),
    ] {
        let step = format!("{{ name: ask, type: step.connector, config: {config} }}");
        let workflow = workflow(&restaurant, &step);
        let problems = steps.check(&workflow).await;
        assert_eq!(problems.len(), 1, "{config}");
        assert_eq!(
            (&*problems[0].pipeline, &*problems[0].step),
            ("dinner", "ask")
        );
        assert!(problems[0].to_string().contains(why), "{}", problems[0]);
        let engine = &restaurant.running.engine;
        let refused = engine.apply(&workflow, std::path::Path::new(".")).await;
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains(why), "{refused}");
    }
    let good = "{ name: ask, type: step.connector, config: { connector: waiter, operation: menu },
        compensate: { type: step.connector, config: { connector: waiter, operation: flambe } } }";
    let problems = steps.check(&workflow(&restaurant, good)).await;
    assert_eq!(problems.len(), 1, "the compensation alone: {problems:?}");
    let page = restaurant
        .client()
        .get(&format!("{CONNECTORS}/waiter"))
        .await
        .json();
    assert_eq!(
        page["process"]["starts"], 0,
        "nothing was started for it: {page}"
    );
    restaurant.close().await;
}
