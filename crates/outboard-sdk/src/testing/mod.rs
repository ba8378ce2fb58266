//! Runs a plugin against a host in memory, for the plugin's tests.
//!
//! Nothing is imitated but the socket: requests are encoded, cross HTTP/2 and
//! are answered by the same code that serves a real host. Enable the feature `testing` in
//! `[dev-dependencies]`. Plugins of the workflow family have [`Host`], connectors have
//! [`ConnectorHost`].
//!
//! ```
//! use outboard_sdk::testing::Host;
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
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), outboard_sdk::testing::CallError> {
//! let plugin = Plugin::new(Manifest::new("shout", "1.0.0")).step("step.shout", |_, _| Ok(Shout));
//! let host = Host::start(plugin).await?;
//!
//! let step = host.create_step("step.shout", "loud", json!({})).await?;
//! let output = step.execute(StepInput::of_current(json!({ "text": "hello" }))?).await?.output;
//! assert_eq!(output["text"], "HELLO");
//!
//! let error = step.execute(StepInput::default()).await.unwrap_err();
//! assert_eq!(error.plugin_error(), Some("there is no text to shout"));
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "connector")]
mod connector;
#[cfg(feature = "workflow")]
mod engine;
mod error;
#[cfg(feature = "workflow")]
mod handle;
#[cfg(feature = "workflow")]
mod host;

#[cfg(feature = "connector")]
pub use self::connector::{ConnectorHost, Streamed};
pub use self::error::CallError;
#[cfg(feature = "workflow")]
pub use self::{
    engine::{Fired, Logged, TestEngine},
    handle::{ModuleHandle, StepHandle},
    host::Host,
};
