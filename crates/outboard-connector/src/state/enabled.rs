//! Which connectors are enabled.

use std::collections::BTreeSet;

use jiff::Timestamp;
use outboard_contracts::connector::validate_key;
use rusqlite::{OptionalExtension as _, params};

use super::{State, StateError};

impl State {
    /// Whether a connector may be used. One that nobody has ever disabled is enabled; an
    /// error is an error.
    ///
    /// # Errors
    ///
    /// [`StateError::Key`], and those of the database.
    pub fn enabled(&self, key: &str) -> Result<bool, StateError> {
        validate_key(key)?;
        self.read("see whether a connector is enabled", |connection| {
            let enabled: Option<bool> = connection
                .prepare_cached("SELECT enabled FROM connectors WHERE key = ?1")?
                .query_row([key], |row| row.get(0))
                .optional()?;
            Ok(enabled.unwrap_or(true))
        })
    }

    /// The keys that are disabled, whether or not such connectors are installed: one query
    /// for a whole list.
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub fn disabled(&self) -> Result<BTreeSet<String>, StateError> {
        self.read("list disabled connectors", |connection| {
            let mut statement =
                connection.prepare_cached("SELECT key FROM connectors WHERE NOT enabled")?;
            let keys = statement.query_map([], |row| row.get(0))?;
            Ok(keys.collect::<Result<_, _>>()?)
        })
    }

    /// Enables or disables a connector, and says whether that changed anything. Whether
    /// there is such a connector is for the caller to know.
    ///
    /// # Errors
    ///
    /// [`StateError::Key`], and those of the database.
    pub fn set_enabled(&self, key: &str, enabled: bool) -> Result<bool, StateError> {
        validate_key(key)?;
        self.write("enable or disable a connector", |transaction| {
            let before: Option<bool> = transaction
                .query_row(
                    "SELECT enabled FROM connectors WHERE key = ?1",
                    [key],
                    |row| row.get(0),
                )
                .optional()?;
            if before.unwrap_or(true) == enabled {
                return Ok(false);
            }
            transaction.execute(
                "INSERT INTO connectors (key, enabled, updated_at) VALUES (?1, ?2, ?3)
                 ON CONFLICT (key) DO UPDATE SET enabled = ?2, updated_at = ?3",
                params![key, enabled, Timestamp::now().as_millisecond()],
            )?;
            Ok(true)
        })
    }

    /// Forgets a connector that was removed: that it was disabled, its instances and who
    /// was signed in to them. Its history stays; see [`State::forget_calls`]. Returns how
    /// many instances there were. A removal without this keeps everything for a later
    /// installation.
    ///
    /// # Errors
    ///
    /// [`StateError::Key`], and those of the database.
    pub fn forget(&self, key: &str) -> Result<usize, StateError> {
        validate_key(key)?;
        self.write("forget a connector", |transaction| {
            transaction.execute("DELETE FROM connectors WHERE key = ?1", [key])?;
            Ok(transaction.execute("DELETE FROM instances WHERE connector = ?1", [key])?)
        })
    }
}
