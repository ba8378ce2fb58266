//! The manager of native plugins: order, versions, cascades, and who waits for whom.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use outboard_workflow::engine::{
    EngineError, EngineErrorKind, MemoryStateStore, NativePlugin, PluginContext, PluginDependency,
    PluginManager, PluginStateStore as _,
};
use tokio::sync::Semaphore;

use super::support::{Diary, TestPlugin};

fn plugin(name: &str, diary: &Diary, needs: &[&str]) -> TestPlugin {
    let mut plugin = TestPlugin::new(name).writes(diary);
    plugin.dependencies = needs.iter().copied().map(PluginDependency::any).collect();
    plugin
}

fn manager(plugins: Vec<TestPlugin>) -> PluginManager {
    let manager = PluginManager::default();
    for plugin in plugins {
        manager.register(Arc::new(plugin)).unwrap();
    }
    manager
}

#[tokio::test]
async fn a_registered_plugin_is_disabled_until_it_is_enabled() {
    let diary = Diary::default();
    let manager = manager(vec![plugin("a", &diary, &[])]);
    assert!(!manager.is_enabled("a"));
    manager.enable("a").await.unwrap();
    assert!(manager.is_enabled("a"));
    assert_eq!(diary.entries(), ["enable a"]);
}

#[tokio::test]
async fn a_name_is_registered_once() {
    let diary = Diary::default();
    let manager = manager(vec![plugin("a", &diary, &[])]);
    let error = manager
        .register(Arc::new(plugin("a", &diary, &[])))
        .unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::AlreadyRegistered);
    assert_eq!(error.to_string(), "plugin \"a\" is already registered");
}

// DIFFERENCE: there is no nil plugin to refuse; names and versions are checked instead.
#[tokio::test]
async fn a_name_that_is_no_name_and_a_version_that_is_none_are_refused() {
    let manager = PluginManager::default();
    for (name, version) in [
        ("", "1.0.0"),
        ("../etc", "1.0.0"),
        ("Store", "1.0.0"),
        ("a", "one"),
    ] {
        let error = manager
            .register(Arc::new(TestPlugin::versioned(name, version)))
            .unwrap_err();
        assert_eq!(
            error.kind(),
            EngineErrorKind::InvalidPlugin,
            "{name} {version}"
        );
    }
    assert!(manager.plugins().is_empty());
}

#[tokio::test]
async fn dependencies_are_enabled_first() {
    let diary = Diary::default();
    let manager = manager(vec![
        plugin("a", &diary, &["b", "c"]),
        plugin("b", &diary, &["c"]),
        plugin("c", &diary, &[]),
    ]);
    manager.enable("a").await.unwrap();
    assert_eq!(diary.entries(), ["enable c", "enable b", "enable a"]);
}

#[tokio::test]
async fn a_dependency_that_is_enabled_is_not_enabled_again() {
    let diary = Diary::default();
    let manager = manager(vec![plugin("a", &diary, &["b"]), plugin("b", &diary, &[])]);
    manager.enable("b").await.unwrap();
    manager.enable("a").await.unwrap();
    assert_eq!(diary.entries(), ["enable b", "enable a"]);
}

#[tokio::test]
async fn a_dependency_that_is_too_old_is_refused() {
    let diary = Diary::default();
    let mut picky = plugin("picky", &diary, &[]);
    picky
        .dependencies
        .push(PluginDependency::at_least("base", "1.2.0").unwrap());
    let manager = manager(vec![picky, plugin("base", &diary, &[])]);
    let error = manager.enable("picky").await.unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::DependencyMismatch);
    assert!(
        error
            .to_string()
            .contains("version 1.0.0 does not satisfy >=1.2.0"),
        "{error}"
    );
    assert!(diary.entries().is_empty());
}

#[tokio::test]
async fn a_plugin_that_does_not_exist_cannot_be_enabled_or_disabled() {
    let manager = PluginManager::default();
    for outcome in [
        manager.enable("ghost").await,
        manager.disable("ghost").await,
    ] {
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), EngineErrorKind::NotRegistered);
        assert_eq!(error.to_string(), "plugin \"ghost\" is not registered");
    }
}

