//! A field in words, for the tables of types and operations.

use super::field::{Bounds, Control, Field};

/// Longest list of choices that is written out.
const MAX_CHOICES: usize = 12;

impl Field {
    /// What it takes, such as `whole number, 1 to 10`.
    pub(crate) fn type_words(&self) -> String {
        let mut words = match &self.control {
            _ if self.secret => "secret".to_owned(),
            Control::Line("email") => "e-mail address".to_owned(),
            Control::Line("url") => "URL".to_owned(),
            Control::Line("date") => "date".to_owned(),
            Control::Line(_) => "text".to_owned(),
            Control::Lines => "text of several lines".to_owned(),
            Control::Number { whole: true } => "whole number".to_owned(),
            Control::Number { whole: false } => "number".to_owned(),
            Control::Switch => "yes or no".to_owned(),
            Control::Choice(choices) => {
                let labels: Vec<&str> = choices
                    .iter()
                    .take(MAX_CHOICES)
                    .map(|choice| choice.text.as_str())
                    .collect();
                let more = match choices.len().saturating_sub(MAX_CHOICES) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                format!("one of {}{more}", labels.join(", "))
            }
            Control::Json(kind) => kind.words().trim_start_matches("a ").to_owned(),
        };
        for bound in self.bounds.words() {
            words.push_str(", ");
            words.push_str(&bound);
        }
        words
    }

    /// When it counts; empty if always.
    pub(crate) fn condition(&self) -> String {
        match &self.only_when {
            Some((key, value)) => format!("counts only if {key} is {value}"),
            None => String::new(),
        }
    }
}

impl Bounds {
    fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        match (self.minimum, self.maximum) {
            (Some(least), Some(most)) => words.push(format!("{least} to {most}")),
            (Some(least), None) => words.push(format!("{least} at least")),
            (None, Some(most)) => words.push(format!("{most} at most")),
            (None, None) => {}
        }
        match (self.min_length, self.max_length) {
            (Some(least), Some(most)) => words.push(format!("{least} to {most} characters")),
            (Some(least), None) if least > 0 => words.push(format!("{least} characters at least")),
            (None, Some(most)) => words.push(format!("{most} characters at most")),
            _ => {}
        }
        if let Some(pattern) = &self.pattern {
            words.push(format!("like {pattern}"));
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::ui::form::fields_of_schema;

    fn words(property: Value) -> String {
        let schema = json!({ "type": "object", "properties": { "it": property } });
        fields_of_schema(&schema)
            .pop()
            .expect("a field")
            .type_words()
    }

    #[test]
    fn types_are_told_in_words() {
        for (property, told) in [
            (json!({ "type": "string" }), "text"),
            (
                json!({ "type": "string", "maxLength": 20 }),
                "text, 20 characters at most",
            ),
            (
                json!({ "type": "string", "pattern": "^a" }),
                "text, like ^a",
            ),
            (
                json!({ "type": "integer", "minimum": 1, "maximum": 10 }),
                "whole number, 1 to 10",
            ),
            (
                json!({ "type": ["number", "string"], "minimum": 0.5 }),
                "number, 0.5 at least",
            ),
            (json!({ "type": ["boolean", "string"] }), "yes or no"),
            (json!({ "enum": ["a", 1, null] }), "one of a, 1"),
            (json!({ "type": "array" }), "JSON list"),
            (json!({ "type": "object" }), "JSON object"),
            (json!({}), "JSON"),
            (json!(true), "JSON"),
            (json!({ "type": "string", "writeOnly": true }), "secret"),
            (json!({ "type": "string", "format": "uri" }), "URL"),
        ] {
            assert_eq!(words(property.clone()), told, "{property}");
        }
        let many: Vec<usize> = (0..15).collect();
        assert!(words(json!({ "enum": many })).ends_with("11 and 3 more"));
    }
}
