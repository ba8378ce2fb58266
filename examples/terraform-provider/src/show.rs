//! Schemas, plans, states and diagnostics as text.

use std::fmt;

use crate::{
    failure::path,
    generated::{Diagnostic, Schema, SchemaAnswer, diagnostic::Severity, schema::Attribute},
    provider::{Plan, State},
    value::{self, Value},
};

impl fmt::Display for SchemaAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let provider = self.provider.iter().map(|schema| ("provider", "", schema));
        let resources = self.resources.iter();
        let resources = resources.map(|(name, schema)| ("resource ", name.as_str(), schema));
        let sources = self.data_sources.iter();
        let sources = sources.map(|(name, schema)| ("data source ", name.as_str(), schema));
        for (kind, name, schema) in provider.chain(resources).chain(sources) {
            let block = schema.block.clone().unwrap_or_default();
            writeln!(f, "{kind}{name}: {}", block.description)?;
            for attribute in schema.attributes() {
                writeln!(f, "  {attribute}")?;
            }
        }
        Ok(())
    }
}

impl Schema {
    /// The attributes of its block.
    pub fn attributes(&self) -> &[Attribute] {
        self.block.as_ref().map_or(&[], |block| &block.attributes)
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = String::from_utf8_lossy(&self.r#type);
        let need = match (self.required, self.optional, self.computed) {
            (true, _, _) => "required",
            (_, true, true) => "optional, else computed",
            (_, true, false) => "optional",
            _ => "computed",
        };
        write!(f, "{} {kind} ({need}): {}", self.name, self.description)
    }
}

impl fmt::Display for Plan {
    /// One line for each attribute that changes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nothing = Value::Nil;
        let prior = self.prior.as_ref().map_or(&nothing, |state| &state.value);
        let verb = match (prior.is_nil(), self.planned.is_nil()) {
            (true, _) => "make",
            (false, true) => "remove",
            (false, false) if !self.replaces.is_empty() => "replace",
            (false, false) => "change",
        };
        writeln!(f, "{verb} {}", self.type_name)?;
        // Both have every attribute, unless there is none of them.
        let whole = if prior.is_nil() { &self.planned } else { prior };
        for name in value::names(whole) {
            let (before, after) = (value::get(prior, name), value::get(&self.planned, name));
            if before != after {
                let (before, after) = (value::Shown(before), value::Shown(after));
                writeln!(f, "  {name}: {before} -> {after}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.type_name)?;
        for name in value::names(&self.value) {
            let shown = value::Shown(value::get(&self.value, name));
            writeln!(f, "  {name} = {shown}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity() {
            Severity::Warning => "warning",
            Severity::Error | Severity::Invalid => "error",
        };
        write!(f, "{severity}: {}", self.summary)?;
        if let Some(attribute) = &self.attribute {
            write!(f, " ({})", path(attribute))?;
        }
        match self.detail.as_str() {
            "" => Ok(()),
            detail => write!(f, ": {detail}"),
        }
    }
}
