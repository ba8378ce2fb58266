//! A config whose values may have placeholders, ready to be filled in for a run.

use outboard_contracts::value::Map;
use serde_json::Value;

use super::{PipelineContext, Template, template::TemplateError};
use crate::engine::EngineError;

/// A config with its placeholders found. Keys are taken as they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConfigTemplate {
    /// As it was written, apart from what was known when the file was loaded.
    source: Map,
    /// `None` if nothing depends on the run: then `source` is the config.
    fields: Option<Vec<(String, Part)>>,
    /// The same config as it may be shown, where that differs.
    shown: Option<Box<ConfigTemplate>>,
    /// The keys that the host added.
    added: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Fixed(Value),
    Text(Template),
    List(Vec<Part>),
    Object(Vec<(String, Part)>),
}

impl ConfigTemplate {
    /// Finds the placeholders; variables and the environment must be in place already.
    ///
    /// # Errors
    ///
    /// A value is no template.
    pub fn new(config: Map) -> Result<Self, TemplateError> {
        Self::with(config, &Template::parse)
    }

    /// As [`ConfigTemplate::new`], with the caller's way to read a text.
    pub(crate) fn with<E>(
        config: Map,
        read: &dyn Fn(&str) -> Result<Template, E>,
    ) -> Result<Self, E> {
        let mut fields = Vec::with_capacity(config.len());
        for (key, value) in config {
            fields.push((key, part(value, read)?));
        }
        let source = fields
            .iter()
            .map(|(key, part)| (key.clone(), part.source()))
            .collect();
        let fixed = fields
            .iter()
            .all(|(_, part)| matches!(part, Part::Fixed(_)));
        Ok(Self {
            source,
            fields: (!fixed).then_some(fields),
            shown: None,
            added: Vec::new(),
        })
    }

    /// Says what is shown of this config instead of the config itself.
    #[must_use]
    pub(crate) fn shown_as(mut self, shown: ConfigTemplate) -> Self {
        self.shown = (shown != self).then(|| Box::new(shown));
        self
    }

    /// Whether the config is the same in every run.
    pub fn is_fixed(&self) -> bool {
        self.fields.is_none()
    }

    /// The config with its placeholders as they were written.
    pub fn source(&self) -> &Map {
        &self.source
    }

    /// The fields of the trigger's data that are looked up, as they come.
    pub(crate) fn trigger_fields<'a>(&'a self, found: &mut Vec<&'a str>) {
        for (_, part) in self.fields.iter().flatten() {
            part.trigger_fields(found);
        }
    }

    /// The config in a run.
    ///
    /// # Errors
    ///
    /// [`EngineError::Template`] for the first placeholder that finds nothing.
    pub fn resolve(&self, context: &PipelineContext) -> Result<Map, EngineError> {
        let Some(fields) = &self.fields else {
            return Ok(self.source.clone());
        };
        resolve_fields(fields, context)
    }

    /// The config in a run as people may see it: `resolved` without what the host added,
    /// and with what comes from the environment hidden.
    pub(crate) fn shown(&self, resolved: &Map, context: &PipelineContext) -> Map {
        let shown = self.shown.as_ref().map(|shown| shown.resolve(context));
        // Both look the same things up, so one that fails would have failed before.
        let mut shown = shown
            .and_then(Result::ok)
            .unwrap_or_else(|| match self.shown {
                None => resolved.clone(),
                Some(_) => Map::new(),
            });
        shown.retain(|key, _| !self.added.contains(key));
        shown
    }

    /// Sets a value that has no placeholders.
    pub(crate) fn insert(&mut self, key: &str, value: Value) {
        self.added.push(key.to_owned());
        self.source.insert(key.to_owned(), value.clone());
        if let Some(fields) = &mut self.fields {
            fields.retain(|(name, _)| name != key);
            fields.push((key.to_owned(), Part::Fixed(value)));
        }
    }
}

impl Part {
    fn trigger_fields<'a>(&'a self, found: &mut Vec<&'a str>) {
        match self {
            Self::Fixed(_) => {}
            Self::Text(template) => found.extend(
                template
                    .placeholders()
                    .filter_map(|placeholder| placeholder.trigger_field()),
            ),
            Self::List(parts) => parts.iter().for_each(|part| part.trigger_fields(found)),
            Self::Object(fields) => fields
                .iter()
                .for_each(|(_, part)| part.trigger_fields(found)),
        }
    }

    fn source(&self) -> Value {
        match self {
            Self::Fixed(value) => value.clone(),
            Self::Text(template) => Value::String(template.source()),
            Self::List(parts) => parts.iter().map(Self::source).collect(),
            Self::Object(fields) => Value::Object(
                fields
                    .iter()
                    .map(|(key, part)| (key.clone(), part.source()))
                    .collect(),
            ),
        }
    }

    fn resolve(&self, context: &PipelineContext) -> Result<Value, EngineError> {
        Ok(match self {
            Self::Fixed(value) => value.clone(),
            Self::Text(template) => template.resolve(context)?,
            Self::List(parts) => parts
                .iter()
                .map(|part| part.resolve(context))
                .collect::<Result<_, _>>()?,
            Self::Object(fields) => Value::Object(resolve_fields(fields, context)?),
        })
    }
}

fn resolve_fields(
    fields: &[(String, Part)],
    context: &PipelineContext,
) -> Result<Map, EngineError> {
    fields
        .iter()
        .map(|(key, part)| Ok((key.clone(), part.resolve(context)?)))
        .collect()
}

fn part<E>(value: Value, read: &dyn Fn(&str) -> Result<Template, E>) -> Result<Part, E> {
    Ok(match value {
        Value::String(text) => {
            let template = read(&text)?;
            match template.as_text() {
                Some(text) => Part::Fixed(Value::String(text.to_owned())),
                None => Part::Text(template),
            }
        }
        Value::Array(items) => {
            let parts = items
                .into_iter()
                .map(|item| part(item, read))
                .collect::<Result<Vec<_>, _>>()?;
            if parts.iter().all(|part| matches!(part, Part::Fixed(_))) {
                Part::Fixed(parts.iter().map(Part::source).collect())
            } else {
                Part::List(parts)
            }
        }
        Value::Object(map) => {
            let mut fields = Vec::with_capacity(map.len());
            for (key, value) in map {
                fields.push((key, part(value, read)?));
            }
            let object = Part::Object(fields);
            match &object {
                Part::Object(fields)
                    if fields
                        .iter()
                        .all(|(_, part)| matches!(part, Part::Fixed(_))) =>
                {
                    Part::Fixed(object.source())
                }
                _ => object,
            }
        }
        other => Part::Fixed(other),
    })
}
