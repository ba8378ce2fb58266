//! Capabilities: contracts, providers, and which provider is used.

use std::sync::Arc;

use outboard_workflow::engine::{
    EngineErrorKind,
    capability::{CapabilityRegistry, Contract, InterfaceId, check_required},
};

trait KeyValue {}
trait Queue {}

fn key_value() -> Contract {
    Contract::new(
        "key-value",
        "keeps values",
        InterfaceId::of::<dyn KeyValue>(),
    )
    .method("get", &["string"], &["bytes", "bool"])
}

fn registry() -> CapabilityRegistry {
    let registry = CapabilityRegistry::new();
    registry.register_contract("base", key_value()).unwrap();
    registry
}

fn provide(registry: &CapabilityRegistry, plugin: &str, priority: i64) {
    let interface = InterfaceId::of::<dyn KeyValue>();
    registry
        .register_provider("key-value", plugin, priority, interface)
        .unwrap();
}

#[test]
fn a_registered_contract_is_found() {
    let contract = registry().contract("key-value").unwrap();
    assert_eq!(contract, key_value());
    assert_eq!(contract.required_methods[0].returns, ["bytes", "bool"]);
}

#[test]
fn an_unregistered_capability_has_no_contract() {
    assert_eq!(registry().contract("queue"), None);
    assert_eq!(
        registry().resolve("queue").unwrap_err().kind(),
        EngineErrorKind::UnknownCapability
    );
}

#[test]
fn a_contract_needs_a_name() {
    let contract = Contract::new("", "", InterfaceId::named("x"));
    let error = registry().register_contract("base", contract).unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::Capability);
}

#[test]
fn the_same_contract_may_be_registered_twice() {
    let registry = registry();
    registry.register_contract("base", key_value()).unwrap();
    registry.register_contract("other", key_value()).unwrap();
    assert_eq!(registry.list(), ["key-value"]);
}

#[test]
fn a_contract_about_another_interface_is_refused_and_names_both_plugins() {
    let contract = Contract::new("key-value", "", InterfaceId::of::<dyn Queue>());
    let error = registry().register_contract("other", contract).unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::Capability);
    let text = error.to_string();
    assert!(
        text.contains("\"other\"") && text.contains("\"base\""),
        "{text}"
    );
}

#[test]
fn a_provider_is_resolved() {
    let registry = registry();
    provide(&registry, "store", 0);
    assert_eq!(registry.resolve("key-value").unwrap().plugin, "store");
}

#[test]
fn nobody_provides_what_has_no_contract() {
    let interface = InterfaceId::named("queue");
    let error = registry()
        .register_provider("queue", "store", 0, interface)
        .unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::UnknownCapability);
}

#[test]
fn a_provider_of_another_interface_is_refused() {
    let interface = InterfaceId::of::<dyn Queue>();
    let error = registry()
        .register_provider("key-value", "store", 0, interface)
        .unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::Capability);
}

#[test]
fn the_highest_priority_wins_and_among_equals_the_first() {
    let registry = registry();
    provide(&registry, "low", 1);
    provide(&registry, "high", 10);
    provide(&registry, "as-high", 10);
    assert_eq!(registry.resolve("key-value").unwrap().plugin, "high");
}

#[test]
fn without_providers_resolving_is_an_error_of_its_own() {
    let registry = registry();
    assert!(!registry.has_provider("key-value"));
    assert_eq!(
        registry.resolve("key-value").unwrap_err().kind(),
        EngineErrorKind::NoProvider
    );
}

#[test]
fn a_capability_has_a_provider_once_one_is_registered() {
    let registry = registry();
    provide(&registry, "store", 0);
    assert!(registry.has_provider("key-value"));
    assert!(!registry.has_provider("queue"));
}

#[test]
fn capabilities_are_listed_by_name() {
    assert!(CapabilityRegistry::new().list().is_empty());
    let registry = registry();
    for name in ["zoo", "alpha"] {
        registry
            .register_contract("base", Contract::new(name, "", InterfaceId::named(name)))
            .unwrap();
    }
    assert_eq!(registry.list(), ["alpha", "key-value", "zoo"]);
}

#[test]
fn the_list_of_providers_is_the_callers_own() {
    let registry = registry();
    assert!(registry.providers("key-value").is_empty());
    provide(&registry, "store", 3);
    let mut providers = registry.providers("key-value");
    providers.clear();
    assert_eq!(registry.providers("key-value").len(), 1);
}

#[test]
fn several_capabilities_have_providers_of_their_own() {
    let registry = registry();
    let queue = InterfaceId::of::<dyn Queue>();
    registry
        .register_contract("base", Contract::new("queue", "", queue.clone()))
        .unwrap();
    provide(&registry, "store", 0);
    registry
        .register_provider("queue", "broker", 0, queue)
        .unwrap();
    assert_eq!(registry.resolve("key-value").unwrap().plugin, "store");
    assert_eq!(registry.resolve("queue").unwrap().plugin, "broker");
}

#[test]
fn threads_register_and_resolve_at_once() {
    let registry = Arc::new(registry());
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let registry = Arc::clone(&registry);
            scope.spawn(move || {
                for round in 0..50 {
                    provide(&registry, &format!("plugin-{thread}"), round);
                    registry.resolve("key-value").unwrap();
                    registry.list();
                }
            });
        }
    });
    assert_eq!(registry.providers("key-value").len(), 8);
}

#[test]
fn what_a_plugin_registered_goes_with_it_and_nothing_else() {
    let registry = registry();
    provide(&registry, "store", 0);
    registry.unregister("store");
    assert!(!registry.has_provider("key-value"));
    provide(&registry, "store", 0);
    registry.unregister("base");
    assert!(registry.list().is_empty());
    // The provider counts again when the contract comes back.
    registry.register_contract("base", key_value()).unwrap();
    assert!(registry.has_provider("key-value"));
}

#[test]
fn requiring_nothing_is_always_satisfied() {
    check_required(&CapabilityRegistry::new(), []).unwrap();
    check_required(&registry(), Vec::<&str>::new()).unwrap();
}

#[test]
fn what_is_required_and_provided_is_satisfied() {
    let registry = registry();
    provide(&registry, "store", 0);
    check_required(&registry, ["key-value"]).unwrap();
}

#[test]
fn missing_capabilities_are_all_named() {
    let error = check_required(&registry(), ["queue", "key-value", "cache", "queue"]).unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::MissingCapabilities);
    assert_eq!(
        error.to_string(),
        "missing required capabilities: cache, key-value, queue"
    );
}
