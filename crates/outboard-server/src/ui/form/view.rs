//! A field with what is in it, as templates draw it.

use super::{Control, Field, Submitted, Wrong};

/// A field as a page shows it. Secrets are never in it.
#[derive(Clone, Debug)]
pub(crate) struct FieldView {
    /// The heading before it, where a group begins.
    pub(crate) heading: Option<String>,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) label: String,
    /// Its key, if that is not its label.
    pub(crate) key: Option<String>,
    pub(crate) help: String,
    pub(crate) type_words: String,
    pub(crate) condition: String,
    /// `line`, `lines`, `switch`, `choice` or `json`.
    pub(crate) control: &'static str,
    /// The `type` of an HTML input, for a line.
    pub(crate) input_type: &'static str,
    pub(crate) value: String,
    pub(crate) is_ticked: bool,
    pub(crate) choices: Vec<ChoiceView>,
    pub(crate) required: bool,
    pub(crate) locked: bool,
    pub(crate) secret: bool,
    /// Whether a secret has a value, which can be cleared.
    pub(crate) is_set: bool,
    /// The name of the box that clears it.
    pub(crate) clear: String,
    pub(crate) error: Option<String>,
}

/// One choice of a list.
#[derive(Clone, Debug)]
pub(crate) struct ChoiceView {
    pub(crate) text: String,
    pub(crate) label: String,
    pub(crate) chosen: bool,
}

/// Fields for a page. `prefix` tells the ids of one form from those of another;
/// `value_of` says what is in a field.
pub(crate) fn views(
    fields: &[Field],
    prefix: &str,
    value_of: impl Fn(&Field) -> String,
    wrong: &Wrong,
) -> Vec<FieldView> {
    let mut group = "";
    let mut views = Vec::with_capacity(fields.len());
    for field in fields {
        let mut view = FieldView::new(field, prefix, value_of(field));
        view.error = wrong.get(&field.key).cloned();
        if field.group != group {
            group = &field.group;
            view.heading = Some(group.to_owned()).filter(|group| !group.is_empty());
        }
        views.push(view);
    }
    views
}

/// What somebody typed into a field, or what a fresh form has in it.
pub(crate) fn typed_or_initial(field: &Field, form: Option<&Submitted>) -> String {
    match form {
        None => field.initial(),
        Some(form) => form.get(&field.name()).unwrap_or_default().to_owned(),
    }
}

impl FieldView {
    fn new(field: &Field, prefix: &str, value: String) -> FieldView {
        let (control, input_type) = match &field.control {
            _ if field.secret => ("line", "password"),
            Control::Line(input_type) => ("line", *input_type),
            // A browser's own number field sends nothing for what it does not understand, so
            // nobody could say what is wrong with it.
            Control::Number { .. } => ("line", "text"),
            Control::Lines => ("lines", ""),
            Control::Switch => ("switch", ""),
            Control::Choice(_) => ("choice", ""),
            Control::Json(_) => ("json", ""),
        };
        let choices = match &field.control {
            Control::Choice(choices) => choices
                .iter()
                .map(|choice| ChoiceView {
                    text: choice.text.clone(),
                    label: choice.label.clone(),
                    chosen: choice.text == value,
                })
                .collect(),
            _ => Vec::new(),
        };
        let is_ticked = matches!(value.as_str(), "true" | "1" | "on" | "yes");
        FieldView {
            heading: None,
            id: format!("{prefix}{}", field.id()),
            name: field.name(),
            clear: field.clear_name(),
            key: (field.label != field.key).then(|| field.key.clone()),
            label: field.label.clone(),
            help: field.help.clone(),
            type_words: field.type_words(),
            condition: field.condition(),
            control,
            input_type,
            is_set: field.secret && !value.is_empty(),
            value: match field.secret {
                true => String::new(),
                false => value,
            },
            is_ticked,
            choices,
            required: field.required,
            locked: field.locked,
            secret: field.secret,
            error: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::form::fields_of_schema;
    use serde_json::json;

    #[test]
    fn a_secret_is_never_in_what_is_drawn() {
        let fields = fields_of_schema(&json!({
            "properties": { "pin": { "type": "string", "writeOnly": true } },
        }));
        let drawn = views(&fields, "a-", |_| "hunter2".to_owned(), &Wrong::new());
        assert!(!format!("{drawn:?}").contains("hunter2"));
        assert!(drawn[0].is_set && drawn[0].input_type == "password");
    }

    #[test]
    fn what_was_typed_stays_in_its_field_with_what_is_wrong() {
        let fields = fields_of_schema(&json!({
            "properties": { "n": { "type": "integer", "default": 3 }, "c": { "enum": ["a", "b"] } },
        }));
        let form = Submitted::new(vec![
            ("in.n".to_owned(), "many".to_owned()),
            ("in.c".to_owned(), "b".to_owned()),
        ]);
        let wrong = super::super::read(&fields, &form).expect_err("wrong");
        let drawn = views(
            &fields,
            "",
            |field| typed_or_initial(field, Some(&form)),
            &wrong,
        );
        let find = |name: &str| {
            drawn
                .iter()
                .find(|view| view.name == name)
                .expect("a field")
        };
        assert_eq!(find("in.n").value, "many");
        assert!(find("in.n").error.is_some());
        let chosen: Vec<bool> = find("in.c").choices.iter().map(|one| one.chosen).collect();
        assert_eq!(chosen, [false, true]);
        let fresh = views(
            &fields,
            "",
            |field| typed_or_initial(field, None),
            &Wrong::new(),
        );
        assert!(fresh.iter().any(|view| view.value == "3"));
    }
}
