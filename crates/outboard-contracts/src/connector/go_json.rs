//! JSON as Go reads and writes it: keys match in any case, `null` and unknown keys are
//! passed over, and what is marked `omitempty` is left out when it is empty.

use serde::Deserialize;

/// A value that Go prints as `null` or leaves out.
pub(super) trait Zero {
    fn is_zero(&self) -> bool;
}

impl Zero for String {
    fn is_zero(&self) -> bool {
        self.is_empty()
    }
}

impl Zero for bool {
    fn is_zero(&self) -> bool {
        !self
    }
}

impl<T> Zero for Vec<T> {
    fn is_zero(&self) -> bool {
        self.is_empty()
    }
}

impl<K, V> Zero for std::collections::BTreeMap<K, V> {
    fn is_zero(&self) -> bool {
        self.is_empty()
    }
}

impl<T> Zero for Option<T> {
    fn is_zero(&self) -> bool {
        self.is_none()
    }
}

/// A value that `null` leaves empty, as in Go.
pub(super) struct Nullable<T>(pub(super) T);

impl<'de, T: Default + Deserialize<'de>> Deserialize<'de> for Nullable<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Nullable(
            Option::<T>::deserialize(deserializer)?.unwrap_or_default(),
        ))
    }
}

/// The schema of a struct that Go wrote, field by field.
#[cfg(feature = "schema")]
#[derive(Default)]
pub(super) struct ObjectSchema {
    properties: serde_json::Map<String, serde_json::Value>,
    required: Vec<&'static str>,
}

#[cfg(feature = "schema")]
impl ObjectSchema {
    /// A field of that key and mode, described by the attributes that it has in Rust.
    pub(super) fn add(
        &mut self,
        key: &'static str,
        mode: &str,
        value: schemars::Schema,
        attributes: &[&str],
    ) {
        let mut value = value;
        if mode == "nullable" {
            value = schemars::json_schema!({ "anyOf": [value, { "type": "null" }] });
        }
        if mode != "omitempty" {
            self.required.push(key);
        }
        if let Some(description) = documentation(attributes) {
            value.insert("description".to_owned(), description.into());
        }
        self.properties.insert(key.to_owned(), value.to_value());
    }

    pub(super) fn finish(self, attributes: &[&str]) -> schemars::Schema {
        let mut schema = schemars::json_schema!({
            "type": "object",
            "properties": self.properties,
            "required": self.required,
        });
        if let Some(description) = documentation(attributes) {
            schema.insert("description".to_owned(), description.into());
        }
        schema
    }
}

/// The text of `doc = "…"` among attributes that a macro has as text.
#[cfg(feature = "schema")]
fn documentation(attributes: &[&str]) -> Option<String> {
    let lines = attributes.iter().filter_map(|attribute| {
        let literal = attribute.strip_prefix("doc = ")?;
        let text = literal.strip_prefix('r').unwrap_or(literal);
        Some(text.trim_matches('"').trim().to_owned())
    });
    let text = lines.collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then_some(text)
}

/// Declares a struct with the JSON that Go has for it: each field with its key, and
/// `omitempty` or `nullable` where Go has them.
macro_rules! go_struct {
    (
        $(#[$attribute:meta])*
        pub struct $name:ident {
            $(
                $(#[$field_attribute:meta])*
                pub $field:ident: $type:ty => $key:literal $($mode:ident)?,
            )*
        }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $( $(#[$field_attribute])* pub $field: $type, )*
        }

        #[cfg(feature = "schema")]
        impl ::schemars::JsonSchema for $name {
            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                concat!("Connector", stringify!($name)).into()
            }

            fn json_schema(generator: &mut ::schemars::SchemaGenerator) -> ::schemars::Schema {
                let mut object = $crate::connector::go_json::ObjectSchema::default();
                $(
                    let value = generator.subschema_for::<$type>();
                    object.add(
                        $key,
                        stringify!($($mode)?),
                        value,
                        &[$(stringify!($field_attribute)),*],
                    );
                )*
                object.finish(&[$(stringify!($attribute)),*])
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use ::serde::ser::SerializeMap as _;
                let mut map = serializer.serialize_map(None)?;
                $( $crate::connector::go_json::go_struct!(@entry map, $key, &self.$field, $($mode)?); )*
                map.end()
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl<'de> ::serde::de::Visitor<'de> for Visitor {
                    type Value = $name;

                    fn expecting(&self, formatter: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                        formatter.write_str("an object")
                    }

                    fn visit_unit<E>(self) -> Result<$name, E> {
                        Ok($name::default())
                    }

                    fn visit_map<A: ::serde::de::MapAccess<'de>>(self, mut map: A) -> Result<$name, A::Error> {
                        let mut value = $name::default();
                        while let Some(key) = map.next_key::<String>()? {
                            $(
                                if key.eq_ignore_ascii_case($key) {
                                    value.$field = map
                                        .next_value::<$crate::connector::go_json::Nullable<$type>>()?
                                        .0;
                                    continue;
                                }
                            )*
                            map.next_value::<::serde::de::IgnoredAny>()?;
                        }
                        Ok(value)
                    }
                }
                deserializer.deserialize_any(Visitor)
            }
        }
    };
    (@entry $map:ident, $key:literal, $value:expr,) => {
        $map.serialize_entry($key, $value)?;
    };
    (@entry $map:ident, $key:literal, $value:expr, omitempty) => {
        if !$crate::connector::go_json::Zero::is_zero($value) {
            $map.serialize_entry($key, $value)?;
        }
    };
    (@entry $map:ident, $key:literal, $value:expr, nullable) => {
        if $crate::connector::go_json::Zero::is_zero($value) {
            $map.serialize_entry($key, &())?;
        } else {
            $map.serialize_entry($key, $value)?;
        }
    };
}

pub(super) use go_struct;
