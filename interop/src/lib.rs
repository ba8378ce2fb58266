//! Rust, Go and Python peers under one list of cases.
//!
//! ```text
//!                    interop/cases/workflow.json
//!               ┌───────────────┴───────────────┐
//!   host::RustHost                      interop/go/cmd/go-host
//!               │                               │
//!   Go kitchen, Rust kitchen            Rust kitchen, Go kitchen
//!               └───────────────┬───────────────┘
//!                          cases::judge
//! ```
//!
//! A host runs the list and records what it saw; one function compares that with
//! what the list expects, so both directions are held to the same answers.

pub mod cases;
pub mod connector;
mod engine;
pub mod foreign;
pub mod generated;
pub mod host;
pub mod matrix;
pub mod tools;
mod wire;
