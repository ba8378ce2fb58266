//! `ui.json`, read and checked.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::{Map, Value};

use super::{
    CATEGORIES, DEFAULT_ASSET_DIR, DEFAULT_CATEGORY, MAX_NAV_ITEMS, MAX_UI_MANIFEST_BYTES,
    MAX_UI_PERMISSIONS, ROLES, UiManifestError, UiManifestErrorKind, UiPageDef,
};
use crate::{manifest::null_as_default, name::PluginName, version};

/// Longest description and label, in bytes.
const MAX_DESCRIPTION: usize = 2000;
const MAX_LABEL: usize = 100;
/// Longest icon: an emoji of several parts, or a name.
const MAX_ICON: usize = 64;
const MAX_ID: usize = 64;
const MAX_ASSET_DIR: usize = 200;
/// Longest word of a permission, and longest scope behind its colon.
const MAX_WORD: usize = 100;

/// A `ui.json`: which pages a plugin adds to the admin UI, and where their files are.
///
/// The fields are as they were written. [`UiManifest::of_plugin`] reads, fills in and
/// checks them; after changing some, call [`UiManifest::validate`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct UiManifest {
    /// The plugin's name, which is that of its directory.
    #[serde(deserialize_with = "null_as_default")]
    pub name: String,
    /// Its version; empty for none.
    #[serde(deserialize_with = "null_as_default")]
    pub version: String,
    /// What it is for, in a sentence.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub description: String,
    /// Its entries in the navigation.
    #[serde(deserialize_with = "objects", skip_serializing_if = "Vec::is_empty")]
    pub nav_items: Vec<UiNavItem>,
    /// Where its files are, relative to its directory.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub asset_dir: String,
    /// What its pages may ask the host to do, if the user may, too: words such as
    /// `runs.read`, or `operations.call:weather` for one connector only. Ours, not the
    /// original's.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub permissions: Vec<String>,
}

/// One entry of the navigation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct UiNavItem {
    /// Unique within the plugin; part of the page's URL.
    #[serde(deserialize_with = "null_as_default")]
    pub id: String,
    /// What the navigation shows.
    #[serde(deserialize_with = "null_as_default")]
    pub label: String,
    /// An emoji or an icon's name.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub icon: String,
    /// One of [`CATEGORIES`]; empty for `plugin`.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub category: String,
    /// Position in its category, lower first.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_zero")]
    pub order: i64,
    /// One of [`ROLES`], the least that may see the page; empty for everybody.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub required_role: String,
    /// The permission that is needed to see the page; empty for none.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub required_permission: String,
}

impl UiManifest {
    /// Reads the bytes of a plugin's `ui.json`, fills in what may be left out, and checks
    /// all of it.
    ///
    /// # Errors
    ///
    /// [`UiManifestError`], whose kind says what is wrong.
    pub fn of_plugin(name: &PluginName, bytes: &[u8]) -> Result<Self, UiManifestError> {
        let mut manifest = Self::parse_unchecked(bytes)?;
        if manifest.name.is_empty() {
            name.as_str().clone_into(&mut manifest.name);
        }
        if manifest.asset_dir.is_empty() {
            DEFAULT_ASSET_DIR.clone_into(&mut manifest.asset_dir);
        }
        manifest.validate()?;
        // DIFFERENCE: the original lets the names differ and then shows one of them here
        // and the other there.
        if manifest.name != name.as_str() {
            return Err(UiManifestErrorKind::NameDiffers {
                directory: name.to_string(),
                found: manifest.name,
            }
            .into());
        }
        Ok(manifest)
    }

    /// Reads the bytes of a `ui.json` without checking its fields.
    ///
    /// # Errors
    ///
    /// [`UiManifestError`] if they are no JSON object of the right shape.
    pub fn parse_unchecked(bytes: &[u8]) -> Result<Self, UiManifestError> {
        if bytes.len() > MAX_UI_MANIFEST_BYTES {
            return Err(UiManifestErrorKind::TooLarge { bytes: bytes.len() }.into());
        }
        let text = std::str::from_utf8(bytes).map_err(|error| UiManifestErrorKind::NotUtf8 {
            position: error.valid_up_to(),
        })?;
        if text.trim().is_empty() {
            return Err(UiManifestErrorKind::Empty.into());
        }
        let not_json = |error: serde_json::Error| UiManifestErrorKind::NotJson {
            line: error.line(),
            column: error.column(),
            reason: error.to_string(),
        };
        // A list is taken for a struct by its order, which nobody means.
        if text.trim_start().starts_with('[') {
            let error = serde_json::Error::custom("it is a list, and must be an object");
            return Err(not_json(error).into());
        }
        serde_json::from_str(text).map_err(|error| not_json(error).into())
    }

