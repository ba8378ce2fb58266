//! JSON values on the wire: exact, or refused with the path of the value.
//!
//! A `google.protobuf.Struct` knows one kind of number, a 64-bit float. Whole
//! numbers within ±2^53 survive that and come back as integers. What would
//! not survive is an error that names the place, never a map with something missing:
//!
//! ```
//! use outboard_contracts::value::{self, map};
//!
//! let order = map(serde_json::json!({ "id": 7, "items": [{ "price": 1.5 }] })).unwrap();
//! let wire = value::map_to_struct(&order).unwrap();
//! assert_eq!(value::struct_to_map(wire).unwrap(), order);
//!
//! let too_big = map(serde_json::json!({ "items": [{ "id": u64::MAX }] })).unwrap();
//! assert_eq!(value::map_to_struct(&too_big).unwrap_err().path(), "items[0].id");
//! ```

use std::{
    borrow::Cow,
    fmt::{self, Write as _},
};

use prost_types::{ListValue, Struct, Value as WireValue, value::Kind};
use serde_json::{Number, Value};

/// An object: text keys, any JSON values.
pub type Map = serde_json::Map<String, Value>;

/// The largest integer that the wire carries exactly, and its negative the smallest.
pub const MAX_INTEGER: i64 = 1 << 53;

/// How many objects and lists may be inside each other, the outermost included.
///
/// A protobuf decoder stops after 100 nested messages, and an object within an
/// object costs three, so this is what every peer can read in every message.
pub const MAX_DEPTH: usize = 32;

/// A value that cannot cross the wire, and where it is.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueError {
    path: String,
    kind: ValueErrorKind,
}

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ValueErrorKind {
    /// An integer beyond ±[`MAX_INTEGER`]. Send it as text.
    IntegerTooLarge {
        /// The integer in decimal.
        value: String,
    },
    /// Not a number or infinite, which JSON does not have.
    NotFinite {
        /// The number as it came.
        value: f64,
    },
    /// More than [`MAX_DEPTH`] objects and lists inside each other.
    TooDeep,
    /// Not an object where there must be one.
    NotAnObject,
}

impl ValueError {
    /// Where the value is, such as `items[3].id`; empty for the whole.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is wrong with it.
    pub fn kind(&self) -> &ValueErrorKind {
        &self.kind
    }

    /// The same error for a value that is part of `field`.
    #[must_use]
    pub fn within(mut self, field: &str) -> Self {
        self.path = match self.path.as_str() {
            "" => field.to_owned(),
            rest if rest.starts_with('[') => format!("{field}{rest}"),
            rest => format!("{field}.{rest}"),
        };
        self
    }
}

impl fmt::Display for ValueError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            formatter.write_str("the value ")?;
        } else {
            write!(formatter, "the value at {} ", self.path)?;
        }
        match &self.kind {
            ValueErrorKind::IntegerTooLarge { value } => write!(
                formatter,
                "is {value}, and integers beyond 2^53 do not survive the wire; send it as text"
            ),
            ValueErrorKind::NotFinite { value } => {
                write!(
                    formatter,
                    "is {value}, which is no JSON number; send null or text"
                )
            }
            ValueErrorKind::TooDeep => {
                write!(
                    formatter,
                    "is more than {MAX_DEPTH} objects and lists deep; flatten it"
                )
            }
            ValueErrorKind::NotAnObject => formatter.write_str("must be an object"),
        }
    }
}

impl std::error::Error for ValueError {}

/// The object in `value`, for use with `serde_json::json!`.
///
/// # Errors
///
/// [`ValueErrorKind::NotAnObject`] for every other kind of value.
pub fn map(value: Value) -> Result<Map, ValueError> {
    match value {
        Value::Object(map) => Ok(map),
        _ => Err(ValueError {
            path: String::new(),
            kind: ValueErrorKind::NotAnObject,
        }),
    }
}

/// Makes the wire form of `map`.
///
/// # Errors
///
/// An integer beyond ±[`MAX_INTEGER`], or more nesting than [`MAX_DEPTH`].
pub fn map_to_struct(map: &Map) -> Result<Struct, ValueError> {
    let mut path = Path::default();
    encode_map(map, &mut path)
}

/// Reads the wire form of a map. Whole numbers within ±[`MAX_INTEGER`] come back as integers.
///
/// # Errors
///
/// A number that is not finite, or more nesting than [`MAX_DEPTH`].
pub fn struct_to_map(wire: Struct) -> Result<Map, ValueError> {
    let mut path = Path::default();
    decode_map(wire, &mut path)
}

/// [`struct_to_map`] for an optional field; an absent one is an empty map.
///
/// # Errors
///
/// As [`struct_to_map`].
pub fn optional_to_map(wire: Option<Struct>) -> Result<Map, ValueError> {
    wire.map_or_else(|| Ok(Map::new()), struct_to_map)
}

