//! The trigger `file.changed`: starts a pipeline when a file is there anew or otherwise.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use outboard_sdk::{
    Error, Map, async_trait, json, tracing,
    workflow::{TriggerCallback, TriggerInstance, from_map},
};
use serde::Deserialize;
use tokio::task::JoinHandle;

use crate::config::{on_a_thread, resolve_path};

/// How often it looks unless the config says otherwise: every second.
const DEFAULT_EVERY_MS: u64 = 1000;
/// How often it looks at most: every 10 ms.
const LEAST_EVERY_MS: u64 = 10;

#[derive(Deserialize)]
struct Config {
    path: String,
    #[serde(default = "default_every_ms")]
    every_ms: u64,
}

fn default_every_ms() -> u64 {
    DEFAULT_EVERY_MS
}

/// What tells one state of a file from another; `None` where there is no file.
type Seen = Option<(SystemTime, u64)>;

pub(crate) struct FileChanged {
    path: PathBuf,
    every: Duration,
    callback: TriggerCallback,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl FileChanged {
    pub(crate) fn new(config: &Map, callback: TriggerCallback) -> Result<Self, Error> {
        let read: Config = from_map(config).map_err(|error| error.context("config"))?;
        if read.every_ms < LEAST_EVERY_MS {
            return Err(Error::new(format!(
                "config: every_ms must be {LEAST_EVERY_MS} at least"
            )));
        }
        Ok(Self {
            path: resolve_path(config, &read.path),
            every: Duration::from_millis(read.every_ms),
            callback,
            task: Mutex::default(),
        })
    }

    fn replace(&self, task: Option<JoinHandle<()>>) {
        let mut current = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = std::mem::replace(&mut *current, task) {
            before.abort();
        }
    }
}

#[async_trait]
impl TriggerInstance for FileChanged {
    async fn start(&self) -> Result<(), Error> {
        // Before the start is over: what is written after it counts.
        let seen = look(self.path.clone()).await?;
        let (path, every, callback) = (self.path.clone(), self.every, self.callback.clone());
        self.replace(Some(tokio::spawn(watch(path, every, callback, seen))));
        Ok(())
    }

    async fn stop(&self) -> Result<(), Error> {
        self.replace(None);
        Ok(())
    }
}

async fn watch(path: PathBuf, every: Duration, callback: TriggerCallback, mut seen: Seen) {
    loop {
        tokio::time::sleep(every).await;
        let now = match look(path.clone()).await {
            Ok(now) if now == seen => continue,
            Ok(now) => now,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "the file cannot be looked at");
                continue;
            }
        };
        // A file that went is not one that changed.
        if let Some((_, bytes)) = now {
            let data = json!({ "path": path.display().to_string(), "bytes": bytes });
            let data = data.as_object().cloned().unwrap_or_default();
            if let Err(error) = callback.fire("changed", data).await {
                // `seen` stays: the next look tries again.
                tracing::warn!(path = %path.display(), %error, "no run began");
                continue;
            }
        }
        seen = now;
    }
}

async fn look(path: PathBuf) -> Result<Seen, Error> {
    on_a_thread(move || state(&path)).await
}

fn state(path: &Path) -> Result<Seen, Error> {
    match path.metadata() {
        Ok(file) => Ok(Some((file.modified()?, file.len()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::from(error).context(format!("look at {}", path.display()))),
    }
}
