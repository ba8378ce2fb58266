//! Write Outboard plugins in Rust.
//!
//! A plugin is a program of its own that a host starts and talks to over gRPC.
//! This crate is all that it needs, and it is small. The whole of a plugin with one step:
//!
//! ```no_run
//! use outboard_sdk::workflow::{Manifest, Plugin, StepInput, StepInstance, StepResult};
//! use outboard_sdk::{Error, async_trait, json};
//!
//! struct Shout;
//!
//! #[async_trait]
//! impl StepInstance for Shout {
//!     async fn execute(&self, input: StepInput) -> Result<StepResult, Error> {
//!         let text = input.current.get("text").and_then(|text| text.as_str());
//!         let text = text.ok_or_else(|| Error::new("there is no text to shout"))?;
//!         StepResult::output(json!({ "text": text.to_uppercase() }))
//!     }
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     let manifest = Manifest::new("shout", "1.0.0").author("me").description("It shouts");
//!     outboard_sdk::workflow::serve(Plugin::new(manifest).step("step.shout", |_name, _config| Ok(Shout)))
//! }
//! ```
//!
//! | feature | what it brings |
//! |---|---|
//! | `workflow` (default) | [`workflow`]: modules, steps and services for a workflow engine |
//! | `connector` | [`connector`]: an external service as operations with typed inputs |
//! | `testing` | [`testing`]: a plugin against a host in memory, for its tests |
//!
//! # Guide
#![cfg_attr(all(feature = "workflow", feature = "testing"), doc = include_str!("../../../docs/plugin-authors.md"))]

#[cfg(feature = "connector")]
pub mod connector;
mod error;
#[cfg(any(feature = "connector", feature = "workflow"))]
mod guard;
pub mod log;
#[cfg(any(feature = "connector", feature = "workflow"))]
mod stdout;
#[cfg(all(feature = "testing", any(feature = "connector", feature = "workflow")))]
pub mod testing;
pub mod trace;
#[cfg(feature = "workflow")]
pub mod workflow;

pub use async_trait::async_trait;
pub use error::Error;
pub use outboard_contracts::value::Map;
pub use serde_json::{Value, json};
pub use tracing;
