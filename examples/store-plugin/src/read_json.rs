//! `step.read_json`: a file of JSON into the pipeline.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use outboard_sdk::{
    Error, Map, Value, async_trait, json,
    workflow::{StepInput, StepInstance, StepResult},
};
use serde::Deserialize;

use crate::config::{on_a_thread, resolve_path};

/// How large a file may be unless the config says otherwise: 8 MiB.
const DEFAULT_MAX_BYTES: u64 = 8 * 1024 * 1024;
/// What the config cannot go beyond: 32 MiB, because the items cross the wire several times.
const MAX_MAX_BYTES: u64 = 32 * 1024 * 1024;

#[derive(Deserialize)]
struct Config {
    path: String,
    #[serde(default = "default_max_bytes")]
    max_bytes: u64,
}

fn default_max_bytes() -> u64 {
    DEFAULT_MAX_BYTES
}

pub(crate) struct ReadJson {
    created: Map,
}

impl ReadJson {
    pub(crate) fn new(created: Map) -> Self {
        Self { created }
    }
}

#[async_trait]
impl StepInstance for ReadJson {
    /// Gives `items` (the list in the file, or a list of what else is in it),
    /// `count`, `path` and `bytes`.
    async fn execute(&self, input: StepInput) -> Result<StepResult, Error> {
        let config: Config = input.read_config(&self.created)?;
        if config.max_bytes > MAX_MAX_BYTES {
            return Err(Error::new(format!(
                "config: max_bytes can be {MAX_MAX_BYTES} at most"
            )));
        }
        let path = resolve_path(input.config_or(&self.created), &config.path);
        let shown = path.display().to_string();
        let (value, bytes) = on_a_thread(move || read(path, config.max_bytes)).await?;
        let items = match value {
            Value::Array(items) => items,
            other => vec![other],
        };
        StepResult::output(
            json!({ "count": items.len(), "items": items, "path": shown, "bytes": bytes }),
        )
    }
}

fn read(path: PathBuf, max_bytes: u64) -> Result<(Value, usize), Error> {
    read_limited(&path, max_bytes)
        .and_then(|text| Ok((serde_json::from_slice(&text)?, text.len())))
        .map_err(|error| error.context(format!("read {}", path.display())))
}

/// The bytes of a regular file that has not more than `max_bytes`.
pub(crate) fn read_limited(path: &Path, max_bytes: u64) -> Result<Vec<u8>, Error> {
    // Opening a pipe or a device could wait for ever.
    if !path.metadata()?.is_file() {
        return Err(Error::new("it is not a regular file"));
    }
    let mut text = Vec::new();
    // One more than allowed, to notice. The size on disk may change meanwhile.
    File::open(path)?
        .take(max_bytes + 1)
        .read_to_end(&mut text)?;
    if text.len() as u64 > max_bytes {
        return Err(Error::new(format!(
            "it has more than {max_bytes} bytes; raise max_bytes if that is right"
        )));
    }
    Ok(text)
}
