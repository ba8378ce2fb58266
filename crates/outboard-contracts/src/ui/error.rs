//! What can be wrong with a `ui.json`.

use std::fmt;

use super::{CATEGORIES, MAX_NAV_ITEMS, MAX_UI_MANIFEST_BYTES, MAX_UI_PERMISSIONS, ROLES};
use crate::{name::NameError, version::VersionError};

/// A `ui.json` that cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UiManifestError(UiManifestErrorKind);

/// What is wrong, in the order in which it is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UiManifestErrorKind {
    /// More than [`MAX_UI_MANIFEST_BYTES`].
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
    /// `name` is no [`PluginName`](crate::PluginName).
    NameInvalid {
        /// What is wrong with it.
        reason: NameError,
    },
    /// `name` is not that of the plugin's directory.
    NameDiffers {
        /// The directory's name.
        directory: String,
        /// The name in the file.
        found: String,
    },
    /// `version` is there and no semantic version.
    VersionInvalid {
        /// What is wrong with it.
        reason: VersionError,
    },
    /// A text is too long, empty where it must not be, or has control characters.
    TextInvalid {
        /// Which field, such as `navItems[2].label`.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// More than [`MAX_NAV_ITEMS`] entries.
    TooManyItems {
        /// How many there are.
        count: usize,
    },
    /// An entry's `id` is not plain enough to be a segment of a URL.
    ItemIdInvalid {
        /// Which entry, from 0.
        index: usize,
        /// The id as it was written.
        id: String,
    },
    /// Two entries have one `id`.
    ItemIdDuplicate {
        /// The id.
        id: String,
    },
    /// An entry's `category` is none of [`CATEGORIES`].
    CategoryUnknown {
        /// The entry.
        id: String,
        /// The category as it was written.
        category: String,
    },
    /// An entry's `requiredRole` is none of [`ROLES`].
    RoleUnknown {
        /// The entry.
        id: String,
        /// The role as it was written.
        role: String,
    },
    /// `requiredPermission` or one of `permissions` is not a permission's word.
    PermissionInvalid {
        /// Which field.
        field: String,
        /// The word as it was written.
        word: String,
    },
    /// More than [`MAX_UI_PERMISSIONS`] permissions.
    TooManyPermissions {
        /// How many there are.
        count: usize,
    },
    /// `assetDir` is not a plain directory below the plugin's own.
    AssetDirInvalid {
        /// The path as it was written.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl UiManifestError {
    /// What is wrong.
    pub fn kind(&self) -> &UiManifestErrorKind {
        &self.0
    }
}

impl From<UiManifestErrorKind> for UiManifestError {
    fn from(kind: UiManifestErrorKind) -> Self {
        Self(kind)
    }
}

impl fmt::Display for UiManifestError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        use UiManifestErrorKind as Kind;

        match &self.0 {
            Kind::TooLarge { bytes } => write!(
                formatter,
                "ui.json has {bytes} bytes or more, the limit is {MAX_UI_MANIFEST_BYTES}"
            ),
            Kind::NotUtf8 { position } => write!(
                formatter,
                "ui.json is not UTF-8 text (byte {position}); save it as UTF-8"
            ),
            Kind::Empty => formatter.write_str("ui.json is empty; write at least {} into it"),
            // The reader's text says the line and the column.
            Kind::NotJson { reason, .. } => write!(
                formatter,
                "ui.json cannot be read: {reason}; correct the JSON there"
            ),
            Kind::NameInvalid { reason } => write!(formatter, "ui.json: {reason}"),
            Kind::NameDiffers { directory, found } => write!(
                formatter,
                "ui.json has the name {found:?} and its directory the name {directory:?}; \
                 make them the same, or leave the name out"
            ),
            Kind::VersionInvalid { reason } => write!(formatter, "ui.json has {reason}"),
            Kind::TextInvalid { field, reason } => write!(formatter, "ui.json: {field} {reason}"),
            Kind::TooManyItems { count } => write!(
                formatter,
                "ui.json has {count} navItems, the limit is {MAX_NAV_ITEMS}"
            ),
            Kind::ItemIdInvalid { index, id } => write!(
                formatter,
                "ui.json: navItems[{index}].id {id:?} must be 1 to 64 letters, digits, '.', '_' \
                 and '-', a letter or digit first: it is part of a URL"
            ),
            Kind::ItemIdDuplicate { id } => write!(
                formatter,
                "ui.json has two navItems with the id {id:?}; give each its own"
            ),
            Kind::CategoryUnknown { id, category } => write!(
                formatter,
                "ui.json: the entry {id:?} has the category {category:?}, which is none of {}",
                CATEGORIES.join(", ")
            ),
            Kind::RoleUnknown { id, role } => write!(
                formatter,
                "ui.json: the entry {id:?} asks for the role {role:?}, which is none of {}",
                ROLES.join(", ")
            ),
            Kind::PermissionInvalid { field, word } => write!(
                formatter,
                "ui.json: {field} is {word:?}, which is no permission: write lower case letters, \
                 digits, '.', '_' and '-', a letter first"
            ),
            Kind::TooManyPermissions { count } => write!(
                formatter,
                "ui.json asks for {count} permissions, the limit is {MAX_UI_PERMISSIONS}"
            ),
            Kind::AssetDirInvalid { path, reason } => write!(
                formatter,
                "ui.json has the assetDir {path:?}, which {reason}; name a directory below the \
                 plugin's own, such as \"assets\" or \"ui/dist\""
            ),
        }
    }
}

impl std::error::Error for UiManifestError {}
