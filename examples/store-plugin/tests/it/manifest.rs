//! What `plugin.json` says is what the plugin does.

use outboard_contracts::PluginManifest;

use crate::host;

#[tokio::test]
async fn plugin_json_lists_the_types_that_the_plugin_has() {
    let file = PluginManifest::parse(include_bytes!("../../plugin.json")).unwrap();
    let host = host().await;
    let manifest = host.manifest().await.unwrap();
    assert_eq!((manifest.name, manifest.version), (file.name, file.version));
    assert_eq!(host.module_types().await.unwrap(), file.module_types);
    assert_eq!(host.step_types().await.unwrap(), file.step_types);
    assert_eq!(host.trigger_types().await.unwrap(), file.trigger_types);
    let schemas = host.module_schemas().await.unwrap();
    assert_eq!(schemas[0].module_type, "kv.sqlite");
    assert!(schemas[0].config_fields[0].required);
}

#[test]
fn the_program_has_the_name_of_the_plugin() {
    // Hosts look for `NAME/NAME`.
    assert_eq!(env!("CARGO_PKG_NAME"), "store-plugin");
    assert!(std::path::Path::new(env!("CARGO_BIN_EXE_store-plugin")).is_file());
}
