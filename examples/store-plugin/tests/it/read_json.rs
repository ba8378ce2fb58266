//! `step.read_json`.

use std::fs;

use outboard_sdk::json;

use crate::{data, failure, host, run};

const STEP: &str = "step.read_json";

#[tokio::test]
async fn a_list_in_a_file_becomes_items() {
    let output = run(&host().await, STEP, json!({ "path": data("orders.json") })).await;
    assert_eq!(output["count"], 6);
    assert_eq!(output["items"][0]["id"], "A-1001");
    assert_eq!(
        output["bytes"],
        fs::metadata(data("orders.json")).unwrap().len()
    );
}

#[tokio::test]
async fn anything_else_in_a_file_becomes_one_item() {
    let output = run(
        &host().await,
        STEP,
        json!({ "path": data("order.schema.json") }),
    )
    .await;
    assert_eq!(output["count"], 1);
    assert_eq!(output["items"][0]["title"], "An order");
}

#[tokio::test]
async fn a_relative_path_begins_at_the_directory_of_the_workflow_file() {
    let config = json!({ "path": "orders.json", "_config_dir": data("") });
    assert_eq!(run(&host().await, STEP, config).await["count"], 6);
}

#[tokio::test]
async fn files_that_cannot_be_read_are_named_with_the_reason() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::write(path("broken.json"), "[1,\n oops]").unwrap();
    fs::write(path("empty.json"), "").unwrap();
    fs::write(path("large.json"), "[1, 2, 3]").unwrap();
    fs::write(path("number.json"), "[{\"id\": 12345678901234567890}]").unwrap();
    let host = host().await;
    for (name, limit, reason) in [
        ("missing.json", 100, "No such file"),
        ("broken.json", 100, "line 2"),
        ("empty.json", 100, "EOF"),
        ("large.json", 5, "more than 5 bytes; raise max_bytes"),
        (".", 100, "not a regular file"),
    ] {
        let error = failure(
            &host,
            STEP,
            json!({ "path": path(name), "max_bytes": limit }),
        )
        .await;
        assert!(error.contains(reason), "{name}: {error}");
        assert!(
            error.starts_with("read ") && error.contains(directory.path().to_str().unwrap()),
            "{error}"
        );
    }
    let error = failure(&host, STEP, json!({ "path": path("number.json") })).await;
    assert!(
        error.contains("output.items[0].id is 12345678901234567890"),
        "{error}"
    );
}

#[tokio::test]
async fn a_config_that_cannot_work_says_what_is_missing() {
    let host = host().await;
    assert_eq!(
        failure(&host, STEP, json!({})).await,
        "config: missing field `path`"
    );
    let error = failure(
        &host,
        STEP,
        json!({ "path": "x", "max_bytes": 1_000_000_000 }),
    )
    .await;
    assert!(error.contains("max_bytes can be"), "{error}");
}
