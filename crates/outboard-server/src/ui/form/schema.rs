//! From a JSON Schema, and from the fields that a connector declares, to fields of a form.

use outboard_contracts::connector::module::{Config, Widget};
use serde_json::Value;

use super::{
    Control, Field, JsonKind,
    field::{Bounds, Choice},
};

/// Texts that may be longer than this get several lines.
const LONG: u64 = 200;

/// The fields of an object's schema. A schema of anything else has none, and its input
/// is to be written as JSON.
pub(crate) fn fields_of_schema(schema: &Value) -> Vec<Field> {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return Vec::new();
    };
    properties
        .iter()
        .map(|(key, property)| field_of_property(key, property, is_required(schema, key)))
        .collect()
}

/// The same with what the connector declares besides: the order, the widgets, what
/// belongs together. `schema` is that of `declared`. What is hidden is left out.
pub(crate) fn fields_of_config(declared: &[Config], schema: &Value) -> Vec<Field> {
    let mut fields = fields_of_schema(schema);
    let place = |key: &str| declared.iter().position(|config| config.key == key);
    fields.retain_mut(|field| match place(&field.key) {
        Some(place) => {
            field.refine(&declared[place]);
            !declared[place].hidden
        }
        None => true,
    });
    fields.sort_by_key(|field| place(&field.key).unwrap_or(declared.len()));
    fields
}

fn is_required(schema: &Value, key: &str) -> bool {
    schema
        .get("required")
        .and_then(Value::as_array)
        .is_some_and(|keys| keys.iter().any(|required| required == key))
}

