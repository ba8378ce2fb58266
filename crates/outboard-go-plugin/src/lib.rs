//! The go-plugin protocol for Rust hosts and Rust plugins.

pub mod environment;
pub mod handshake;
#[cfg(feature = "host")]
pub mod host;
#[cfg(feature = "plugin")]
pub mod plugin;
pub mod transport;

mod generated;
