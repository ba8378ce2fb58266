//! Which plugins of this process are enabled, in the table `plugin_state`.
//!
//! The engine asks and tells from asynchronous code. So everything is in memory, and a
//! thread of its own writes what changed: of each plugin the newest state, so that what
//! waits is never more than there are plugins.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
};

use jiff::Timestamp;
use outboard_workflow::engine::{EngineError, PluginState, PluginStateStore};
use rusqlite::params;
use tokio::sync::watch;

use crate::database::{Database, DatabaseError, doing};

/// The states of plugins, in memory and on their way into the database. What was saved
/// is written when this is dropped.
pub struct PluginStates {
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
}

struct Shared {
    database: Arc<Database>,
    memory: Mutex<Memory>,
    /// Woken when there is something to write, or when it is over.
    changed: Condvar,
    /// The number of the newest change that the writer is done with.
    done: watch::Sender<u64>,
}

#[derive(Default)]
struct Memory {
    states: BTreeMap<String, PluginState>,
    unwritten: BTreeSet<String>,
    changes: u64,
    over: bool,
}

impl PluginStates {
    /// Reads what is kept, and starts the thread that writes. Blocks on the disk.
    ///
    /// # Errors
    ///
    /// The table cannot be read, or there is no thread to be had.
    pub fn open(database: Arc<Database>) -> Result<PluginStates, DatabaseError> {
        let states = read(&database)?;
        let shared = Arc::new(Shared {
            database,
            memory: Mutex::new(Memory {
                states,
                ..Memory::default()
            }),
            changed: Condvar::new(),
            done: watch::channel(0).0,
        });
        let writing = Arc::clone(&shared);
        let writer = std::thread::Builder::new()
            .name("plugin-states".to_owned())
            .spawn(move || writing.write_until_over())
            .map_err(DatabaseError::Thread)?;
        Ok(PluginStates {
            shared,
            writer: Some(writer),
        })
    }

    /// Waits until all that was saved so far is written, or could not be.
    pub async fn settled(&self) {
        let changes = self.shared.memory().changes;
        let mut done = self.shared.done.subscribe();
        // The sender lives as long as `self`.
        let _ = done.wait_for(|done| *done >= changes).await;
    }
}

impl PluginStateStore for PluginStates {
    fn load(&self) -> Result<BTreeMap<String, PluginState>, EngineError> {
        Ok(self.shared.memory().states.clone())
    }

    fn save(&self, plugin: &str, state: &PluginState) -> Result<(), EngineError> {
        let mut memory = self.shared.memory();
        memory.states.insert(plugin.to_owned(), state.clone());
        memory.unwritten.insert(plugin.to_owned());
        memory.changes += 1;
        self.shared.changed.notify_one();
        Ok(())
    }
}

impl Drop for PluginStates {
    fn drop(&mut self) {
        self.shared.memory().over = true;
        self.shared.changed.notify_one();
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the thread that keeps the states of plugins panicked");
        }
    }
}

impl fmt::Debug for PluginStates {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PluginStates")
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_until_over(&self) {
        loop {
            let mut memory = self.memory();
            while memory.unwritten.is_empty() && !memory.over {
                memory = self
                    .changed
                    .wait(memory)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            let names = std::mem::take(&mut memory.unwritten);
            if names.is_empty() {
                return;
            }
            let states: Vec<_> = names
                .into_iter()
                .filter_map(|name| Some((name.clone(), memory.states.get(&name)?.clone())))
                .collect();
            let changes = memory.changes;
            drop(memory);
            if let Err(error) = write(&self.database, &states) {
                let plugins: Vec<&str> = states.iter().map(|(name, _)| name.as_str()).collect();
                tracing::warn!(?plugins, %error, "which plugins are enabled could not be kept");
            }
            self.done.send_replace(changes);
        }
    }
}

fn write(database: &Database, states: &[(String, PluginState)]) -> Result<(), DatabaseError> {
    let fail = doing("keep which plugins are enabled");
    let mut connection = database.connection();
    let transaction = connection.transaction().map_err(&fail)?;
    for (name, state) in states {
        let time = |time: Option<Timestamp>| time.map(|time| time.to_string());
        transaction
            .execute(
                "INSERT INTO plugin_state (name, enabled, version, enabled_at, disabled_at)
                 VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (name) DO UPDATE SET
                     enabled = ?2, version = ?3, enabled_at = ?4, disabled_at = ?5",
                params![
                    name,
                    state.enabled,
                    state.version,
                    time(state.enabled_at),
                    time(state.disabled_at)
                ],
            )
            .map_err(&fail)?;
    }
    transaction.commit().map_err(&fail)
}

fn read(database: &Database) -> Result<BTreeMap<String, PluginState>, DatabaseError> {
    let fail = doing("read which plugins are enabled");
    let connection = database.connection();
    let mut statement = connection
        .prepare("SELECT name, enabled, version, enabled_at, disabled_at FROM plugin_state")
        .map_err(&fail)?;
    // A time that somebody spoilt is no reason to forget whether it was enabled.
    let time = |text: Option<String>| text.and_then(|text| text.parse().ok());
    let rows = statement
        .query_map([], |row| {
            let state = PluginState {
                enabled: row.get(1)?,
                version: row.get(2)?,
                enabled_at: time(row.get(3)?),
                disabled_at: time(row.get(4)?),
            };
            Ok((row.get(0)?, state))
        })
        .map_err(&fail)?;
    rows.collect::<Result<_, _>>().map_err(&fail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(directory: &tempfile::TempDir) -> PluginStates {
        let path = directory.path().join("outboard.db");
        let database = Database::open(&path).expect("a database");
        PluginStates::open(Arc::new(database)).expect("states")
    }

    #[tokio::test]
    async fn what_is_saved_is_there_after_opening_again_with_both_times() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut state = PluginState {
            enabled: true,
            version: "1.0.0".to_owned(),
            enabled_at: "2026-01-02T03:04:05Z".parse().ok(),
            disabled_at: None,
        };
        let states = open(&directory);
        states.save("a", &state).expect("kept");
        states.settled().await;
        state.enabled = false;
        state.disabled_at = "2026-01-03T00:00:00.5Z".parse().ok();
        states.save("a", &state).expect("kept");
        states.save("b", &PluginState::default()).expect("kept");
        drop(states);
        let states = open(&directory).load().expect("states");
        assert_eq!(states["a"], state);
        assert_eq!(states["b"], PluginState::default());
        assert_eq!(states.len(), 2);
    }

    #[test]
    fn times_are_kept_as_rfc_3339_in_utc() {
        let directory = tempfile::tempdir().expect("a directory");
        let states = open(&directory);
        let state = PluginState {
            enabled_at: "2026-01-02T05:04:05+02:00".parse().ok(),
            ..PluginState::default()
        };
        states.save("a", &state).expect("kept");
        let shared = Arc::clone(&states.shared);
        drop(states);
        let kept: String = shared
            .database
            .connection()
            .query_row("SELECT enabled_at FROM plugin_state", [], |row| row.get(0))
            .expect("a row");
        assert_eq!(kept, "2026-01-02T03:04:05Z");
    }
}
