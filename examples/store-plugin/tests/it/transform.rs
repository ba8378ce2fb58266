//! `step.transform`.

use outboard_sdk::json;

use crate::{failure, host, run};

const STEP: &str = "step.transform";

#[tokio::test]
async fn fields_are_computed_without_noise_then_renamed_then_selected() {
    let output = run(
        &host().await,
        STEP,
        json!({
            "items": [{ "id": "a", "quantity": 3, "unit_price": 19.99 }, { "id": "b", "quantity": 1, "unit_price": 0.5 }],
            "compute": {
                "total": { "multiply": ["quantity", "unit_price"] },
                "less": { "subtract": ["quantity", 1] },
                "half": { "divide": ["quantity", 2] },
                "more": { "add": ["quantity", 1, 1] },
                "label": { "concat": ["id", "quantity"] },
            },
            "rename": { "unit_price": "price" },
            "select": ["id", "price", "total", "less", "half", "more", "label"],
            "sum": ["total"],
        }),
    )
    .await;
    assert_eq!(
        output["items"],
        json!([
            { "id": "a", "price": 19.99, "total": 59.97, "less": 2, "half": 1.5, "more": 5, "label": "a3" },
            { "id": "b", "price": 0.5, "total": 0.5, "less": 0, "half": 0.5, "more": 3, "label": "b1" },
        ])
    );
    assert_eq!(
        (&output["count"], &output["sums"]),
        (&json!(2), &json!({ "total": 60.47 }))
    );
}

#[tokio::test]
async fn without_a_config_items_stay_what_they_are() {
    let output = run(&host().await, STEP, json!({ "items": [{ "a": [1] }] })).await;
    assert_eq!(output["items"], json!([{ "a": [1] }]));
}

#[tokio::test]
async fn what_cannot_be_computed_names_the_item_and_the_field() {
    let host = host().await;
    for (formula, reason) in [
        (
            json!({ "multiply": ["quantity", "nope"] }),
            "items[1]: compute x: there is no field \"nope\"",
        ),
        (
            json!({ "add": ["name"] }),
            "items[1]: compute x: field \"name\" must be a number, but is text",
        ),
        (
            json!({ "divide": [1, "zero"] }),
            "items[1]: compute x: division by zero",
        ),
        (
            json!({ "multiply": ["huge", "huge"] }),
            "which is no number",
        ),
    ] {
        let fine = json!({ "quantity": 1, "nope": 1, "name": 1, "zero": 1, "huge": 1 });
        let not = json!({ "quantity": 1, "name": "n", "zero": 0, "huge": 1e300 });
        let error = failure(
            &host,
            STEP,
            json!({ "items": [fine, not], "compute": { "x": formula } }),
        )
        .await;
        assert!(error.contains(reason), "{error}");
    }
    let error = failure(&host, STEP, json!({ "items": [3] })).await;
    assert_eq!(
        error,
        "items[0]: an item must be an object, but this is a number"
    );
    let error = failure(
        &host,
        STEP,
        json!({ "items": [], "compute": { "x": { "root": ["a"] } } }),
    )
    .await;
    assert!(
        error.starts_with("config: unknown variant `root`"),
        "{error}"
    );
}
