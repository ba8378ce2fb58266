//! What `cargo metadata` knows about our packages and all that they depend on.

use serde_json::Value;

use crate::{
    Result,
    command::{cargo, output},
};

/// The workspace and its whole dependency tree, from the lock file.
pub(crate) struct Metadata {
    packages: Vec<Value>,
}

impl Metadata {
    /// Asks cargo.
    ///
    /// # Errors
    ///
    /// When a manifest is wrong or the lock file is not current.
    pub(crate) fn load() -> Result<Metadata> {
        let text = output(cargo(&["metadata", "--format-version", "1", "--locked"]))?;
        let mut metadata: Value = serde_json::from_str(&text)?;
        match metadata["packages"].take() {
            Value::Array(packages) => Ok(Metadata { packages }),
            _ => Err("cargo metadata lists no packages".into()),
        }
    }

    /// Every package of the tree.
    pub(crate) fn packages(&self) -> &[Value] {
        &self.packages
    }

    /// Packages of ours, which no registry holds.
    pub(crate) fn ours(&self) -> impl Iterator<Item = &Value> {
        self.packages.iter().filter(|p| p["source"].is_null())
    }

    /// The features of one of our packages.
    ///
    /// # Errors
    ///
    /// When there is no such package.
    pub(crate) fn features(&self, package: &str) -> Result<Vec<String>> {
        let package = self.package(package)?;
        let features = package["features"].as_object();
        Ok(features.map_or_else(Vec::new, |features| features.keys().cloned().collect()))
    }

    /// Names of what one of our packages depends on directly, development and build
    /// dependencies left out.
    ///
    /// # Errors
    ///
    /// When there is no such package.
    pub(crate) fn direct_dependencies(&self, package: &str) -> Result<Vec<String>> {
        let dependencies = self.package(package)?["dependencies"].as_array();
        let normal = dependencies.into_iter().flatten();
        Ok(normal
            .filter(|dependency| dependency["kind"].is_null())
            .map(|dependency| text(&dependency["name"]).to_owned())
            .collect())
    }

    fn package(&self, name: &str) -> Result<&Value> {
        self.ours()
            .find(|package| package["name"] == name)
            .ok_or_else(|| format!("the workspace has no package {name}").into())
    }
}

/// The text of a value, or nothing.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
