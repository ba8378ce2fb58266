//! Pipelines: steps that run one after the other over the data of one run.

mod config;
mod context;
mod template;

pub use config::ConfigTemplate;
pub use context::PipelineContext;
pub use template::{Placeholder, Root, Template, TemplateError};
