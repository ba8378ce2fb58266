//! Values as providers take them: MessagePack, in the shape that a schema tells.
//!
//! ```text
//! {"name": "a.txt", "labels": nil, "sha256": ext(0, 00)}
//!   a value          null           unknown until applied
//! ```

use std::fmt;

pub use rmpv::Value;

use crate::{
    Failure,
    generated::{DynamicValue, Schema},
};

/// How deep the values of a provider may be nested.
const DEEPEST: usize = 64;

/// A value for the wire.
pub fn encode(value: &Value) -> DynamicValue {
    let mut msgpack = Vec::new();
    // A vector takes all that is written to it.
    let _ = rmpv::encode::write_value(&mut msgpack, value);
    DynamicValue {
        msgpack: msgpack.into(),
    }
}

/// A value from the wire; null where there is none.
///
/// # Errors
///
/// When it is no MessagePack, or nested deeper than 64 levels.
pub fn decode(value: Option<DynamicValue>) -> Result<Value, Failure> {
    match value.unwrap_or_default().msgpack {
        nothing if nothing.is_empty() => Ok(Value::Nil),
        msgpack => Ok(rmpv::decode::read_value_with_max_depth(
            &mut msgpack.as_ref(),
            DEEPEST,
        )?),
    }
}

/// An object with all attributes of a schema: providers refuse one that lacks some.
/// What is not given is null.
///
/// # Errors
///
/// When the schema has no such attribute.
pub fn object(schema: &Schema, given: &[(&str, Value)]) -> Result<Value, Failure> {
    let attributes = schema.attributes();
    for (name, _) in given {
        if !attributes.iter().any(|attribute| attribute.name == *name) {
            return Err(Failure::Unknown(format!("attribute {name}")));
        }
    }
    let fields = attributes.iter().map(|attribute| {
        let found = given.iter().find(|(name, _)| attribute.name == *name);
        let value = found.map_or(Value::Nil, |(_, value)| value.clone());
        (Value::from(attribute.name.as_str()), value)
    });
    Ok(Value::Map(fields.collect()))
}

/// The configuration, and for what it leaves to the provider, what was there before.
pub fn propose(schema: &Schema, prior: &Value, config: &Value) -> Value {
    let fields = schema.attributes().iter().map(|attribute| {
        let name = attribute.name.as_str();
        let value = match get(config, name) {
            Value::Nil if attribute.computed => get(prior, name),
            configured => configured,
        };
        (Value::from(name), value.clone())
    });
    Value::Map(fields.collect())
}

/// An attribute; null where there is none.
pub fn get<'a>(object: &'a Value, name: &str) -> &'a Value {
    let fields = object.as_map().map_or(&[][..], Vec::as_slice);
    let found = fields.iter().find(|(key, _)| key.as_str() == Some(name));
    found.map_or(&Value::Nil, |(_, value)| value)
}

/// The names of an object's attributes.
pub fn names(object: &Value) -> impl Iterator<Item = &str> {
    let fields = object.as_map().map_or(&[][..], Vec::as_slice);
    fields.iter().filter_map(|(key, _)| key.as_str())
}

/// Whether the provider will know it only once it has applied the plan.
pub fn is_unknown(value: &Value) -> bool {
    matches!(value, Value::Ext(..))
}

/// A value as text.
#[derive(Debug)]
pub struct Shown<'a>(pub &'a Value);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            unknown if is_unknown(unknown) => f.write_str("(known after apply)"),
            Value::String(text) => write!(f, "{:?}", text.as_str().unwrap_or("(no text)")),
            other => other.fmt(f),
        }
    }
}