#[tokio::test]
async fn a_missing_dependency_is_named_with_who_needs_it() {
    let diary = Diary::default();
    let manager = manager(vec![plugin("a", &diary, &["ghost"])]);
    let error = manager.enable("a").await.unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::MissingDependency);
    assert!(
        error.to_string().contains("\"a\" depends on \"ghost\""),
        "{error}"
    );
}

#[tokio::test]
async fn a_plugin_whose_enabling_fails_stays_disabled_and_its_dependencies_enabled() {
    let diary = Diary::default();
    let mut failing = plugin("a", &diary, &["b"]);
    failing.enable_error = Some("no licence".to_owned());
    let manager = manager(vec![failing, plugin("b", &diary, &[])]);
    let error = manager.enable("a").await.unwrap_err();
    assert!(error.to_string().starts_with("enable \"a\":"), "{error}");
    assert!(error.to_string().contains("no licence"), "{error}");
    assert_eq!(manager.enabled(), ["b"]);
    // It can be tried again.
    assert!(manager.enable("a").await.is_err());
    assert_eq!(diary.entries(), ["enable b", "enable a", "enable a"]);
}

#[tokio::test]
async fn a_circle_is_refused_and_names_who_is_in_it() {
    let diary = Diary::default();
    let manager = manager(vec![
        plugin("a", &diary, &["b"]),
        plugin("b", &diary, &["c"]),
        plugin("c", &diary, &["b"]),
    ]);
    let error = manager.enable("a").await.unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::DependencyCycle);
    assert_eq!(error.to_string(), "circular dependency: b -> c -> b");
    assert!(manager.enabled().is_empty());
}

#[tokio::test]
async fn disabling_disables_each_dependent_once_and_first() {
    let diary = Diary::default();
    let manager = manager(vec![
        plugin("base", &diary, &[]),
        plugin("left", &diary, &["base"]),
        plugin("right", &diary, &["base"]),
        plugin("top", &diary, &["left", "right"]),
    ]);
    manager.enable("top").await.unwrap();
    assert_eq!(manager.dependents("base").len(), 3);
    manager.disable("base").await.unwrap();
    let disabled: Vec<String> = diary.entries().split_off(4);
    assert_eq!(disabled.len(), 4, "{disabled:?}");
    let place = |name: &str| {
        disabled
            .iter()
            .position(|entry| *entry == format!("disable {name}"))
    };
    assert!(place("top") < place("left") && place("top") < place("right"));
    assert_eq!(place("base"), Some(3));
    assert!(manager.enabled().is_empty());
}

#[tokio::test]
async fn disabling_a_disabled_plugin_does_nothing() {
    let diary = Diary::default();
    let manager = manager(vec![plugin("a", &diary, &[])]);
    manager.disable("a").await.unwrap();
    assert!(diary.entries().is_empty());
}

#[tokio::test]
async fn all_plugins_and_the_enabled_ones_are_listed_by_name() {
    let diary = Diary::default();
    let manager = manager(vec![plugin("b", &diary, &[]), plugin("a", &diary, &[])]);
    manager.enable("b").await.unwrap();
    let all: Vec<_> = manager
        .plugins()
        .into_iter()
        .map(|plugin| (plugin.name, plugin.enabled))
        .collect();
    assert_eq!(all, [("a".to_owned(), false), ("b".to_owned(), true)]);
    assert_eq!(manager.enabled(), ["b"]);
    assert!(manager.plugins()[1].enabled_at.is_some());
}

