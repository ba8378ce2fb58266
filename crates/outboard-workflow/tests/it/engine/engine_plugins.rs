//! Plugins that add types: types exist while the plugin is enabled.

use std::sync::Arc;

use outboard_workflow::engine::{
    EngineErrorKind, EnginePlugin, EnginePluginManager, PluginManager, TypeRegistry,
};

use super::support::{Diary, TestPlugin, test_modules, test_steps};

fn manager() -> EnginePluginManager {
    EnginePluginManager::new(PluginManager::default(), Arc::new(TypeRegistry::new()))
}

fn plugin(name: &str, diary: &Diary) -> TestPlugin {
    TestPlugin::new(name)
        .step(&format!("step.{name}"), test_steps(diary))
        .writes(diary)
}

#[tokio::test]
async fn an_enabled_plugins_types_exist_and_a_registered_ones_do_not() {
    let (manager, diary) = (manager(), Diary::default());
    manager.register(Arc::new(plugin("store", &diary))).unwrap();
    assert!(manager.registry().step("step.store").is_err());
    manager.enable("store").await.unwrap();
    assert!(manager.registry().step("step.store").is_ok());
    assert!(manager.is_enabled("store"));
    assert_eq!(diary.entries(), ["enable store"]);
}

#[tokio::test]
async fn a_disabled_plugins_types_are_gone() {
    let (manager, diary) = (manager(), Diary::default());
    manager.register(Arc::new(plugin("store", &diary))).unwrap();
    manager.enable("store").await.unwrap();
    manager.disable("store").await.unwrap();
    assert!(manager.registry().step("step.store").is_err());
    assert!(manager.registry().plugins().is_empty());
    assert_eq!(diary.entries(), ["enable store", "disable store"]);
}

#[tokio::test]
async fn a_name_is_registered_once() {
    let (manager, diary) = (manager(), Diary::default());
    manager.register(Arc::new(plugin("store", &diary))).unwrap();
    let error = manager
        .register(Arc::new(plugin("store", &diary)))
        .unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::AlreadyRegistered);
}

#[tokio::test]
async fn what_is_not_registered_cannot_be_enabled() {
    let error = manager().enable("ghost").await.unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::NotRegistered);
}

#[tokio::test]
async fn what_is_not_enabled_cannot_be_disabled() {
    let (manager, diary) = (manager(), Diary::default());
    manager.register(Arc::new(plugin("store", &diary))).unwrap();
    let error = manager.disable("store").await.unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::NotEnabled);
    assert_eq!(
        manager.disable("ghost").await.unwrap_err().kind(),
        EngineErrorKind::NotRegistered
    );
}

#[tokio::test]
async fn a_registered_plugin_is_found_and_listed() {
    let (manager, diary) = (manager(), Diary::default());
    assert!(manager.list().is_empty() && manager.get("b").is_none());
    for name in ["b", "a"] {
        manager.register(Arc::new(plugin(name, &diary))).unwrap();
    }
    assert_eq!(manager.list(), ["a", "b"]);
    assert_eq!(manager.get("b").unwrap().engine_manifest().name, "b");
}

// DIFFERENCE: the original answers an error; asking for what is so already is none.
#[tokio::test]
async fn enabling_an_enabled_plugin_does_nothing() {
    let (manager, diary) = (manager(), Diary::default());
    manager.register(Arc::new(plugin("store", &diary))).unwrap();
    manager.enable("store").await.unwrap();
    manager.enable("store").await.unwrap();
    assert_eq!(diary.entries(), ["enable store"]);
}

#[tokio::test]
async fn plugins_are_loaded_after_what_they_depend_on() {
    let (manager, diary) = (manager(), Diary::default());
    let top = plugin("top", &diary).needs("middle", "^1.0");
    let middle = plugin("middle", &diary).needs("base", ">=1.0.0");
    let base = plugin("base", &diary);
    let plugins: Vec<Arc<dyn EnginePlugin>> = vec![Arc::new(top), Arc::new(middle), Arc::new(base)];
    let outcomes = manager.load_all(plugins).await;
    assert!(
        outcomes.iter().all(|(_, outcome)| outcome.is_ok()),
        "{outcomes:?}"
    );
    assert_eq!(
        diary.entries(),
        ["enable base", "enable middle", "enable top"]
    );
}

