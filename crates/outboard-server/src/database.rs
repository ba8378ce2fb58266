//! The server's own tables in `outboard.db`: who may call, who changed what, and which
//! plugins of this process are enabled.
//!
//! ```text
//! server_schema    version                         which steps below were done
//! access_tokens    id · name · hash · role · …     never the token itself
//! access_sessions  hash · token · csrf · …         of browsers that signed in
//! audit            id · at · actor · action · …    pruned by count
//! plugin_state     name · enabled · version · …    as the original's table has them
//! ```
//!
//! Every method blocks, on the disk and for a few seconds on other processes that write.

use std::{
    fmt,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use outboard_connector::state::{StateError, open_database};
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior};

/// Each brings the tables from its index to the next version.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE access_tokens (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        hash BLOB NOT NULL UNIQUE,
        role TEXT NOT NULL,
        permissions TEXT NOT NULL,
        created_at TEXT NOT NULL,
        created_by TEXT NOT NULL,
        expires_at TEXT,
        last_used_at TEXT,
        revoked_at TEXT
    ) STRICT;
    CREATE TABLE access_sessions (
        hash BLOB PRIMARY KEY,
        principal TEXT NOT NULL,
        csrf TEXT NOT NULL,
        created_at TEXT NOT NULL,
        expires_at TEXT NOT NULL
    ) STRICT;
    CREATE TABLE audit (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at TEXT NOT NULL,
        principal TEXT NOT NULL,
        name TEXT NOT NULL,
        via TEXT NOT NULL,
        address TEXT NOT NULL,
        action TEXT NOT NULL,
        target TEXT NOT NULL,
        status INTEGER NOT NULL,
        request_id TEXT NOT NULL,
        detail TEXT NOT NULL
    ) STRICT;
    CREATE INDEX audit_by_time ON audit (at);
    CREATE TABLE plugin_state (
        name TEXT PRIMARY KEY,
        enabled INTEGER NOT NULL,
        version TEXT NOT NULL,
        enabled_at TEXT,
        disabled_at TEXT
    ) STRICT;
"];

/// The server's tables. Share it in an `Arc`.
pub struct Database {
    connection: Mutex<Connection>,
}

impl fmt::Debug for Database {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Database").finish_non_exhaustive()
    }
}

/// Why the server's tables cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// The file cannot be used at all.
    #[error(transparent)]
    File(#[from] StateError),
    /// A newer server has changed the tables.
    #[error(
        "the server's tables are of version {found}, and this program knows {known}: use the newer one"
    )]
    Newer {
        /// The version in the file.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// There is no thread to be had for what writes them.
    #[error("cannot start a thread for the server's tables: {0}")]
    Thread(std::io::Error),
    /// A statement failed.
    #[error("cannot {doing} in the server's tables: {source}")]
    Statement {
        /// What was to be done.
        doing: &'static str,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

impl Database {
    /// Opens the file, `outboard.db` of a data directory, and makes what is missing.
    ///
    /// # Errors
    ///
    /// The file cannot be used, or a newer program has changed it.
    pub fn open(path: &Path) -> Result<Database, DatabaseError> {
        let mut connection = open_database(path)?;
        migrate(&mut connection, MIGRATIONS)?;
        Ok(Database {
            connection: Mutex::new(connection),
        })
    }

    /// The connection, for one statement or transaction at a time.
    pub(crate) fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Turns what SQLite says into an error that says what was to be done.
pub(crate) fn doing(doing: &'static str) -> impl Fn(rusqlite::Error) -> DatabaseError {
    move |source| DatabaseError::Statement { doing, source }
}

/// Does what is missing in one transaction. The file's own version is that of the tables
/// of connectors, so ours is kept in a table.
fn migrate(connection: &mut Connection, migrations: &[&str]) -> Result<(), DatabaseError> {
    let fail = doing("make the tables");
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(&fail)?;
    transaction
        .execute_batch("CREATE TABLE IF NOT EXISTS server_schema (version INTEGER NOT NULL) STRICT")
        .map_err(&fail)?;
    let found: i64 = transaction
        .query_row("SELECT version FROM server_schema", [], |row| row.get(0))
        .optional()
        .map_err(&fail)?
        .unwrap_or(0);
    let known = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
    let missing = usize::try_from(found)
        .ok()
        .and_then(|from| migrations.get(from..));
    let Some(missing) = missing else {
        return Err(DatabaseError::Newer { found, known });
    };
    for step in missing {
        transaction.execute_batch(step).map_err(&fail)?;
    }
    transaction
        .execute_batch("DELETE FROM server_schema")
        .map_err(&fail)?;
    transaction
        .execute("INSERT INTO server_schema (version) VALUES (?1)", [known])
        .map_err(&fail)?;
    transaction.commit().map_err(&fail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_made_once_and_are_there_after_opening_again() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("outboard.db");
        let insert = "INSERT INTO plugin_state (name, enabled, version) VALUES ('a', 1, '1.0.0')";
        let database = Database::open(&path).expect("a new file");
        database.connection().execute(insert, []).expect("a row");
        drop(database);
        let database = Database::open(&path).expect("the same file");
        let count = "SELECT count(*) FROM plugin_state";
        let found: i64 = database
            .connection()
            .query_row(count, [], |row| row.get(0))
            .expect("a number");
        assert_eq!(found, 1);
    }

    #[test]
    fn tables_of_a_newer_program_are_left_alone() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("outboard.db");
        drop(Database::open(&path).expect("a new file"));
        let mut connection = open_database(&path).expect("the file");
        assert!(matches!(
            migrate(&mut connection, &[]),
            Err(DatabaseError::Newer { found: 1, known: 0 })
        ));
    }
}
