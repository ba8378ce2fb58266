//! A `plugin.json`: what is accepted is written in a form that means the same.

use outboard_contracts::PluginManifest;

pub(super) fn run(bytes: &[u8]) {
    match PluginManifest::parse(bytes) {
        Ok(manifest) => {
            let written = serde_json::to_vec(&manifest)
                .unwrap_or_else(|error| panic!("cannot be written: {error}"));
            let again = PluginManifest::parse(&written);
            assert_eq!(again.as_ref().ok(), Some(&manifest), "{again:?}");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
