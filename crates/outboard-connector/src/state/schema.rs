//! The tables, and how a file of an older version gets them.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::StateError;

/// `OutB`: whose database it is.
pub(super) const APPLICATION_ID: i64 = 0x4F75_7442;

/// Each brings the schema from its index to the next number, which `user_version` holds.
/// What has been released is never edited: add another one.
pub(super) const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE connectors (
        key TEXT NOT NULL PRIMARY KEY,
        enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
        updated_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE instances (
        id TEXT NOT NULL PRIMARY KEY,
        connector TEXT NOT NULL,
        name TEXT NOT NULL,
        owner TEXT NOT NULL,
        fields TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        UNIQUE (connector, name)
    ) STRICT;

    CREATE TABLE tokens (
        instance TEXT NOT NULL PRIMARY KEY REFERENCES instances (id) ON DELETE CASCADE,
        access TEXT NOT NULL,
        refresh TEXT,
        expires_at INTEGER,
        scopes TEXT NOT NULL,
        client_in_body INTEGER NOT NULL CHECK (client_in_body IN (0, 1)),
        user_id TEXT,
        display_name TEXT,
        problem TEXT,
        claim TEXT,
        claimed_until INTEGER,
        updated_at INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE calls (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        started_at INTEGER NOT NULL,
        duration INTEGER NOT NULL,
        connector TEXT NOT NULL,
        version TEXT NOT NULL,
        operation TEXT NOT NULL,
        instance TEXT NOT NULL,
        caller TEXT NOT NULL,
        request_id TEXT NOT NULL,
        session_id TEXT NOT NULL,
        outcome TEXT NOT NULL,
        code TEXT NOT NULL,
        message TEXT NOT NULL,
        result_bytes INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX calls_by_connector ON calls (connector, id);
    CREATE INDEX calls_by_time ON calls (started_at);
",
    "
    ALTER TABLE calls ADD COLUMN trace_id TEXT NOT NULL DEFAULT '';
",
];

/// The schema that `migrations` lead to.
pub(super) fn newest(migrations: &[&str]) -> i64 {
    i64::try_from(migrations.len()).unwrap_or(i64::MAX)
}

/// Does what is missing, each step with its number in one transaction. Another process may
/// have been faster.
pub(super) fn migrate(
    path: &Path,
    connection: &mut Connection,
    migrations: &[&str],
) -> Result<(), StateError> {
    let fail = |error| StateError::from_sqlite(path, "bring the database up to date", error);
    let version = |connection: &Connection| -> Result<i64, StateError> {
        connection
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .map_err(fail)
    };
    if version(connection)? == newest(migrations) {
        return Ok(());
    }
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(fail)?;
    let found = version(&transaction)?;
    let Some(missing) = usize::try_from(found)
        .ok()
        .and_then(|from| migrations.get(from..))
    else {
        return Err(StateError::Newer {
            path: path.to_owned(),
            found,
            known: newest(migrations),
        });
    };
    for step in missing {
        transaction.execute_batch(step).map_err(fail)?;
    }
    transaction
        .pragma_update(None, "application_id", APPLICATION_ID)
        .map_err(fail)?;
    transaction
        .pragma_update(None, "user_version", newest(migrations))
        .map_err(fail)?;
    transaction.commit().map_err(fail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_file_gets_the_steps_that_it_lacks() {
        let path = Path::new("memory");
        let mut connection = Connection::open_in_memory().unwrap();
        let steps = [
            "CREATE TABLE one (a) STRICT_IS_NOT_NEEDED",
            "CREATE TABLE two (b)",
        ];
        // A step that fails leaves nothing behind.
        assert!(migrate(path, &mut connection, &steps).is_err());
        let steps = ["CREATE TABLE one (a)", "CREATE TABLE two (b)"];
        migrate(path, &mut connection, &steps[..1]).unwrap();
        connection
            .execute("INSERT INTO one VALUES (1)", [])
            .unwrap();
        migrate(path, &mut connection, &steps).unwrap();
        migrate(path, &mut connection, &steps).unwrap();
        let kept: i64 = connection
            .query_row("SELECT a FROM one, (SELECT count(*) FROM two)", [], |row| {
                row.get(0)
            })
            .unwrap();
        assert_eq!(kept, 1);
        assert!(matches!(
            migrate(path, &mut connection, &steps[..1]),
            Err(StateError::Newer {
                found: 2,
                known: 1,
                ..
            })
        ));
    }
}
