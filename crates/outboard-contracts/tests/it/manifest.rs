//! `plugin.json`: the original's cases by meaning, and files that are broken.

use std::fs;

use outboard_contracts::{
    manifest::{
        CapabilityRole, Contract, ContractField, Dependency, MAX_MANIFEST_BYTES,
        ManifestErrorKind as Kind, PluginManifest,
    },
    version,
};
use serde_json::{Value, json};

fn valid() -> PluginManifest {
    PluginManifest {
        name: "my-plugin".into(),
        version: "1.0.0".into(),
        author: "A".into(),
        description: "D".into(),
        dependencies: vec![dependency("base", ">=1.0.0")],
        ..PluginManifest::default()
    }
}

fn dependency(name: &str, constraint: &str) -> Dependency {
    Dependency {
        name: name.into(),
        constraint: constraint.into(),
    }
}

fn kind_after(change: impl FnOnce(&mut PluginManifest)) -> Kind {
    let mut manifest = valid();
    change(&mut manifest);
    manifest.validate().unwrap_err().kind().clone()
}

fn kind_of(json: Value) -> Kind {
    PluginManifest::parse(json.to_string().as_bytes())
        .unwrap_err()
        .kind()
        .clone()
}

#[test]
fn a_valid_manifest_passes() {
    valid().validate().unwrap();
    assert_eq!(valid().checked_name().unwrap(), "my-plugin");
    assert_eq!(
        valid().checked_version().unwrap(),
        version::parse("1.0.0").unwrap()
    );
    assert!(
        valid().checked_dependencies().unwrap()[0]
            .1
            .matches(&version::parse("1.4.0").unwrap())
    );
}

#[test]
fn each_field_that_is_wrong_is_named() {
    assert_eq!(kind_after(|m| m.name.clear()), Kind::NameMissing);
    assert!(matches!(
        kind_after(|m| m.name = "My_Plugin".into()),
        Kind::NameInvalid { .. }
    ));
    assert_eq!(kind_after(|m| m.version.clear()), Kind::VersionMissing);
    assert!(matches!(
        kind_after(|m| m.version = "1.2".into()),
        Kind::VersionInvalid { .. }
    ));
    assert_eq!(kind_after(|m| m.author.clear()), Kind::AuthorMissing);
    assert_eq!(
        kind_after(|m| m.description.clear()),
        Kind::DescriptionMissing
    );
    assert_eq!(
        kind_after(|m| m.dependencies[0].name.clear()),
        Kind::DependencyNameMissing
    );
    assert!(matches!(
        kind_after(|m| m.dependencies[0].constraint.clear()),
        Kind::DependencyConstraintMissing { .. }
    ));
    let broken = kind_after(|m| m.dependencies[0].constraint = "newest".into());
    assert!(matches!(broken, Kind::DependencyConstraintInvalid { name, .. } if name == "base"));
}

#[test]
fn the_first_field_that_is_wrong_is_reported() {
    let kind = kind_after(|m| {
        m.description.clear();
        m.version.clear();
    });
    assert_eq!(kind, Kind::VersionMissing);
}

#[test]
fn messages_say_what_to_do_in_one_line() {
    for (change, text) in [
        (
            (|m| m.name.clear()) as fn(&mut PluginManifest),
            "manifest: name is required",
        ),
        (|m| m.author.clear(), "manifest: author is required"),
        (
            |m| m.dependencies[0].constraint.clear(),
            "manifest: dependency \"base\" constraint is required",
        ),
    ] {
        let mut manifest = valid();
        change(&mut manifest);
        assert_eq!(manifest.validate().unwrap_err().to_string(), text);
    }
    let error = PluginManifest {
        name: "N".into(),
        ..valid()
    }
    .validate()
    .unwrap_err()
    .to_string();
    assert!(
        error.starts_with("manifest: name \"N\" must be lowercase alphanumeric with hyphens"),
        "{error}"
    );
}

// DIFFERENCE: the original checks none of these.
#[test]
fn dependencies_and_roles_that_cannot_work_are_refused() {
    assert_eq!(
        kind_after(|m| m.dependencies[0].name = "my-plugin".into()),
        Kind::DependsOnItself
    );
    let twice = kind_after(|m| m.dependencies.push(dependency("base", "<2")));
    assert_eq!(
        twice,
        Kind::DependencyDuplicate {
            name: "base".into()
        }
    );
    assert!(matches!(
        kind_after(|m| m.dependencies[0].name = "../x".into()),
        Kind::DependencyNameInvalid { .. }
    ));

    let with_capability = |capability: Value| {
        kind_of(
            json!({ "name": "a", "version": "1.0.0", "author": "A", "description": "D", "capabilities": [capability] }),
        )
    };
    assert!(matches!(
        with_capability(json!({ "name": "x", "role": "both" })),
        Kind::CapabilityRoleInvalid { .. }
    ));
    assert!(matches!(
        with_capability(json!({ "name": "x" })),
        Kind::CapabilityRoleInvalid { .. }
    ));
    assert_eq!(
        with_capability(json!({ "role": "provider" })),
        Kind::CapabilityNameMissing
    );
}

