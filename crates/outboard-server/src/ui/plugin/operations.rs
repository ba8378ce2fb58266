//! The tab that shows each operation of a connector: what it takes, as a table.

use askama::Template;
use outboard_connector::host::Description;
use outboard_contracts::connector::module::Operation;

use super::connector::run_href;
use crate::{
    security::Permission,
    ui::{
        form::{Field, fields_of_config},
        json::pretty,
        page::Ui,
    },
};

#[derive(Template)]
#[template(path = "plugin/operations.html")]
pub(super) struct Operations {
    categories: Vec<Category>,
    may_call: bool,
    count: usize,
}

struct Category {
    title: String,
    operations: Vec<Shown>,
}

struct Shown {
    key: String,
    name: String,
    description: String,
    destructive: bool,
    config_only: bool,
    fields: Vec<Row>,
    output: Vec<(String, String)>,
    notes: Vec<String>,
    examples: Vec<(String, String)>,
    run: String,
}

/// A field of an operation's input.
pub(super) struct Row {
    pub(super) key: String,
    pub(super) type_words: String,
    pub(super) required: bool,
    pub(super) default: String,
    pub(super) description: String,
}

impl From<&Field> for Row {
    fn from(field: &Field) -> Row {
        let condition = field.condition();
        let mut description = field.help.clone();
        if !condition.is_empty() {
            if !description.is_empty() {
                description.push(' ');
            }
            description.push_str(&format!("({condition})"));
        }
        Row {
            key: field.key.clone(),
            type_words: field.type_words(),
            required: field.required,
            default: field.initial(),
            description,
        }
    }
}

pub(super) fn of_connector(ui: &Ui, description: &Description) -> Operations {
    let mut categories: Vec<Category> = Vec::new();
    for described in &description.operations_list {
        let operation = &described.operation;
        let fields = fields_of_config(&operation.input, &described.input_schema);
        let shown = Shown {
            fields: fields.iter().map(Row::from).collect(),
            output: operation.output_shape.clone().into_iter().collect(),
            notes: notes(operation),
            examples: examples(operation),
            run: run_href(&description.summary.key, &operation.key),
            key: operation.key.clone(),
            name: operation.name.clone(),
            description: operation.description.clone(),
            destructive: operation.destructive,
            config_only: operation.config_only,
        };
        match categories.last_mut() {
            Some(last) if last.title == described.category => last.operations.push(shown),
            _ => categories.push(Category {
                title: described.category.clone(),
                operations: vec![shown],
            }),
        }
    }
    Operations {
        categories,
        may_call: ui.may(&Permission::OPERATIONS_CALL),
        count: description.operations_list.len(),
    }
}

fn notes(operation: &Operation) -> Vec<String> {
    let mut notes = operation.quirks.clone();
    notes.extend(operation.common_pitfalls.iter().cloned());
    if !operation.pair_with.is_empty() {
        notes.push(format!("Goes with {}.", operation.pair_with.join(", ")));
    }
    notes
}

fn examples(operation: &Operation) -> Vec<(String, String)> {
    let declared = operation
        .examples
        .iter()
        .map(|example| (example.name.clone(), pretty(&example.body).text));
    let samples = [
        ("Input", &operation.input_sample),
        ("Result", &operation.output_sample),
    ];
    let samples = samples
        .into_iter()
        .filter(|(_, sample)| !sample.is_empty())
        .map(|(title, sample)| (title.to_owned(), pretty(sample).text));
    declared.chain(samples).collect()
}
