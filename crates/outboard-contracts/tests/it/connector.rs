//! The connector family against what was recorded from the original.

use std::collections::BTreeMap;

use outboard_contracts::connector::{
    self, Kind, Manifest, Module,
    arguments::{self, ArgumentError},
    manifest::{ManifestProblem, envelope_payload},
    module::Config,
    proto, validate_key, versions_between,
};
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage};
use serde_json::{Value, json};

const MESSAGES: &str = include_str!("../golden/connector-messages.json");
const MODULE: &str = include_str!("../golden/connector-module.json");
const PLUGIN: &str = include_str!("../golden/connector-plugin.json");
const KEYS: &str = include_str!("../golden/connector-keys.json");

fn recorded() -> Value {
    serde_json::from_str(MESSAGES).unwrap()
}

fn bytes_of(entry: &Value) -> Vec<u8> {
    let text = entry["hex"].as_str().unwrap();
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

fn descriptors() -> DescriptorPool {
    let include = concat!(env!("CARGO_MANIFEST_DIR"), "/../../proto/connector");
    let files = protox::compile(["connector.proto"], [include]).unwrap();
    DescriptorPool::from_file_descriptor_set(files).unwrap()
}

fn through_generated_type(name: &str, bytes: &[u8]) -> Vec<u8> {
    fn again<M: Message + Default>(bytes: &[u8]) -> Vec<u8> {
        M::decode(bytes).unwrap().encode_to_vec()
    }
    let again = match name.strip_prefix("wick.connector.v1.").unwrap() {
        "Error" => again::<proto::Error>,
        "ExecuteRequest" => again::<proto::ExecuteRequest>,
        "ExecuteResponse" => again::<proto::ExecuteResponse>,
        "Chunk" => again::<proto::Chunk>,
        "OpHealth" => again::<proto::OpHealth>,
        "PermsRequest" => again::<proto::PermsRequest>,
        "PermsResponse" => again::<proto::PermsResponse>,
        "IdentityRequest" => again::<proto::IdentityRequest>,
        "IdentityResponse" => again::<proto::IdentityResponse>,
        "SchemaRequest" => again::<proto::SchemaRequest>,
        "SchemaResponse" => again::<proto::SchemaResponse>,
        "HealthRequest" => again::<proto::HealthRequest>,
        "HealthResponse" => again::<proto::HealthResponse>,
        other => panic!("no generated type is listed for {other}"),
    };
    again(bytes)
}

#[test]
fn every_recorded_connector_message_is_the_same_bytes_through_our_types_and_our_proto_file() {
    let pool = descriptors();
    let recorded = recorded();
    let messages = recorded["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 13);
    for message in messages {
        let name = message["message"].as_str().unwrap();
        let bytes = bytes_of(message);
        assert_eq!(through_generated_type(name, &bytes), bytes, "{name}");

        let kind = pool.get_message_by_name(name).unwrap();
        let dynamic = DynamicMessage::deserialize(kind.clone(), &message["json"]).unwrap();
        let encoded = through_generated_type(name, &dynamic.encode_to_vec());
        assert_eq!(encoded, bytes, "{name}");

        let ours: Vec<_> = kind.fields().map(|field| field.name().to_owned()).collect();
        let theirs = message["json"].as_object().unwrap();
        assert_eq!(ours.len(), theirs.len(), "{name}");
        assert!(
            ours.iter().all(|field| theirs.contains_key(field)),
            "{name}"
        );
    }
}

#[test]
fn every_recorded_connector_method_is_in_our_proto_file_as_recorded() {
    let ours: BTreeMap<_, _> = descriptors()
        .services()
        .flat_map(|service| service.methods().collect::<Vec<_>>())
        .map(|method| {
            let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
            let described = json!({
                "path": path,
                "request": method.input().full_name(),
                "response": method.output().full_name(),
                "client_streaming": method.is_client_streaming(),
                "server_streaming": method.is_server_streaming(),
            });
            (path, described)
        })
        .collect();
    let recorded = recorded();
    let theirs: BTreeMap<_, _> = recorded["methods"]
        .as_array()
        .unwrap()
        .iter()
        .map(|method| (method["path"].as_str().unwrap().to_owned(), method.clone()))
        .collect();
    assert_eq!(ours, theirs);
    assert_eq!(ours.len(), 6);
}

#[test]
fn the_recorded_module_and_envelope_read_and_print_as_the_same_json() {
    let module: Module = serde_json::from_str(MODULE).unwrap();
    let recorded: Value = serde_json::from_str(MODULE).unwrap();
    assert_eq!(serde_json::to_value(&module).unwrap(), recorded);
    assert_eq!(module.all_operations().count(), 2);
    assert!(module.operation("wipe").unwrap().destructive);
    assert!(module.operation("Wipe").is_none());

    let manifest = Manifest::parse(PLUGIN.as_bytes()).unwrap();
    let recorded: Value = serde_json::from_str(PLUGIN).unwrap();
    assert_eq!(serde_json::to_value(&manifest).unwrap(), recorded);
    assert_eq!(manifest.module, module);
    manifest.check().unwrap();
    assert!(manifest.runs_on("linux/amd64"));
    for text in [manifest.to_json(), manifest.to_json_pretty()] {
        assert_eq!(Manifest::parse(text.as_bytes()).unwrap(), manifest);
    }
}

#[test]
fn keys_match_in_any_case_and_nulls_and_unknown_keys_are_passed_over() {
    let text = r#"{"SCHEMA_VERSION":1,"Version":null,"new_key":{"a":[1]},
        "module":{"meta":{"KEY":"a","defaulttags":null},"oauth":null,"Configs":[null],
        "operations":[{"title":"T","ops":[{"key":"go","input":null,"examples":null}]}]}}"#;
    let manifest = Manifest::parse(text.as_bytes()).unwrap();
    assert_eq!(manifest.schema_version, 1);
    assert_eq!(manifest.key(), "a");
    assert_eq!(manifest.version, "");
    assert_eq!(manifest.module.configs, [Config::default()]);
    assert_eq!(manifest.module.all_operations().next().unwrap().key, "go");

    for wrong in ["[]", "\"x\"", "{\"version\":1}", "{", ""] {
        let problem = Manifest::parse(wrong.as_bytes()).unwrap_err();
        assert!(
            matches!(problem, ManifestProblem::NotJson { .. }),
            "{wrong}"
        );
    }
}

#[test]
fn every_recorded_key_is_valid_or_not_as_recorded() {
    let keys: Vec<Value> = serde_json::from_str(KEYS).unwrap();
    assert_eq!(keys.len(), 17);
    for entry in keys {
        let key = entry["key"].as_str().unwrap();
        assert_eq!(json!(validate_key(key).is_ok()), entry["ok"], "{key:?}");
    }
}

#[test]
fn an_unknown_kind_reads_as_a_connector_and_is_refused_when_checked() {
    assert_eq!(Kind::normalize(""), Kind::Connector);
    assert_eq!(Kind::normalize("tool"), Kind::Tool);
    assert_eq!(Kind::normalize("job"), Kind::Job);
    assert_eq!(Kind::normalize("Tool"), Kind::Connector);
    let mut manifest = Manifest::parse(PLUGIN.as_bytes()).unwrap();
    manifest.kind_word = "conector".to_owned();
    assert_eq!(manifest.kind(), Kind::Connector);
    assert!(matches!(
        manifest.check(),
        Err(ManifestProblem::UnknownKind { .. })
    ));
    manifest.kind_word = String::new();
    manifest.check().unwrap();
}

#[test]
fn the_window_of_versions_is_newest_first_and_may_be_wider_than_one() {
    assert_eq!(
        connector::supported_proto_versions().collect::<Vec<_>>(),
        [1]
    );
    assert!(connector::proto_version_supported(1));
    assert!(!connector::proto_version_supported(0));
    assert!(!connector::proto_version_supported(2));
    assert_eq!(versions_between(1, 3).collect::<Vec<_>>(), [3, 2, 1]);
}

#[test]
fn a_manifest_that_no_installer_should_take_says_what_is_wrong() {
    type Change = fn(&mut Manifest);
    type Expected = fn(&ManifestProblem) -> bool;
    let cases: [(Change, Expected); 13] = [
        (
            |m| m.schema_version = 2,
            |p| matches!(p, ManifestProblem::SchemaVersion { found: 2 }),
        ),
        (
            |m| m.module.meta.key = "../x".into(),
            |p| matches!(p, ManifestProblem::Key(_)),
        ),
        (
            |m| m.version = "dev".into(),
            |p| matches!(p, ManifestProblem::Version(_)),
        ),
        (
            |m| m.entry = "../other/bin".into(),
            |p| matches!(p, ManifestProblem::Entry { .. }),
        ),
        (
            |m| m.entry = "plugin.json".into(),
            |p| matches!(p, ManifestProblem::Entry { .. }),
        ),
        (
            |m| m.entry = String::new(),
            |p| matches!(p, ManifestProblem::Entry { .. }),
        ),
        (
            |m| m.entry = "a\\b".into(),
            |p| matches!(p, ManifestProblem::Entry { .. }),
        ),
        (
            |m| m.os_arch.clear(),
            |p| matches!(p, ManifestProblem::NoPlatform),
        ),
        (
            |m| m.sha256 = m.sha256.to_uppercase(),
            |p| matches!(p, ManifestProblem::Digest),
        ),
        (
            |m| m.module.operations.clear(),
            |p| matches!(p, ManifestProblem::NoOperations),
        ),
        (
            |m| {
                let twice = m.module.operations[0].operations[0].clone();
                m.module.operations[1].operations.push(twice);
            },
            |p| matches!(p, ManifestProblem::DuplicateOperation { .. }),
        ),
        (
            |m| m.module.operations[0].operations[0].key.clear(),
            |p| matches!(p, ManifestProblem::OperationWithoutKey),
        ),
        (
            |m| m.module.configs[1].key = "base_url".into(),
            |p| matches!(p, ManifestProblem::DuplicateField { .. }),
        ),
    ];
    for (number, (change, expected)) in cases.into_iter().enumerate() {
        let mut manifest = Manifest::parse(PLUGIN.as_bytes()).unwrap();
        change(&mut manifest);
        let problem = manifest.check().unwrap_err();
        assert!(expected(&problem), "case {number}: {problem:?}");
        assert!(!problem.to_string().is_empty());
    }
}

#[test]
fn input_of_any_type_becomes_the_strings_of_the_wire() {
    let module: Module = serde_json::from_str(MODULE).unwrap();
    let say = &module.operation("say").unwrap().input;
    let read = |input: Value| arguments::read(say, &input);
    let arguments = read(json!({ "text": "hi", "times": 2, "loud": true })).unwrap();
    assert_eq!(arguments["times"], "2");
    assert_eq!(arguments["loud"], "true");
    // What is absent gets what the manifest says.
    let arguments = read(json!({ "text": "hi", "loud": null })).unwrap();
    assert_eq!(
        (arguments["times"].as_str(), arguments["loud"].as_str()),
        ("1", "false")
    );

    assert!(matches!(read(json!({})), Err(ArgumentError::Missing { key }) if key == "text"));
    assert!(matches!(
        read(json!({ "text": "" })),
        Err(ArgumentError::Missing { .. })
    ));
    assert!(matches!(
        read(json!([1])),
        Err(ArgumentError::NotAnObject { .. })
    ));
    let wrong = read(json!({ "text": "a", "times": "x" }));
    assert!(matches!(wrong, Err(ArgumentError::WrongType { .. })));
    let wrong = read(json!({ "text": "a", "loud": [true] }));
    assert!(matches!(wrong, Err(ArgumentError::WrongType { .. })));
    let wrong = read(json!({ "text": "a", "txet": "b" })).unwrap_err();
    assert!(wrong.to_string().contains("text, times, loud"), "{wrong}");
}

#[test]
fn a_choice_is_one_of_the_options_and_a_hidden_field_may_be_missing() {
    let field = |key: &str, widget: &str| Config {
        key: key.into(),
        widget: widget.into(),
        ..Config::default()
    };
    let mut region = field("region", "dropdown");
    region.options = "eu::Europe|us".into();
    let mut token = field("token", "secret");
    token.required = true;
    token.is_secret = true;
    token.visible_when = "region:eu".into();
    let fields = [region, token];
    assert!(arguments::read(&fields, &json!({ "region": "us" })).is_ok());
    assert!(arguments::read(&fields, &json!({ "region": "eu" })).is_err());
    let error = arguments::read(&fields, &json!({ "region": "ap" })).unwrap_err();
    assert!(error.to_string().contains("eu, us"), "{error}");
    let error = arguments::read(
        &fields,
        &json!({ "region": "eu", "token": {"a": "s3cr3t"} }),
    );
    assert!(!error.unwrap_err().to_string().contains("s3cr3t"));

    let schema = arguments::schema(&fields);
    assert_eq!(schema["properties"]["region"]["enum"], json!(["eu", "us"]));
    assert_eq!(schema["properties"]["token"]["writeOnly"], json!(true));
    assert_eq!(schema["additionalProperties"], json!(false));
}

#[test]
fn a_file_whose_keys_readers_could_take_for_each_other_has_no_payload_to_sign() {
    let payload = envelope_payload(br#"{"b": 1, "a": {"x": [1, 2.5, null, true, "s"]}}"#).unwrap();
    assert_eq!(
        payload,
        b"outboard connector envelope v1\n{\"a\":{\"x\":[1,2.5,null,true,\"s\"]},\"b\":1}"
    );
    for (text, twice) in [
        (r#"{"entry":"a","Entry":"b"}"#, "Entry"),
        (r#"{"m":{"k":1,"k":2}}"#, "k"),
        (r#"[{"a":1,"a":1}]"#, "a"),
    ] {
        let problem = envelope_payload(text.as_bytes()).unwrap_err();
        let expected = ManifestProblem::AmbiguousKey {
            key: twice.to_owned(),
        };
        assert_eq!(problem, expected);
    }
    assert!(matches!(
        envelope_payload(b"{"),
        Err(ManifestProblem::NotJson { .. })
    ));
}

#[cfg(feature = "signing")]
mod signing {
    use outboard_contracts::connector::signing::{
        EnvelopeVerdict, PrivateKey, PublicKey, verify_envelope, verify_sha256,
    };

    use super::*;

    const SIGNING: &str = include_str!("../golden/connector-signing.json");

    #[test]
    fn the_recorded_key_signs_as_recorded_and_every_verify_case_answers_as_recorded() {
        let recorded: Value = serde_json::from_str(SIGNING).unwrap();
        let text = |key: &str| recorded[key].as_str().unwrap();
        let key = PrivateKey::from_base64(text("private_key_file")).unwrap();
        assert_eq!(key.to_base64(), text("private_key_file").trim());
        assert_eq!(key.public().to_base64(), text("public_key"));
        assert_eq!(key.sign_sha256(text("sha256")), text("signature"));
        assert!(!format!("{key:?}").contains(&text("private_key_file")[..20]));

        let cases = recorded["verify"].as_array().unwrap();
        assert_eq!(cases.len(), 7);
        for case in cases {
            let keys: Vec<String> = serde_json::from_value(case["keys"].clone()).unwrap();
            let verified = verify_sha256(
                &keys,
                case["sha256"].as_str().unwrap(),
                case["signature"].as_str().unwrap(),
            );
            assert_eq!(json!(verified), case["ok"], "{case}");
        }
    }

    #[test]
    fn the_envelope_signature_covers_what_the_originals_does_not() {
        let key = PrivateKey::generate().unwrap();
        let other = PrivateKey::generate().unwrap();
        let mut manifest = Manifest::parse(PLUGIN.as_bytes()).unwrap();
        key.sign(&mut manifest).unwrap();
        let public = [other.public(), key.public()];
        let trusted = EnvelopeVerdict::Trusted { key: key.public() };
        for text in [manifest.to_json(), manifest.to_json_pretty()] {
            assert_eq!(
                verify_envelope(text.as_bytes(), &public),
                Ok(trusted.clone())
            );
        }
        let file = manifest.to_json();
        let key_id = key.public().id();
        let unknown = EnvelopeVerdict::UnknownKey {
            key_id: key_id.clone(),
        };
        assert_eq!(verify_envelope(file.as_bytes(), &public[..1]), Ok(unknown));
        let absent = verify_envelope(PLUGIN.as_bytes(), &public);
        assert_eq!(absent, Ok(EnvelopeVerdict::Absent));

        // The original's signature is still there for its hosts.
        let keys = [key.public().to_base64()];
        assert!(verify_sha256(&keys, &manifest.sha256, &manifest.signature));

        for change in [
            |m: &mut Manifest| m.entry = "other".into(),
            |m: &mut Manifest| m.version = "9.9.9".into(),
            |m: &mut Manifest| m.module.meta.key = "slack".into(),
            |m: &mut Manifest| m.module.operations[0].operations[1].destructive = false,
            |m: &mut Manifest| m.module.oauth = None,
            |m: &mut Manifest| m.kind_word = "tool".into(),
            |m: &mut Manifest| m.signature = String::new(),
        ] {
            let mut changed = manifest.clone();
            change(&mut changed);
            let verdict = verify_envelope(changed.to_json().as_bytes(), &public);
            let key_id = key_id.clone();
            assert_eq!(verdict, Ok(EnvelopeVerdict::Invalid { key_id }));
        }
        // Keys that only later readers know are covered as well.
        let added = file.replacen('{', "{\"new\":1,", 1);
        let verdict = verify_envelope(added.as_bytes(), &public).unwrap();
        assert!(matches!(verdict, EnvelopeVerdict::Invalid { .. }));
    }

    #[test]
    fn a_text_that_is_no_key_is_an_error_without_the_text() {
        let key = PrivateKey::generate().unwrap().to_base64();
        let mut swapped = key.clone();
        swapped.replace_range(
            60..64,
            if &key[60..64] == "AAAA" {
                "BBBB"
            } else {
                "AAAA"
            },
        );
        for text in ["", "####", "aGVsbG8=", &swapped] {
            let error = PrivateKey::from_base64(text).unwrap_err().to_string();
            assert!(text.is_empty() || !error.contains(text), "{error}");
        }
        assert!(PublicKey::from_base64(&key).is_err());
    }
}
