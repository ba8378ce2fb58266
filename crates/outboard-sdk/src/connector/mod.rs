//! Plugins of the connector family: one external service as named operations.
//!
//! A [`Connector`] says who it is, which settings it has and what it can do; [`serve`] is
//! the whole `main`. Settings and inputs are structs that derive
//! [`Fields`](macro@Fields), so hosts know what to ask people for before they start
//! anything.
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use outboard_sdk::connector::{self, Connector, Context, Fields, Operation, OperationError, Secret};
//! use outboard_sdk::{Value, json};
//!
//! #[derive(Fields)]
//! #[fields(strict)]
//! struct Settings {
//!     /// Where the service is.
//!     #[field(url, required, default = "https://api.example.com")]
//!     base_url: String,
//!     /// The key that it gave you.
//!     #[field(required)]
//!     api_key: Secret,
//!     /// How often to try.
//!     #[field(default = 3)]
//!     retries: u32,
//! }
//!
//! #[derive(Fields)]
//! #[fields(strict)]
//! struct Say {
//!     /// What to say.
//!     #[field(textarea, required)]
//!     text: String,
//! }
//!
//! async fn say(context: Context<Settings>, input: Say) -> Result<Value, OperationError> {
//!     let settings = context.settings();
//!     if input.text.len() > 1000 {
//!         return Err(OperationError::new("that is too much to say").with_code("too_long"));
//!     }
//!     Ok(json!({ "said": input.text, "at": settings.base_url }))
//! }
//!
//! fn main() -> ExitCode {
//!     connector::serve(
//!         Connector::new("parrot", "Parrot")
//!             .description("It says what it hears.")
//!             .icon("🦜")
//!             .category("Talk", "Says things.", [
//!                 Operation::new("say", "Say", say).description("Says a text."),
//!             ]),
//!     )
//! }
//! ```
//!
//! # Rules
//!
//! - All calls are polled on one thread. Code that computes for long or blocks belongs into
//!   `tokio::task::spawn_blocking`; nothing else of the connector moves meanwhile.
//! - Several calls run at once, also of one operation and with different settings. What
//!   they share, such as a pool of connections, is told apart by the settings.
//! - An operation whose caller went away has one second to tidy up and is then dropped:
//!   see [`Context::cancelled`].
//! - Give every call to the service a deadline. The host has one too, and cuts off.
//! - An error reaches the caller as a code and a text, without the secrets of the settings.
//!   A panic is an error with the code `panic`, and fails its call and nothing else.
//! - A message is at most 64 MiB; a result that is called for as a stream may be larger.
//!
//! # Guide
#![cfg_attr(feature = "testing", doc = include_str!("../../../../docs/connector-authors.md"))]

mod answers;
mod builder;
mod context;
mod data_dir;
mod debugger;
mod error;
mod field;
mod fields;
mod limits;
mod manifest;
mod mask;
mod operation;
mod output;
pub(crate) mod pipe;
mod serve;
mod server;
mod value;

pub use outboard_contracts::connector::{
    Kind, Manifest, Module,
    arguments::Arguments,
    module::{Config, DefaultAccess, OAuth, Tag, Widget},
    signing::PrivateKey,
};
pub use outboard_sdk_macros::{Choice, Fields};

pub use self::{
    answers::{Health, Identity, Permission},
    builder::{Connector, InvalidConnector},
    context::{Context, MAX_PROGRESS_MESSAGE_BYTES},
    data_dir::{DataDirError, data_dir},
    error::{OperationError, error_code},
    field::Field,
    fields::{FieldError, Fields, Reader},
    manifest::{ManifestError, build_self_manifest, dump_manifest},
    operation::Operation,
    output::{Items, RawJson},
    pipe::Progress,
    serve::serve,
    server::{Chunks, ConnectorServer, new_server},
    value::{FieldValue, Secret},
};
