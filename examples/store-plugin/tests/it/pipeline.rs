//! The steps one after the other over the example file, as an engine runs them.

use outboard_sdk::{Map, Value, json, testing::Host, workflow::StepInput};

use crate::{data, host, running_store};

/// What an engine keeps between steps.
#[derive(Default)]
struct Run {
    input: StepInput,
}

impl Run {
    async fn step(&mut self, host: &Host, step_type: &str, name: &str, config: Value) -> Map {
        let step = host.create_step(step_type, name, json!({})).await.unwrap();
        // A host of today resolves the config for each run and sends it with the call.
        self.input.config = config.as_object().cloned();
        let output = step.execute(self.input.clone()).await.unwrap().output;
        self.input.current.extend(output.clone());
        self.input
            .step_outputs
            .insert(name.to_owned(), output.clone());
        output
    }
}

#[tokio::test]
async fn orders_are_read_checked_priced_kept_and_taken_back() {
    let host = host().await;
    let (store, _directory) = running_store(&host, "stock").await;
    let mut run = Run::default();

    let read = run
        .step(
            &host,
            "step.read_json",
            "read",
            json!({ "path": data("orders.json") }),
        )
        .await;
    assert_eq!(read["count"], 6);
    let check = run
        .step(
            &host,
            "step.validate",
            "check",
            json!({ "schema": "order.schema.json", "_config_dir": data("") }),
        )
        .await;
    let price = run
        .step(
            &host,
            "step.transform",
            "price",
            json!({
                "items": check["valid"],
                "compute": { "total": { "multiply": ["quantity", "unit_price"] } },
                "select": ["id", "sku", "total"],
                "sum": ["total"],
            }),
        )
        .await;
    assert_eq!(price["sums"]["total"], 1472.65);
    let save = run
        .step(
            &host,
            "step.kv_put",
            "save",
            json!({ "store": "stock", "items": price["items"] }),
        )
        .await;
    assert_eq!(save["stored"], 4);

    let kept = store
        .invoke("get", json!({ "key": "A-1002" }))
        .await
        .unwrap();
    assert_eq!(
        kept["value"],
        json!({ "id": "A-1002", "sku": "PROP-3B", "total": 379 })
    );

    let undo = run
        .step(&host, "step.kv_delete", "undo", json!({ "store": "stock" }))
        .await;
    assert_eq!(undo["deleted"], 4);
    assert_eq!(store.invoke("count", json!({})).await.unwrap()["count"], 0);
}
