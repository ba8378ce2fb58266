//! `plugin.json`, the file that describes a plugin of the workflow family.
//!
//! ```json
//! {
//!   "name": "store", "version": "1.0.0", "author": "A", "description": "D",
//!   "license": "MIT", "tags": ["kv"], "repository": "https://example.org/store",
//!   "dependencies": [{ "name": "base", "constraint": "^1.0" }],
//!   "capabilities": [{ "name": "key-value", "role": "provider", "priority": 10 }],
//!   "moduleTypes": ["kv.sqlite"], "stepTypes": ["step.kv_put"], "triggerTypes": [],
//!   "workflowTypes": [], "wiringHooks": [],
//!   "contract": { "required_inputs": { "path": { "type": "string", "description": "a file" } } }
//! }
//! ```
//!
//! Only the first four fields are required. Unknown fields are ignored, so that a
//! manifest of a newer version loads.

mod error;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::Value;

use crate::{
    name::PluginName,
    version::{self, Constraint, Version},
};

pub use error::{ManifestError, ManifestErrorKind};

/// The largest `plugin.json` that is read: 1 MiB.
pub const MAX_MANIFEST_BYTES: usize = 1024 * 1024;

/// A `plugin.json`.
///
/// The fields are as they were written. [`PluginManifest::parse`] checks them;
/// after changing some, call [`PluginManifest::validate`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct PluginManifest {
    /// The plugin's name, a [`PluginName`].
    #[serde(deserialize_with = "null_as_default")]
    pub name: String,
    /// Its version.
    #[serde(deserialize_with = "null_as_default")]
    pub version: String,
    /// Who made it.
    #[serde(deserialize_with = "null_as_default")]
    pub author: String,
    /// What it is for, in a sentence.
    #[serde(deserialize_with = "null_as_default")]
    pub description: String,
    /// Under which licence, such as `MIT`.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub license: String,
    /// Other plugins that must be there first.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub dependencies: Vec<Dependency>,
    /// What it takes and gives when it is used as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contract: Option<Contract>,
    /// Words to find it by.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub tags: Vec<String>,
    /// Where its source is.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub repository: String,
    /// Capabilities that it provides or needs.
    #[serde(
        deserialize_with = "capabilities",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub capabilities: Vec<Capability>,
    /// Module types that it adds.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub module_types: Vec<String>,
    /// Step types that it adds.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub step_types: Vec<String>,
    /// Trigger types that it adds.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub trigger_types: Vec<String>,
    /// Workflow types that it handles.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub workflow_types: Vec<String>,
    /// Names of its wiring hooks.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub wiring_hooks: Vec<String>,
}

/// Another plugin that must be there, and in which version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Dependency {
    /// Its name.
    #[serde(deserialize_with = "null_as_default")]
    pub name: String,
    /// A [`Constraint`].
    #[serde(deserialize_with = "null_as_default")]
    pub constraint: String,
}

/// A capability that a plugin provides or needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Capability {
    /// Its name.
    #[serde(deserialize_with = "null_as_default")]
    pub name: String,
    /// `provider` or `consumer`; [`Capability::role`] reads it.
    #[serde(deserialize_with = "null_as_default")]
    pub role: String,
    /// Among several providers the highest is used. 0 if absent.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_zero")]
    pub priority: i64,
}

/// Which side of a capability a plugin is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CapabilityRole {
    /// It offers the capability.
    Provider,
    /// It needs somebody who does.
    Consumer,
}

impl Capability {
    /// The role, if it is one of the two that exist.
    pub fn role(&self) -> Option<CapabilityRole> {
        match self.role.as_str() {
            "provider" => Some(CapabilityRole::Provider),
            "consumer" => Some(CapabilityRole::Consumer),
            _ => None,
        }
    }
}

/// What a plugin takes and gives when it is used as a whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Contract {
    /// Inputs that must be there.
    #[serde(deserialize_with = "null_as_default")]
    pub required_inputs: BTreeMap<String, ContractField>,
    /// Inputs that may be there.
    #[serde(deserialize_with = "null_as_default")]
    pub optional_inputs: BTreeMap<String, ContractField>,
    /// What comes out.
    #[serde(deserialize_with = "null_as_default")]
    pub outputs: BTreeMap<String, ContractField>,
}

/// One input or output of a [`Contract`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ContractField {
    /// `string`, `int`, `bool`, `float`, `map`, `slice` or `any`.
    #[serde(rename = "type", deserialize_with = "null_as_default")]
    pub field_type: String,
    /// One sentence.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub description: String,
    /// What is assumed where it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
}

