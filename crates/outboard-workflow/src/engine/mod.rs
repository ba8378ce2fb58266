//! A small engine: modules with a life, pipelines of steps, triggers that start
//! them, and plugins that bring the types of all three.
//!
//! Plugins plug in through the traits of this module: [`NativePlugin`] for anything
//! that can be enabled and disabled, [`EnginePlugin`] for what adds types.
//! [`Module`], [`PipelineStep`], [`Trigger`] and [`WorkflowHandler`] are what their
//! factories make.

mod application;
mod builtin;
pub mod capability;
mod engine_plugins;
mod error;
mod factory;
mod guard;
mod handler;
mod http_table;
mod module;
mod native;
mod order;
pub mod pipeline;
mod plugin;
mod registry;
mod routes;
mod runtime;
mod schedule;
mod step;
mod suggest;
mod trigger;
pub mod workflow_file;

pub use application::Application;
pub use builtin::LOG_STEP;
pub use engine_plugins::EnginePluginManager;
pub use error::{EngineError, EngineErrorKind, PluginFailure, TypeKind};
pub use factory::{
    ConfigTiming, ModuleFactory, StepFactory, TriggerFactory, WorkflowHandlerFactory,
    module_factory, step_factory, trigger_factory, workflow_handler_factory,
};
pub use handler::WorkflowHandler;
pub use http_table::{HttpMatch, HttpTable, trigger_data};
pub use module::Module;
pub use native::{
    JsonStateStore, MemoryStateStore, PluginInfo, PluginManager, PluginManagerBuilder, PluginState,
    PluginStateStore,
};
pub use outboard_contracts::{
    manifest::PluginManifest, schema::ModuleSchema, ui::UiPageDef, value::Map,
};
pub use pipeline::PipelineContext;
pub use plugin::{
    EnginePlugin, NativePlugin, PluginContext, PluginDependency, WiringFunction, WiringHook,
};
pub use registry::{BUILTIN_OWNER, BUILTIN_TRIGGERS, KnownTypes, Registered, TypeRegistry};
pub use routes::{RouteHandler, RouteTable};
pub use runtime::{
    EndedRun, EndedStep, Engine, EngineBuilder, Missing, PipelineInfo, RunEvent, RunObserver,
    StepInfo, WorkflowState,
};
pub use step::{PipelineStep, StepCall, StepResult};
pub use suggest::nearest;
pub use trigger::{Trigger, TriggerSink};
