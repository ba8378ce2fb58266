//! No input makes a parser panic, and what is accepted stays what it is.

use outboard_contracts::{
    PluginManifest, PluginName,
    value::{MAX_INTEGER, Map, map_to_struct, struct_to_map},
    version::{self, Constraint},
    workflow::proto,
};
use proptest::prelude::*;
use prost::Message;
use serde_json::{Number, Value};

/// Texts that look enough like versions and constraints to get past the first check.
fn versionish() -> impl Strategy<Value = String> {
    "[v0-9.*x<>=!^~|, +a-c-]{0,24}"
}

fn numbers() -> impl Strategy<Value = Number> {
    prop_oneof![
        (-MAX_INTEGER..=MAX_INTEGER).prop_map(Number::from),
        any::<f64>().prop_filter_map("finite and not whole", |float| {
            if float.fract() == 0.0 {
                None
            } else {
                Number::from_f64(float)
            }
        }),
    ]
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        numbers().prop_map(Value::Number),
        ".{0,8}".prop_map(Value::String),
    ];
    leaf.prop_recursive(5, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::btree_map(".{0,6}", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn names_are_parsed_without_panicking(text in ".{0,80}") {
        if let Ok(name) = PluginName::parse(&text) {
            prop_assert_eq!(name.as_str(), text);
        }
    }

    #[test]
    fn versions_are_parsed_without_panicking(text in prop_oneof![".{0,40}", versionish()]) {
        if let Ok(version) = version::parse(&text) {
            prop_assert_eq!(version::parse(&version.to_string()).unwrap(), version);
        }
    }

    #[test]
    fn constraints_are_parsed_without_panicking(text in prop_oneof![".{0,40}", versionish()]) {
        if let Ok(constraint) = Constraint::parse(&text) {
            constraint.matches(&version::parse("1.2.3-a").unwrap());
            prop_assert_eq!(Constraint::parse(constraint.as_str()).unwrap(), constraint);
        }
    }

    #[test]
    fn an_exact_constraint_accepts_its_version_and_the_next_alternative_changes_nothing(
        major in 0u64..5, minor in 0u64..5, patch in 0u64..5, other in 5u64..9,
    ) {
        let text = format!("{major}.{minor}.{patch}");
        for constraint in [text.clone(), format!("^{text}"), format!("~{text}"), format!("{other}.0.0 || {text}")] {
            prop_assert!(version::check(&text, &constraint).unwrap(), "{}", constraint);
        }
        let excluded = format!("!={text}");
        prop_assert!(!version::check(&text, &excluded).unwrap());
    }

    #[test]
    fn manifests_are_parsed_without_panicking(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = PluginManifest::parse(&bytes);
    }

    #[test]
    fn manifests_of_any_json_are_parsed_without_panicking(value in values(), key in "(name|version|dependencies|capabilities|contract|tags)") {
        let _ = PluginManifest::parse(serde_json::json!({ key: value }).to_string().as_bytes());
    }

    #[test]
    fn values_within_the_limits_survive_the_wire(value in values()) {
        let mut map = Map::new();
        map.insert("value".to_owned(), value);
        let bytes = map_to_struct(&map).unwrap().encode_to_vec();
        let wire = prost_types::Struct::decode(bytes.as_slice()).unwrap();
        prop_assert_eq!(struct_to_map(wire).unwrap(), map);
    }

    #[test]
    fn messages_are_decoded_without_panicking(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(request) = proto::ExecuteStepRequest::decode(bytes.as_slice()) {
            for (_, output) in request.step_outputs {
                let _ = struct_to_map(output);
            }
        }
    }
}
