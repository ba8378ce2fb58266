//! `step.validate`.

use std::{
    fs,
    time::{Duration, SystemTime},
};

use outboard_sdk::{Value, json, workflow::StepInput};

use crate::{data, failure, host, run};

const STEP: &str = "step.validate";

fn orders() -> Value {
    serde_json::from_slice(&fs::read(data("orders.json")).unwrap()).unwrap()
}

#[tokio::test]
async fn the_example_orders_are_parted_with_reasons() {
    let config =
        json!({ "schema": "order.schema.json", "_config_dir": data(""), "items": orders() });
    let output = run(&host().await, STEP, config).await;
    assert_eq!(output["counts"], json!({ "valid": 4, "invalid": 2 }));
    let valid: Vec<_> = output["valid"]
        .as_array()
        .unwrap()
        .iter()
        .map(|order| order["id"].clone())
        .collect();
    assert_eq!(valid, ["A-1001", "A-1002", "A-1004", "A-1006"]);
    let reasons = |at: usize| output["invalid"][at]["reasons"].as_array().unwrap().clone();
    assert_eq!(output["invalid"][0]["index"], 2);
    assert_eq!(reasons(0), ["/quantity: -5 is less than the minimum of 1"]);
    assert_eq!(output["invalid"][1]["item"]["id"], "A-1005");
    assert_eq!(
        reasons(1).len(),
        2,
        "no customer, and a strange sku: {:?}",
        reasons(1)
    );
}

#[tokio::test]
async fn without_items_in_the_config_those_of_the_step_before_are_taken() {
    let host = host().await;
    let step = host
        .create_step(STEP, "it", json!({ "schema": { "type": "integer" } }))
        .await
        .unwrap();
    let input = StepInput::of_current(json!({ "items": [1, "two"] })).unwrap();
    let output = step.execute(input).await.unwrap().output;
    assert_eq!(output["valid"], json!([1]));
}

#[tokio::test]
async fn when_strict_one_invalid_item_fails_the_step() {
    let config = json!({ "schema": { "type": "integer" }, "items": [1, "two"], "strict": true });
    let error = failure(&host().await, STEP, config).await;
    assert!(
        error.starts_with("1 items are not valid; the first is items[1]: "),
        "{error}"
    );
}

#[tokio::test]
async fn schemas_and_items_that_cannot_be_used_say_why() {
    let host = host().await;
    for (config, reason) in [
        (
            json!({ "schema": { "type": 3 }, "items": [] }),
            "no usable JSON Schema",
        ),
        (
            json!({ "schema": "/no/such.json", "items": [] }),
            "schema /no/such.json: No such file",
        ),
        (
            json!({ "schema": 3, "items": [] }),
            "not a path or a schema",
        ),
        (
            json!({ "schema": true, "items": 3 }),
            "must be a list, but is a number",
        ),
        (json!({ "schema": true }), "there are no items"),
        (
            json!({ "schema": true, "items": "{{ steps.read.items }}" }),
            "does not resolve values between braces",
        ),
        (
            json!({ "schema": { "$ref": "http://example.org/x.json" }, "items": [] }),
            "no usable JSON Schema",
        ),
    ] {
        let error = failure(&host, STEP, config.clone()).await;
        assert!(error.contains(reason), "{config}: {error}");
    }
}

#[tokio::test]
async fn a_schema_file_that_changes_is_read_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("schema.json");
    let write = |schema: Value, seconds: u64| {
        fs::write(&path, schema.to_string()).unwrap();
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        fs::File::options()
            .append(true)
            .open(&path)
            .unwrap()
            .set_modified(at)
            .unwrap();
    };
    let host = host().await;
    let step = host
        .create_step(STEP, "it", json!({ "schema": path, "items": [1] }))
        .await
        .unwrap();
    let count = || async {
        step.execute(StepInput::default()).await.unwrap().output["counts"]["valid"].clone()
    };

    write(json!({ "type": "integer" }), 1000);
    assert_eq!(count().await, 1);
    write(json!({ "type": "string" }), 2000);
    assert_eq!(count().await, 0);
}
