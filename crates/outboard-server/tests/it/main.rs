//! The server over real sockets, with real plugin processes behind it.

#![allow(clippy::unwrap_used)]

mod access;
mod client;
mod events;
mod golden;
mod support;
mod workflow;
