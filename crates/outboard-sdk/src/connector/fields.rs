//! A struct as fields: what it declares, and how it is read from the wire.

use std::fmt;

use outboard_contracts::connector::{
    arguments::Arguments,
    module::{Config, Widget},
};

use super::value::FieldValue;

/// A connector's settings, or an operation's input.
///
/// Derive it; see [the macro](macro@super::Fields). `()` is no fields at all, and
/// [`Arguments`] takes whatever comes, as text.
pub trait Fields: Sized + Send + Sync + 'static {
    /// What there is to fill in.
    fn fields() -> Vec<Config>;

    /// Reads the values. Keys that are not declared are passed over.
    ///
    /// # Errors
    ///
    /// The first value that cannot be read. It never holds the value.
    fn from_arguments(arguments: &Arguments) -> Result<Self, FieldError>;

    /// The version of the package that the type is in, where the derive macro knows it.
    #[doc(hidden)]
    fn package_version() -> Option<&'static str> {
        None
    }
}

impl Fields for () {
    fn fields() -> Vec<Config> {
        Vec::new()
    }

    fn from_arguments(_: &Arguments) -> Result<(), FieldError> {
        Ok(())
    }
}

impl Fields for Arguments {
    fn fields() -> Vec<Config> {
        Vec::new()
    }

    fn from_arguments(arguments: &Arguments) -> Result<Arguments, FieldError> {
        Ok(arguments.clone())
    }
}

/// A field whose value cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldError {
    /// It must have a value and has none.
    Missing {
        /// Its key.
        key: String,
    },
    /// It is not what it must be. The value is left out, because it may be a secret.
    Invalid {
        /// Its key.
        key: String,
        /// What it must be.
        expected: String,
    },
}

impl fmt::Display for FieldError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FieldError::Missing { key } => write!(formatter, "the field {key:?} is required"),
            FieldError::Invalid { key, expected } => {
                write!(formatter, "the field {key:?} must be {expected}")
            }
        }
    }
}

impl std::error::Error for FieldError {}

/// Reads one field after the other. It is what derived code uses.
#[derive(Debug)]
pub struct Reader<'a> {
    arguments: &'a Arguments,
    strict: Option<&'a [Config]>,
}

impl<'a> Reader<'a> {
    /// Reads as the original does: what is absent or unreadable is zero, `false` or empty.
    pub fn lenient(arguments: &'a Arguments) -> Reader<'a> {
        Reader {
            arguments,
            strict: None,
        }
    }

    /// Reads what `fields` declare: what is absent is the default, and what is required
    /// and absent, or unreadable, is an error.
    pub fn strict(arguments: &'a Arguments, fields: &'a [Config]) -> Reader<'a> {
        Reader {
            arguments,
            strict: Some(fields),
        }
    }

    /// The value of one field.
    ///
    /// # Errors
    ///
    /// [`FieldError`], leniently only for types that have nothing to fall back to.
    pub fn get<T: FieldValue>(&self, key: &str) -> Result<T, FieldError> {
        let text = self
            .arguments
            .get(key)
            .map(String::as_str)
            .unwrap_or_default();
        let invalid = || FieldError::Invalid {
            key: key.to_owned(),
            expected: T::expected(),
        };
        let Some(fields) = self.strict else {
            return match T::from_text(text).filter(|_| !text.is_empty()) {
                Some(value) => Ok(value),
                None if text.is_empty() || T::LENIENT => Ok(T::absent()),
                None => Err(invalid()),
            };
        };
        let field = fields.iter().find(|field| field.key == key);
        let default = field.map(|field| field.value.as_str()).unwrap_or_default();
        let text = if text.is_empty() { default } else { text };
        if !text.is_empty() {
            if let Some(choices) = field.and_then(choices)
                && !choices.contains(&text)
            {
                return Err(FieldError::Invalid {
                    key: key.to_owned(),
                    expected: format!("one of {}", choices.join(", ")),
                });
            }
            return T::from_text(text).ok_or_else(invalid);
        }
        match field {
            Some(field) if field.required && self.is_shown(field, fields) => {
                Err(FieldError::Missing {
                    key: key.to_owned(),
                })
            }
            _ => Ok(T::absent()),
        }
    }
}

impl Reader<'_> {
    /// Whether the field that it depends on has the value that it wants, perhaps by default.
    fn is_shown(&self, field: &Config, fields: &[Config]) -> bool {
        let Some((other, wanted)) = field.visible_when.split_once(':') else {
            return true;
        };
        let given = self
            .arguments
            .get(other)
            .map(String::as_str)
            .filter(|text| !text.is_empty());
        let default = fields
            .iter()
            .find(|field| field.key == other)
            .map(|field| &*field.value);
        given.or(default).unwrap_or_default() == wanted
    }
}

/// The values of a dropdown that has any.
fn choices(field: &Config) -> Option<Vec<&str>> {
    let offers = field.widget == Widget::Dropdown.as_str() && !field.options.is_empty();
    offers.then(|| {
        let choices = field.options.split('|');
        choices
            .map(|choice| choice.split_once("::").map_or(choice, |(value, _)| value))
            .collect()
    })
}