    /// Checks every field, in the order of the list in [`UiManifestErrorKind`].
    ///
    /// # Errors
    ///
    /// [`UiManifestError`] for the first field that is wrong.
    pub fn validate(&self) -> Result<(), UiManifestError> {
        PluginName::parse(&self.name)
            .map_err(|reason| UiManifestErrorKind::NameInvalid { reason })?;
        // The original has plugins without a version.
        if !self.version.is_empty() {
            version::parse(&self.version)
                .map_err(|reason| UiManifestErrorKind::VersionInvalid { reason })?;
        }
        text("description", &self.description, MAX_DESCRIPTION)?;
        if self.nav_items.len() > MAX_NAV_ITEMS {
            return Err(UiManifestErrorKind::TooManyItems {
                count: self.nav_items.len(),
            }
            .into());
        }
        let mut seen = BTreeSet::new();
        for (index, item) in self.nav_items.iter().enumerate() {
            item.validate(index)?;
            if !seen.insert(&item.id) {
                return Err(UiManifestErrorKind::ItemIdDuplicate {
                    id: item.id.clone(),
                }
                .into());
            }
        }
        if self.permissions.len() > MAX_UI_PERMISSIONS {
            return Err(UiManifestErrorKind::TooManyPermissions {
                count: self.permissions.len(),
            }
            .into());
        }
        for (index, word) in self.permissions.iter().enumerate() {
            if !is_permission_with_scope(word) {
                return Err(UiManifestErrorKind::PermissionInvalid {
                    field: format!("permissions[{index}]"),
                    word: shortened(word),
                }
                .into());
            }
        }
        check_asset_dir(&self.asset_dir)
    }

    /// The pages as hosts hand them on, in the order in which they are declared.
    pub fn pages(&self) -> Vec<UiPageDef> {
        self.nav_items
            .iter()
            .map(|item| item.page(&self.name))
            .collect()
    }

    /// The entry of an id.
    pub fn item(&self, id: &str) -> Option<&UiNavItem> {
        self.nav_items.iter().find(|item| item.id == id)
    }

    /// Whether the plugin asks to do what needs a permission: at all, or on the thing
    /// that is its scope, such as one connector.
    ///
    /// ```
    /// use outboard_contracts::ui::UiManifest;
    ///
    /// let manifest = UiManifest {
    ///     permissions: vec!["runs.read".into(), "operations.call:weather".into()],
    ///     ..UiManifest::default()
    /// };
    /// assert!(manifest.asks_for("runs.read", None));
    /// assert!(manifest.asks_for("runs.read", Some("any")));
    /// assert!(manifest.asks_for("operations.call", Some("weather")));
    /// assert!(!manifest.asks_for("operations.call", Some("mail")));
    /// assert!(!manifest.asks_for("operations.call", None));
    /// ```
    pub fn asks_for(&self, permission: &str, scope: Option<&str>) -> bool {
        self.permissions
            .iter()
            .any(|word| match word.split_once(':') {
                None => word == permission,
                Some((word, only)) => word == permission && Some(only) == scope,
            })
    }

    /// The file as the original writes it: indented by two spaces, without a line end.
    ///
    /// # Errors
    ///
    /// Never, in practice: all of it is plain data.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self)
    }
}

impl UiNavItem {
    /// The category, also where none is written.
    pub fn effective_category(&self) -> &str {
        match self.category.as_str() {
            "" => DEFAULT_CATEGORY,
            category => category,
        }
    }

    /// The page as hosts hand it on.
    pub fn page(&self, plugin: &str) -> UiPageDef {
        UiPageDef {
            id: self.id.clone(),
            label: self.label.clone(),
            icon: self.icon.clone(),
            category: self.effective_category().to_owned(),
            order: self.order,
            required_role: self.required_role.clone(),
            required_permission: self.required_permission.clone(),
            api_endpoint: format!("/api/v1/plugins/ui/{plugin}/assets/"),
            template: String::new(),
        }
    }