#[tokio::test]
async fn the_context_that_was_set_reaches_the_plugin() {
    struct Looks(Diary);
    #[async_trait]
    impl NativePlugin for Looks {
        fn name(&self) -> &str {
            "looks"
        }
        fn version(&self) -> std::borrow::Cow<'_, str> {
            "1.0.0".into()
        }
        fn description(&self) -> std::borrow::Cow<'_, str> {
            "".into()
        }
        async fn on_enable(&self, context: &PluginContext) -> Result<(), EngineError> {
            self.0.write(format!("{:?}", context.data_dir));
            Ok(())
        }
    }
    let diary = Diary::default();
    let manager = PluginManager::default();
    manager.register(Arc::new(Looks(diary.clone()))).unwrap();
    manager.set_context(PluginContext {
        data_dir: Some("/data/looks".into()),
        ..PluginContext::default()
    });
    manager.enable("looks").await.unwrap();
    assert_eq!(diary.entries(), ["Some(\"/data/looks\")"]);
}

/// Its callbacks wait for a permit each.
struct Gated {
    gate: Arc<Semaphore>,
    diary: Diary,
}

#[async_trait]
impl NativePlugin for Gated {
    fn name(&self) -> &str {
        "gated"
    }
    fn version(&self) -> std::borrow::Cow<'_, str> {
        "1.0.0".into()
    }
    fn description(&self) -> std::borrow::Cow<'_, str> {
        "".into()
    }
    async fn on_enable(&self, _: &PluginContext) -> Result<(), EngineError> {
        self.diary.write("enabling");
        self.gate.acquire().await.unwrap().forget();
        self.diary.write("enabled");
        Ok(())
    }
}

fn gated(deadline: Duration) -> (PluginManager, Arc<Semaphore>, Diary) {
    let (gate, diary) = (Arc::new(Semaphore::new(0)), Diary::default());
    let manager = PluginManager::builder().deadline(deadline).build();
    manager
        .register(Arc::new(Gated {
            gate: Arc::clone(&gate),
            diary: diary.clone(),
        }))
        .unwrap();
    (manager, gate, diary)
}

// DIFFERENCE: the original holds its lock across callbacks; a query would hang here.
#[tokio::test(start_paused = true)]
async fn queries_and_other_plugins_do_not_wait_for_a_callback() {
    let (manager, gate, diary) = gated(Duration::from_secs(60));
    manager
        .register(Arc::new(TestPlugin::new("other")))
        .unwrap();
    let enabling = tokio::spawn({
        let manager = manager.clone();
        async move { manager.enable("gated").await }
    });
    while diary.entries().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(manager.plugins().len(), 2);
    assert!(!manager.is_enabled("gated"));
    manager.enable("other").await.unwrap();
    gate.add_permits(1);
    enabling.await.unwrap().unwrap();
    assert_eq!(manager.enabled(), ["gated", "other"]);
}

#[tokio::test(start_paused = true)]
async fn two_callers_enable_a_plugin_once() {
    let (manager, gate, diary) = gated(Duration::from_secs(60));
    gate.add_permits(2);
    let (first, second) = tokio::join!(manager.enable("gated"), manager.enable("gated"));
    first.unwrap();
    second.unwrap();
    assert_eq!(diary.entries(), ["enabling", "enabled"]);
}

#[tokio::test(start_paused = true)]
async fn a_callback_that_hangs_is_given_up_and_the_plugin_stays_disabled() {
    let (manager, _gate, _) = gated(Duration::from_secs(5));
    let error = manager.enable("gated").await.unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::Timeout);
    assert!(error.to_string().contains("5s"), "{error}");
    assert!(!manager.is_enabled("gated"));
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_goes_away_leaves_the_plugin_usable() {
    let (manager, gate, diary) = gated(Duration::from_secs(60));
    let gone = tokio::time::timeout(Duration::from_secs(1), manager.enable("gated")).await;
    assert!(gone.is_err());
    gate.add_permits(1);
    manager.enable("gated").await.unwrap();
    assert_eq!(diary.entries(), ["enabling", "enabling", "enabled"]);
}

