//! Pipelines: steps that run one after the other over the data of one run.

mod context;

pub use context::PipelineContext;
