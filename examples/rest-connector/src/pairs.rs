//! Names with values, as people and programs write them.

use outboard_sdk::connector::{FieldValue, Widget};
use serde::Deserialize;
use serde_json::Value;

/// Names with values, in order: from rows `[{"name": "a", "value": "b"}]` or from an
/// object `{"a": "b"}`. Values may be texts, numbers and booleans; in an object also
/// lists of them, for a name that is there several times.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pairs(pub(crate) Vec<(String, String)>);

#[derive(Deserialize)]
struct Row {
    name: String,
    #[serde(default)]
    value: Value,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Rows(Vec<Row>),
    Object(serde_json::Map<String, Value>),
}

impl FieldValue for Pairs {
    const WIDGET: Widget = Widget::KeyValueList;

    fn expected() -> String {
        "a list of rows with name and value, or an object of texts".to_owned()
    }

    fn absent() -> Pairs {
        Pairs::default()
    }

    fn from_text(text: &str) -> Option<Pairs> {
        let mut pairs = Vec::new();
        let mut add = |name: &str, value: &Value| {
            // A row that nobody has filled in.
            if !name.is_empty() {
                pairs.push((name.to_owned(), scalar(value)?));
            }
            Some(())
        };
        match serde_json::from_str(text).ok()? {
            Written::Rows(rows) => {
                for row in &rows {
                    add(&row.name, &row.value)?;
                }
            }
            Written::Object(object) => {
                for (name, value) in &object {
                    match value {
                        Value::Array(values) => {
                            for value in values {
                                add(name, value)?;
                            }
                        }
                        value => add(name, value)?,
                    }
                }
            }
        }
        Some(Pairs(pairs))
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Array(_) | Value::Object(_) => None,
    }
}
