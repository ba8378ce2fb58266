//! What is remembered: which connectors are enabled, instances and their values, who is
//! signed in, and the history of calls.
//!
//! All of it is in one SQLite file, `outboard.db`. It is complete before it has its name,
//! it is checked whenever it is opened (everything but the history, see [`State::check`]),
//! and a file that cannot be trusted is a [`StateError`] that says what to do: no error ever
//! reads as "enabled".
//!
//! ```text
//! connectors   key · enabled                      no row: enabled
//! instances    id · connector · name · fields     JSON: "plain" or {"sealed": "v1:…"}
//! tokens       instance · access · refresh · …    sealed
//! calls        id · connector · operation · …     masked, pruned by age and count
//! ```
//!
//! Every method blocks: on other threads, and when it writes for up to [`BUSY_TIMEOUT`] on
//! other processes; from async code, call them in `spawn_blocking`. A call cannot be cancelled,
//! and is done as a whole or not at all.
//!
//! ```
//! use outboard_connector::{secrets::{SecretKey, Secrets}, state::State};
//!
//! # let directory = tempfile::tempdir()?;
//! let secrets = Secrets::new(SecretKey::generate()?);
//! let state = State::open(&directory.path().join("outboard.db"), secrets)?;
//! assert!(state.enabled("github")?);
//! state.set_enabled("github", false)?;
//! assert!(!state.enabled("github")?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod enabled;
mod error;
mod file;
pub mod history;
pub mod instances;
mod rotate;
mod schema;
pub mod tokens;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::secrets::Secrets;

pub use error::StateError;
pub use rotate::Rotated;

/// How long a method waits for another process that writes.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection to the file at `path` for tables of others beside ours: the file is made if
/// there is none, and checked and migrated as by [`State::open`]. Blocks.
///
/// # Errors
///
/// As [`State::open`].
pub fn open_database(path: &Path) -> Result<Connection, StateError> {
    file::open(path)
}

/// The open database. Share it in an `Arc`.
///
/// Several processes may have it open at once: each change is a transaction.
pub struct State {
    path: PathBuf,
    /// Two, because whoever waits for another process to finish writing must not keep
    /// others from reading.
    reader: Mutex<Connection>,
    writer: Mutex<Connection>,
    secrets: RwLock<Secrets>,
}

impl fmt::Debug for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("State")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl State {
    /// Opens the database at `path`, checks it, and brings it to this version's schema. If
    /// there is none, it is made (mode 0600) in a directory that must exist.
    ///
    /// # Errors
    ///
    /// [`StateError::Corrupt`], [`StateError::Newer`] and [`StateError::Foreign`] for a file
    /// that is not used, and not changed either; [`StateError::NotWritable`],
    /// [`StateError::Busy`] and the others for what stands in the way.
    pub fn open(path: &Path, secrets: Secrets) -> Result<State, StateError> {
        let writer = file::open(path)?;
        let reader = file::connect(path)
            .map_err(|error| StateError::from_sqlite(path, "open the database", error))?;
        Ok(State {
            path: path.to_owned(),
            reader: Mutex::new(reader),
            writer: Mutex::new(writer),
            secrets: RwLock::new(secrets),
        })
    }

    /// Checks every page, the history's as well, which [`State::open`] leaves out: it takes
    /// about 40 ms for 100,000 calls, in which this process cannot write.
    ///
    /// # Errors
    ///
    /// [`StateError::Corrupt`], and the others of the database.
    pub fn check(&self) -> Result<(), StateError> {
        self.at_length("check the database", |connection| {
            file::check_pages(connection, None)
        })
    }

    /// Where the database is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The keys that values are sealed with.
    pub fn secrets(&self) -> Secrets {
        self.secrets
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Reads. `doing` ends the sentence "cannot …".
    fn read<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, Failure>,
    ) -> Result<T, StateError> {
        work(&lock(&self.reader)).map_err(|failure| failure.at(&self.path, doing))
    }

    /// Does what takes long or several steps, while others can read.
    fn at_length<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, Failure>,
    ) -> Result<T, StateError> {
        work(&lock(&self.writer)).map_err(|failure| failure.at(&self.path, doing))
    }

    /// Does `work` in a transaction that is there for writing from its beginning, so that
    /// what it reads is still so when it writes.
    fn write<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Failure>,
    ) -> Result<T, StateError> {
        let mut connection = lock(&self.writer);
        let run = || {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let done = work(&transaction)?;
            transaction.commit()?;
            Ok(done)
        };
        run().map_err(|failure: Failure| failure.at(&self.path, doing))
    }
}

/// A panic while it was held has rolled its transaction back, so it is as good as new.
fn lock(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What can go wrong inside of a method: SQLite, or an answer of ours.
enum Failure {
    Sqlite(rusqlite::Error),
    /// What SQLite found when it was asked to look.
    Corrupt(String),
    State(StateError),
}

impl Failure {
    fn at(self, path: &Path, doing: &'static str) -> StateError {
        match self {
            Failure::Sqlite(error) => StateError::from_sqlite(path, doing, error),
            Failure::Corrupt(reason) => StateError::Corrupt {
                path: path.to_owned(),
                reason,
            },
            Failure::State(error) => error,
        }
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Failure {
        Failure::Sqlite(error)
    }
}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Failure {
        Failure::State(error)
    }
}

/// Times are kept as milliseconds since 1970.
fn from_millisecond(millisecond: i64) -> rusqlite::Result<Timestamp> {
    Timestamp::from_millisecond(millisecond).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(
            0,
            rusqlite::types::Type::Integer,
            Box::new(error),
        )
    })
}
