//! The host side of the connector family: signed packages, verified, installed, pooled
//! and called.

pub mod catalog;
pub mod client;
pub mod download;
pub mod host;
pub mod oauth;
pub mod package;
pub mod platform;
pub mod pool;
pub mod protocol;
pub mod secrets;
pub mod state;
pub mod store;
pub mod trust;
