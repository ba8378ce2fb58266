//! Plugins that go while a workflow runs, and what comes back with them.

use std::sync::Arc;

use outboard_workflow::engine::{Engine, EngineErrorKind, Missing, WorkflowState, module_factory};
use serde_json::json;

use super::support::{Diary, TestPlugin, apply, empty, test_modules, test_steps, tests_plugin};

/// A module of each plugin, where `cache` needs `store`, and a pipeline over each.
const FILE: &str = "
modules:
  - { name: cache, type: other.module, config: { needs: [store] } }
  - { name: store, type: test.module }
pipelines:
  p: { steps: [ { name: one, type: step.test } ] }
  q: { steps: [ { name: two, type: step.other } ] }
  r: { steps: [ { name: say, type: step.log, config: { message: hi } } ] }
";

fn other_plugin(diary: &Diary) -> TestPlugin {
    TestPlugin::new("other")
        .module("other.module", test_modules(diary))
        .step("step.other", test_steps(diary))
}

async fn running(diary: &Diary) -> Engine {
    let engine = super::support::engine(diary);
    engine.load_plugin(Arc::new(other_plugin(diary))).unwrap();
    apply(&engine, FILE).await.unwrap();
    engine
}

fn of(missing: &[Missing], what: &str) -> Missing {
    let found = missing.iter().find(|missing| missing.what == what);
    found
        .unwrap_or_else(|| panic!("no {what} in {missing:?}"))
        .clone()
}

#[tokio::test]
async fn what_went_with_a_plugin_comes_back_with_it() {
    let diary = Diary::default();
    let engine = running(&diary).await;
    assert_eq!(engine.modules(), ["store", "cache"]);
    assert_eq!(engine.plugins_in_use(), ["other", "tests"]);
    assert!(engine.missing().is_empty());

    engine.unload_plugin("tests", true).await.unwrap();
    assert!(
        engine.modules().is_empty(),
        "what needs a module that is gone is stopped too"
    );
    assert!(engine.application().services().is_empty());
    let missing = engine.missing();
    assert_eq!(of(&missing, "module \"store\"").plugin.unwrap(), "tests");
    let cache = of(&missing, "module \"cache\"");
    assert_eq!(cache.plugin.unwrap(), "other");
    assert!(cache.reason.contains("\"store\""), "{}", cache.reason);
    let pipeline = of(&missing, "pipeline \"p\"");
    assert!(pipeline.reason.contains("load it"), "{}", pipeline.reason);

    engine.load_plugin(Arc::new(tests_plugin(&diary))).unwrap();
    // Its types are there, its module is not: a run would find half of it.
    let error = engine.run("p", "manual", empty()).await.unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::State);
    assert!(error.to_string().contains("\"store\""), "{error}");

    let before = diary.entries().len();
    engine.resume().await.unwrap();
    assert_eq!(engine.modules(), ["store", "cache"]);
    assert!(engine.missing().is_empty(), "{:?}", engine.missing());
    let entries = diary.entries();
    let started: Vec<_> = entries[before..]
        .iter()
        .filter(|entry| entry.starts_with("start"))
        .collect();
    assert_eq!(started, ["start store", "start cache"]);
    for pipeline in ["p", "q", "r"] {
        let run = engine.run(pipeline, "manual", empty()).await.unwrap();
        assert!(run.succeeded(), "{run:?}");
    }
    engine.stop().await;
    let entries = diary.entries();
    let count = |entry: &str| entries.iter().filter(|found| *found == entry).count();
    assert_eq!(count("destroy store"), 2, "each life has its end");
    assert_eq!(count("destroy cache"), 2);
}

#[tokio::test]
async fn pipelines_of_other_plugins_run_while_one_is_away() {
    let diary = Diary::default();
    let engine = running(&diary).await;
    engine.unload_plugin("other", true).await.unwrap();
    assert_eq!(engine.modules(), ["store"]);
    for pipeline in ["p", "r"] {
        let run = engine.run(pipeline, "manual", empty()).await.unwrap();
        assert!(run.succeeded(), "{run:?}");
    }
    let error = engine.run("q", "manual", empty()).await.unwrap_err();
    assert!(
        error.to_string().contains("plugin \"other\"") && error.to_string().contains("load it"),
        "{error}"
    );
    engine.stop().await;
}

#[tokio::test]
async fn plugins_come_back_one_by_one_in_any_order() {
    let diary = Diary::default();
    let engine = running(&diary).await;
    engine.unload_plugin("tests", true).await.unwrap();
    engine.unload_plugin("other", true).await.unwrap();
    engine.load_plugin(Arc::new(other_plugin(&diary))).unwrap();
    engine.resume().await.unwrap();
    assert!(
        engine.modules().is_empty(),
        "it waits for the module that it needs"
    );
    engine.load_plugin(Arc::new(tests_plugin(&diary))).unwrap();
    engine.resume().await.unwrap();
    assert_eq!(engine.modules(), ["store", "cache"]);
    assert!(engine.missing().is_empty());
    engine.stop().await;
}

#[tokio::test]
async fn what_cannot_be_started_again_leaves_nothing_and_can_be_tried_again() {
    let diary = Diary::default();
    let engine = running(&diary).await;
    engine.unload_plugin("tests", true).await.unwrap();
    let broken = module_factory(|name, _| async move {
        Err(outboard_workflow::engine::EngineError::invalid_config(
            format!("module {name:?}"),
            "the disk is gone",
        ))
    });
    let plugin = TestPlugin::new("tests")
        .module("test.module", broken)
        .step("step.test", test_steps(&diary));
    engine.load_plugin(Arc::new(plugin)).unwrap();
    let error = engine.resume().await.unwrap_err();
    assert!(error.to_string().contains("the disk is gone"), "{error}");
    assert!(engine.modules().is_empty());
    assert_eq!(engine.workflow_state(), WorkflowState::Running);

    engine
        .replace_plugin(Arc::new(tests_plugin(&diary)))
        .unwrap();
    engine.resume().await.unwrap();
    assert_eq!(engine.modules(), ["store", "cache"]);
    engine.stop().await;
    assert_eq!(engine.workflow_state(), WorkflowState::None);
    assert!(engine.missing().is_empty());
}

#[tokio::test]
async fn bringing_back_nothing_changes_nothing() {
    let diary = Diary::default();
    let engine = super::support::engine(&diary);
    engine.resume().await.unwrap();
    apply(
        &engine,
        FILE.split("  q:")
            .next()
            .unwrap()
            .replace("other.module", "test.module")
            .as_str(),
    )
    .await
    .unwrap();
    let before = diary.entries();
    engine.resume().await.unwrap();
    assert_eq!(diary.entries(), before);
    assert_eq!(
        serde_json::to_value(engine.workflow_state()).unwrap(),
        json!("running")
    );
    engine.stop().await;
}
