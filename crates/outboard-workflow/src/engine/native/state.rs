//! Which plugins were enabled, kept across restarts.

use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::engine::EngineError;

/// What is kept about one plugin. Each transition keeps the other's time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PluginState {
    /// Whether it was enabled when the state was written.
    pub enabled: bool,
    /// Its version at that time.
    pub version: String,
    /// When it was enabled last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled_at: Option<Timestamp>,
    /// When it was disabled last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<Timestamp>,
}

/// Where [`PluginState`]s are kept.
///
/// Calls are short and come from asynchronous code, but never while the manager
/// holds a lock. A store that does slow I/O hands it to a thread of its own.
pub trait PluginStateStore: Send + Sync {
    /// Everything that is kept.
    ///
    /// # Errors
    ///
    /// [`EngineError::Store`].
    fn load(&self) -> Result<BTreeMap<String, PluginState>, EngineError>;

    /// Keeps the state of one plugin.
    ///
    /// # Errors
    ///
    /// [`EngineError::Store`].
    fn save(&self, plugin: &str, state: &PluginState) -> Result<(), EngineError>;
}

/// Keeps states as long as it lives.
#[derive(Debug, Default)]
pub struct MemoryStateStore {
    states: Mutex<BTreeMap<String, PluginState>>,
}

impl PluginStateStore for MemoryStateStore {
    fn load(&self) -> Result<BTreeMap<String, PluginState>, EngineError> {
        Ok(self
            .states
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone())
    }

    fn save(&self, plugin: &str, state: &PluginState) -> Result<(), EngineError> {
        self.states
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(plugin.to_owned(), state.clone());
        Ok(())
    }
}

/// Keeps states in a JSON file, which is replaced as a whole: whoever reads it sees
/// the old content or the new, also after a crash.
#[derive(Debug)]
pub struct JsonStateStore {
    path: PathBuf,
    writing: Mutex<()>,
}

/// A state file is small; whatever is larger is none.
const MAX_STATE_BYTES: u64 = 4 * 1024 * 1024;

impl JsonStateStore {
    /// A store in the file `path`, which need not exist; its directory must.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            writing: Mutex::new(()),
        }
    }

    fn read(&self) -> Result<BTreeMap<String, PluginState>, EngineError> {
        let failed =
            |reason: String| EngineError::Store(format!("{}: {reason}", self.path.display()));
        let length = match std::fs::metadata(&self.path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(BTreeMap::new());
            }
            Err(error) => return Err(failed(error.to_string())),
        };
        if length > MAX_STATE_BYTES {
            return Err(failed(format!(
                "{length} bytes, the limit is {MAX_STATE_BYTES}"
            )));
        }
        let bytes = std::fs::read(&self.path).map_err(|error| failed(error.to_string()))?;
        serde_json::from_slice(&bytes).map_err(|error| failed(error.to_string()))
    }

    fn write(&self, states: &BTreeMap<String, PluginState>) -> std::io::Result<()> {
        let temporary = self.path.with_extension("tmp");
        let mut file = std::fs::File::create(&temporary)?;
        serde_json::to_writer_pretty(&mut file, states)?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        std::fs::rename(&temporary, &self.path)?;
        // The rename itself must survive too, which is the directory's matter.
        match self.path.parent().filter(|parent| *parent != Path::new("")) {
            Some(parent) => std::fs::File::open(parent)?.sync_all(),
            None => Ok(()),
        }
    }
}

impl PluginStateStore for JsonStateStore {
    fn load(&self) -> Result<BTreeMap<String, PluginState>, EngineError> {
        self.read()
    }

    fn save(&self, plugin: &str, state: &PluginState) -> Result<(), EngineError> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut states = self.read()?;
        states.insert(plugin.to_owned(), state.clone());
        self.write(&states)
            .map_err(|error| EngineError::Store(format!("{}: {error}", self.path.display())))
    }
}
