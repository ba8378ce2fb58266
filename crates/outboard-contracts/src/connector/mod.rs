//! The connector family: its wire, its handshake constants and its `plugin.json`.
//!
//! A connector wraps one external service as named operations. What it is stands in
//! a [`Manifest`], so a host can list and describe operations without starting it.
//!
//! ```
//! use outboard_contracts::connector::{self, PROTO_VERSION, supported_proto_versions};
//!
//! assert_eq!(supported_proto_versions().collect::<Vec<_>>(), [PROTO_VERSION]);
//! assert!(!connector::proto_version_supported(PROTO_VERSION + 1));
//! ```

pub mod arguments;
pub mod catalog;
mod go_json;
pub mod manifest;
pub mod module;
pub mod platform;
#[cfg(feature = "signing")]
pub mod signing;

pub use manifest::{Kind, Manifest};
pub use module::Module;

/// The environment variable by which a host tells a connector that it is one.
pub const MAGIC_COOKIE_KEY: &str = "WICK_CONNECTOR_PLUGIN";

/// What [`MAGIC_COOKIE_KEY`] must be set to.
pub const MAGIC_COOKIE_VALUE: &str = "b3f1c2a4-wick-connector-grpc";

/// The name under which hosts dispense the connector from go-plugin's plugin set.
pub const PLUGIN_NAME: &str = "connector";

/// The version of the contract that a connector built today speaks and declares. It
/// grows only when the contract breaks.
pub const PROTO_VERSION: u32 = 1;

/// The oldest version that a host still accepts. Left behind when [`PROTO_VERSION`]
/// grows, it opens a window in which connectors of both versions run.
pub const MIN_PROTO_VERSION: u32 = 1;

/// Every version that a host speaks, newest first.
pub fn supported_proto_versions() -> impl Iterator<Item = u32> {
    versions_between(MIN_PROTO_VERSION, PROTO_VERSION)
}

/// Whether a host takes connectors of this version.
pub fn proto_version_supported(version: u32) -> bool {
    (MIN_PROTO_VERSION..=PROTO_VERSION).contains(&version)
}

/// The versions of a window, newest first: what [`supported_proto_versions`] is for
/// the window of this release.
pub fn versions_between(oldest: u32, newest: u32) -> impl Iterator<Item = u32> {
    (oldest..=newest).rev()
}

/// The largest message that either end takes, in bytes: 64 MiB, as in the original
/// since v0.33.1.
pub const MAX_MESSAGE_BYTES: usize = 64 * 1024 * 1024;

/// The most data that one [`proto::Chunk`] of a streamed result carries: 1 MiB.
pub const MAX_CHUNK_BYTES: usize = 1024 * 1024;

/// The longest key of a connector, in bytes.
pub const MAX_KEY_LENGTH: usize = 64;

/// The codes of an operation's error that have a meaning for both ends.
pub mod error_code {
    /// There is no such operation.
    pub const UNKNOWN_OPERATION: &str = "unknown_operation";
    /// The operation is declared and nothing runs it.
    pub const NO_HANDLER: &str = "no_handler";
    /// The arguments are no JSON object of strings, or not what the operation takes.
    pub const BAD_ARGS: &str = "bad_args";
    /// The operation ran and failed.
    pub const EXEC_ERROR: &str = "exec_error";
    /// The operation's result cannot be JSON.
    pub const MARSHAL_ERROR: &str = "marshal_error";
    /// The connector has no identity to resolve.
    pub const NO_OAUTH: &str = "no_oauth";
    /// The identity could not be resolved.
    pub const IDENTITY_ERROR: &str = "identity_error";
    /// The operation panicked. Ours; the original dies.
    pub const PANIC: &str = "panic";
}

/// A key that cannot name a connector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// There is none.
    #[error("a connector's key is missing")]
    Empty,
    /// Longer than [`MAX_KEY_LENGTH`] bytes.
    #[error("the key {start:?}… has {length} bytes, and {MAX_KEY_LENGTH} are allowed")]
    TooLong {
        /// Its beginning.
        start: String,
        /// How long it is, in bytes.
        length: usize,
    },
    /// A character that is none of `a-z`, `0-9` and `_`.
    #[error("the key {key:?} may have only a-z, 0-9 and _")]
    Invalid {
        /// The key.
        key: String,
    },
}

/// Whether `key` can name a connector: 1 to 64 characters of `a-z`, `0-9` and `_`. The
/// key is the name of directories and archives, so nothing else ever is.
///
/// ```
/// use outboard_contracts::connector::validate_key;
///
/// assert!(validate_key("google_workspace").is_ok());
/// assert!(validate_key("../etc").is_err());
/// ```
///
/// # Errors
///
/// [`KeyError`] with what is wrong.
pub fn validate_key(key: &str) -> Result<(), KeyError> {
    if key.is_empty() {
        return Err(KeyError::Empty);
    }
    if key.len() > MAX_KEY_LENGTH {
        return Err(KeyError::TooLong {
            start: key.chars().take(16).collect(),
            length: key.len(),
        });
    }
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    if !key.bytes().all(allowed) {
        return Err(KeyError::Invalid {
            key: key.to_owned(),
        });
    }
    Ok(())
}

/// The messages and the service that `proto/connector/connector.proto` describes, as
/// generated. Maps are ordered, so encoding is deterministic.
#[allow(missing_docs, unreachable_pub, clippy::all)]
pub mod proto {
    include!("../generated/wick.connector.v1.rs");
}