#[tokio::test]
async fn a_circle_is_named_and_stops_nobody_else() {
    let (manager, diary) = (manager(), Diary::default());
    let plugins: Vec<Arc<dyn EnginePlugin>> = vec![
        Arc::new(plugin("a", &diary).needs("b", "*")),
        Arc::new(plugin("b", &diary).needs("a", "*")),
        Arc::new(plugin("c", &diary)),
    ];
    let outcomes = manager.load_all(plugins).await;
    for (name, outcome) in &outcomes[..2] {
        let error = outcome.as_ref().unwrap_err();
        assert_eq!(error.kind(), EngineErrorKind::DependencyCycle, "{name}");
        assert!(error.to_string().contains("a -> b -> a"), "{error}");
    }
    assert!(outcomes[2].1.is_ok());
    assert_eq!(manager.natives().enabled(), ["c"]);
}

// DIFFERENCE: the original ignores constraints, and dependencies that are missing.
#[tokio::test]
async fn constraints_are_checked_and_missing_dependencies_are_errors() {
    let (manager, diary) = (manager(), Diary::default());
    let plugins: Vec<Arc<dyn EnginePlugin>> = vec![
        Arc::new(plugin("base", &diary)),
        Arc::new(plugin("picky", &diary).needs("base", "^2.0")),
        Arc::new(plugin("lonely", &diary).needs("ghost", "*")),
    ];
    let outcomes = manager.load_all(plugins).await;
    let error = outcomes[1].1.as_ref().unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::DependencyMismatch);
    assert!(
        error
            .to_string()
            .contains("version 1.0.0 does not satisfy ^2.0"),
        "{error}"
    );
    let error = outcomes[2].1.as_ref().unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::MissingDependency);
}

#[tokio::test]
async fn two_plugins_with_one_type_conflict_and_the_first_stays() {
    let (manager, diary) = (manager(), Diary::default());
    for name in ["first", "second"] {
        let plugin = plugin(name, &diary).module("kv", test_modules(&diary));
        manager.register(Arc::new(plugin)).unwrap();
    }
    manager.enable("first").await.unwrap();
    let error = manager.enable("second").await.unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::TypeConflict);
    assert!(!manager.is_enabled("second"));
    assert!(manager.registry().step("step.second").is_err());
    // Its on_enable was never called.
    assert_eq!(diary.entries(), ["enable first"]);
}

#[tokio::test]
async fn a_failed_enable_takes_the_types_back() {
    let (manager, diary) = (manager(), Diary::default());
    let mut failing = plugin("store", &diary);
    failing.enable_error = Some("no disk".to_owned());
    manager.register(Arc::new(failing)).unwrap();
    let text = manager.enable("store").await.unwrap_err().to_string();
    assert!(
        text.contains("enable \"store\"") && text.contains("no disk"),
        "{text}"
    );
    assert!(manager.registry().step("step.store").is_err());
}

// DIFFERENCE: the original rebuilds everything from the remaining plugins, in random
// order.
#[tokio::test]
async fn disabling_one_leaves_the_others_where_they_are() {
    let (manager, diary) = (manager(), Diary::default());
    for name in ["a", "b", "c"] {
        manager.register(Arc::new(plugin(name, &diary))).unwrap();
        manager.enable(name).await.unwrap();
    }
    manager.disable("b").await.unwrap();
    let names: Vec<String> = manager
        .registry()
        .plugins()
        .into_iter()
        .map(|plugin| plugin.name)
        .collect();
    assert_eq!(names, ["a", "c"]);
    assert_eq!(diary.entries().last().unwrap(), "disable b");
}

#[tokio::test]
async fn a_plugin_is_replaced_without_being_disabled() {
    let (manager, diary) = (manager(), Diary::default());
    manager.register(Arc::new(plugin("store", &diary))).unwrap();
    manager.enable("store").await.unwrap();
    let next = TestPlugin::versioned("store", "2.0.0").step("step.next", test_steps(&diary));
    manager.replace(Arc::new(next)).unwrap();
    assert!(manager.registry().step("step.next").is_ok());
    assert!(manager.registry().step("step.store").is_err());
    assert_eq!(manager.natives().plugins()[0].version, "2.0.0");
    assert_eq!(diary.entries(), ["enable store"]);
    manager.disable("store").await.unwrap();
    manager.unregister("store").unwrap();
    assert!(manager.list().is_empty());
}