#[tokio::test]
async fn a_panic_in_a_callback_fails_that_call_and_not_the_manager() {
    struct Panics;
    #[async_trait]
    impl NativePlugin for Panics {
        fn name(&self) -> &str {
            "panics"
        }
        fn version(&self) -> std::borrow::Cow<'_, str> {
            "1.0.0".into()
        }
        fn description(&self) -> std::borrow::Cow<'_, str> {
            "".into()
        }
        async fn on_enable(&self, _: &PluginContext) -> Result<(), EngineError> {
            panic!("out of cheese");
        }
    }
    let diary = Diary::default();
    let manager = manager(vec![plugin("a", &diary, &[])]);
    manager.register(Arc::new(Panics)).unwrap();
    let error = manager.enable("panics").await.unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::Panicked);
    assert!(error.to_string().contains("out of cheese"));
    manager.enable("a").await.unwrap();
}

#[tokio::test]
async fn only_a_disabled_plugin_is_forgotten() {
    let diary = Diary::default();
    let manager = manager(vec![plugin("a", &diary, &[])]);
    manager.enable("a").await.unwrap();
    assert_eq!(
        manager.unregister("a").unwrap_err().kind(),
        EngineErrorKind::State
    );
    manager.disable_all().await;
    manager.unregister("a").unwrap();
    assert!(manager.get("a").is_none());
}

#[tokio::test]
async fn a_plugin_that_arrives_is_enabled_unless_somebody_disabled_it() {
    let diary = Diary::default();
    let manager = PluginManager::default();
    let arrive = || manager.arrive(Arc::new(plugin("a", &diary, &[])));
    assert!(arrive().await.unwrap().is_empty());
    assert_eq!(manager.enabled(), ["a"]);
    manager.leave("a").await.unwrap();
    assert!(manager.get("a").is_none());
    arrive().await.unwrap();
    assert_eq!(manager.enabled(), ["a"], "it only had left");
    manager.disable("a").await.unwrap();
    manager.leave("a").await.unwrap();
    arrive().await.unwrap();
    assert!(manager.enabled().is_empty(), "it was disabled");
    assert_eq!(
        diary.entries(),
        ["enable a", "disable a", "enable a", "disable a"]
    );
    let error = arrive().await.unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::AlreadyRegistered);
}

#[tokio::test]
async fn what_needs_a_plugin_goes_and_comes_back_with_it() {
    let diary = Diary::default();
    let manager = PluginManager::default();
    let failures = manager.arrive(Arc::new(plugin("top", &diary, &["base"])));
    let failures = failures.await.unwrap();
    assert_eq!(failures[0].1.kind(), EngineErrorKind::MissingDependency);
    assert!(manager.enabled().is_empty(), "what it needs is not there");
    let base = || Arc::new(plugin("base", &diary, &[]));
    assert!(manager.arrive(base()).await.unwrap().is_empty());
    assert_eq!(manager.enabled(), ["base", "top"]);
    manager.leave("base").await.unwrap();
    assert!(manager.enabled().is_empty());
    manager.arrive(base()).await.unwrap();
    assert_eq!(manager.enabled(), ["base", "top"]);
    manager.disable("base").await.unwrap();
    manager.leave("base").await.unwrap();
    manager.arrive(base()).await.unwrap();
    assert!(manager.enabled().is_empty(), "the cascade disabled both");
}

#[tokio::test]
async fn the_end_of_the_process_disables_nothing_for_the_next_one() {
    let diary = Diary::default();
    let store = Arc::new(MemoryStateStore::default());
    let manager = PluginManager::builder().store(store.clone()).build();
    manager
        .register(Arc::new(plugin("a", &diary, &["b"])))
        .unwrap();
    manager
        .register(Arc::new(plugin("b", &diary, &[])))
        .unwrap();
    manager.enable("a").await.unwrap();
    manager.pause_all().await;
    assert!(manager.enabled().is_empty());
    assert_eq!(diary.entries().split_off(2), ["disable a", "disable b"]);
    let states = store.load().unwrap();
    assert!(states["a"].enabled && states["b"].enabled, "{states:?}");
}
