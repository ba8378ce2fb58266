//! The store plugin against a host in memory, with real files and a real database.
#![allow(clippy::unwrap_used)]

mod file_changed;
mod manifest;
mod pipeline;
mod read_json;
mod store;
mod transform;
mod validate;

use std::path::PathBuf;

use outboard_sdk::{
    Value, json,
    testing::{Host, ModuleHandle},
    workflow::{StepInput, StepResult},
};
use tempfile::TempDir;

pub(crate) fn data(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../data")
        .join(file)
}

pub(crate) async fn host() -> Host {
    Host::start(store_plugin::plugin()).await.unwrap()
}

/// A store that runs, in a directory that goes away with the test.
pub(crate) async fn running_store(host: &Host, name: &str) -> (ModuleHandle, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let config = json!({ "path": "items.db", "_config_dir": directory.path() });
    let module = host.create_module("kv.sqlite", name, config).await.unwrap();
    module.init().await.unwrap();
    module.start().await.unwrap();
    (module, directory)
}

/// Runs a step once with this config, and gives its output.
pub(crate) async fn run(host: &Host, step_type: &str, config: Value) -> Value {
    let step = host.create_step(step_type, "it", config).await.unwrap();
    step.execute(StepInput::default())
        .await
        .unwrap()
        .output
        .into()
}

/// Runs a step once with this config, which fails, and gives its words.
pub(crate) async fn failure(host: &Host, step_type: &str, config: Value) -> String {
    let step = host.create_step(step_type, "it", config).await.unwrap();
    let outcome: Result<StepResult, _> = step.execute(StepInput::default()).await;
    outcome.unwrap_err().plugin_error().unwrap().to_owned()
}
