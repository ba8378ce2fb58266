//! Plugins of the workflow family: modules, steps and triggers for a workflow engine.
//!
//! A **module** lives for long and has a life cycle and perhaps a service; a
//! **step** is run again and again by pipelines; a **trigger** starts pipelines when
//! something happens. A [`PluginProvider`] makes all three; [`Plugin`] is one that is put
//! together from closures. [`serve`] is the whole `main`. [`Engine`] is the way back to
//! the host.
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
//! - At most [`MAX_HANDLES`] modules, triggers and steps live at a time.

mod engine;
mod guard;
mod handles;
mod instance;
mod manifest;
mod module;
mod plugin;
mod provider;
mod serve;
mod server;
mod trigger;
mod ui_file;
mod wire;

pub use self::{
    engine::{CallbackError, CallbackErrorKind, Engine},
    handles::MAX_HANDLES,
    instance::{ModuleInstance, ServiceInvoker, StepInput, StepInstance, StepResult, from_map},
    manifest::Manifest,
    plugin::Plugin,
    provider::{ModuleProvider, PluginProvider, SchemaProvider, StepProvider, TriggerProvider},
    serve::serve,
    server::{MAX_MESSAGE_BYTES, PluginServer},
    trigger::{TriggerCallback, TriggerInstance},
};
pub use outboard_contracts::{
    schema::{ConfigField, ModuleSchema, ServiceIo},
    ui::{UiManifest, UiNavItem},
};
