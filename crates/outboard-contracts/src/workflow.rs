//! The workflow family's wire: its messages, its services and its handshake constants.
//!
//! ```
//! use outboard_contracts::workflow::{MAGIC_COOKIE_KEY, MAGIC_COOKIE_VALUE, PROTOCOL_VERSION};
//!
//! assert_eq!((MAGIC_COOKIE_KEY, PROTOCOL_VERSION), ("WORKFLOW_PLUGIN", 1));
//! assert!(MAGIC_COOKIE_VALUE.starts_with("workflow-external-plugin"));
//! ```

/// The environment variable by which a host tells a plugin that it is one.
pub const MAGIC_COOKIE_KEY: &str = "WORKFLOW_PLUGIN";

/// What [`MAGIC_COOKIE_KEY`] must be set to.
pub const MAGIC_COOKIE_VALUE: &str = "workflow-external-plugin-v1";

/// The version of the family's protocol. It is compared exactly: 1 is the only
/// one there ever was.
pub const PROTOCOL_VERSION: u32 = 1;

/// The name under which hosts dispense the plugin from go-plugin's plugin set.
pub const PLUGIN_NAME: &str = "plugin";

/// The messages and services that `proto/workflow/plugin.proto` describes, as generated.
///
/// Maps are ordered, so encoding is deterministic. `google.protobuf.Empty` is `()`.
/// Convert a `Struct` with [`crate::value`].
#[allow(missing_docs, unreachable_pub, clippy::all)]
pub mod proto {
    include!("generated/workflow.plugin.v1.rs");
}
