//! The registry of types: wholly or not at all.

use std::sync::{Arc, Mutex};

use outboard_contracts::manifest::Capability;
use outboard_workflow::engine::{
    EngineErrorKind, EnginePlugin, ModuleSchema, TypeKind, TypeRegistry, WiringHook,
    capability::{Contract, InterfaceId},
    trigger_factory, workflow_handler_factory,
};

use super::support::{Diary, TestPlugin, test_modules, test_steps};
use outboard_workflow::engine::EngineError;

fn full(name: &str) -> TestPlugin {
    let diary = Diary::default();
    let mut plugin = TestPlugin::new(name)
        .module(&format!("{name}.module"), test_modules(&diary))
        .step(&format!("step.{name}"), test_steps(&diary));
    let refuse = || EngineError::failed("test", "is never made");
    plugin.triggers.insert(
        format!("{name}.trigger"),
        trigger_factory(move |_, _| async move { Err(refuse()) }),
    );
    plugin.workflows.insert(
        format!("{name}.workflow"),
        workflow_handler_factory(move || async move { Err(refuse()) }),
    );
    plugin.schemas.push(ModuleSchema {
        module_type: format!("{name}.module"),
        label: "A module".to_owned(),
        ..ModuleSchema::default()
    });
    plugin.hooks.push(hook(&format!("{name}-hook"), 0));
    plugin
        .contracts
        .push(Contract::new(name, "", InterfaceId::named(name)));
    plugin.manifest.capabilities.push(Capability {
        name: name.to_owned(),
        role: "provider".to_owned(),
        priority: 5,
    });
    plugin
}

fn hook(name: &str, priority: i64) -> WiringHook {
    WiringHook {
        name: name.to_owned(),
        priority,
        hook: Arc::new(|_| Ok(())),
    }
}

fn snapshot(registry: &TypeRegistry) -> String {
    let kinds = [
        TypeKind::Module,
        TypeKind::Step,
        TypeKind::Trigger,
        TypeKind::Workflow,
    ];
    let types: Vec<_> = kinds.into_iter().map(|kind| registry.types(kind)).collect();
    let hooks: Vec<_> = registry
        .wiring_hooks()
        .into_iter()
        .map(|hook| hook.name)
        .collect();
    let capabilities = registry.capabilities();
    let providers: Vec<_> = capabilities
        .list()
        .iter()
        .map(|name| (name.clone(), capabilities.providers(name)))
        .collect();
    let plugins: Vec<_> = registry
        .plugins()
        .into_iter()
        .map(|plugin| plugin.name)
        .collect();
    format!(
        "{plugins:?} {types:?} {hooks:?} {:?} {providers:?}",
        registry.schemas()
    )
}

#[test]
fn everything_that_a_plugin_brings_is_registered() {
    let registry = TypeRegistry::new();
    registry.register(&full("store")).unwrap();
    assert_eq!(registry.module("store.module").unwrap().plugin, "store");
    assert_eq!(registry.step("step.store").unwrap().plugin, "store");
    assert_eq!(registry.trigger("store.trigger").unwrap().plugin, "store");
    assert_eq!(
        registry.workflow_handler("store.workflow").unwrap().plugin,
        "store"
    );
    assert_eq!(registry.schema("store.module").unwrap().label, "A module");
    assert_eq!(registry.wiring_hooks()[0].name, "store-hook");
    assert_eq!(
        registry.capabilities().resolve("store").unwrap().priority,
        5
    );
    assert_eq!(
        registry.known_types().triggers,
        ["store.trigger", "http", "schedule"]
    );
}

#[test]
fn a_plugin_that_brings_nothing_is_registered_too() {
    let registry = TypeRegistry::new();
    registry.register(&TestPlugin::new("empty")).unwrap();
    assert_eq!(registry.plugins()[0].name, "empty");
    assert!(registry.types(TypeKind::Module).is_empty());
}