impl PluginManifest {
    /// Reads and checks the bytes of a `plugin.json`.
    ///
    /// # Errors
    ///
    /// [`ManifestError`], whose kind says whether the file or one of its fields is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        let manifest = Self::parse_unchecked(bytes)?;
        manifest.validate()?;
        Ok(manifest)
    }

    /// Reads the bytes of a `plugin.json` without checking its fields.
    ///
    /// # Errors
    ///
    /// [`ManifestError`] if they are no JSON object of the right shape.
    pub fn parse_unchecked(bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.len() > MAX_MANIFEST_BYTES {
            return Err(ManifestErrorKind::TooLarge { bytes: bytes.len() }.into());
        }
        let text = std::str::from_utf8(bytes).map_err(|error| ManifestErrorKind::NotUtf8 {
            position: error.valid_up_to(),
        })?;
        if text.trim().is_empty() {
            return Err(ManifestErrorKind::Empty.into());
        }
        let not_json = |error: serde_json::Error| {
            let (line, column) = (error.line(), error.column());
            ManifestErrorKind::NotJson {
                line,
                column,
                reason: error.to_string(),
            }
        };
        let mut manifest: Self = serde_json::from_str(text).map_err(not_json)?;
        TypesInCapabilities::read(text)
            .map_err(not_json)?
            .add_to(&mut manifest);
        Ok(manifest)
    }

    /// Checks every field, in the order of the list in [`ManifestErrorKind`].
    ///
    /// # Errors
    ///
    /// [`ManifestError`] for the first field that is wrong.
    pub fn validate(&self) -> Result<(), ManifestError> {
        self.checked_name()?;
        self.checked_version()?;
        if self.author.is_empty() {
            return Err(ManifestErrorKind::AuthorMissing.into());
        }
        if self.description.is_empty() {
            return Err(ManifestErrorKind::DescriptionMissing.into());
        }
        self.validate_dependencies()?;
        self.validate_capabilities()
    }

    /// The name, checked.
    ///
    /// # Errors
    ///
    /// It is missing or not a [`PluginName`].
    pub fn checked_name(&self) -> Result<PluginName, ManifestError> {
        if self.name.is_empty() {
            return Err(ManifestErrorKind::NameMissing.into());
        }
        PluginName::parse(&self.name)
            .map_err(|reason| ManifestErrorKind::NameInvalid { reason }.into())
    }

    /// The version, checked.
    ///
    /// # Errors
    ///
    /// It is missing or no semantic version.
    pub fn checked_version(&self) -> Result<Version, ManifestError> {
        if self.version.is_empty() {
            return Err(ManifestErrorKind::VersionMissing.into());
        }
        version::parse(&self.version)
            .map_err(|reason| ManifestErrorKind::VersionInvalid { reason }.into())
    }

    /// The dependencies with their constraints, checked.
    ///
    /// # Errors
    ///
    /// One of them has no name or no valid constraint.
    pub fn checked_dependencies(&self) -> Result<Vec<(PluginName, Constraint)>, ManifestError> {
        self.dependencies.iter().map(Dependency::checked).collect()
    }

    // DIFFERENCE: the original accepts a plugin that depends on itself, which can
    // never be satisfied, and two constraints on one plugin, of which one was lost.
    fn validate_dependencies(&self) -> Result<(), ManifestError> {
        let mut seen = BTreeSet::new();
        for (name, _) in self.checked_dependencies()? {
            if name == self.name.as_str() {
                return Err(ManifestErrorKind::DependsOnItself.into());
            }
            if !seen.insert(name.clone()) {
                return Err(ManifestErrorKind::DependencyDuplicate {
                    name: name.to_string(),
                }
                .into());
            }
        }
        Ok(())
    }

    // DIFFERENCE: the original accepts any role and silently ignores the unknown ones.
    fn validate_capabilities(&self) -> Result<(), ManifestError> {
        for capability in &self.capabilities {
            if capability.name.is_empty() {
                return Err(ManifestErrorKind::CapabilityNameMissing.into());
            }
            if capability.role().is_none() {
                return Err(ManifestErrorKind::CapabilityRoleInvalid {
                    capability: capability.name.clone(),
                    role: capability.role.clone(),
                }
                .into());
            }
        }
        Ok(())
    }
}

impl Dependency {
    fn checked(&self) -> Result<(PluginName, Constraint), ManifestError> {
        if self.name.is_empty() {
            return Err(ManifestErrorKind::DependencyNameMissing.into());
        }
        // DIFFERENCE: the original takes any text; a plugin of such a name cannot exist.
        let name = PluginName::parse(&self.name)
            .map_err(|reason| ManifestErrorKind::DependencyNameInvalid { reason })?;
        if self.constraint.is_empty() {
            return Err(ManifestErrorKind::DependencyConstraintMissing {
                name: name.to_string(),
            }
            .into());
        }
        match Constraint::parse(&self.constraint) {
            Ok(constraint) => Ok((name, constraint)),
            Err(reason) => Err(ManifestErrorKind::DependencyConstraintInvalid {
                name: name.to_string(),
                reason,
            }
            .into()),
        }
    }
}

pub(crate) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// The list of capabilities, or the object that newer manifests (since v0.3.38)
/// may put in its place. That one declares no capability; see [`TypesInCapabilities`].
fn capabilities<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Capability>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null | Value::Object(_) => Ok(Vec::new()),
        list => Vec::deserialize(list)
            .map_err(|error| D::Error::custom(format!("capabilities: {error}"))),
    }
}

/// The type lists that the object form of `capabilities` repeats or holds alone.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct TypesInCapabilities {
    module_types: Vec<String>,
    step_types: Vec<String>,
    trigger_types: Vec<String>,
    workflow_types: Vec<String>,
    wiring_hooks: Vec<String>,
}

impl TypesInCapabilities {
    /// What the object form says; nothing for the list form.
    fn read(text: &str) -> serde_json::Result<Self> {
        #[derive(Deserialize)]
        struct Outer {
            capabilities: Option<Value>,
        }
        match serde_json::from_str::<Outer>(text)?.capabilities {
            Some(object @ Value::Object(_)) => serde_json::from_value(object),
            _ => Ok(Self::default()),
        }
    }

    fn add_to(self, manifest: &mut PluginManifest) {
        let lists = [
            (self.module_types, &mut manifest.module_types),
            (self.step_types, &mut manifest.step_types),
            (self.trigger_types, &mut manifest.trigger_types),
            (self.workflow_types, &mut manifest.workflow_types),
            (self.wiring_hooks, &mut manifest.wiring_hooks),
        ];
        for (more, list) in lists {
            for name in more {
                if !list.contains(&name) {
                    list.push(name);
                }
            }
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde passes a reference
fn is_zero(priority: &i64) -> bool {
    *priority == 0
}
