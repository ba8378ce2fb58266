//! How a host and a connector find out that they understand each other.
//!
//! ```
//! use outboard_connector::protocol::{handshake, versioned_plugins};
//!
//! assert_eq!(handshake().magic_cookie_key, "WICK_CONNECTOR_PLUGIN");
//! assert_eq!(versioned_plugins().versions().collect::<Vec<_>>(), [1]);
//! ```

use std::{collections::BTreeMap, ops::RangeInclusive};

use outboard_contracts::connector::{
    MAGIC_COOKIE_KEY, MAGIC_COOKIE_VALUE, MIN_PROTO_VERSION, PROTO_VERSION,
};
use outboard_go_plugin::{handshake::HandshakeConfig, host::PluginProcess};

use crate::client::GrpcConn;

/// The cookie that tells a start by a host from a start by hand, and the newest version.
pub fn handshake() -> HandshakeConfig {
    HandshakeConfig::new(MAGIC_COOKIE_KEY, MAGIC_COOKIE_VALUE, PROTO_VERSION)
}

/// What one version of the contract is spoken with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectorGrpcPlugin {
    version: u32,
}

impl ConnectorGrpcPlugin {
    /// The version.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// A client of a connector's process that speaks this version. There is one contract so
    /// far; a second one would be chosen here.
    pub fn client(&self, process: &PluginProcess) -> GrpcConn {
        GrpcConn::of(process)
    }
}

/// Every version that a host offers in the handshake, with what it is spoken with. The
/// newest that both sides have is taken; with none in common the start fails with an error
/// that names both sides' versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionedPlugins(BTreeMap<u32, ConnectorGrpcPlugin>);

impl VersionedPlugins {
    /// All versions of a window.
    pub fn of_window(window: RangeInclusive<u32>) -> VersionedPlugins {
        VersionedPlugins(
            window
                .map(|version| (version, ConnectorGrpcPlugin { version }))
                .collect(),
        )
    }

    /// The versions, newest first.
    pub fn versions(&self) -> impl Iterator<Item = u32> {
        self.0.keys().rev().copied()
    }

    /// What the version that was agreed is spoken with.
    pub fn get(&self, version: u32) -> Option<&ConnectorGrpcPlugin> {
        self.0.get(&version)
    }
}

/// What this release offers: [`MIN_PROTO_VERSION`] to [`PROTO_VERSION`].
pub fn versioned_plugins() -> VersionedPlugins {
    VersionedPlugins::of_window(MIN_PROTO_VERSION..=PROTO_VERSION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_has_a_set_for_each_version_and_none_beyond() {
        let plugins = VersionedPlugins::of_window(1..=3);
        assert_eq!(plugins.versions().collect::<Vec<_>>(), [3, 2, 1]);
        assert_eq!(plugins.get(2).map(ConnectorGrpcPlugin::version), Some(2));
        assert!(plugins.get(0).is_none() && plugins.get(4).is_none());
        assert!(versioned_plugins().get(PROTO_VERSION).is_some());
    }
}
