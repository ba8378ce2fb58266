//! What a module type takes and gives, as editors and validators see it.
//!
//! The engine's schema has more fields than the wire has; those stay at their
//! defaults when a schema comes from a plugin.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{value::Map, workflow::proto};

/// The schema of one module type. The JSON form has the original's field names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ModuleSchema {
    /// The module type, such as `kv.sqlite`.
    #[serde(rename = "type")]
    pub module_type: String,
    /// What people read.
    pub label: String,
    /// Which group it is listed in.
    pub category: String,
    /// One sentence.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// What it needs from other modules.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<ServiceIo>,
    /// What it offers to other modules.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<ServiceIo>,
    /// Its config keys.
    pub config_fields: Vec<ConfigField>,
    /// Config values for a new module. Not on the wire.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub default_config: Map,
    /// How many edges may lead to it in an editor. Not on the wire.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_incoming: Option<u32>,
    /// How many edges may leave it in an editor. Not on the wire.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_outgoing: Option<u32>,
}

/// One input or output of a module type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceIo {
    /// Its name.
    pub name: String,
    /// Its type, in the plugin's own words.
    #[serde(rename = "type")]
    pub io_type: String,
    /// One sentence.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
}

/// One config key of a module type.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConfigField {
    /// The key in the config.
    pub key: String,
    /// What people read; the key again when it comes over the wire.
    pub label: String,
    /// `string`, `number`, `boolean`, `select`, `json`, `duration`, `array`, `map`,
    /// `filepath`, `sql`, or a type that only the plugin knows.
    #[serde(rename = "type")]
    pub field_type: String,
    /// One sentence.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Whether a module cannot do without it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// What is assumed where it is absent; text when it comes over the wire.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_value: Option<Value>,
    /// The values that are allowed; empty for any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// An example to show in an empty input. Not on the wire.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub placeholder: String,
    /// Which section of a form it belongs to. Not on the wire.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// The type of an array's items. Not on the wire.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub array_item_type: String,
    /// The type of a map's values. Not on the wire.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub map_value_type: String,
    /// Where an absent value is taken from. Not on the wire.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub inherit_from: String,
    /// A secret: never shown or logged. Not on the wire.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub sensitive: bool,
}

impl From<proto::ModuleSchema> for ModuleSchema {
    fn from(wire: proto::ModuleSchema) -> Self {
        Self {
            module_type: wire.r#type,
            label: wire.label,
            category: wire.category,
            description: wire.description,
            inputs: wire.inputs.into_iter().map(ServiceIo::from).collect(),
            outputs: wire.outputs.into_iter().map(ServiceIo::from).collect(),
            config_fields: wire
                .config_fields
                .into_iter()
                .map(ConfigField::from)
                .collect(),
            ..Self::default()
        }
    }
}

impl From<ModuleSchema> for proto::ModuleSchema {
    fn from(schema: ModuleSchema) -> Self {
        Self {
            r#type: schema.module_type,
            label: schema.label,
            category: schema.category,
            description: schema.description,
            inputs: schema.inputs.into_iter().map(Into::into).collect(),
            outputs: schema.outputs.into_iter().map(Into::into).collect(),
            config_fields: schema.config_fields.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<proto::ServiceIoDef> for ServiceIo {
    fn from(wire: proto::ServiceIoDef) -> Self {
        Self {
            name: wire.name,
            io_type: wire.r#type,
            description: wire.description,
        }
    }
}

impl From<ServiceIo> for proto::ServiceIoDef {
    fn from(io: ServiceIo) -> Self {
        Self {
            name: io.name,
            r#type: io.io_type,
            description: io.description,
        }
    }
}

impl From<proto::ConfigFieldDef> for ConfigField {
    fn from(wire: proto::ConfigFieldDef) -> Self {
        Self {
            label: wire.name.clone(),
            key: wire.name,
            field_type: wire.r#type,
            description: wire.description,
            required: wire.required,
            default_value: (!wire.default_value.is_empty())
                .then_some(Value::String(wire.default_value)),
            options: wire.options,
            ..Self::default()
        }
    }
}

impl From<ConfigField> for proto::ConfigFieldDef {
    fn from(field: ConfigField) -> Self {
        Self {
            name: field.key,
            r#type: field.field_type,
            description: field.description,
            default_value: match field.default_value {
                None | Some(Value::Null) => String::new(),
                Some(Value::String(text)) => text,
                Some(other) => other.to_string(),
            },
            required: field.required,
            options: field.options,
        }
    }
}
