//! From what a form sent to the JSON that it means, or to what is wrong at which field.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};

use super::{Control, Field, Submitted, field::Bounds};

/// What is wrong, by the key of the field. No value is in it.
pub(crate) type Wrong = BTreeMap<String, String>;

/// The input that a form means. Empty fields are left out, so that defaults are the
/// business of whoever declared them.
///
/// # Errors
///
/// All that is wrong, not the first thing alone.
pub(crate) fn read(fields: &[Field], form: &Submitted) -> Result<Map<String, Value>, Wrong> {
    let mut input = Map::new();
    let mut wrong = Wrong::new();
    for field in fields.iter().filter(|field| !field.locked) {
        let text = form.get(&field.name()).unwrap_or_default();
        match field.value(text, form) {
            Ok(Some(value)) => {
                input.insert(field.key.clone(), value);
            }
            Ok(None) if field.required && field.counts(fields, form) => {
                wrong.insert(field.key.clone(), "this is required".to_owned());
            }
            Ok(None) => {}
            Err(why) => {
                wrong.insert(field.key.clone(), why);
            }
        }
    }
    match wrong.is_empty() {
        true => Ok(input),
        false => Err(wrong),
    }
}

/// A value as text: strings as they are, all else as JSON.
pub(crate) fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

impl Field {
    /// What the text in its control means; `None` if there is nothing in it.
    fn value(&self, text: &str, form: &Submitted) -> Result<Option<Value>, String> {
        match &self.control {
            Control::Line(_) | Control::Lines => {
                // A browser sends the line ends of mail.
                let text = text.replace("\r\n", "\n");
                if text.is_empty() {
                    return Ok(None);
                }
                self.bounds.check_text(&text)?;
                Ok(Some(Value::String(text)))
            }
            Control::Number { whole } => match text.trim() {
                "" => Ok(None),
                text => {
                    let number = number(text, *whole)?;
                    self.bounds.check_number(&number)?;
                    Ok(Some(Value::Number(number)))
                }
            },
            Control::Switch => {
                let yes = form.is_ticked(&self.name());
                // No box is sent for a no: it is one only where it changes something.
                let meant = yes || self.required || self.default.is_some();
                Ok(meant.then_some(Value::Bool(yes)))
            }
            Control::Choice(choices) => {
                match choices.iter().find(|choice| choice.text == text) {
                    // An empty text that may be chosen means nothing where nothing is asked.
                    Some(choice) if !text.is_empty() || self.required => {
                        Ok(Some(choice.value.clone()))
                    }
                    _ if text.is_empty() => Ok(None),
                    _ => Err("this is none of the choices".to_owned()),
                }
            }
            Control::Json(kind) => {
                if text.trim().is_empty() {
                    return Ok(None);
                }
                let value = json(text)?;
                match kind.takes(&value) {
                    true => Ok(Some(value)),
                    false => Err(format!("this must be {}", kind.words())),
                }
            }
        }
    }

    /// Whether it is asked for at all, given the other fields.
    fn counts(&self, fields: &[Field], form: &Submitted) -> bool {
        let Some((key, wanted)) = &self.only_when else {
            return true;
        };
        let Some(other) = fields.iter().find(|field| field.key == *key) else {
            return false;
        };
        let given = match other.value(form.get(&other.name()).unwrap_or_default(), form) {
            Ok(Some(value)) => text_of(&value),
            _ => other.default.as_ref().map_or_else(String::new, text_of),
        };
        given == *wanted
    }
}

/// Reads JSON that a person typed, and says where it is wrong.
pub(crate) fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| {
        // Its own text has the place at its end, and may quote what was typed.
        let what = match error.classify() {
            serde_json::error::Category::Eof => "it ends too early",
            _ => "something is wrong",
        };
        format!(
            "this is no JSON: {what} at line {}, column {}",
            error.line(),
            error.column()
        )
    })
}

