//! The engine, with plugins written in this process.

mod capabilities;
mod context;
mod edges;
mod engine_plugins;
mod modules;
mod native;
mod native_http;
mod pipelines;
mod records;
mod registry;
mod resume;
mod runtime;
mod state;
mod support;
mod templates;
mod triggers;
mod workflow_file;
