//! Making and opening the file.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags, config::DbConfig};

use super::{
    BUSY_TIMEOUT, Failure, StateError,
    schema::{self, APPLICATION_ID, MIGRATIONS},
};

/// What every database of SQLite begins with.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Makes the file if there is none, checks it, migrates it.
pub(super) fn open(path: &Path) -> Result<Connection, StateError> {
    if !exists(path)? {
        create(path)?;
    }
    check_header(path)?;
    check_length(path)?;
    let doing = "open the database";
    let fail = |error| StateError::from_sqlite(path, doing, error);
    let mut connection = connect(path).map_err(fail)?;
    check(path, &connection)?;
    // Everything up to here has only read.
    let mode: String = connection
        .pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))
        .map_err(fail)?;
    if !mode.eq_ignore_ascii_case("wal") {
        return Err(StateError::NotWritable {
            path: path.to_owned(),
            reason: "its file system has no shared memory, which the journal needs".to_owned(),
        });
    }
    schema::migrate(path, &mut connection, MIGRATIONS)?;
    Ok(connection)
}

/// A connection with our settings to a file that is there.
pub(super) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    // A refresh token that was used up must not come back after a power cut.
    connection.pragma_update(None, "synchronous", "full")?;
    // What is deleted is also gone from the file.
    connection.pragma_update(None, "secure_delete", true)?;
    Ok(connection)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn exists(path: &Path) -> Result<bool, StateError> {
    let unreadable = |error: &io::Error| StateError::NotWritable {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(true),
        Ok(_) => Err(StateError::NotWritable {
            path: path.to_owned(),
            reason: "it is no file".to_owned(),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // Half a database: without its file, SQLite would play the remains of the old
            // one into a new one.
            for ending in ["-wal", "-journal"] {
                let remains = beside(path, ending);
                if fs::metadata(&remains).is_ok_and(|it| it.len() > 0) {
                    return Err(StateError::Corrupt {
                        path: path.to_owned(),
                        reason: format!("it is gone, and {} is left of it", remains.display()),
                    });
                }
            }
            Ok(false)
        }
        Err(error) => Err(unreadable(&error)),
    }
}

/// Makes a complete database under another name and then names it, so that an empty file
/// is always a damaged one. Of two processes that do so at once, the first one wins.
fn create(path: &Path) -> Result<(), StateError> {
    let refused = |error: &io::Error| StateError::NotWritable {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let file = tempfile::Builder::new()
        .prefix(".outboard-db.")
        .tempfile_in(directory)
        .map_err(|error| refused(&error))?;
    let fail = |error| StateError::from_sqlite(path, "make the database", error);
    let mut connection = connect(file.path()).map_err(fail)?;
    schema::migrate(path, &mut connection, MIGRATIONS)?;
    connection.close().map_err(|(_, error)| fail(error))?;
    file.as_file().sync_all().map_err(|error| refused(&error))?;
    match file.persist_noclobber(path) {
        Ok(_) => {}
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        Err(error) => return Err(refused(&error.error)),
    }
    #[cfg(unix)]
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(|error| refused(&error))?;
    Ok(())
}

/// SQLite takes an empty file for a new database.
fn check_header(path: &Path) -> Result<(), StateError> {
    let mut header = [0; MAGIC.len()];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut header));
    let reason = match read {
        Ok(()) if header == *MAGIC => return Ok(()),
        Ok(()) => "it is no SQLite database".to_owned(),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => "it is cut off".to_owned(),
        Err(error) => {
            return Err(StateError::NotWritable {
                path: path.to_owned(),
                reason: error.to_string(),
            });
        }
    };
    Err(StateError::Corrupt {
        path: path.to_owned(),
        reason,
    })
}

/// SQLite reads what is cut off from the last page as zeros. While there is a log, the
/// file may well be shorter than its header says: the rest is in the log.
fn check_length(path: &Path) -> Result<(), StateError> {
    // More than once, because another process may be opening or closing it just now.
    for _ in 0..3 {
        if fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() > 0) {
            return Ok(());
        }
        let measured = File::open(path).and_then(|mut file| {
            let mut header = [0; 100];
            file.read_exact(&mut header)?;
            Ok((header, file.metadata()?.len()))
        });
        let Ok((header, length)) = measured else {
            continue;
        };
        // A page of 65,536 bytes is written as 1.
        let page = match u16::from_be_bytes([header[16], header[17]]) {
            1 => 65_536,
            bytes => u64::from(bytes),
        };
        let pages = u32::from_be_bytes([header[28], header[29], header[30], header[31]]);
        if length == u64::from(pages) * page {
            return Ok(());
        }
    }
    Err(StateError::Corrupt {
        path: path.to_owned(),
        reason: "its length is not the one that it should have".to_owned(),
    })
}

/// Whose it is, of which version, and whether it is whole.
fn check(path: &Path, connection: &Connection) -> Result<(), StateError> {
    let fail = |error| StateError::from_sqlite(path, DOING, error);
    let number = |name: &str| -> Result<i64, StateError> {
        connection
            .pragma_query_value(None, name, |row| row.get(0))
            .map_err(fail)
    };
    if number("application_id")? != APPLICATION_ID {
        return Err(StateError::Foreign {
            path: path.to_owned(),
        });
    }
    let known = schema::newest(MIGRATIONS);
    let found = number("user_version")?;
    if found > known {
        return Err(StateError::Newer {
            path: path.to_owned(),
            found,
            known,
        });
    }
    // A large history would take a long time; damage in it is found when it is read.
    for table in ["connectors", "instances", "tokens"] {
        check_pages(connection, Some(table)).map_err(|failure| failure.at(path, DOING))?;
    }
    Ok(())
}

const DOING: &str = "check the database";

/// Whether the pages of a table, or of all, are as they must be.
pub(super) fn check_pages(connection: &Connection, table: Option<&str>) -> Result<(), Failure> {
    let mut found = Vec::new();
    let mut note = |row: &rusqlite::Row<'_>| {
        found.push(row.get::<_, String>(0)?);
        Ok(())
    };
    match table {
        Some(table) => connection.pragma(None, "quick_check", table, &mut note)?,
        None => connection.pragma_query(None, "quick_check", &mut note)?,
    }
    if found == ["ok"] {
        return Ok(());
    }
    let reason = found.join("; ").replace('\n', "; ");
    Err(Failure::Corrupt(reason.chars().take(300).collect()))
}