/// Where in the value a conversion is. Text is made only for an error.
#[derive(Default)]
struct Path<'a> {
    steps: Vec<PathStep<'a>>,
}

enum PathStep<'a> {
    Key(Cow<'a, str>),
    Index(usize),
}

impl Path<'_> {
    fn error(&self, kind: ValueErrorKind) -> ValueError {
        let mut path = String::new();
        for step in &self.steps {
            match step {
                PathStep::Key(key) if is_plain(key) => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(key);
                }
                PathStep::Key(key) => {
                    let _ = write!(path, "[{key:?}]");
                }
                PathStep::Index(index) => {
                    let _ = write!(path, "[{index}]");
                }
            }
        }
        ValueError { path, kind }
    }

    /// The container at this path is one level deeper than the number of steps.
    fn check_depth(&self) -> Result<(), ValueError> {
        if self.steps.len() >= MAX_DEPTH {
            Err(self.error(ValueErrorKind::TooDeep))
        } else {
            Ok(())
        }
    }
}

/// Whether a key reads well after a dot.
fn is_plain(key: &str) -> bool {
    !key.is_empty()
        && key
            .chars()
            .all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '-'))
}

fn encode_map<'a>(map: &'a Map, path: &mut Path<'a>) -> Result<Struct, ValueError> {
    path.check_depth()?;
    let mut fields = std::collections::BTreeMap::new();
    for (key, value) in map {
        path.steps.push(PathStep::Key(Cow::Borrowed(key)));
        fields.insert(key.clone(), encode(value, path)?);
        path.steps.pop();
    }
    Ok(Struct { fields })
}

fn encode<'a>(value: &'a Value, path: &mut Path<'a>) -> Result<WireValue, ValueError> {
    let kind = match value {
        Value::Null => Kind::NullValue(0),
        Value::Bool(yes) => Kind::BoolValue(*yes),
        Value::Number(number) => Kind::NumberValue(encode_number(number, path)?),
        Value::String(text) => Kind::StringValue(text.clone()),
        Value::Array(items) => {
            path.check_depth()?;
            let mut values = Vec::with_capacity(items.len());
            for (index, item) in items.iter().enumerate() {
                path.steps.push(PathStep::Index(index));
                values.push(encode(item, path)?);
                path.steps.pop();
            }
            Kind::ListValue(ListValue { values })
        }
        Value::Object(map) => Kind::StructValue(encode_map(map, path)?),
    };
    Ok(WireValue { kind: Some(kind) })
}

#[allow(clippy::cast_precision_loss)] // checked: within 2^53 nothing is lost
fn encode_number(number: &Number, path: &Path<'_>) -> Result<f64, ValueError> {
    if let Some(integer) = number.as_i64() {
        if integer.unsigned_abs() <= MAX_INTEGER.unsigned_abs() {
            return Ok(integer as f64);
        }
    } else if !number.is_u64()
        && let Some(float) = number.as_f64()
    {
        return if float.is_finite() {
            Ok(float)
        } else {
            Err(path.error(ValueErrorKind::NotFinite { value: float }))
        };
    }
    Err(path.error(ValueErrorKind::IntegerTooLarge {
        value: number.to_string(),
    }))
}

fn decode_map(wire: Struct, path: &mut Path<'_>) -> Result<Map, ValueError> {
    path.check_depth()?;
    let mut map = Map::new();
    for (key, value) in wire.fields {
        path.steps.push(PathStep::Key(Cow::Owned(key)));
        let value = decode(value, path)?;
        if let Some(PathStep::Key(key)) = path.steps.pop() {
            map.insert(key.into_owned(), value);
        }
    }
    Ok(map)
}

fn decode(wire: WireValue, path: &mut Path<'_>) -> Result<Value, ValueError> {
    Ok(match wire.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::BoolValue(yes)) => Value::Bool(yes),
        Some(Kind::NumberValue(number)) => Value::Number(decode_number(number, path)?),
        Some(Kind::StringValue(text)) => Value::String(text),
        Some(Kind::ListValue(list)) => {
            path.check_depth()?;
            let mut items = Vec::with_capacity(list.values.len());
            for (index, item) in list.values.into_iter().enumerate() {
                path.steps.push(PathStep::Index(index));
                items.push(decode(item, path)?);
                path.steps.pop();
            }
            Value::Array(items)
        }
        Some(Kind::StructValue(inner)) => Value::Object(decode_map(inner, path)?),
    })
}

#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // whole and within 2^53
fn decode_number(number: f64, path: &Path<'_>) -> Result<Number, ValueError> {
    let whole = number.fract() == 0.0 && number.abs() <= MAX_INTEGER as f64;
    // Negative zero has no integer; it stays what it is.
    if whole && !(number == 0.0 && number.is_sign_negative()) {
        return Ok(Number::from(number as i64));
    }
    Number::from_f64(number).ok_or_else(|| path.error(ValueErrorKind::NotFinite { value: number }))
}
