//! The go-plugin protocol for Rust hosts and Rust plugins.
//!
//! [go-plugin](https://github.com/hashicorp/go-plugin) runs plugins as processes
//! of their own and talks gRPC to them. This crate is both ends of that: a host
//! that starts and watches plugins written in any language, and a plugin that
//! any go-plugin host can start. It knows no plugin's services; you bring
//! tonic's generated code for yours.
//!
//! # A host
//!
//! With the feature `host`, a [`PluginSpec`](host::PluginSpec) describes a
//! plugin, [`start`](host::PluginSpec::start) gives a process that answers, and
//! its [`channel`](host::PluginProcess::channel) is what a generated client is
//! built on.
//!
#![cfg_attr(feature = "host", doc = "```no_run")]
#![cfg_attr(not(feature = "host"), doc = "```ignore")]
//! use outboard_go_plugin::{handshake::HandshakeConfig, host::PluginSpec};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let handshake = HandshakeConfig::new("KV_PLUGIN", "hello", 1);
//!     let plugin = PluginSpec::new("kv", "./kv-plugin", handshake).start().await?;
//!     println!("process {} speaks version {}", plugin.pid(), plugin.protocol_version());
//!     // let mut kv = KvClient::new(plugin.channel());
//!     // kv.put(…).await?;
//!     println!("{}", plugin.stop().await);
//!     Ok(())
//! }
//! ```
//!
//! # A plugin
//!
//! With the feature `plugin`, [`run`](plugin::run) is the whole `main`.
//!
#![cfg_attr(feature = "plugin", doc = "```no_run")]
#![cfg_attr(not(feature = "plugin"), doc = "```ignore")]
//! use outboard_go_plugin::{
//!     handshake::HandshakeConfig,
//!     plugin::{ServeConfig, run},
//!     transport::Services,
//! };
//!
//! fn main() -> std::process::ExitCode {
//!     let handshake = HandshakeConfig::new("KV_PLUGIN", "hello", 1);
//!     let services = Services::new(); // .add_service(KvServer::new(MyStore))
//!     run(ServeConfig::new(handshake, services))
//! }
//! ```
//!
//! # What is there, and what is not yet
//!
//! | piece | state |
//! |---|---|
//! | magic cookie, environment, handshake line, version negotiation | both ends |
//! | Unix sockets and TCP, plaintext | both ends |
//! | health, orderly shutdown, stdio stream, structured logs | both ends |
//! | typed start errors, exit reports, events, restart policy | host |
//! | AutoMTLS and TLS of your own | not yet: a plugin that answers with a certificate is refused with a typed error |
//! | broker, plain and multiplexed | not yet: a plugin's broker calls are answered with `Unimplemented` |
//! | reattaching, test mode for debuggers | both ends |
//! | runners of your own; plugins, children and sockets that go with a killed host | host |
//! | checksums | not yet |
//!
//! # Features
//!
//! None is on by default. `host` starts plugins, `plugin` serves as one; the
//! modules [`handshake`], [`environment`] and [`transport`] are always there.
//!
//! # Platforms
//!
//! Tested on Linux. The code for other Unix systems is there and untested;
//! Windows is not supported yet.

#[cfg(feature = "_peer")]
pub mod broker;
pub mod environment;
pub mod handshake;
#[cfg(feature = "host")]
pub mod host;
#[cfg(feature = "plugin")]
pub mod plugin;
#[cfg(feature = "_peer")]
pub mod reattach;
#[cfg(feature = "_peer")]
pub mod tls;
pub mod transport;

mod generated;
