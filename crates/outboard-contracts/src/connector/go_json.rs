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
