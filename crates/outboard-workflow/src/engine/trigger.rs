//! A trigger: what starts pipelines when something happens outside.

use std::sync::Arc;

use async_trait::async_trait;
use outboard_contracts::value::Map;

use super::{Application, EngineError};

/// Starts pipelines when something happens outside.
///
/// The engine calls `init`, then `configure` once for every entry of the workflow
/// file, then `start`; at the end `stop` and `destroy`. Each call has a deadline.
#[async_trait]
pub trait Trigger: Send + Sync {
    /// For logs and errors.
    fn name(&self) -> &str;

    /// Names of modules that must run before this trigger starts.
    fn dependencies(&self) -> Vec<String> {
        Vec::new()
    }

    /// Prepares the trigger.
    ///
    /// # Errors
    ///
    /// The engine does not start.
    async fn init(&self, _application: &Application) -> Result<(), EngineError> {
        Ok(())
    }

    /// Tells the trigger what to listen for, and what to call then. The sink may be
    /// used from `start` to `stop`.
    ///
    /// # Errors
    ///
    /// The config is unusable; the engine does not start.
    async fn configure(&self, config: Map, sink: Arc<dyn TriggerSink>) -> Result<(), EngineError>;

    /// Starts listening.
    ///
    /// # Errors
    ///
    /// The engine does not start.
    async fn start(&self) -> Result<(), EngineError>;

    /// Stops listening.
    ///
    /// # Errors
    ///
    /// They are reported, and nothing else.
    async fn stop(&self) -> Result<(), EngineError>;

    /// Gives back whatever the trigger holds. It is not used afterwards.
    ///
    /// # Errors
    ///
    /// They are reported, and nothing else.
    async fn destroy(&self) -> Result<(), EngineError> {
        Ok(())
    }
}

/// Where a trigger reports what happened. One sink leads to one pipeline.
#[async_trait]
pub trait TriggerSink: Send + Sync {
    /// Starts a run and returns its id, without waiting for its end.
    ///
    /// # Errors
    ///
    /// The engine is stopping, or has as many runs as it accepts.
    async fn fire(&self, action: &str, data: Map) -> Result<String, EngineError>;
}
