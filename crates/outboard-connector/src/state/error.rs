//! What can go wrong with the state.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use outboard_contracts::connector::{KeyError, arguments::ArgumentError};
use rusqlite::ErrorCode;
use uuid::Uuid;

use crate::secrets::SecretError;

/// Why something cannot be remembered or recalled. No text holds a secret.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The file is damaged. Nothing was changed in it.
    #[error("the database {} is damaged: {reason}. Stop every outboard and restore it from a backup; or move it away, with the files beside it that end in -wal and -shm, to begin anew: then no connector is disabled any more, and instances and history are gone", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file was written by a newer version of this program.
    #[error("the database {} is of a newer version (schema {found}, and this program knows {known}): start that newer version, or restore a backup from before it", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The schema that it has.
        found: i64,
        /// The newest schema that is known.
        known: i64,
    },
    /// The file is another program's database.
    #[error("{} is the database of another program: name another file or data directory", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file or its directory cannot be written.
    #[error("the database {} cannot be written: {reason}. Its directory must exist, and directory and file must be writable by this user", path.display())]
    NotWritable {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Another process has been writing for longer than [`BUSY_TIMEOUT`](super::BUSY_TIMEOUT).
    #[error("the database {} is in use by another process; cannot {doing}: try again", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
    },
    /// There is no room.
    #[error("there is no room for the database {}; cannot {doing}: free some and try again", path.display())]
    Full {
        /// The file.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
    },
    /// Something else that SQLite says.
    #[error("cannot {doing} in {}: {source}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What SQLite says.
        source: Arc<rusqlite::Error>,
    },
    /// No key of a connector.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// No name for an instance.
    #[error("an instance cannot have that name: {reason}")]
    Name {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The connector has an instance of that name.
    #[error(
        "the connector {connector} has an instance named {name:?} already: choose another name"
    )]
    NameTaken {
        /// The connector.
        connector: String,
        /// The name.
        name: String,
    },
    /// There is no such instance.
    #[error("there is no instance {name:?}{}", of(connector))]
    NoInstance {
        /// The connector that was asked for, or nothing.
        connector: String,
        /// The name or id that was asked for, shortened.
        name: String,
    },
    /// There are too many instances.
    #[error("there are {limit} instances, and no more are kept: remove some")]
    TooManyInstances {
        /// How many there may be.
        limit: u64,
    },
    /// A value is too long.
    #[error("the field {field:?} has {bytes} bytes, and {limit} are allowed")]
    TooLong {
        /// The field, or all of them together if it is empty.
        field: String,
        /// How many bytes it has.
        bytes: usize,
        /// How many it may have.
        limit: usize,
    },
    /// Values that the fields do not allow.
    #[error(transparent)]
    Input(#[from] ArgumentError),
    /// Values that only the host may change.
    #[error("these fields are locked: {}", fields.join(", "))]
    Locked {
        /// The fields' keys.
        fields: Vec<String>,
    },
    /// Required fields without a value.
    #[error("the instance {instance:?} of {connector} lacks values for {}: set them first", fields.join(", "))]
    Missing {
        /// The connector.
        connector: String,
        /// The instance's name.
        instance: String,
        /// The fields' keys.
        fields: Vec<String>,
    },
    /// An environment variable whose value the field does not allow.
    #[error("the environment variable {variable} does not fit: {source}")]
    Environment {
        /// The variable.
        variable: String,
        /// What is wrong with its value. It does not hold the value.
        source: ArgumentError,
    },
    /// A secret that cannot be sealed or opened.
    #[error("the secret {field:?} of the instance {instance}: {source}")]
    Secret {
        /// The instance.
        instance: Uuid,
        /// The field.
        field: String,
        /// Why.
        source: SecretError,
    },
    /// Nobody has signed in.
    #[error("nobody has signed in to the instance {instance}")]
    NotSignedIn {
        /// The instance.
        instance: Uuid,
    },
}

fn of(connector: &str) -> String {
    if connector.is_empty() {
        String::new()
    } else {
        format!(" of the connector {connector}")
    }
}

impl StateError {
    /// What SQLite says, as an error of ours. It knows statements and column names, never
    /// values.
    pub(super) fn from_sqlite(
        path: &Path,
        doing: &'static str,
        error: rusqlite::Error,
    ) -> StateError {
        let path = path.to_owned();
        let reason = match &error {
            rusqlite::Error::SqliteFailure(_, Some(text)) => text.clone(),
            other => other.to_string(),
        };
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                StateError::Corrupt { path, reason }
            }
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                StateError::NotWritable { path, reason }
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                StateError::Busy { path, doing }
            }
            Some(ErrorCode::DiskFull) => StateError::Full { path, doing },
            _ => match error {
                // A row that no version has written.
                rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::Utf8Error(..) => StateError::Corrupt { path, reason },
                error => StateError::Sqlite {
                    path,
                    doing,
                    source: Arc::new(error),
                },
            },
        }
    }

    /// Whether the database itself is unusable, and not what was asked of it.
    pub fn is_storage(&self) -> bool {
        matches!(
            self,
            StateError::Corrupt { .. }
                | StateError::Newer { .. }
                | StateError::Foreign { .. }
                | StateError::NotWritable { .. }
                | StateError::Busy { .. }
                | StateError::Full { .. }
                | StateError::Sqlite { .. }
        )
    }

    /// Whether what was asked for is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, StateError::NoInstance { .. })
    }
}
