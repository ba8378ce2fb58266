//! What can be wrong with a `plugin.json`.

use std::fmt;

use super::MAX_MANIFEST_BYTES;
use crate::{name::NameError, version::VersionError};

/// A `plugin.json` that cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestError(ManifestErrorKind);

/// What is wrong, in the order in which it is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ManifestErrorKind {
    /// More than [`MAX_MANIFEST_BYTES`].
    TooLarge {
        /// How many bytes there are.
        bytes: usize,
    },
    /// Not text.
    NotUtf8 {
        /// How many bytes were fine.
        position: usize,
    },
    /// Nothing but white space.
    Empty,
    /// Not JSON, or a field of the wrong kind.
    NotJson {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What the JSON reader says.
        reason: String,
    },
    /// `name` is absent or empty.
    NameMissing,
    /// `name` is no [`PluginName`](crate::PluginName).
    NameInvalid {
        /// What is wrong with it.
        reason: NameError,
    },
    /// `version` is absent or empty.
    VersionMissing,
    /// `version` is no semantic version.
    VersionInvalid {
        /// What is wrong with it.
        reason: VersionError,
    },
    /// `author` is absent or empty.
    AuthorMissing,
    /// `description` is absent or empty.
    DescriptionMissing,
    /// A dependency without a name.
    DependencyNameMissing,
    /// A dependency on something that can be no plugin.
    DependencyNameInvalid {
        /// What is wrong with the name.
        reason: NameError,
    },
    /// A dependency without a constraint.
    DependencyConstraintMissing {
        /// The plugin that it depends on.
        name: String,
    },
    /// A dependency with a constraint that cannot be read.
    DependencyConstraintInvalid {
        /// The plugin that it depends on.
        name: String,
        /// What is wrong with the constraint.
        reason: VersionError,
    },
    /// The plugin depends on itself.
    DependsOnItself,
    /// Two dependencies on one plugin.
    DependencyDuplicate {
        /// The plugin that it depends on.
        name: String,
    },
    /// A capability without a name.
    CapabilityNameMissing,
    /// A capability whose role is neither `provider` nor `consumer`.
    CapabilityRoleInvalid {
        /// The capability.
        capability: String,
        /// The role as it was written.
        role: String,
    },
}

impl ManifestError {
    /// What is wrong.
    pub fn kind(&self) -> &ManifestErrorKind {
        &self.0
    }
}

impl From<ManifestErrorKind> for ManifestError {
    fn from(kind: ManifestErrorKind) -> Self {
        Self(kind)
    }
}

impl fmt::Display for ManifestError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        use ManifestErrorKind as Kind;

        formatter.write_str("manifest: ")?;
        match &self.0 {
            Kind::TooLarge { bytes } => {
                write!(
                    formatter,
                    "plugin.json has {bytes} bytes, the limit is {MAX_MANIFEST_BYTES}"
                )
            }
            Kind::NotUtf8 { position } => {
                write!(
                    formatter,
                    "plugin.json is not UTF-8 text (byte {position}); save it as UTF-8"
                )
            }
            Kind::Empty => formatter.write_str(
                "plugin.json is empty; write name, version, author and description into it",
            ),
            // The reader's text says the line and the column.
            Kind::NotJson { reason, .. } => {
                write!(
                    formatter,
                    "plugin.json cannot be read: {reason}; correct the JSON there"
                )
            }
            Kind::NameMissing => formatter.write_str("name is required"),
            Kind::NameInvalid { reason } => write!(formatter, "{reason}"),
            Kind::VersionMissing => formatter.write_str("version is required"),
            Kind::VersionInvalid { reason } => write!(formatter, "{reason}"),
            Kind::AuthorMissing => formatter.write_str("author is required"),
            Kind::DescriptionMissing => formatter.write_str("description is required"),
            Kind::DependencyNameMissing => formatter.write_str("dependency name is required"),
            Kind::DependencyNameInvalid { reason } => write!(formatter, "dependency: {reason}"),
            Kind::DependencyConstraintMissing { name } => {
                write!(formatter, "dependency {name:?} constraint is required")
            }
            Kind::DependencyConstraintInvalid { name, reason } => {
                write!(formatter, "dependency {name:?} has {reason}")
            }
            Kind::DependsOnItself => {
                formatter.write_str("the plugin depends on itself; remove that dependency")
            }
            Kind::DependencyDuplicate { name } => write!(
                formatter,
                "dependency {name:?} is listed twice; join the constraints with a comma"
            ),
            Kind::CapabilityNameMissing => formatter.write_str("capability name is required"),
            Kind::CapabilityRoleInvalid { capability, role } => write!(
                formatter,
                "capability {capability:?} has role {role:?}, which must be \"provider\" or \"consumer\""
            ),
        }
    }
}

impl std::error::Error for ManifestError {}
