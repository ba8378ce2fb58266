//! `file.changed` against an engine in memory.

use std::fs;

use outboard_sdk::{
    json,
    testing::{Host, TestEngine},
};

#[tokio::test]
async fn a_file_that_appears_or_changes_fires_and_one_that_goes_does_not() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("orders.json");
    let host = Host::start(store_plugin::plugin()).await.unwrap();
    let engine = TestEngine::new();
    host.connect(&engine).await.unwrap();
    let config = json!({ "path": "orders.json", "every_ms": 10, "_config_dir": directory.path() });
    let trigger = host.create_trigger("file.changed", "orders", config);
    let trigger = trigger.await.unwrap();
    trigger.start().await.unwrap();

    // Renamed into place, so that each is one change.
    let write = |text: &str| {
        let next = directory.path().join("next");
        fs::write(&next, text).unwrap();
        fs::rename(next, &path).unwrap();
    };
    write("[]");
    let fired = engine.fired().await.unwrap();
    assert_eq!(
        (fired.trigger.as_str(), fired.action.as_str()),
        ("orders", "changed")
    );
    assert_eq!(fired.data["path"], path.display().to_string());
    assert_eq!(fired.data["bytes"], 2);
    fs::remove_file(&path).unwrap();
    write("[1]");
    assert_eq!(engine.fired().await.unwrap().data["bytes"], 3);
    trigger.destroy().await.unwrap();
    assert_eq!(engine.waiting(), 0);
}

#[tokio::test]
async fn what_no_run_began_for_is_tried_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("orders.json");
    let host = Host::start(store_plugin::plugin()).await.unwrap();
    let trigger = host.create_trigger(
        "file.changed",
        "orders",
        json!({ "path": path, "every_ms": 10 }),
    );
    trigger.await.unwrap().start().await.unwrap();
    // Nobody takes calls yet.
    fs::write(&path, "[]").unwrap();
    let engine = TestEngine::new();
    host.connect(&engine).await.unwrap();
    assert_eq!(engine.fired().await.unwrap().trigger, "orders");
}

#[tokio::test]
async fn a_config_that_cannot_work_is_refused() {
    let host = Host::start(store_plugin::plugin()).await.unwrap();
    for (config, words) in [
        (json!({}), "config: missing field `path`"),
        (
            json!({ "path": "x", "every_ms": 1 }),
            "config: every_ms must be 10 at least",
        ),
    ] {
        let error = host.create_trigger("file.changed", "x", config).await;
        assert_eq!(error.unwrap_err().plugin_error(), Some(words));
    }
}
