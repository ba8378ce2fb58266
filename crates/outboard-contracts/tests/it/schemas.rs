//! Module schemas between the engine's form and the wire's.

use outboard_contracts::{
    schema::{ConfigField, ModuleSchema, ServiceIo},
    ui::UiPageDef,
    workflow::proto,
};
use serde_json::json;

fn example() -> ModuleSchema {
    ModuleSchema {
        module_type: "kv.sqlite".into(),
        label: "Store".into(),
        category: "storage".into(),
        description: "Keeps values.".into(),
        outputs: vec![ServiceIo {
            name: "store".into(),
            io_type: "kv".into(),
            description: "It".into(),
        }],
        config_fields: vec![ConfigField {
            key: "limit".into(),
            label: "limit".into(),
            field_type: "number".into(),
            required: true,
            default_value: Some("10".into()),
            options: vec!["10".into(), "20".into()],
            ..ConfigField::default()
        }],
        ..ModuleSchema::default()
    }
}

#[test]
fn a_schema_survives_the_wire() {
    let wire = proto::ModuleSchema::from(example());
    assert_eq!(wire.config_fields[0].name, "limit");
    assert_eq!(ModuleSchema::from(wire), example());
}

#[test]
fn key_and_label_of_a_field_from_the_wire_are_both_its_name() {
    let wire = proto::ConfigFieldDef {
        name: "path".into(),
        ..Default::default()
    };
    let field = ConfigField::from(wire);
    assert_eq!(
        (
            field.key.as_str(),
            field.label.as_str(),
            field.default_value
        ),
        ("path", "path", None)
    );
}

#[test]
fn a_default_value_that_is_no_text_crosses_as_json() {
    let mut schema = example();
    schema.config_fields[0].default_value = Some(json!({ "a": [1, true] }));
    let wire = proto::ModuleSchema::from(schema);
    assert_eq!(wire.config_fields[0].default_value, r#"{"a":[1,true]}"#);
}

#[test]
fn the_json_form_has_the_original_field_names() {
    let json = serde_json::to_value(example()).unwrap();
    assert_eq!(json["type"], "kv.sqlite");
    assert_eq!(json["outputs"][0]["type"], "kv");
    assert_eq!(json["configFields"][0]["defaultValue"], "10");
    assert!(json.get("maxIncoming").is_none() && json.get("inputs").is_none());
}

#[test]
fn a_page_leaves_out_what_is_empty() {
    let page = UiPageDef {
        id: "a".into(),
        label: "A".into(),
        required_role: "admin".into(),
        ..Default::default()
    };
    let json = serde_json::to_value(&page).unwrap();
    assert_eq!(
        json,
        json!({ "id": "a", "label": "A", "requiredRole": "admin" })
    );
    assert_eq!(serde_json::from_value::<UiPageDef>(json).unwrap(), page);
}