    // DIFFERENCE: the original checks nothing of an entry, so that one without an id, or
    // of a category that nobody shows, loads and is then nowhere to be seen.
    fn validate(&self, index: usize) -> Result<(), UiManifestError> {
        if !is_plain(&self.id) {
            return Err(UiManifestErrorKind::ItemIdInvalid {
                index,
                id: shortened(&self.id),
            }
            .into());
        }
        let label = format!("navItems[{index}].label");
        if self.label.trim().is_empty() {
            return Err(UiManifestErrorKind::TextInvalid {
                field: label,
                reason: "is empty: the navigation shows it".to_owned(),
            }
            .into());
        }
        text(&label, &self.label, MAX_LABEL)?;
        text(&format!("navItems[{index}].icon"), &self.icon, MAX_ICON)?;
        if !self.category.is_empty() && !CATEGORIES.contains(&self.category.as_str()) {
            return Err(UiManifestErrorKind::CategoryUnknown {
                id: self.id.clone(),
                category: shortened(&self.category),
            }
            .into());
        }
        if !self.required_role.is_empty() && !ROLES.contains(&self.required_role.as_str()) {
            return Err(UiManifestErrorKind::RoleUnknown {
                id: self.id.clone(),
                role: shortened(&self.required_role),
            }
            .into());
        }
        if !self.required_permission.is_empty() && !is_permission(&self.required_permission) {
            return Err(UiManifestErrorKind::PermissionInvalid {
                field: format!("navItems[{index}].requiredPermission"),
                word: shortened(&self.required_permission),
            }
            .into());
        }
        Ok(())
    }
}

fn text(field: &str, text: &str, limit: usize) -> Result<(), UiManifestError> {
    let reason = if text.len() > limit {
        format!("has {} bytes, the limit is {limit}", text.len())
    } else if text.chars().any(char::is_control) {
        "has control characters".to_owned()
    } else {
        return Ok(());
    };
    let field = field.to_owned();
    Err(UiManifestErrorKind::TextInvalid { field, reason }.into())
}

fn is_plain(id: &str) -> bool {
    id.len() <= MAX_ID
        && id
            .bytes()
            .next()
            .is_some_and(|first| first.is_ascii_alphanumeric())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

fn is_permission(word: &str) -> bool {
    word.len() <= MAX_WORD
        && word
            .bytes()
            .next()
            .is_some_and(|first| first.is_ascii_lowercase())
        && word
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b':'))
}

/// A word as above without a colon, and perhaps behind a colon what it is limited to.
fn is_permission_with_scope(word: &str) -> bool {
    let (word, scope) = match word.split_once(':') {
        None => (word, None),
        Some((word, scope)) => (word, Some(scope)),
    };
    let usable = |scope: &str| {
        (1..=MAX_WORD).contains(&scope.len())
            && scope
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    is_permission(word) && scope.is_none_or(usable)
}

// DIFFERENCE: the original joins whatever is written to the plugin's directory, so that
// `../../..` serves the host's files.
fn check_asset_dir(path: &str) -> Result<(), UiManifestError> {
    let usable_byte = |byte: u8| byte != b'\\' && byte != b':' && !byte.is_ascii_control();
    let reason = if path.is_empty() {
        "is empty"
    } else if path.len() > MAX_ASSET_DIR {
        "is too long"
    } else if path.starts_with('/') {
        "is absolute"
    } else if path.split('/').any(|segment| segment == "..") {
        "leads out of the plugin's directory"
    } else if path
        .split('/')
        .any(|segment| segment.is_empty() || segment == ".")
    {
        "is not in its shortest form"
    } else if path.split('/').any(|segment| segment.starts_with('.')) {
        "is hidden"
    } else if !path.bytes().all(usable_byte) {
        "has characters that mean something else on another system"
    } else {
        return Ok(());
    };
    let path = shortened(path);
    Err(UiManifestErrorKind::AssetDirInvalid { path, reason }.into())
}

/// Enough of a text to find it by.
fn shortened(text: &str) -> String {
    text.chars().take(100).collect()
}

/// Entries, each of which must be an object, and not a list of its values.
fn objects<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<UiNavItem>, D::Error> {
    let objects: Option<Vec<Map<String, Value>>> = Option::deserialize(deserializer)?;
    let objects = objects.unwrap_or_default().into_iter();
    objects
        .map(|object| UiNavItem::deserialize(Value::Object(object)).map_err(D::Error::custom))
        .collect()
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde passes a reference
fn is_zero(order: &i64) -> bool {
    *order == 0
}
