//! What a connector says of itself, beside what the original's says.

use outboard_contracts::connector::{Manifest, signing::verify_sha256};
use outboard_sdk::{
    connector::{
        Connector, Context, Field, Fields, Operation, PrivateKey, build_self_manifest,
        dump_manifest,
    },
    json,
    testing::ConnectorHost,
};
use serde_json::Value;

use super::kitchen::kitchen;

const MODULE: &str = include_str!("../../golden/connector-module.json");
const PLUGIN: &str = include_str!("../../golden/connector-plugin.json");
const SIGNING: &str = include_str!("../../golden/connector-signing.json");

#[tokio::test]
async fn the_module_is_the_recorded_one_printed_and_answered() {
    let recorded: Value = serde_json::from_str(MODULE).unwrap();
    let printed: Value = serde_json::from_str(&dump_manifest(&kitchen())).unwrap();
    assert_eq!(printed, recorded);

    let host = ConnectorHost::start(kitchen(), json!({ "api_key": "k" }))
        .await
        .unwrap();
    let answered = serde_json::to_value(host.schema().await.unwrap()).unwrap();
    assert_eq!(answered, recorded);
}

#[test]
fn the_plugin_json_is_the_recorded_one_but_for_the_program() {
    let signing: Value = serde_json::from_str(SIGNING).unwrap();
    let key = PrivateKey::from_base64(signing["private_key_file"].as_str().unwrap()).unwrap();
    let manifest = build_self_manifest(&kitchen(), Some(&key)).unwrap();
    let public = signing["public_key"].as_str().unwrap();
    assert!(verify_sha256(
        &[public],
        &manifest.sha256,
        &manifest.signature
    ));

    let mut built = serde_json::to_value(&manifest).unwrap();
    let program = std::env::current_exe().unwrap();
    assert_eq!(
        built["entry"],
        *program.file_name().unwrap().to_str().unwrap()
    );
    assert_eq!(built["sha256"].as_str().unwrap().len(), 64);
    let recorded: Value = serde_json::from_str(PLUGIN).unwrap();
    for of_the_program in ["entry", "sha256", "signature", "os_arch"] {
        built[of_the_program] = recorded[of_the_program].clone();
    }
    // DIFFERENCE: a second signature, over the whole, which the original passes over.
    assert!(
        built
            .as_object_mut()
            .unwrap()
            .remove("envelope_signature")
            .is_some()
    );
    assert_eq!(built, recorded);
}

#[test]
fn a_connector_without_a_version_has_that_of_its_package() {
    #[derive(Fields)]
    struct Settings {}

    let with_settings = Connector::<Settings>::new("a", "A");
    assert_eq!(with_settings.package_version(), env!("CARGO_PKG_VERSION"));
    let connector = Connector::<()>::new("a", "A");
    assert_eq!(connector.package_version(), "0.0.0-dev");
    let work = |_: Context<()>, _: Settings| async { Ok(()) };
    let connector = connector.category("", "", [Operation::new("go", "Go", work)]);
    assert_eq!(connector.package_version(), env!("CARGO_PKG_VERSION"));
    let manifest: Manifest = build_self_manifest(&connector, None).unwrap();
    assert_eq!(
        (&*manifest.version, &*manifest.signature),
        (env!("CARGO_PKG_VERSION"), "")
    );
    assert_eq!(manifest.check(), Ok(()));
}

#[test]
fn what_is_declared_wrongly_is_found_before_anything_is_printed_or_served() {
    fn operation(key: &str) -> Operation<()> {
        Operation::new(key, "Name", |_, (): ()| async { Ok(()) })
    }
    let connector = |key: &str| Connector::<()>::new(key, "Name");
    let field = |key: &str| Field::new(key);
    for (connector, expected) in [
        (
            connector("Bad-Key").category("", "", [operation("go")]),
            "a-z, 0-9 and _",
        ),
        (connector("a"), "no operations"),
        (connector("a").category("Empty", "", []), "no operations"),
        (
            connector("a")
                .category("1", "", [operation("go")])
                .category("2", "", [operation("go")]),
            "\"go\" is there twice",
        ),
        (
            connector("a").category("", "", [operation("Go")]),
            "\"Go\" may have only",
        ),
        (
            connector("a").category("", "", [operation("")]),
            "an operation's key is missing",
        ),
        (
            Connector::new("a", " ").category("", "", [operation("go")]),
            "no name",
        ),
        (
            connector("a")
                .version("dev")
                .category("", "", [operation("go")]),
            "dev",
        ),
        (
            connector("a").category("", "", [operation("go").input([field("x"), field("x")])]),
            "\"x\" is there twice",
        ),
        (
            connector("a")
                .settings([field("key").secret().default("hunter2")])
                .category("", "", [operation("go")]),
            "everybody could read",
        ),
        (
            connector("a")
                .settings([field("x").visible_when("y", "1")])
                .category("", "", [operation("go")]),
            "depends on \"y\"",
        ),
    ] {
        let error = connector.check().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
        let refused = build_self_manifest(&connector, None).unwrap_err();
        assert_eq!(refused.to_string(), error);
        assert_eq!(
            outboard_sdk::connector::new_server(connector)
                .unwrap_err()
                .to_string(),
            error
        );
    }
}
