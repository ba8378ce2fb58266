//! The matrix's messages and services, generated from `proto/interop` by
//! `cargo xtask codegen`.
#![allow(missing_docs, clippy::all, clippy::unwrap_used, unreachable_pub)]

/// The service that go-plugin tests itself with.
pub mod grpctest {
    include!("grpctest.rs");
}

/// The store, and the rest of what the matrix asks.
pub mod peer {
    include!("outboard.interop.v1.rs");
}