// DIFFERENCE: in the original a late conflict leaves the earlier registrations behind.
#[test]
fn a_conflict_names_both_plugins_and_leaves_nothing_behind() {
    let registry = TypeRegistry::new();
    registry.register(&full("store")).unwrap();
    let before = snapshot(&registry);

    // Everything before the conflict, which comes last, would fit.
    let mut second = full("second");
    second.schemas.push(ModuleSchema {
        module_type: "store.module".to_owned(),
        ..ModuleSchema::default()
    });
    let error = registry.register(&second).unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::TypeConflict);
    assert_eq!(snapshot(&registry), before);

    let third = full("third").module("store.module", test_modules(&Diary::default()));
    let text = registry.register(&third).unwrap_err().to_string();
    assert!(
        text.contains("\"third\"") && text.contains("\"store\""),
        "{text}"
    );
    assert!(text.contains("module type \"store.module\""), "{text}");
    assert_eq!(snapshot(&registry), before);
}

#[test]
fn conflicts_of_every_kind_are_found() {
    let diary = Diary::default();
    let registry = TypeRegistry::new();
    registry.register(&full("store")).unwrap();
    let step = TestPlugin::new("other").step("step.store", test_steps(&diary));
    let mut builtin = TestPlugin::new("other");
    let factory = full("x").triggers.remove("x.trigger").unwrap();
    builtin.triggers.insert("http".to_owned(), factory);
    let mut contract = TestPlugin::new("other");
    contract
        .contracts
        .push(Contract::new("store", "", InterfaceId::named("else")));
    for (plugin, kind) in [
        (step, EngineErrorKind::TypeConflict),
        (builtin, EngineErrorKind::TypeConflict),
        (contract, EngineErrorKind::Capability),
        (TestPlugin::new("store"), EngineErrorKind::AlreadyRegistered),
    ] {
        assert_eq!(registry.register(&plugin).unwrap_err().kind(), kind);
    }
}

// DIFFERENCE: in the original schemas and contracts are never removed.
#[test]
fn unregistering_leaves_nothing_behind() {
    let registry = TypeRegistry::new();
    registry.register(&full("first")).unwrap();
    let before = snapshot(&registry);
    registry.register(&full("second")).unwrap();
    registry.unregister("second").unwrap();
    assert_eq!(snapshot(&registry), before);
    assert_eq!(
        registry.unregister("second").unwrap_err().kind(),
        EngineErrorKind::NotRegistered
    );
}

#[test]
fn hooks_are_ordered_by_priority_and_then_by_the_order_of_their_plugins() {
    let registry = TypeRegistry::new();
    for (name, hooks) in [
        ("late", vec![hook("late-low", 1), hook("late-high", 10)]),
        ("early", vec![hook("early-high", 10), hook("early-mid", 5)]),
    ] {
        let mut plugin = TestPlugin::new(name);
        plugin.hooks = hooks;
        registry.register(&plugin).unwrap();
    }
    let names = |registry: &TypeRegistry| -> Vec<String> {
        registry
            .wiring_hooks()
            .into_iter()
            .map(|hook| hook.name)
            .collect()
    };
    assert_eq!(
        names(&registry),
        ["late-high", "early-high", "early-mid", "late-low"]
    );
    // A plugin that is replaced keeps its place.
    let mut again = TestPlugin::new("late");
    again.hooks = vec![hook("late-high", 10)];
    registry.replace(&again).unwrap();
    assert_eq!(names(&registry), ["late-high", "early-high", "early-mid"]);
}

#[test]
fn replacing_is_one_step_and_a_conflict_keeps_the_old_registration() {
    let diary = Diary::default();
    let registry = TypeRegistry::new();
    registry.register(&full("store")).unwrap();
    registry.register(&full("other")).unwrap();
    let before = snapshot(&registry);
    let conflicting =
        TestPlugin::versioned("store", "2.0.0").step("step.other", test_steps(&diary));
    assert_eq!(
        registry.replace(&conflicting).unwrap_err().kind(),
        EngineErrorKind::TypeConflict
    );
    assert_eq!(snapshot(&registry), before);
    let next = TestPlugin::versioned("store", "2.0.0").step("step.new", test_steps(&diary));
    registry.replace(&next).unwrap();
    assert!(registry.step("step.new").is_ok());
    assert!(registry.module("store.module").is_err());
    assert_eq!(registry.plugins()[0].version, "2.0.0");
}