fn number(text: &str, whole: bool) -> Result<Number, String> {
    let words = match whole {
        true => "this must be a whole number",
        false => "this must be a number",
    };
    // People write what JSON does not allow.
    let plain = text.strip_prefix('+').unwrap_or(text);
    let read: Number = match serde_json::from_str(plain) {
        Ok(number) => number,
        Err(_) => {
            let typed: f64 = plain.parse().map_err(|_| words.to_owned())?;
            Number::from_f64(typed).ok_or_else(|| words.to_owned())?
        }
    };
    if !whole || read.is_i64() || read.is_u64() {
        return Ok(read);
    }
    // 2.0 and 1e3 are whole, and no one means more digits than a float has.
    let float = read.as_f64().unwrap_or(f64::NAN);
    let exact = float.fract() == 0.0 && float.abs() <= 9_007_199_254_740_992.0;
    match exact {
        true => Ok(Number::from(float as i64)),
        false => Err(words.to_owned()),
    }
}

impl Bounds {
    fn check_number(&self, number: &Number) -> Result<(), String> {
        let number = number.as_f64().unwrap_or(f64::NAN);
        match (self.minimum, self.maximum) {
            (Some(least), _) if number < least => Err(format!("this must be {least} at least")),
            (_, Some(most)) if number > most => Err(format!("this must be {most} at most")),
            _ => Ok(()),
        }
    }

