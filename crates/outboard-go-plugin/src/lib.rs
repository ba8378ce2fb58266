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
//! built on. This drives a plugin in Go that was not made with this crate in
//! mind, through a `.proto` of our own with the plugin's names and numbers:
//!
#![cfg_attr(feature = "host", doc = "```no_run")]
#![cfg_attr(not(feature = "host"), doc = "```ignore")]
#![doc = include_str!("../examples/kv_host.rs")]
//! ```
//!
//! # A plugin
//!
//! With the feature `plugin`, [`run`](plugin::run) is the whole `main` around
//! a generated server:
//!
#![cfg_attr(feature = "plugin", doc = "```no_run")]
#![cfg_attr(not(feature = "plugin"), doc = "```ignore")]
#![doc = include_str!("../examples/kv_plugin.rs")]
//! ```
//!
//! # Sizes
//!
//! A message may have [`MAX_MESSAGE_BYTES`](transport::MAX_MESSAGE_BYTES). What
//! tonic generates takes 4 MiB unless it is told otherwise, so tell each client
//! and each server, as above. A peer may take less: a Go plugin takes 4 MiB
//! unless its author raised that. A message that is too large fails its call
//! and nothing else; [`MessageTooLarge`](transport::MessageTooLarge) reads the
//! limit out of the status.
//!
//! # What is there
//!
//! | piece | state |
//! |---|---|
//! | magic cookie, environment, handshake line, version negotiation | both ends |
//! | Unix sockets and TCP | both ends |
//! | [AutoMTLS](host::TlsMode), and TLS [of your own](tls::Tls) | both ends |
//! | [broker](broker): connections in both directions, plain and multiplexed | both ends |
//! | health, orderly shutdown, stdio stream, structured logs | both ends |
//! | typed start errors, exit reports, events, restart policy | host |
//! | execution of exactly the bytes whose [checksum](host::Checksum) was compared | host |
//! | [reattaching](reattach), test mode for debuggers | both ends |
//! | [runners of your own](host::Runner); plugins, children and sockets that go with a killed host | host |
//!
//! # Features
//!
//! None is on by default. `host` starts plugins, `plugin` serves as one; the
//! modules [`handshake`], [`environment`] and [`transport`] are always there.
//!
//! # Everything outside of the program
//!
//! [`environment`] lists every environment variable, file, socket and signal.
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
pub mod trace;
pub mod transport;

mod generated;
#[cfg(any(feature = "host", feature = "plugin"))]
mod piece_queue;