#[test]
fn a_manifest_with_a_contract_passes_and_keeps_it() {
    let field = ContractField {
        field_type: "int".into(),
        description: String::new(),
        default: Some(json!(3)),
    };
    let contract = Contract {
        optional_inputs: [("retries".to_owned(), field)].into(),
        ..Contract::default()
    };
    let manifest = PluginManifest {
        contract: Some(contract),
        ..valid()
    };
    let text = serde_json::to_vec(&manifest).unwrap();
    assert_eq!(PluginManifest::parse(&text).unwrap(), manifest);
}

#[test]
fn a_manifest_is_read_from_a_file_with_every_field() {
    let text = json!({
        "name": "my-plugin", "version": "v1.2.3-rc.1", "author": "A", "description": "D", "license": "MIT",
        "dependencies": [{ "name": "base", "constraint": "^1.0.0" }],
        "contract": {
            "required_inputs": { "path": { "type": "string", "description": "a file" } },
            "optional_inputs": {}, "outputs": { "count": { "type": "int" } },
        },
        "tags": ["x"], "repository": "https://example.org",
        "capabilities": [{ "name": "http-server", "role": "provider", "priority": 10 }, { "name": "db", "role": "consumer" }],
        "moduleTypes": ["custom.metrics"], "stepTypes": ["step.uppercase"], "triggerTypes": ["cron"],
        "workflowTypes": ["http"], "wiringHooks": ["wire"],
    });
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("plugin.json");
    fs::write(&path, text.to_string()).unwrap();

    let manifest = PluginManifest::parse(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(
        manifest.capabilities[0].role(),
        Some(CapabilityRole::Provider)
    );
    assert_eq!(manifest.capabilities[0].priority, 10);
    assert_eq!(
        manifest.capabilities[1].role(),
        Some(CapabilityRole::Consumer)
    );
    assert_eq!(serde_json::to_value(&manifest).unwrap(), text);
}

#[test]
fn fields_that_are_empty_are_left_out_when_it_is_written() {
    let mut manifest = valid();
    manifest.dependencies.clear();
    let json = serde_json::to_value(manifest).unwrap();
    let keys: Vec<_> = json
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(keys, ["author", "description", "name", "version"]);
}

#[test]
fn unknown_fields_and_nulls_are_no_errors() {
    let manifest = json!({
        "name": "a", "version": "1.0.0", "author": "A", "description": "D", "tier": "core", "tags": null,
        "contract": null, "minEngineVersion": "0.80.0",
    });
    PluginManifest::parse(manifest.to_string().as_bytes()).unwrap();
}

#[test]
fn the_object_form_of_capabilities_adds_its_types() {
    let manifest = json!({
        "name": "a", "version": "1.0.0", "author": "A", "description": "D", "moduleTypes": ["m.one"],
        "capabilities": { "configProvider": true, "moduleTypes": ["m.one", "m.two"], "stepTypes": ["s"] },
    });
    let manifest = PluginManifest::parse(manifest.to_string().as_bytes()).unwrap();
    assert_eq!(manifest.module_types, ["m.one", "m.two"]);
    assert_eq!(manifest.step_types, ["s"]);
    assert!(manifest.capabilities.is_empty());
}

#[test]
fn files_that_are_no_manifest_are_refused_each_with_its_kind() {
    let kind = |bytes: &[u8]| PluginManifest::parse(bytes).unwrap_err().kind().clone();
    assert_eq!(kind(b""), Kind::Empty);
    assert_eq!(kind(b" \n"), Kind::Empty);
    assert_eq!(kind(b"{\"name\":\"\xff\"}"), Kind::NotUtf8 { position: 9 });
    assert_eq!(
        kind(&vec![b' '; 10_000_000]),
        Kind::TooLarge { bytes: 10_000_000 }
    );
    assert!(matches!(
        kind(b"{\n not json"),
        Kind::NotJson {
            line: 2,
            column: 2,
            ..
        }
    ));
    for wrong in [
        "[]",
        "null",
        "3",
        "{\"name\":3}",
        "{\"dependencies\":{}}",
        "{\"capabilities\":\"x\"}",
        "{} x",
    ] {
        assert!(
            matches!(kind(wrong.as_bytes()), Kind::NotJson { .. }),
            "{wrong}"
        );
    }
    assert!(matches!(
        kind("[".repeat(100_000).as_bytes()),
        Kind::NotJson { .. }
    ));
    assert_eq!(kind(b"{}"), Kind::NameMissing);
}

#[test]
fn a_manifest_of_exactly_the_limit_is_read() {
    let mut text = serde_json::to_vec(&valid()).unwrap();
    text.resize(MAX_MANIFEST_BYTES, b' ');
    PluginManifest::parse(&text).unwrap();
}
