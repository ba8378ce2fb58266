//! The benchmarks' own services, generated from `proto/bench` by
//! `cargo xtask codegen`.
#![allow(missing_docs, clippy::all, clippy::unwrap_used, unreachable_pub)]

include!("outboard.bench.v1.rs");
