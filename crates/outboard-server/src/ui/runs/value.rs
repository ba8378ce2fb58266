//! JSON as people read it.

use serde_json::{Map, Value};

use super::super::format::bytes;

/// What was given or said.
#[derive(Debug, PartialEq)]
pub(super) enum Shown {
    /// An empty object.
    Nothing,
    /// Indented JSON.
    Json(String),
    /// It was too long to be kept; how long it was.
    TooLong(String),
}

impl Shown {
    pub(super) fn of(value: &Map<String, Value>) -> Shown {
        if value.is_empty() {
            return Shown::Nothing;
        }
        if value.get("_truncated") == Some(&Value::Bool(true))
            && let Some(size) = value.get("_bytes").and_then(Value::as_u64)
        {
            return Shown::TooLong(bytes(size));
        }
        // Maps of JSON values can always be written.
        Shown::Json(serde_json::to_string_pretty(value).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_too_long_says_how_long_it_was() {
        let shown = |value: Value| Shown::of(value.as_object().expect("an object"));
        assert_eq!(shown(json!({})), Shown::Nothing);
        assert_eq!(
            shown(json!({ "_truncated": true, "_bytes": 81_920 })),
            Shown::TooLong("80 KiB".to_owned())
        );
        assert_eq!(
            shown(json!({ "a": "<b>" })),
            Shown::Json("{\n  \"a\": \"<b>\"\n}".to_owned())
        );
    }
}
