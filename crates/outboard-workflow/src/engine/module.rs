//! A module: a named part with a life of its own that offers services to others.

use async_trait::async_trait;
use outboard_contracts::value::Map;

use super::{Application, EngineError};

/// A part of the application that lives as long as the engine runs.
///
/// The engine calls, each with a deadline: `register_config`, `init`, `start` in
/// the order of the dependencies, then `stop` in the reverse order, then `destroy`,
/// which is called for every module that was made, whatever happened before.
/// Calls to one module never overlap, except `invoke_service`, which comes at any
/// time between `start` and `stop` and from several callers at once.
#[async_trait]
pub trait Module: Send + Sync {
    /// The name that the workflow file gives it.
    fn name(&self) -> &str;

    /// Names of modules that must be started before this one.
    fn dependencies(&self) -> Vec<String> {
        Vec::new()
    }

    /// Names of services that it offers besides its own name.
    fn provides_services(&self) -> Vec<String> {
        Vec::new()
    }

    /// Names of services that it needs; whoever provides them is started before it.
    fn requires_services(&self) -> Vec<String> {
        Vec::new()
    }

    /// The first call: the module may announce what config it takes.
    ///
    /// # Errors
    ///
    /// The engine does not start.
    fn register_config(&self, _application: &Application) -> Result<(), EngineError> {
        Ok(())
    }

    /// Prepares the module.
    ///
    /// # Errors
    ///
    /// The engine does not start; modules that were started are stopped again.
    async fn init(&self, _application: &Application) -> Result<(), EngineError> {
        Ok(())
    }

    /// Starts the module's work.
    ///
    /// # Errors
    ///
    /// The engine does not start; modules that were started are stopped again.
    async fn start(&self) -> Result<(), EngineError> {
        Ok(())
    }

    /// Ends the module's work.
    ///
    /// # Errors
    ///
    /// They are reported; the other modules are stopped all the same.
    async fn stop(&self) -> Result<(), EngineError> {
        Ok(())
    }

    /// Gives back whatever the module holds. It is not used afterwards.
    ///
    /// # Errors
    ///
    /// They are reported; the other modules are destroyed all the same.
    async fn destroy(&self) -> Result<(), EngineError> {
        Ok(())
    }

    /// Calls a method of the module's service.
    ///
    /// # Errors
    ///
    /// The module has no such method, or the method failed.
    async fn invoke_service(&self, method: &str, _args: Map) -> Result<Map, EngineError> {
        Err(EngineError::failed(
            format!("module {:?}", self.name()),
            format!("it has no service, so {method:?} cannot be called"),
        ))
    }
}
