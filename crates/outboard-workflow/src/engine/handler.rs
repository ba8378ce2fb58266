//! A workflow handler: what runs workflows of a type that are no pipelines.

use async_trait::async_trait;
use outboard_contracts::value::Map;

use super::{Application, EngineError};

/// Runs workflows of the types that it can handle.
#[async_trait]
pub trait WorkflowHandler: Send + Sync {
    /// Whether it handles workflows of this type.
    fn can_handle(&self, workflow_type: &str) -> bool;

    /// Takes the workflow's config.
    ///
    /// # Errors
    ///
    /// The config is unusable.
    async fn configure(&self, application: &Application, config: Map) -> Result<(), EngineError>;

    /// Runs the workflow once.
    ///
    /// # Errors
    ///
    /// The workflow failed.
    async fn execute(
        &self,
        workflow_type: &str,
        action: &str,
        data: Map,
    ) -> Result<Map, EngineError>;
}
