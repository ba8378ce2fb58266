//! go-plugin's own messages and services, generated from `proto/goplugin` by
//! `cargo xtask codegen`.
#![allow(missing_docs, clippy::all, clippy::unwrap_used, unreachable_pub)]

pub(crate) mod plugin {
    include!("plugin.rs");
}

pub(crate) mod health {
    include!("grpc.health.v1.rs");
}
