//! Placeholders in config values.
//!
//! ```text
//! {{ trigger.order.id }}        what triggered the run
//! {{ steps.check.valid[0] }}    the output of an earlier step
//! {{ current.total }}           the trigger's data with all outputs merged into it
//! {{ metadata.run_id }}         about the run
//! {{ env.HOME }}                an environment variable of the host, read when the file is loaded
//! ${DATA_DIR}                   a variable of the host, replaced when the file is loaded
//! \{{  \${                      the characters themselves: a backslash takes the meaning away
//! ```
//!
//! A placeholder is a path that is looked up, never code. A value that is exactly
//! one placeholder becomes what it finds, of whatever type. Inside a longer text
//! the value is written as text: strings as they are, everything else as JSON.

use serde_json::Value;

use super::PipelineContext;
use crate::engine::EngineError;

/// The longest placeholder, in bytes, between its braces.
const MAX_PLACEHOLDER: usize = 1024;

/// A text with placeholders.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq)]
enum Segment {
    Text(String),
    Placeholder(Placeholder),
    Variable(String),
}

/// What stands between `{{` and `}}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placeholder {
    text: String,
    root: Root,
    path: Vec<Key>,
}

/// Where a placeholder begins to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Root {
    /// What triggered the run.
    Trigger,
    /// The output of the step of that name.
    Step(String),
    /// The environment variable of that name.
    Env(String),
    /// About the run.
    Metadata,
    /// The trigger's data with all outputs merged into it.
    Current,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    Name(String),
    Index(usize),
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl TemplateError {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl Template {
    /// Reads a text.
    ///
    /// # Errors
    ///
    /// A placeholder has no end or is no path.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut segments = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(position) = rest.find(['\\', '{', '$']) {
            plain.push_str(&rest[..position]);
            rest = &rest[position..];
            if let Some(after) = rest.strip_prefix("\\{{") {
                plain.push_str("{{");
                rest = after;
            } else if let Some(after) = rest.strip_prefix("\\${") {
                plain.push_str("${");
                rest = after;
            } else if let Some(after) = rest.strip_prefix("{{") {
                let end = after.find("}}").ok_or_else(|| {
                    TemplateError::new("a placeholder that begins with {{ has no }}")
                        .hint("write \\{{ for the characters themselves")
                })?;
                flush(&mut segments, &mut plain);
                segments.push(Segment::Placeholder(Placeholder::parse(
                    after[..end].trim(),
                )?));
                rest = &after[end + 2..];
            } else if let Some(after) = rest.strip_prefix("${") {
                let end = after.find('}').ok_or_else(|| {
                    TemplateError::new("a variable that begins with ${ has no }")
                        .hint("write \\${ for the characters themselves")
                })?;
                let name = &after[..end];
                if !is_identifier(name) {
                    return Err(TemplateError::new(format!("${{{name}}} is no variable"))
                        .hint("letters, digits and underscores, such as ${DATA_DIR}"));
                }
                flush(&mut segments, &mut plain);
                segments.push(Segment::Variable(name.to_owned()));
                rest = &after[end + 1..];
            } else {
                let mut characters = rest.chars();
                plain.extend(characters.next());
                rest = characters.as_str();
            }
        }
        plain.push_str(rest);
        flush(&mut segments, &mut plain);
        Ok(Self { segments })
    }

    /// The placeholders, in the order of the text.
    pub fn placeholders(&self) -> impl Iterator<Item = &Placeholder> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Placeholder(placeholder) => Some(placeholder),
            Segment::Text(_) | Segment::Variable(_) => None,
        })
    }

    /// The names of the variables, in the order of the text.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Variable(name) => Some(name.as_str()),
            Segment::Text(_) | Segment::Placeholder(_) => None,
        })
    }

    /// Replaces what is known when the file is loaded: variables and environment.
    /// What has no value stays.
    #[must_use]
    pub fn bind(
        self,
        variable: impl Fn(&str) -> Option<String>,
        env: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let mut segments: Vec<Segment> = Vec::with_capacity(self.segments.len());
        for segment in self.segments {
            let value = match &segment {
                Segment::Variable(name) => variable(name),
                Segment::Placeholder(Placeholder {
                    root: Root::Env(name),
                    ..
                }) => env(name),
                Segment::Text(text) => Some(text.clone()),
                Segment::Placeholder(_) => None,
            };
            match (value, segments.last_mut()) {
                (Some(value), Some(Segment::Text(text))) => text.push_str(&value),
                (Some(value), _) => segments.push(Segment::Text(value)),
                (None, _) => segments.push(segment),
            }
        }
        Self { segments }
    }

    /// The text, if nothing is left to be looked up.
    pub fn as_text(&self) -> Option<&str> {
        match self.segments.as_slice() {
            [] => Some(""),
            [Segment::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The template as one would write it.
    pub fn source(&self) -> String {
        let mut source = String::new();
        for segment in &self.segments {
            match segment {
                Segment::Text(text) => {
                    source.push_str(&text.replace("{{", "\\{{").replace("${", "\\${"));
                }
                Segment::Placeholder(placeholder) => {
                    source.push_str("{{ ");
                    source.push_str(&placeholder.text);
                    source.push_str(" }}");
                }
                Segment::Variable(name) => {
                    source.push_str("${");
                    source.push_str(name);
                    source.push('}');
                }
            }
        }
        source
    }

    /// The value in a run.
    ///
    /// # Errors
    ///
    /// [`EngineError::Template`] for the first placeholder that finds nothing.
    pub fn resolve(&self, context: &PipelineContext) -> Result<Value, EngineError> {
        if let [Segment::Placeholder(placeholder)] = self.segments.as_slice() {
            return placeholder.resolve(context);
        }
        let mut text = String::new();
        for segment in &self.segments {
            match segment {
                Segment::Text(part) => text.push_str(part),
                Segment::Placeholder(placeholder) => match placeholder.resolve(context)? {
                    Value::String(part) => text.push_str(&part),
                    other => text.push_str(&other.to_string()),
                },
                Segment::Variable(name) => {
                    return Err(missing(name, "the host has no such variable"));
                }
            }
        }
        Ok(Value::String(text))
    }
}

impl Placeholder {
    fn parse(text: &str) -> Result<Self, TemplateError> {
        if text.is_empty() {
            return Err(
                TemplateError::new("a placeholder is empty").hint("such as {{ trigger.path }}")
            );
        }
        if text.len() > MAX_PLACEHOLDER {
            return Err(TemplateError::new(format!(
                "a placeholder has {} bytes, the limit is {MAX_PLACEHOLDER}",
                text.len()
            )));
        }
        if let Some(rest) = text.strip_prefix('.') {
            return Err(
                TemplateError::new(format!("{{{{ {text} }}}} begins with a dot"))
                    .hint(format!("write {{{{ {rest} }}}}")),
            );
        }
        let mut keys = parse_path(text)?.into_iter();
        let Some(Key::Name(first)) = keys.next() else {
            return Err(unknown_root(text));
        };
        let mut name_of = |what: &str| match keys.next() {
            Some(Key::Name(name)) => Ok(name),
            _ => Err(TemplateError::new(format!(
                "{{{{ {text} }}}} does not say which {what}"
            ))),
        };
        let root = match first.as_str() {
            "trigger" => Root::Trigger,
            "current" => Root::Current,
            "metadata" => Root::Metadata,
            "steps" => Root::Step(name_of("step")?),
            "env" => Root::Env(name_of("variable")?),
            _ => return Err(unknown_root(text)),
        };
        let path: Vec<Key> = keys.collect();
        if matches!(root, Root::Env(_)) && !path.is_empty() {
            return Err(TemplateError::new(format!(
                "{{{{ {text} }}}}: an environment variable is a text and has no fields"
            )));
        }
        Ok(Self {
            text: text.to_owned(),
            root,
            path,
        })
    }

    /// The text between the braces.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where it begins to look.
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// The field of the trigger's data that it looks up, if that is where it looks.
    pub(crate) fn trigger_field(&self) -> Option<&str> {
        match (&self.root, self.path.first()) {
            (Root::Trigger, Some(Key::Name(name))) => Some(name),
            _ => None,
        }
    }

    fn resolve(&self, context: &PipelineContext) -> Result<Value, EngineError> {
        let map = match &self.root {
            Root::Trigger => context.trigger_data(),
            Root::Current => context.current(),
            Root::Metadata => context.metadata(),
            Root::Step(name) => context.step_output(name).ok_or_else(|| {
                missing(
                    &self.text,
                    &format!("step {name:?} has not run in this run"),
                )
            })?,
            Root::Env(name) => {
                return Err(missing(
                    &self.text,
                    &format!("the environment variable {name} is not set"),
                ));
            }
        };
        let Some((first, rest)) = self.path.split_first() else {
            return Ok(Value::Object(map.clone()));
        };
        let mut value = match first {
            Key::Name(name) => map.get(name),
            Key::Index(index) => map.get(&index.to_string()),
        }
        .ok_or_else(|| self.no_field(first, map.keys().map(String::as_str)))?;
        for key in rest {
            value = match (key, value) {
                (Key::Name(name), Value::Object(map)) => map
                    .get(name)
                    .ok_or_else(|| self.no_field(key, map.keys().map(String::as_str)))?,
                (Key::Index(index), Value::Array(items)) => items.get(*index).ok_or_else(|| {
                    missing(
                        &self.text,
                        &format!("there are {} items, so none at {index}", items.len()),
                    )
                })?,
                (Key::Index(index), Value::Object(map)) => map
                    .get(&index.to_string())
                    .ok_or_else(|| self.no_field(key, map.keys().map(String::as_str)))?,
                (key, other) => {
                    return Err(missing(
                        &self.text,
                        &format!("{} has no {}", kind_of(other), display(key)),
                    ));
                }
            };
        }
        Ok(value.clone())
    }

    fn no_field<'a>(&self, key: &Key, names: impl Iterator<Item = &'a str>) -> EngineError {
        // Names of fields are shape, not content; a few of them show what went wrong.
        let mut names: Vec<&str> = names.take(9).collect();
        let more = if names.len() > 8 { ", …" } else { "" };
        names.truncate(8);
        let known = if names.is_empty() {
            "there are none".to_owned()
        } else {
            format!("there are {}{more}", names.join(", "))
        };
        missing(&self.text, &format!("no field {}; {known}", display(key)))
    }
}

fn missing(placeholder: &str, reason: &str) -> EngineError {
    EngineError::Template {
        placeholder: placeholder.to_owned(),
        reason: reason.to_owned(),
    }
}

fn unknown_root(text: &str) -> TemplateError {
    TemplateError::new(format!("{{{{ {text} }}}} does not begin with a known name")).hint(
        "placeholders are looked up, not evaluated: trigger.…, steps.NAME.…, current.…, metadata.… or env.NAME",
    )
}

fn parse_path(text: &str) -> Result<Vec<Key>, TemplateError> {
    let invalid = || {
        TemplateError::new(format!("{{{{ {text} }}}} is not a path")).hint(
            "names and numbers joined by dots, items in brackets: steps.read.items[0].id or steps.read[\"a.b\"]",
        )
    };
    let mut keys = Vec::new();
    let mut rest = text;
    loop {
        if let Some(after) = rest.strip_prefix("[\"") {
            let end = after.find("\"]").ok_or_else(invalid)?;
            keys.push(Key::Name(after[..end].to_owned()));
            rest = &after[end + 2..];
        } else if let Some(after) = rest.strip_prefix('[') {
            let end = after.find(']').ok_or_else(invalid)?;
            keys.push(Key::Index(after[..end].parse().map_err(|_| invalid())?));
            rest = &after[end + 1..];
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            let name = &rest[..end];
            let allowed =
                |character: char| character.is_alphanumeric() || "_-$@".contains(character);
            if name.is_empty() || !name.chars().all(allowed) {
                return Err(invalid());
            }
            // "007" is a name: as an index it would be looked up as "7".
            keys.push(match name.parse::<usize>() {
                Ok(index) if index.to_string() == name => Key::Index(index),
                _ => Key::Name(name.to_owned()),
            });
            rest = &rest[end..];
        }
        if rest.is_empty() {
            return Ok(keys);
        }
        if let Some(after) = rest.strip_prefix('.') {
            rest = after;
        } else if !rest.starts_with('[') {
            return Err(invalid());
        }
    }
}

fn flush(segments: &mut Vec<Segment>, plain: &mut String) {
    if !plain.is_empty() {
        segments.push(Segment::Text(std::mem::take(plain)));
    }
}

fn is_identifier(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || character == '_')
        && !name.starts_with(|character: char| character.is_ascii_digit())
}

fn display(key: &Key) -> String {
    match key {
        Key::Name(name) => format!("{name:?}"),
        Key::Index(index) => index.to_string(),
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
