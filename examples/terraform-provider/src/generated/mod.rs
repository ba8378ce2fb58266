//! Messages and client of the providers' protocol, generated from `proto/provider.proto`
//! by `cargo xtask codegen`.
#![allow(missing_docs, clippy::all, clippy::unwrap_used, unreachable_pub)]

include!("tfplugin6.rs");
