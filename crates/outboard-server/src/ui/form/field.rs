//! One thing to fill in: which control, which help, which bounds.

use serde_json::Value;

/// A field of a form, and a row of the table that describes it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Field {
    /// Its key in the JSON.
    pub(crate) key: String,
    /// A name for people; the key if it has none.
    pub(crate) label: String,
    /// What it is.
    pub(crate) help: String,
    /// The heading under which it stands; mostly empty.
    pub(crate) group: String,
    /// How it is filled in.
    pub(crate) control: Control,
    /// Whether it must have a value.
    pub(crate) required: bool,
    /// Whether its value is never shown.
    pub(crate) secret: bool,
    /// Whether people may not change it.
    pub(crate) locked: bool,
    /// What is assumed without a value.
    pub(crate) default: Option<Value>,
    /// When it counts, as key and value of another field.
    pub(crate) only_when: Option<(String, String)>,
    /// What its value must keep to.
    pub(crate) bounds: Bounds,
}

/// What a value must keep to, besides its type.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Bounds {
    pub(crate) minimum: Option<f64>,
    pub(crate) maximum: Option<f64>,
    pub(crate) min_length: Option<u64>,
    pub(crate) max_length: Option<u64>,
    /// A regular expression, shown and left to the one who declared it to check.
    pub(crate) pattern: Option<String>,
}

/// How a field is filled in.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Control {
    /// One line; the word is the `type` of an HTML input.
    Line(&'static str),
    /// Several lines.
    Lines,
    /// A number.
    Number {
        /// Whether it must be a whole one.
        whole: bool,
    },
    /// Yes or no.
    Switch,
    /// One of these.
    Choice(Vec<Choice>),
    /// JSON.
    Json(JsonKind),
}

/// One of the values that a field may have.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Choice {
    /// What a form sends for it.
    pub(crate) text: String,
    /// What people read.
    pub(crate) label: String,
    /// What it is.
    pub(crate) value: Value,
}

/// Which JSON a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JsonKind {
    Object,
    List,
    /// Either of them.
    ListOrObject,
    Any,
}

impl JsonKind {
    /// What it is called.
    pub(crate) fn words(self) -> &'static str {
        match self {
            JsonKind::Object => "a JSON object",
            JsonKind::List => "a JSON list",
            JsonKind::ListOrObject => "a JSON list or object",
            JsonKind::Any => "JSON",
        }
    }

    /// Whether a value is of the kind.
    pub(crate) fn takes(self, value: &Value) -> bool {
        match self {
            JsonKind::Object => value.is_object(),
            JsonKind::List => value.is_array(),
            JsonKind::ListOrObject => value.is_object() || value.is_array(),
            JsonKind::Any => true,
        }
    }
}

impl Field {
    /// The name of its control in a form. Keys are the connector's own, so they are kept
    /// apart from the names that the page itself uses.
    pub(crate) fn name(&self) -> String {
        format!("in.{}", self.key)
    }

    /// The name of the box that clears it, for a secret, whose empty field means that it
    /// stays.
    pub(crate) fn clear_name(&self) -> String {
        format!("clear.{}", self.key)
    }

    /// An id that other elements can point to: letters, digits and hyphens, and one of
    /// its own for each key.
    pub(crate) fn id(&self) -> String {
        let mut id = "field-".to_owned();
        for character in self.key.chars() {
            match character {
                'a'..='z' | 'A'..='Z' | '0'..='9' | '-' => id.push(character),
                other => id.push_str(&format!("_{:x}_", u32::from(other))),
            }
        }
        id
    }

    /// What a fresh form shows in it. Secrets show nothing.
    pub(crate) fn initial(&self) -> String {
        match &self.default {
            Some(value) if !self.secret => self.shown(value),
            _ => String::new(),
        }
    }

    /// A value as this field's control shows it.
    pub(crate) fn shown(&self, value: &Value) -> String {
        match (&self.control, value) {
            (Control::Choice(choices), value) => choices
                .iter()
                .find(|choice| choice.value == *value)
                .map_or_else(|| super::text_of(value), |choice| choice.text.clone()),
            (Control::Json(_), Value::String(text)) => text.clone(),
            (Control::Json(_), value) => {
                serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string())
            }
            (_, value) => super::text_of(value),
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn each_key_has_an_id_of_its_own_that_is_no_markup() {
        let id = |key: &str| {
            let mut fields = super::super::fields_of_schema(&serde_json::json!({
                "type": "object", "properties": { key: {} },
            }));
            fields.pop().expect("a field").id()
        };
        assert_eq!(id("city"), "field-city");
        assert_eq!(id("a_b"), "field-a_5f_b");
        assert_eq!(id("<b> \""), "field-_3c_b_3e__20__22_");
        assert_ne!(id("a.b"), id("a b"));
        assert_ne!(id("_20_"), id(" "));
    }
}
