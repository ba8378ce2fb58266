//! A plugin's name, checked before it is used in a path, a URL or a message.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest name that is accepted, in bytes.
pub const MAX_NAME_LENGTH: usize = 64;

/// Names that a plugin cannot have, because a URL with one means something else:
/// `…/plugins/external/loaded` is the list of the plugins that run.
pub const RESERVED_NAMES: &[&str] = &["loaded"];

/// A name that is safe to use as one segment of a path or a URL.
///
/// It starts with a lower-case letter, goes on with lower-case letters, digits
/// and hyphens, does not end in a hyphen, has at most [`MAX_NAME_LENGTH`] bytes, and
/// is none of [`RESERVED_NAMES`].
///
/// ```
/// use outboard_contracts::PluginName;
///
/// assert_eq!(PluginName::parse("my-plugin-2").unwrap().as_str(), "my-plugin-2");
/// assert!(PluginName::parse("../etc").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PluginName(String);

/// Why a text is no plugin name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// There is no text at all.
    #[error("the name is empty")]
    Empty,
    /// More than [`MAX_NAME_LENGTH`] bytes.
    #[error("the name has {length} bytes, the limit is {MAX_NAME_LENGTH}")]
    TooLong {
        /// How many bytes it has.
        length: usize,
    },
    /// A character that is not allowed, or a hyphen or digit where it is not.
    #[error(
        "name {name:?} must be lowercase alphanumeric with hyphens: it starts with a letter and does not end in a hyphen"
    )]
    Malformed {
        /// The text as it was given.
        name: String,
    },
    /// One of [`RESERVED_NAMES`].
    #[error("the name {name:?} is reserved: the HTTP API uses it in its own paths; choose another")]
    Reserved {
        /// The name.
        name: String,
    },
}

impl PluginName {
    /// Checks `name`.
    ///
    /// # Errors
    ///
    /// [`NameError`], which says what to change.
    pub fn parse(name: &str) -> Result<Self, NameError> {
        if name.is_empty() {
            return Err(NameError::Empty);
        }
        if name.len() > MAX_NAME_LENGTH {
            return Err(NameError::TooLong { length: name.len() });
        }
        let starts_well = name.as_bytes()[0].is_ascii_lowercase();
        let ends_well = !name.ends_with('-');
        let all_allowed = name
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if !(starts_well && ends_well && all_allowed) {
            return Err(NameError::Malformed {
                name: name.to_owned(),
            });
        }
        if RESERVED_NAMES.contains(&name) {
            return Err(NameError::Reserved {
                name: name.to_owned(),
            });
        }
        Ok(Self(name.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PluginName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl AsRef<str> for PluginName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for PluginName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<std::path::Path> for PluginName {
    fn as_ref(&self) -> &std::path::Path {
        self.0.as_ref()
    }
}

impl TryFrom<&str> for PluginName {
    type Error = NameError;

    fn try_from(name: &str) -> Result<Self, NameError> {
        Self::parse(name)
    }
}

impl TryFrom<String> for PluginName {
    type Error = NameError;

    fn try_from(name: String) -> Result<Self, NameError> {
        Self::parse(&name)
    }
}

impl std::str::FromStr for PluginName {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        Self::parse(name)
    }
}

impl From<PluginName> for String {
    fn from(name: PluginName) -> Self {
        name.0
    }
}

impl PartialEq<str> for PluginName {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for PluginName {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}
