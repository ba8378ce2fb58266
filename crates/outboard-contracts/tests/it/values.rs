//! Values on the wire: exact, or refused with their path.

use std::collections::BTreeMap;

use outboard_contracts::{
    value::{
        MAX_DEPTH, MAX_INTEGER, Map, ValueErrorKind, map, map_to_struct, optional_to_map,
        struct_to_map,
    },
    workflow::proto,
};
use prost::Message;
use prost_types::{Struct, Value as WireValue, value::Kind};
use serde_json::{Value, json};

fn object(value: Value) -> Map {
    map(value).unwrap()
}

fn there_and_back(value: Value) -> Value {
    Value::Object(struct_to_map(map_to_struct(&object(value)).unwrap()).unwrap())
}

/// An object with `depth` containers inside each other, itself included.
fn nested(depth: usize, container: fn(Value) -> Value) -> Map {
    object(json!({ "a": (1..depth).fold(json!("leaf"), |inner, _| container(inner)) }))
}

#[test]
fn values_of_every_kind_survive_the_wire() {
    let value = json!({
        "text": "héllo ✓", "empty": "", "yes": true, "no": false, "nothing": null,
        "whole": 42, "negative": -7, "zero": 0, "fraction": -0.5, "huge": 1e300,
        "list": [1, "two", { "three": 3 }, []], "map": { "": { "a.b": 1 } },
    });
    assert_eq!(there_and_back(value.clone()), value);
}

#[test]
fn integers_at_the_limit_survive_exactly() {
    let value = json!({ "most": MAX_INTEGER, "least": -MAX_INTEGER });
    assert_eq!(there_and_back(value.clone()), value);
}

#[test]
fn whole_floats_come_back_as_integers_and_larger_ones_as_floats() {
    assert_eq!(there_and_back(json!({ "a": 42.0 })), json!({ "a": 42 }));
    assert_eq!(there_and_back(json!({ "a": 1e17 })), json!({ "a": 1e17 }));
    let zero = there_and_back(json!({ "a": -0.0 }));
    assert!(zero["a"].as_f64().unwrap().is_sign_negative());
}

#[test]
fn integers_beyond_the_limit_are_refused_with_their_path() {
    for (value, path) in [
        (
            json!({ "items": [0, 1, { "id": MAX_INTEGER + 1 }] }),
            "items[2].id",
        ),
        (json!({ "id": -MAX_INTEGER - 1 }), "id"),
        (json!({ "a b": { "c": u64::MAX } }), "[\"a b\"].c"),
        (json!({ "a": [[i64::MIN]] }), "a[0][0]"),
    ] {
        let error = map_to_struct(&object(value)).unwrap_err();
        assert_eq!(error.path(), path);
        assert!(matches!(
            error.kind(),
            ValueErrorKind::IntegerTooLarge { .. }
        ));
        assert!(error.to_string().contains("2^53"), "{error}");
    }
}

#[test]
fn numbers_from_the_wire_that_are_not_finite_are_refused_with_their_path() {
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let value = WireValue {
            kind: Some(Kind::NumberValue(number)),
        };
        let wire = Struct {
            fields: BTreeMap::from([("price".to_owned(), value)]),
        };
        let error = struct_to_map(wire).unwrap_err();
        assert_eq!(error.path(), "price");
        assert!(matches!(error.kind(), ValueErrorKind::NotFinite { .. }));
    }
}

#[test]
fn a_wire_value_without_a_kind_is_null() {
    let wire = Struct {
        fields: BTreeMap::from([("a".to_owned(), WireValue { kind: None })]),
    };
    assert_eq!(struct_to_map(wire).unwrap(), object(json!({ "a": null })));
}

#[test]
fn nesting_beyond_the_limit_is_refused_in_both_directions() {
    for container in [|inner| json!({ "a": inner }), |inner| json!([inner])] {
        assert!(map_to_struct(&nested(MAX_DEPTH, container)).is_ok());
        let error = map_to_struct(&nested(MAX_DEPTH + 1, container)).unwrap_err();
        assert_eq!(error.kind(), &ValueErrorKind::TooDeep);
    }

    let mut wire = Struct::default();
    for _ in 0..MAX_DEPTH {
        let value = WireValue {
            kind: Some(Kind::StructValue(wire)),
        };
        wire = Struct {
            fields: BTreeMap::from([("a".to_owned(), value)]),
        };
    }
    assert_eq!(
        struct_to_map(wire).unwrap_err().kind(),
        &ValueErrorKind::TooDeep
    );
}

#[test]
fn the_deepest_value_that_is_sent_can_be_decoded_in_the_deepest_place() {
    let deepest = map_to_struct(&nested(MAX_DEPTH, |inner| json!({ "a": inner }))).unwrap();
    let request = proto::ExecuteStepRequest {
        step_outputs: BTreeMap::from([("before".to_owned(), deepest)]),
        ..Default::default()
    };
    let decoded = proto::ExecuteStepRequest::decode(request.encode_to_vec().as_slice()).unwrap();
    assert_eq!(decoded, request);
}

#[test]
fn an_error_can_be_put_into_the_field_that_it_is_in() {
    let error = map_to_struct(&object(json!({ "a": [u64::MAX] }))).unwrap_err();
    assert_eq!(error.within("output").path(), "output.a[0]");
}

#[test]
fn an_absent_field_is_an_empty_map() {
    assert_eq!(optional_to_map(None).unwrap(), Map::new());
}

#[test]
fn only_objects_are_maps() {
    let error = map(json!([1])).unwrap_err();
    assert_eq!(
        (error.kind(), error.path()),
        (&ValueErrorKind::NotAnObject, "")
    );
}
