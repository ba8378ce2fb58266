//! Who a plugin says it is.

use outboard_contracts::{PluginManifest, manifest::ManifestError, workflow::proto};

/// What the plugin answers when the host asks who it is.
///
/// It should say the same as the `plugin.json` beside the program; a host may
/// refuse a plugin whose two names differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The plugin's name: lower-case letters, digits and hyphens.
    pub name: String,
    /// Its semantic version.
    pub version: String,
    /// Who made it.
    pub author: String,
    /// What it is for, in a sentence.
    pub description: String,
    /// Its config may change while it runs. Older hosts ignore it.
    pub config_mutable: bool,
    /// Not empty for a sample application: where to list it. Older hosts ignore it.
    pub sample_category: String,
}

impl Manifest {
    /// A manifest with a name and a version.
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            ..Self::default()
        }
    }

    /// The manifest that a `plugin.json` describes, so that the two cannot differ:
    ///
    /// ```
    /// # let plugin_json = br#"{"name":"store","version":"1.0.0","author":"A","description":"D"}"#;
    /// // let plugin_json = include_bytes!("../plugin.json");
    /// let manifest = outboard_sdk::workflow::Manifest::from_plugin_json(plugin_json)?;
    /// assert_eq!(manifest.name, "store");
    /// # Ok::<(), outboard_sdk::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// What is wrong with the file.
    pub fn from_plugin_json(bytes: &[u8]) -> Result<Self, ManifestError> {
        let file = PluginManifest::parse(bytes)?;
        Ok(Self::new(file.name, file.version)
            .author(file.author)
            .description(file.description))
    }

    /// Sets who made it.
    #[must_use]
    pub fn author(mut self, author: impl Into<String>) -> Self {
        self.author = author.into();
        self
    }

    /// Sets what it is for.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }
}

impl From<Manifest> for proto::Manifest {
    fn from(manifest: Manifest) -> Self {
        Self {
            name: manifest.name,
            version: manifest.version,
            author: manifest.author,
            description: manifest.description,
            config_mutable: manifest.config_mutable,
            sample_category: manifest.sample_category,
        }
    }
}

impl From<proto::Manifest> for Manifest {
    fn from(wire: proto::Manifest) -> Self {
        Self {
            name: wire.name,
            version: wire.version,
            author: wire.author,
            description: wire.description,
            config_mutable: wire.config_mutable,
            sample_category: wire.sample_category,
        }
    }
}
