//! What makes modules, steps, triggers and handlers out of a name and a config.
//!
//! Every factory is asynchronous and fallible, because a plugin may be in another
//! process: the error that a caller sees is the one that happened there.

use std::{future::Future, sync::Arc};

use async_trait::async_trait;
use outboard_contracts::value::Map;

use super::{EngineError, Module, PipelineStep, Trigger, WorkflowHandler};

/// Makes modules of one type.
#[async_trait]
pub trait ModuleFactory: Send + Sync {
    /// Makes the module `name`. The engine calls `init` and `start` later.
    ///
    /// # Errors
    ///
    /// The config is unusable, or the plugin is.
    async fn create(&self, name: &str, config: Map) -> Result<Arc<dyn Module>, EngineError>;
}

/// Makes steps of one type.
#[async_trait]
pub trait StepFactory: Send + Sync {
    /// Makes the step `name`.
    ///
    /// What is in `config` depends on [`StepFactory::config_timing`].
    ///
    /// # Errors
    ///
    /// The config is unusable, or the plugin is.
    async fn create(&self, name: &str, config: Map) -> Result<Arc<dyn PipelineStep>, EngineError>;

    /// When steps of this type look at their config.
    fn config_timing(&self) -> ConfigTiming {
        ConfigTiming::PerCall
    }
}

/// When a step looks at its config; it decides what placeholders mean to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigTiming {
    /// At every call: [`StepCall::config`](super::StepCall::config) has the values of
    /// that run. One step is made when the engine starts, from the config with its
    /// placeholders as they were written, and serves all runs.
    PerCall,
    /// Only when it is made, like a plugin that speaks the first version of the wire
    /// contract. A step whose config has placeholders that depend on the run is made
    /// for that run and destroyed after the call; any other is made once.
    AtCreation,
}

/// Makes triggers of one type.
#[async_trait]
pub trait TriggerFactory: Send + Sync {
    /// Makes the trigger `name`.
    ///
    /// # Errors
    ///
    /// The config is unusable, or the plugin is.
    async fn create(&self, name: &str, config: Map) -> Result<Arc<dyn Trigger>, EngineError>;
}

/// Makes handlers of one workflow type.
#[async_trait]
pub trait WorkflowHandlerFactory: Send + Sync {
    /// Makes a handler.
    ///
    /// # Errors
    ///
    /// The plugin cannot make one.
    async fn create(&self) -> Result<Arc<dyn WorkflowHandler>, EngineError>;
}

/// A module factory from a function.
///
/// ```
/// # use std::sync::Arc;
/// # use outboard_workflow::engine::{self, EngineError, Module};
/// struct Store(String);
///
/// #[async_trait::async_trait]
/// impl Module for Store {
///     fn name(&self) -> &str {
///         &self.0
///     }
/// }
///
/// let factory = engine::module_factory(|name, _config| async move {
///     Ok(Arc::new(Store(name)) as Arc<dyn Module>)
/// });
/// # let _ = factory;
/// ```
pub fn module_factory<F, R>(function: F) -> Arc<dyn ModuleFactory>
where
    F: Fn(String, Map) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Arc<dyn Module>, EngineError>> + Send + 'static,
{
    Arc::new(FromFunction(function))
}

/// A step factory from a function. Its steps take their config at every call.
pub fn step_factory<F, R>(function: F) -> Arc<dyn StepFactory>
where
    F: Fn(String, Map) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Arc<dyn PipelineStep>, EngineError>> + Send + 'static,
{
    Arc::new(FromFunction(function))
}

/// A trigger factory from a function.
pub fn trigger_factory<F, R>(function: F) -> Arc<dyn TriggerFactory>
where
    F: Fn(String, Map) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Arc<dyn Trigger>, EngineError>> + Send + 'static,
{
    Arc::new(FromFunction(function))
}

/// A workflow handler factory from a function.
pub fn workflow_handler_factory<F, R>(function: F) -> Arc<dyn WorkflowHandlerFactory>
where
    F: Fn() -> R + Send + Sync + 'static,
    R: Future<Output = Result<Arc<dyn WorkflowHandler>, EngineError>> + Send + 'static,
{
    Arc::new(FromFunction(function))
}

struct FromFunction<F>(F);

#[async_trait]
impl<F, R> ModuleFactory for FromFunction<F>
where
    F: Fn(String, Map) -> R + Send + Sync,
    R: Future<Output = Result<Arc<dyn Module>, EngineError>> + Send,
{
    async fn create(&self, name: &str, config: Map) -> Result<Arc<dyn Module>, EngineError> {
        (self.0)(name.to_owned(), config).await
    }
}

#[async_trait]
impl<F, R> StepFactory for FromFunction<F>
where
    F: Fn(String, Map) -> R + Send + Sync,
    R: Future<Output = Result<Arc<dyn PipelineStep>, EngineError>> + Send,
{
    async fn create(&self, name: &str, config: Map) -> Result<Arc<dyn PipelineStep>, EngineError> {
        (self.0)(name.to_owned(), config).await
    }
}

#[async_trait]
impl<F, R> TriggerFactory for FromFunction<F>
where
    F: Fn(String, Map) -> R + Send + Sync,
    R: Future<Output = Result<Arc<dyn Trigger>, EngineError>> + Send,
{
    async fn create(&self, name: &str, config: Map) -> Result<Arc<dyn Trigger>, EngineError> {
        (self.0)(name.to_owned(), config).await
    }
}

#[async_trait]
impl<F, R> WorkflowHandlerFactory for FromFunction<F>
where
    F: Fn() -> R + Send + Sync,
    R: Future<Output = Result<Arc<dyn WorkflowHandler>, EngineError>> + Send,
{
    async fn create(&self) -> Result<Arc<dyn WorkflowHandler>, EngineError> {
        (self.0)().await
    }
}
