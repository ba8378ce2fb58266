//! Plugins of the workflow family: modules and steps for a workflow engine.
//!
//! A **module** lives for long and has a life cycle and perhaps a service; a
//! **step** is run again and again by pipelines. A [`PluginProvider`] makes
//! both; [`Plugin`] is one that is put together from closures. [`serve`] is the
//! whole `main`.
//!
//! # Rules
//!
//! - All calls are polled on one thread. Code that computes for long or blocks
//!   belongs into `tokio::task::spawn_blocking`; nothing else of the plugin
//!   moves meanwhile.
//! - Several calls run at once, also of one step or module, so all methods take `&self`.
//! - An error reaches the caller as text. A panic fails its call and nothing else.
//! - Integers beyond ±2^53, and objects and lists more than 32 deep, do not cross the
//!   wire: a result that has one fails the call with an error that names the place.
//! - At most [`MAX_HANDLES`] modules and steps live at a time.

mod guard;
mod handles;
mod instance;
mod manifest;
mod module;
mod plugin;
mod provider;
mod serve;
mod server;

pub use self::{
    handles::MAX_HANDLES,
    instance::{ModuleInstance, ServiceInvoker, StepInput, StepInstance, StepResult, from_map},
    manifest::Manifest,
    plugin::Plugin,
    provider::{ModuleProvider, PluginProvider, SchemaProvider, StepProvider},
    serve::serve,
    server::{MAX_MESSAGE_BYTES, PluginServer},
};
pub use outboard_contracts::schema::{ConfigField, ModuleSchema, ServiceIo};
