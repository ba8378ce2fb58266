//! Between JSON of any type, which callers have, and the strings that the wire carries.
//!
//! Both an operation's input and a connector's config are flat objects of strings. What
//! the fields declare decides how other JSON becomes a string, and what is refused.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::module::{Config, Widget};

/// What the wire carries: strings by key.
pub type Arguments = BTreeMap<String, String>;

/// Input that the declared fields do not allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArgumentError {
    /// Not an object.
    #[error("the input must be a JSON object, and this is {found}")]
    NotAnObject {
        /// What it is.
        found: &'static str,
    },
    /// No field of that key is declared.
    #[error("there is no field {key:?}; there {}", listed(known))]
    UnknownField {
        /// The key.
        key: String,
        /// The keys that are declared.
        known: Vec<String>,
    },
    /// A field that must have a value has none.
    #[error("the field {key:?} is required")]
    Missing {
        /// Its key.
        key: String,
    },
    /// A value of the wrong type, or none of the choices.
    #[error("the field {key:?} must be {expected}, and this is {found}")]
    WrongType {
        /// Its key.
        key: String,
        /// What it may be.
        expected: String,
        /// What it is. Never the value, which may be a secret.
        found: &'static str,
    },
}

fn listed(known: &[String]) -> String {
    match known {
        [] => "are none".to_owned(),
        keys => format!("are {}", keys.join(", ")),
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Reads `input` as the values of `fields`: absent ones get their default, numbers and
/// booleans become text, lists and objects become JSON text where the widget is text.
/// `null` is no input at all, as a value and as the whole.
///
/// A field that [`Config::visible_when`] hides may be missing although it is required.
///
/// ```
/// use outboard_contracts::connector::{arguments, module::Config};
/// use serde_json::json;
///
/// let times = Config { key: "times".into(), widget: "number".into(), ..Config::default() };
/// let read = arguments::read(&[times], &json!({ "times": 2 })).unwrap();
/// assert_eq!(read["times"], "2");
/// ```
///
/// # Errors
///
/// [`ArgumentError`] for the first thing that is wrong. It holds no value.
pub fn read(fields: &[Config], input: &Value) -> Result<Arguments, ArgumentError> {
    let empty = Map::new();
    let object = match input {
        Value::Null => &empty,
        Value::Object(object) => object,
        other => {
            return Err(ArgumentError::NotAnObject {
                found: type_of(other),
            });
        }
    };
    let mut arguments = Arguments::new();
    for (key, value) in object {
        let Some(field) = fields.iter().find(|field| field.key == *key) else {
            return Err(ArgumentError::UnknownField {
                key: key.clone(),
                known: fields.iter().map(|field| field.key.clone()).collect(),
            });
        };
        if let Some(text) = text_of(field, value)? {
            arguments.insert(key.clone(), text);
        }
    }
    for field in fields {
        if !arguments.contains_key(&field.key) && !field.value.is_empty() {
            arguments.insert(field.key.clone(), field.value.clone());
        }
    }
    for field in fields {
        let given = arguments
            .get(&field.key)
            .is_some_and(|value| !value.is_empty());
        if field.required && !given && is_visible(field, &arguments) {
            return Err(ArgumentError::Missing {
                key: field.key.clone(),
            });
        }
    }
    Ok(arguments)
}

/// Whether a field is shown, given the values of the others: [`Config::visible_when`]
/// is `key:value`, and empty means always.
pub fn is_visible(field: &Config, values: &Arguments) -> bool {
    match field.visible_when.split_once(':') {
        Some((key, wanted)) => values.get(key).map_or("", String::as_str) == wanted,
        None => true,
    }
}

fn text_of(field: &Config, value: &Value) -> Result<Option<String>, ArgumentError> {
    let wrong = |expected: String| ArgumentError::WrongType {
        key: field.key.clone(),
        expected,
        found: type_of(value),
    };
    let widget = Widget::named(&field.widget);
    let text = match value {
        Value::Null => return Ok(None),
        Value::String(text) => text.clone(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Array(_) | Value::Object(_) => match widget {
            Widget::Text | Widget::Textarea | Widget::KeyValueList | Widget::Picker => {
                value.to_string()
            }
            _ => return Err(wrong(expectation(field, widget))),
        },
    };
    let fits = match widget {
        Widget::Number => text.is_empty() || text.trim().parse::<f64>().is_ok(),
        Widget::Checkbox => matches!(text.as_str(), "" | "true" | "false" | "1" | "0"),
        Widget::Dropdown => {
            text.is_empty()
                || field.options.is_empty()
                || choices(field).any(|choice| choice == text)
        }
        _ => true,
    };
    if fits {
        Ok(Some(text))
    } else {
        Err(wrong(expectation(field, widget)))
    }
}

/// The values of a dropdown. One is written `value` or `value::label`.
fn choices(field: &Config) -> impl Iterator<Item = &str> {
    field
        .options
        .split('|')
        .map(|choice| choice.split_once("::").map_or(choice, |(value, _)| value))
}

fn expectation(field: &Config, widget: Widget) -> String {
    match widget {
        Widget::Number => "a number".to_owned(),
        Widget::Checkbox => "true or false".to_owned(),
        Widget::Dropdown => format!("one of {}", choices(field).collect::<Vec<_>>().join(", ")),
        _ => "text".to_owned(),
    }
}

/// The JSON Schema (draft 2020-12) of what [`read`] takes for `fields`.
pub fn schema(fields: &[Config]) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for field in fields {
        properties.insert(field.key.clone(), schema_of(field));
        if field.required && field.value.is_empty() && field.visible_when.is_empty() {
            required.push(json!(field.key));
        }
    }
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        schema["required"] = Value::Array(required);
    }
    schema
}

fn schema_of(field: &Config) -> Value {
    let widget = Widget::named(&field.widget);
    let mut schema = match widget {
        Widget::Number => json!({ "type": ["number", "string"] }),
        Widget::Checkbox => json!({ "type": ["boolean", "string"] }),
        Widget::Dropdown if !field.options.is_empty() => {
            json!({ "enum": choices(field).collect::<Vec<_>>() })
        }
        Widget::KeyValueList => json!({ "type": ["string", "array", "object"] }),
        Widget::Email => json!({ "type": "string", "format": "email" }),
        Widget::Url => json!({ "type": "string", "format": "uri" }),
        Widget::Date => json!({ "type": "string", "format": "date" }),
        _ => json!({ "type": "string" }),
    };
    if !field.description.is_empty() {
        schema["description"] = json!(field.description);
    }
    if !field.value.is_empty() && !field.is_secret {
        schema["default"] = match widget {
            Widget::Checkbox => json!(matches!(field.value.as_str(), "true" | "1")),
            Widget::Number => serde_json::from_str::<Value>(&field.value)
                .ok()
                .filter(Value::is_number)
                .unwrap_or_else(|| json!(field.value)),
            _ => json!(field.value),
        };
    }
    if field.is_secret {
        schema["writeOnly"] = json!(true);
    }
    schema
}