    fn check_text(&self, text: &str) -> Result<(), String> {
        let length = text.chars().count() as u64;
        match (self.min_length, self.max_length) {
            (Some(least), _) if length < least => Err(format!(
                "this needs {least} characters at least, and has {length}"
            )),
            (_, Some(most)) if length > most => Err(format!(
                "this takes {most} characters at most, and has {length}"
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::form::fields_of_schema;
    use serde_json::json;

    fn submitted(pairs: &[(&str, &str)]) -> Submitted {
        let pairs = pairs
            .iter()
            .map(|(key, value)| (format!("in.{key}"), (*value).to_owned()));
        Submitted::new(pairs.collect())
    }

    fn reads(properties: Value, required: Value, pairs: &[(&str, &str)]) -> Result<Value, Wrong> {
        let schema = json!({ "type": "object", "properties": properties, "required": required });
        read(&fields_of_schema(&schema), &submitted(pairs)).map(Value::Object)
    }

    fn one(property: Value, text: &str) -> Result<Value, String> {
        let read = reads(json!({ "it": property }), json!([]), &[("it", text)]);
        read.map(|input| input["it"].clone())
            .map_err(|wrong| wrong["it"].clone())
    }

    #[test]
    fn each_control_gives_json_of_its_type() {
        for (property, text, value) in [
            (json!({ "type": "string" }), "1", json!("1")),
            (json!({ "type": "string" }), " a ", json!(" a ")),
            (json!({ "type": "string" }), "a\r\nb", json!("a\nb")),
            (json!({ "type": "string" }), "", Value::Null),
            (json!({ "type": "number" }), " 1.5 ", json!(1.5)),
            (json!({ "type": "number" }), "1", json!(1)),
            (json!({ "type": "number" }), "+2", json!(2)),
            (json!({ "type": "number" }), ".5", json!(0.5)),
            (json!({ "type": "number" }), "", Value::Null),
            (
                json!({ "type": "integer" }),
                "18446744073709551615",
                json!(u64::MAX),
            ),
            (json!({ "type": "integer" }), "2.0", json!(2)),
            (json!({ "type": "integer" }), "1e3", json!(1000)),
            (json!({ "type": "boolean" }), "on", json!(true)),
            (json!({ "type": "boolean" }), "false", Value::Null),
            (
                json!({ "type": "boolean", "default": true }),
                "",
                json!(false),
            ),
            (json!({ "enum": ["a", 1, "1"] }), "1", json!(1)),
            (json!({ "enum": ["a", 1, "1"] }), "\"1\"", json!("1")),
            (json!({ "enum": ["a"] }), "", Value::Null),
            (json!({ "type": "array" }), "[1]", json!([1])),
            (json!({ "type": "object" }), "  ", Value::Null),
            (json!({}), "null", Value::Null),
            (json!({}), "\"text\"", json!("text")),
        ] {
            assert_eq!(
                one(property.clone(), text),
                Ok(value),
                "{property} {text:?}"
            );
        }
    }

    #[test]
    fn what_does_not_fit_is_told_without_its_value() {
        for (property, text, why) in [
            (json!({ "type": "number" }), "hunter2", "a number"),
            (json!({ "type": "number" }), "NaN", "a number"),
            (json!({ "type": "number" }), "inf", "a number"),
            (json!({ "type": "number" }), "1e999", "a number"),
            (json!({ "type": "integer" }), "1.5", "a whole number"),
            (json!({ "type": "integer" }), "1e300", "a whole number"),
            (
                json!({ "type": "integer", "minimum": 1 }),
                "0",
                "1 at least",
            ),
            (
                json!({ "type": "integer", "maximum": 9 }),
                "10",
                "9 at most",
            ),
            (
                json!({ "type": "string", "maxLength": 2 }),
                "äöü",
                "2 characters at most",
            ),
            (
                json!({ "type": "string", "minLength": 2 }),
                "ä",
                "2 characters at least",
            ),
            (json!({ "enum": ["a"] }), "hunter2", "none of the choices"),
            (json!({ "type": "array" }), "{}", "a JSON list"),
            (json!({ "type": "object" }), "[]", "a JSON object"),
            (
                json!({ "type": "object" }),
                "{\"a\":hunter2}",
                "line 1, column",
            ),
            (
                json!({ "type": "object" }),
                "{\n\"a\":",
                "too early at line 2",
            ),
        ] {
            let told = one(property.clone(), text).expect_err("it does not fit");
            assert!(told.contains(why), "{property} {text:?}: {told}");
            assert!(!told.contains("hunter2"), "{told}");
        }
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let wrong = reads(
            json!({ "a": { "type": "string" }, "b": { "type": "integer" }, "c": {} }),
            json!(["a"]),
            &[("b", "x"), ("c", "1")],
        );
        let keys: Vec<_> = wrong.expect_err("wrong").into_keys().collect();
        assert_eq!(keys, ["a", "b"]);
    }

    #[test]
    fn what_is_required_is_told_only_where_it_counts() {
        use outboard_contracts::connector::{arguments, module::Config};
        let field = |key: &str, visible_when: &str, required| Config {
            key: key.to_owned(),
            visible_when: visible_when.to_owned(),
            required,
            ..Config::default()
        };
        let declared = [
            field("kind", "", false),
            field("key", "kind:token", true),
            field("odd", "nothing:x", true),
        ];
        let schema = arguments::schema(&declared);
        let fields = crate::ui::form::fields_of_config(&declared, &schema);
        assert!(read(&fields, &submitted(&[("kind", "none")])).is_ok());
        let wrong = read(&fields, &submitted(&[("kind", "token")])).expect_err("wrong");
        assert_eq!(wrong.into_keys().collect::<Vec<_>>(), ["key"]);
    }

    #[test]
    fn a_required_choice_may_be_the_empty_text() {
        let properties = json!({ "it": { "enum": ["", "a"] } });
        let input = reads(properties.clone(), json!(["it"]), &[("it", "")]);
        assert_eq!(input, Ok(json!({ "it": "" })));
        assert_eq!(reads(properties, json!([]), &[("it", "")]), Ok(json!({})));
    }

    #[test]
    fn what_is_locked_is_not_read() {
        let property = json!({ "type": "string", "readOnly": true });
        assert_eq!(one(property, "changed"), Ok(Value::Null));
    }
}
