//! Every environment variable, file, socket and signal that this crate sets,
//! reads, makes or sends, on one page; and the names of the variables.
//!
//! [`HandshakeConfig`]: crate::handshake::HandshakeConfig
#![cfg_attr(
    feature = "_peer",
    doc = "[`ReattachConfig`]: crate::reattach::ReattachConfig"
)]
#![cfg_attr(not(feature = "_peer"), doc = "[`ReattachConfig`]: #")]
//!
#![doc = include_str!("environment.md")]

/// App protocol versions that the host accepts: decimal, comma-separated, in
/// no order. Absent from very old hosts.
pub const PROTOCOL_VERSIONS: &str = "PLUGIN_PROTOCOL_VERSIONS";
/// Lowest TCP port that the plugin may listen on; 0 with a maximum of 0 lets
/// the operating system choose.
pub const MIN_PORT: &str = "PLUGIN_MIN_PORT";
/// Highest TCP port that the plugin may listen on.
pub const MAX_PORT: &str = "PLUGIN_MAX_PORT";
/// The host's certificate, PEM. Its presence asks for mutual TLS.
pub const CLIENT_CERT: &str = "PLUGIN_CLIENT_CERT";
/// Asks for brokered connections inside the main one.
pub const MULTIPLEX_GRPC: &str = "PLUGIN_MULTIPLEX_GRPC";
/// Directory for every socket that the plugin creates.
pub const UNIX_SOCKET_DIR: &str = "PLUGIN_UNIX_SOCKET_DIR";
/// Group, by name or number, that may use the plugin's sockets.
pub const UNIX_SOCKET_GROUP: &str = "PLUGIN_UNIX_SOCKET_GROUP";

/// Tells plugins that are written with this crate, if it is not empty, to run on
/// when their host ends. Hosts in other languages may set it too.
pub const OUTLIVE_HOST: &str = "OUTBOARD_OUTLIVE_HOST";

/// Has a plugin that is written with this crate serve in test mode when it is
/// started by hand, under the name that is the value: see
/// `ServeConfig::serve_in_test_mode`.
pub const TEST_MODE: &str = "OUTBOARD_TEST_MODE";

/// Every variable of go-plugin's own. A host takes them out of what a child inherits: a
/// host that is itself a plugin would pass on its own.
pub const ALL: [&str; 7] = [
    PROTOCOL_VERSIONS,
    MIN_PORT,
    MAX_PORT,
    CLIENT_CERT,
    MULTIPLEX_GRPC,
    UNIX_SOCKET_DIR,
    UNIX_SOCKET_GROUP,
];
