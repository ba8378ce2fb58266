//! Pipelines: steps that run one after the other over the data of one run.
//!
//! A step gets its config with placeholders filled in, and says an output. The
//! output becomes `steps.NAME` and is merged into `current`. A step that fails is
//! handled by the pipeline's error strategy.

mod config;
mod context;
mod kept;
mod record;
mod runner;
mod slot;
mod template;

pub use config::ConfigTemplate;
pub use context::PipelineContext;
pub use kept::HIDDEN;
pub(crate) use kept::{MAX_KEPT_INPUTS, input as kept_input, shorten};
pub use record::{RunError, RunResult, RunStatus, RunSummary, StepRecord};
pub use runner::MAX_STEPS_PER_RUN;
pub(crate) use runner::{Observer, Outcome, Pipeline};
pub use template::{Placeholder, Root, Template, TemplateError};
