//! Reading one mapping of a workflow file: known keys, right types, and a problem
//! for everything else.

use std::time::Duration;

use serde_json::Value;

use super::{
    Problem, duration,
    node::{Content, Entry, Node, Place},
};
use crate::engine::suggest;

/// Where problems are collected.
#[derive(Default)]
pub(super) struct Report {
    pub(super) problems: Vec<Problem>,
}

impl Report {
    pub(super) fn add(&mut self, place: Place, path: &str, message: impl Into<String>) {
        self.problems.push(place.problem(path, message));
    }

    pub(super) fn add_with_hint(
        &mut self,
        place: Place,
        path: &str,
        message: impl Into<String>,
        hint: Option<String>,
    ) {
        let mut problem = place.problem(path, message);
        problem.hint = hint;
        self.problems.push(problem);
    }

    /// The fields of a mapping; unknown ones are problems.
    pub(super) fn fields<'n>(
        &mut self,
        node: &'n Node,
        path: &str,
        known: &[&str],
    ) -> Option<Fields<'n>> {
        let Content::Mapping(entries) = &node.content else {
            self.add(
                node.place,
                path,
                format!("expected a mapping, found {}", node.kind()),
            );
            return None;
        };
        for entry in entries {
            if !known.contains(&entry.key.as_str()) {
                let hint = match suggest::nearest(&entry.key, known.iter().copied()) {
                    Some(nearest) => format!("did you mean {nearest:?}?"),
                    None => format!("known keys: {}", known.join(", ")),
                };
                let message = format!("unknown key {:?}", entry.key);
                self.add_with_hint(entry.place, &join(path, &entry.key), message, Some(hint));
            }
        }
        Some(Fields {
            entries,
            place: node.place,
            path: path.to_owned(),
        })
    }

    /// The items of a list.
    pub(super) fn items<'n>(&mut self, node: &'n Node, path: &str) -> &'n [Node] {
        match &node.content {
            Content::List(items) => items,
            // `steps:` with nothing after it.
            Content::Scalar(Value::Null) => &[],
            _ => {
                self.add(
                    node.place,
                    path,
                    format!("expected a list, found {}", node.kind()),
                );
                &[]
            }
        }
    }

    /// A text that is not empty.
    pub(super) fn text<'n>(&mut self, node: &'n Node, path: &str) -> Option<&'n str> {
        match &node.content {
            Content::Scalar(Value::String(text)) if !text.is_empty() => Some(text),
            Content::Scalar(Value::String(_)) => {
                self.add(node.place, path, "expected a text, found an empty one");
                None
            }
            _ => {
                self.add(
                    node.place,
                    path,
                    format!("expected a text, found {}", node.kind()),
                );
                None
            }
        }
    }
}

/// The fields of one mapping.
pub(super) struct Fields<'n> {
    entries: &'n [Entry],
    pub(super) place: Place,
    pub(super) path: String,
}

impl<'n> Fields<'n> {
    pub(super) fn get(&self, key: &str) -> Option<&'n Node> {
        self.entries
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.node)
    }

    pub(super) fn path_of(&self, key: &str) -> String {
        join(&self.path, key)
    }

    /// A text that must be there.
    pub(super) fn required(&self, key: &str, report: &mut Report) -> Option<(&'n str, Place)> {
        match self.get(key) {
            Some(node) => report
                .text(node, &self.path_of(key))
                .map(|text| (text, node.place)),
            None => {
                report.add(self.place, &self.path, format!("{key:?} is missing"));
                None
            }
        }
    }

    /// A text that may be there.
    pub(super) fn optional(&self, key: &str, report: &mut Report) -> Option<(&'n str, Place)> {
        let node = self.get(key)?;
        report
            .text(node, &self.path_of(key))
            .map(|text| (text, node.place))
    }

    /// A name that must be there: letters, digits, `_`, `-` and what `also` allows.
    pub(super) fn name(
        &self,
        key: &str,
        also: &str,
        report: &mut Report,
    ) -> Option<(&'n str, Place)> {
        let (name, place) = self.required(key, report)?;
        check_name(name, also, place, &self.path_of(key), report).then_some((name, place))
    }

    /// A duration that may be there.
    pub(super) fn duration(&self, key: &str, report: &mut Report) -> Option<Duration> {
        let node = self.get(key)?;
        let path = self.path_of(key);
        let text = match &node.content {
            Content::Scalar(Value::String(text)) => text.clone(),
            // `timeout: 30`: the message of the parser says what is missing.
            Content::Scalar(Value::Number(number)) => number.to_string(),
            _ => {
                report.add(
                    node.place,
                    &path,
                    format!("expected a duration, found {}", node.kind()),
                );
                return None;
            }
        };
        match duration::parse(&text) {
            Ok(duration) => Some(duration),
            Err(message) => {
                report.add(node.place, &path, message);
                None
            }
        }
    }
}

/// Checks a name of a module, pipeline or step.
pub(super) fn check_name(
    name: &str,
    also: &str,
    place: Place,
    path: &str,
    report: &mut Report,
) -> bool {
    let allowed = |character: char| {
        character.is_ascii_alphanumeric() || "_-".contains(character) || also.contains(character)
    };
    let starts_well =
        name.starts_with(|character: char| character.is_ascii_alphabetic() || character == '_');
    if name.len() > 128 {
        report.add(place, path, "a name has at most 128 characters");
    } else if !starts_well || !name.chars().all(allowed) {
        let message = format!("{name:?} is no name");
        let hint = "a letter, then letters, digits, _ and -".to_owned();
        report.add_with_hint(place, path, message, Some(hint));
    } else {
        return true;
    }
    false
}

/// `path.key`, or `key` at the top.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}
