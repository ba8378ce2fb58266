//! Plugins that need other plugins.

use outboard_workflow::external::ManagerErrorKind;

use super::support::{Plugins, manifest};

#[tokio::test]
async fn what_a_plugin_needs_is_loaded_before_it_and_kept_while_needed() {
    let plugins = Plugins::new();
    plugins.add("base", &[]);
    plugins.add("middle", &[("base", "^1.0")]);
    plugins.add("top", &[("middle", ">=1.0.0, <2"), ("base", "*")]);
    let manager = plugins.manager();
    manager.load_plugin("top").await.unwrap();
    assert_eq!(manager.loaded_plugins(), ["base", "middle", "top"]);

    let error = manager.unload_plugin("base").await.unwrap_err();
    assert_eq!(error.kind(), ManagerErrorKind::InUse);
    assert!(error.to_string().contains("middle, top"), "{error}");
    for name in ["top", "middle", "base"] {
        manager.unload_plugin(name).await.unwrap();
    }
    assert!(manager.loaded_plugins().is_empty());
}

#[tokio::test]
async fn a_missing_dependency_an_old_one_and_a_circle_are_refused() {
    let plugins = Plugins::new();
    plugins.add("base", &[]);
    plugins.add("lonely", &[("nobody", "*")]);
    plugins.add("modern", &[("base", ">=2.0.0")]);
    plugins.add("chicken", &[("egg", "*")]);
    plugins.add("egg", &[("chicken", "*")]);
    plugins.add("selfish", &[]);
    plugins.manifest(
        "selfish",
        &manifest("selfish", "1.0.0", &[("selfish", "*")]),
    );
    let manager = plugins.manager();
    for (name, kind, words) in [
        ("lonely", ManagerErrorKind::Dependency, "nobody"),
        ("modern", ManagerErrorKind::Dependency, "1.0.0 is there"),
        ("chicken", ManagerErrorKind::Dependency, "needs it in turn"),
        ("selfish", ManagerErrorKind::Manifest, "selfish"),
    ] {
        let error = manager.load_plugin(name).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{name}: {error}");
        assert!(error.to_string().contains(words), "{name}: {error}");
        assert!(!manager.is_loaded(name));
    }
    manager.shutdown().await;
}
