//! A step: one piece of work in a pipeline.

use std::time::Duration;

use async_trait::async_trait;
use outboard_contracts::value::Map;

use super::{EngineError, PipelineContext};

/// One piece of work in a pipeline.
///
/// A step may be called by several runs at once and keeps nothing of one run for
/// another. A call that is no longer wanted is dropped at its next await.
#[async_trait]
pub trait PipelineStep: Send + Sync {
    /// The name that the workflow file gives it.
    fn name(&self) -> &str;

    /// Does the work.
    ///
    /// # Errors
    ///
    /// What follows is up to the pipeline's error strategy.
    async fn execute(&self, call: &StepCall<'_>) -> Result<StepResult, EngineError>;

    /// Gives back whatever the step holds. It is not used afterwards.
    ///
    /// # Errors
    ///
    /// They are reported, and nothing else.
    async fn destroy(&self) -> Result<(), EngineError> {
        Ok(())
    }
}

/// What a step gets for one call.
#[derive(Clone, Copy, Debug)]
pub struct StepCall<'a> {
    /// The run as far as it has come.
    pub context: &'a PipelineContext,
    /// The step's config with its placeholders replaced for this run.
    pub config: &'a Map,
    /// The run's id, for logs.
    pub run: &'a str,
    /// How long the call may take. The engine drops it then; a step that asks
    /// somebody else hands the deadline on.
    pub timeout: Duration,
}

/// What a step has to say when it is done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepResult {
    /// Becomes `steps.NAME` for later steps, and is merged into `current`.
    pub output: Map,
    /// The step to go on with, instead of the one that follows in the file.
    pub next_step: Option<String>,
    /// End the pipeline here, successfully.
    pub stop: bool,
}

impl StepResult {
    /// An output; go on with the step that follows.
    pub fn output(output: Map) -> Self {
        Self {
            output,
            ..Self::default()
        }
    }

    /// An output; end the pipeline here.
    pub fn stop(output: Map) -> Self {
        Self {
            output,
            stop: true,
            ..Self::default()
        }
    }

    /// An output; go on with the step `next`.
    pub fn jump(output: Map, next: impl Into<String>) -> Self {
        Self {
            output,
            next_step: Some(next.into()),
            ..Self::default()
        }
    }
}