#[test]
fn a_reader_sees_a_plugin_wholly_or_not_at_all() {
    let registry = Arc::new(TypeRegistry::new());
    let torn = Mutex::new(Vec::new());
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let done = &done;
        let (registry, torn) = (&registry, &torn);
        let reader = scope.spawn(move || {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                let known = registry.known_types();
                if known.modules.len() != known.steps.len() {
                    torn.lock().unwrap().push(known);
                }
            }
        });
        for _ in 0..200 {
            registry.register(&full("store")).unwrap();
            registry.unregister("store").unwrap();
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        reader.join().unwrap();
    });
    assert!(torn.into_inner().unwrap().is_empty());
}

#[test]
fn an_invalid_manifest_or_another_name_in_it_is_refused() {
    let registry = TypeRegistry::new();
    let mut invalid = TestPlugin::new("store");
    invalid.manifest.version = "one".to_owned();
    let mut renamed = TestPlugin::new("store");
    renamed.manifest.name = "else".to_owned();
    for plugin in [invalid, renamed] {
        let error = registry.register(&plugin).unwrap_err();
        assert_eq!(error.kind(), EngineErrorKind::InvalidPlugin, "{error}");
    }
    assert!(registry.plugins().is_empty());
}

#[test]
fn an_unknown_type_suggests_the_nearest() {
    let registry = TypeRegistry::new();
    registry.register(&full("store")).unwrap();
    let error = registry.module("store.modul").unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::UnknownType);
    assert!(
        error.to_string().contains("did you mean \"store.module\"?"),
        "{error}"
    );
}

#[test]
fn a_plugin_that_panics_when_it_is_asked_is_refused_and_nothing_else_happens() {
    struct Panics(TestPlugin);
    #[async_trait::async_trait]
    impl outboard_workflow::engine::NativePlugin for Panics {
        fn name(&self) -> &str {
            self.0.name()
        }
        fn version(&self) -> std::borrow::Cow<'_, str> {
            self.0.version()
        }
        fn description(&self) -> std::borrow::Cow<'_, str> {
            self.0.description()
        }
    }
    impl EnginePlugin for Panics {
        fn engine_manifest(&self) -> outboard_workflow::engine::PluginManifest {
            panic!("no manifest today");
        }
    }
    let registry = TypeRegistry::new();
    let error = registry
        .register(&Panics(TestPlugin::new("store")))
        .unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::Panicked);
    assert!(error.to_string().contains("no manifest today"));
    registry.register(&full("store")).unwrap();
}

// DIFFERENCE: in the original a plugin in another process can never provide a
// capability, because it cannot carry a contract.
#[test]
fn a_manifest_alone_is_enough_to_provide_a_capability() {
    let registry = TypeRegistry::new();
    let mut provider = TestPlugin::new("provider");
    let capability = |role: &str| Capability {
        name: "cache".to_owned(),
        role: role.to_owned(),
        priority: 0,
    };
    provider.manifest.capabilities.push(capability("provider"));
    let mut consumer = TestPlugin::new("consumer");
    consumer.manifest.capabilities.push(capability("consumer"));
    registry.register(&consumer).unwrap();
    assert_eq!(
        registry.unmet_capabilities(),
        [("consumer".to_owned(), "cache".to_owned())]
    );
    registry.register(&provider).unwrap();
    assert!(registry.unmet_capabilities().is_empty());
    // Whoever knows the interface may say so later.
    let mut definer = TestPlugin::new("definer");
    definer
        .contracts
        .push(Contract::new("cache", "", InterfaceId::named("cache.v1")));
    registry.register(&definer).unwrap();
    assert_eq!(
        registry.capabilities().contract("cache").unwrap().interface,
        InterfaceId::named("cache.v1")
    );
}