fn field_of_property(key: &str, property: &Value, required: bool) -> Field {
    let text = |name: &str| {
        let text = property.get(name).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let about = only_variant(property).unwrap_or(property);
    let bound = |name: &str| about.get(name).and_then(Value::as_f64);
    let length = |name: &str| about.get(name).and_then(Value::as_u64);
    let pattern = about.get("pattern").and_then(Value::as_str);
    let write_only = property.get("writeOnly").and_then(Value::as_bool);
    let title = text("title");
    Field {
        key: key.to_owned(),
        label: match title.is_empty() {
            true => key.to_owned(),
            false => title,
        },
        help: text("description"),
        group: String::new(),
        control: control(about),
        required,
        secret: write_only == Some(true) || text("format") == "password",
        locked: property.get("readOnly").and_then(Value::as_bool) == Some(true),
        default: property.get("default").cloned(),
        only_when: None,
        bounds: Bounds {
            minimum: bound("minimum"),
            maximum: bound("maximum"),
            min_length: length("minLength"),
            max_length: length("maxLength"),
            pattern: pattern.map(str::to_owned),
        },
    }
}

/// The schema behind `anyOf` or `oneOf`, if all but one of them say `null`.
fn only_variant(property: &Value) -> Option<&Value> {
    let variants = property.get("anyOf").or_else(|| property.get("oneOf"))?;
    let says_null = |variant: &&Value| variant.get("type").is_some_and(|word| word == "null");
    let mut others = variants
        .as_array()?
        .iter()
        .filter(|variant| !says_null(variant));
    let only = others.next()?;
    others.next().is_none().then_some(only)
}

fn control(property: &Value) -> Control {
    if let Some(choices) = property.get("enum").and_then(Value::as_array) {
        return choices_of(choices);
    }
    if let Some(only) = property.get("const") {
        return choices_of(std::slice::from_ref(only));
    }
    let types: Vec<&str> = match property.get("type") {
        Some(Value::String(word)) => vec![word],
        Some(Value::Array(words)) => words
            .iter()
            .filter_map(Value::as_str)
            .filter(|word| *word != "null")
            .collect(),
        _ => Vec::new(),
    };
    let has = |word: &str| types.contains(&word);
    let nested = has("object") || has("array");
    match () {
        // Connectors take the text of a number or of a yes as well.
        () if has("boolean") && !nested && !has("number") && !has("integer") => Control::Switch,
        () if has("number") && !nested && !has("boolean") => Control::Number { whole: false },
        () if has("integer") && !nested && !has("boolean") => Control::Number { whole: true },
        () if types == ["string"] => of_text(property),
        () if has("object") && has("array") => Control::Json(JsonKind::ListOrObject),
        () if types == ["object"] => Control::Json(JsonKind::Object),
        () if types == ["array"] => Control::Json(JsonKind::List),
        () => Control::Json(JsonKind::Any),
    }
}

fn of_text(property: &Value) -> Control {
    let longest = property.get("maxLength").and_then(Value::as_u64);
    let media = property.get("contentMediaType");
    match property.get("format").and_then(Value::as_str) {
        Some("email") => Control::Line("email"),
        Some("uri" | "url") => Control::Line("url"),
        Some("date") => Control::Line("date"),
        Some("textarea" | "multiline") => Control::Lines,
        _ if media.is_some() || longest.is_some_and(|longest| longest > LONG) => Control::Lines,
        _ => Control::Line("text"),
    }
}

/// Choices with a text of their own each: `1` and `"1"` are two.
fn choices_of(values: &[Value]) -> Control {
    let mut choices: Vec<Choice> = Vec::new();
    for value in values.iter().filter(|value| !value.is_null()) {
        let mut text = super::text_of(value);
        if choices.iter().any(|choice| choice.text == text) {
            text = value.to_string();
        }
        choices.push(Choice {
            label: text.clone(),
            text,
            value: value.clone(),
        });
    }
    Control::Choice(choices)
}

impl Field {
    /// Takes over what the connector declares and JSON Schema has no words for.
    fn refine(&mut self, config: &Config) {
        self.group.clone_from(&config.group);
        self.secret |= config.is_secret || Widget::named(&config.widget) == Widget::Secret;
        self.locked |= config.locked;
        self.only_when = config
            .visible_when
            .split_once(':')
            .map(|(key, value)| (key.to_owned(), value.to_owned()));
        match Widget::named(&config.widget) {
            Widget::Textarea => self.control = Control::Lines,
            Widget::Date => self.control = Control::Line("date"),
            Widget::Dropdown => self.label_choices(&config.options),
            _ => {}
        }
        // The schema does not ask for what depends on another field. What has a default is
        // filled in by the host.
        self.required = config.required && config.value.is_empty();
    }

    /// Choices are written `value` or `value::label`.
    fn label_choices(&mut self, options: &str) {
        let Control::Choice(choices) = &mut self.control else {
            return;
        };
        for option in options.split('|') {
            let Some((value, label)) = option.split_once("::") else {
                continue;
            };
            let found = choices.iter_mut().find(|choice| choice.text == value);
            if let Some(choice) = found.filter(|_| !label.is_empty()) {
                choice.label = label.to_owned();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use outboard_contracts::connector::arguments;
    use serde_json::json;

    fn only(property: Value) -> Field {
        let schema = json!({ "type": "object", "properties": { "it": property } });
        fields_of_schema(&schema).pop().expect("a field")
    }

    #[test]
    fn every_type_has_its_control() {
        for (property, control) in [
            (json!({ "type": "string" }), Control::Line("text")),
            (json!({ "type": ["null", "string"] }), Control::Line("text")),
            (
                json!({ "type": "string", "maxLength": 5000 }),
                Control::Lines,
            ),
            (
                json!({ "type": "string", "format": "date" }),
                Control::Line("date"),
            ),
            (
                json!({ "type": "number" }),
                Control::Number { whole: false },
            ),
            (
                json!({ "type": "integer" }),
                Control::Number { whole: true },
            ),
            (
                json!({ "type": ["number", "string"] }),
                Control::Number { whole: false },
            ),
            (json!({ "type": "boolean" }), Control::Switch),
            (json!({ "type": "object" }), Control::Json(JsonKind::Object)),
            (json!({ "type": "array" }), Control::Json(JsonKind::List)),
            (
                json!({ "type": ["string", "array", "object"] }),
                Control::Json(JsonKind::ListOrObject),
            ),
            (
                json!({ "anyOf": [{ "type": "integer" }, { "type": "null" }] }),
                Control::Number { whole: true },
            ),
        ] {
            assert_eq!(only(property.clone()).control, control, "{property}");
        }
    }

    #[test]
    fn what_is_not_understood_is_written_as_json() {
        for property in [
            json!(true),
            json!(null),
            json!([1]),
            json!("nonsense"),
            json!({}),
            json!({ "type": 7 }),
            json!({ "type": ["boolean", "object"] }),
            json!({ "type": "decimal" }),
            json!({ "$ref": "#/$defs/thing" }),
            json!({ "anyOf": [{ "type": "string" }, { "type": "integer" }] }),
            json!({ "anyOf": [] }),
            json!({ "enum": "a" }),
        ] {
            let field = only(property.clone());
            assert_eq!(field.control, Control::Json(JsonKind::Any), "{property}");
        }
    }

    #[test]
    fn a_schema_of_anything_but_an_object_has_no_fields() {
        for schema in [
            json!(true),
            json!({ "type": "string" }),
            json!({ "properties": 7 }),
            json!({ "properties": [] }),
            json!(null),
        ] {
            assert_eq!(fields_of_schema(&schema), [], "{schema}");
        }
    }

    #[test]
    fn required_needs_a_list_that_names_the_field() {
        let properties = json!({ "a": {}, "b": {} });
        for (required, expected) in [
            (json!(["b", 7]), [false, true]),
            (json!("b"), [false, false]),
            (json!({ "b": true }), [false, false]),
        ] {
            let schema = json!({ "properties": properties, "required": required });
            let found: Vec<bool> = fields_of_schema(&schema)
                .iter()
                .map(|field| field.required)
                .collect();
            assert_eq!(found, expected, "{required}");
        }
    }

    #[test]
    fn choices_that_read_alike_stay_apart() {
        let Control::Choice(choices) = only(json!({ "enum": [1, "1", null, true] })).control else {
            panic!("no choices");
        };
        let texts: Vec<_> = choices.iter().map(|choice| choice.text.as_str()).collect();
        assert_eq!(texts, ["1", "\"1\"", "true"]);
        assert_eq!(choices[1].value, json!("1"));
    }

    #[test]
    fn a_connectors_fields_keep_their_order_their_widgets_and_their_labels() {
        let field = |key: &str, widget: &str| Config {
            key: key.to_owned(),
            widget: widget.to_owned(),
            ..Config::default()
        };
        let declared = [
            Config {
                required: true,
                description: "What to say.".to_owned(),
                ..field("zebra", "textarea")
            },
            Config {
                options: "m::Metric|i".to_owned(),
                value: "m".to_owned(),
                required: true,
                ..field("unit", "dropdown")
            },
            field("pin", "secret"),
            Config {
                hidden: true,
                ..field("inner", "text")
            },
            Config {
                visible_when: "unit:i".to_owned(),
                locked: true,
                ..field("inch", "number")
            },
            field("pairs", "kvlist"),
        ];
        let fields = fields_of_config(&declared, &arguments::schema(&declared));
        let keys: Vec<_> = fields.iter().map(|field| field.key.as_str()).collect();
        assert_eq!(keys, ["zebra", "unit", "pin", "inch", "pairs"]);
        assert_eq!(fields[0].control, Control::Lines);
        assert!(fields[0].required && fields[0].help == "What to say.");
        let Control::Choice(units) = &fields[1].control else {
            panic!("{:?}", fields[1]);
        };
        assert_eq!((&*units[0].text, &*units[0].label), ("m", "Metric"));
        assert_eq!((&*units[1].text, &*units[1].label), ("i", "i"));
        assert_eq!(fields[1].initial(), "m");
        assert!(!fields[1].required, "its default is enough");
        assert!(fields[2].secret);
        assert_eq!(
            fields[3].only_when,
            Some(("unit".to_owned(), "i".to_owned()))
        );
        assert!(fields[3].locked);
        assert_eq!(fields[4].control, Control::Json(JsonKind::ListOrObject));
    }

    #[test]
    fn the_default_of_a_secret_is_shown_nowhere() {
        let field = only(json!({ "type": "string", "writeOnly": true, "default": "hunter2" }));
        assert_eq!(field.initial(), "");
    }
}
