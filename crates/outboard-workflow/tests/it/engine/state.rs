//! Which plugins were enabled, across restarts.

use std::sync::Arc;

use outboard_workflow::engine::{
    EngineErrorKind, JsonStateStore, MemoryStateStore, PluginManager, PluginStateStore,
};

use super::support::{Diary, TestPlugin};

fn manager(store: Arc<dyn PluginStateStore>, diary: &Diary, names: &[&str]) -> PluginManager {
    let manager = PluginManager::builder().store(store).build();
    for name in names {
        manager
            .register(Arc::new(TestPlugin::new(name).writes(diary)))
            .unwrap();
    }
    manager
}

async fn only_what_was_enabled_comes_back(store: Arc<dyn PluginStateStore>) {
    let before = manager(Arc::clone(&store), &Diary::default(), &["a", "b", "c"]);
    before.enable("a").await.unwrap();
    before.enable("b").await.unwrap();
    before.disable("b").await.unwrap();

    let diary = Diary::default();
    // One that was enabled is gone, and stops nobody.
    let after = manager(Arc::clone(&store), &diary, &["a", "b"]);
    let failures = after.restore_state().await.unwrap();
    assert!(failures.is_empty(), "{failures:?}");
    assert_eq!(after.enabled(), ["a"]);
    assert_eq!(diary.entries(), ["enable a"]);
    // Each transition keeps the time of the other.
    let b = after
        .plugins()
        .into_iter()
        .find(|plugin| plugin.name == "b")
        .unwrap();
    assert!(b.enabled_at.is_some() && b.disabled_at.is_some());
}

#[tokio::test]
async fn a_store_in_memory_brings_back_what_was_enabled() {
    only_what_was_enabled_comes_back(Arc::new(MemoryStateStore::default())).await;
}

#[tokio::test]
async fn a_store_in_a_file_brings_back_what_was_enabled() {
    let directory = tempfile::tempdir().unwrap();
    let store = JsonStateStore::new(directory.path().join("plugins.json"));
    only_what_was_enabled_comes_back(Arc::new(store)).await;
}

#[tokio::test]
async fn without_a_store_of_its_own_a_manager_works_all_the_same() {
    let manager = PluginManager::default();
    assert!(manager.restore_state().await.unwrap().is_empty());
    manager.register(Arc::new(TestPlugin::new("a"))).unwrap();
    manager.enable("a").await.unwrap();
}

#[tokio::test]
async fn a_plugin_that_cannot_come_back_is_told_and_stops_nobody() {
    let store: Arc<dyn PluginStateStore> = Arc::new(MemoryStateStore::default());
    let before = manager(Arc::clone(&store), &Diary::default(), &["a", "gone"]);
    before.enable("a").await.unwrap();
    before.enable("gone").await.unwrap();
    let after = manager(store, &Diary::default(), &["a"]);
    let failures = after.restore_state().await.unwrap();
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].0, "gone");
    assert_eq!(failures[0].1.kind(), EngineErrorKind::NotRegistered);
    assert_eq!(after.enabled(), ["a"]);
}

#[tokio::test]
async fn a_state_file_that_is_damaged_is_a_clear_error_and_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("plugins.json");
    std::fs::write(&path, "{ half").unwrap();
    let manager = manager(
        Arc::new(JsonStateStore::new(&path)),
        &Diary::default(),
        &["a"],
    );
    let error = manager.restore_state().await.unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::Store);
    assert!(error.to_string().contains("plugins.json"), "{error}");
    // The plugin works; its state cannot be kept, and the file is not overwritten.
    manager.enable("a").await.unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "{ half");
}
