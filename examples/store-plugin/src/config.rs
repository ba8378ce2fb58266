//! What the configs of several types have in common.

use std::path::{Path, PathBuf};

use outboard_sdk::{Error, Map, Value, workflow::StepInput};

/// The directory of the workflow file, which engines add to every config.
const CONFIG_DIR: &str = "_config_dir";

/// A path of the config, from the workflow file's directory if it is not absolute.
pub(crate) fn resolve_path(config: &Map, path: &str) -> PathBuf {
    match config.get(CONFIG_DIR).and_then(Value::as_str) {
        Some(directory) => Path::new(directory).join(path),
        None => PathBuf::from(path),
    }
}

/// The items that a step works on: from its config, or else from what the steps before gave.
pub(crate) fn items(config: &Map, input: &StepInput) -> Result<Vec<Value>, Error> {
    let (items, place) = match config.get("items") {
        Some(items) => (items, "config"),
        None => match input.current.get("items") {
            Some(items) => (items, "the pipeline so far"),
            None => {
                return Err(Error::new(
                    "there are no items: set `items` in the config, or put a step before that gives some",
                ));
            }
        },
    };
    match items {
        Value::Array(items) => Ok(items.clone()),
        Value::String(text) if text.contains("{{") => Err(Error::new(format!(
            "`items` in {place} is still the text {text:?}: this host does not resolve values between braces"
        ))),
        other => Err(Error::new(format!(
            "`items` in {place} must be a list, but is {}",
            kind(other)
        ))),
    }
}

/// Runs what computes or blocks on a thread of its own, because all calls of the
/// plugin share one.
pub(crate) async fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await?
}

/// What a value is, in words.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
