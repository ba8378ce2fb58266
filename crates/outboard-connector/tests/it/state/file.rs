//! The file: new, damaged, foreign, of a newer version, in use.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use outboard_connector::{
    secrets::Masker,
    state::{
        State, StateError,
        history::{Call, CallFilter, RecorderConfig},
        instances::{By, NewInstance},
    },
};
use rusqlite::Connection;
use serde_json::json;

use super::{Home, field, files, module, secret};

#[test]
fn a_new_database_is_private_and_complete() {
    let home = Home::new();
    let state = home.open();
    assert!(state.enabled("github").unwrap());
    let mode = home.path().metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for path in files(home.directory.path()) {
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", path.display());
    }
    drop(state);
    assert_eq!(files(home.directory.path()), [home.path()]);
}

#[test]
fn what_was_disabled_stays_so() {
    let home = Home::new();
    let state = home.open();
    assert!(state.set_enabled("github", false).unwrap());
    assert!(!state.set_enabled("github", false).unwrap());
    assert!(!state.set_enabled("slack", true).unwrap());
    drop(state);
    let state = home.open();
    assert!(!state.enabled("github").unwrap());
    assert!(state.enabled("slack").unwrap());
    assert_eq!(state.disabled().unwrap(), ["github".to_owned()].into());
    assert!(state.set_enabled("github", true).unwrap());
    assert!(state.enabled("github").unwrap());
    for key in ["", "../etc", "A"] {
        assert!(matches!(state.enabled(key), Err(StateError::Key(_))));
        assert!(matches!(
            state.set_enabled(key, true),
            Err(StateError::Key(_))
        ));
    }
}

fn refused(home: &Home) -> StateError {
    let error = State::open(&home.path(), home.secrets.clone())
        .err()
        .unwrap();
    assert!(error.is_storage(), "{error}");
    assert!(error.to_string().contains("outboard.db"), "{error}");
    error
}

#[test]
fn a_file_that_is_no_database_is_refused_and_stays() {
    let home = Home::new();
    for content in [
        &b""[..],
        b"SQLite",
        b"SQLite format 3\0",
        b"{\"enabled\": true}, and more than sixteen bytes",
        &[0; 4096],
    ] {
        fs::write(home.path(), content).unwrap();
        let error = refused(&home);
        assert!(matches!(error, StateError::Corrupt { .. }), "{error}");
        assert!(error.to_string().contains("backup"), "{error}");
        assert_eq!(fs::read(home.path()).unwrap(), content);
    }
}

/// A database with something in every table, closed.
fn filled() -> Home {
    let home = Home::new();
    let state = home.open();
    state.set_enabled("github", false).unwrap();
    let module = module(vec![field("url"), secret("token")]);
    for number in 0..40 {
        let new = NewInstance {
            connector: "github",
            name: &format!("number {number}"),
            owner: "me",
        };
        let input = json!({ "url": "x".repeat(300), "token": "hunter2hunter2" });
        state
            .create_instance(&new, &module, &input, By::User)
            .unwrap();
    }
    let recorder = state.recorder(RecorderConfig::default()).unwrap();
    for _ in 0..200 {
        let call = Call {
            connector: "github".to_owned(),
            message: "m".repeat(100),
            ..Call::default()
        };
        recorder.record(call, &Masker::default());
    }
    drop(recorder);
    drop(state);
    home
}

#[test]
fn a_file_that_was_cut_off_is_refused() {
    let home = filled();
    let whole = fs::read(home.path()).unwrap();
    assert!(whole.len() > 10 * 4096, "{}", whole.len());
    for length in [
        0,
        1,
        15,
        16,
        99,
        100,
        512,
        4095,
        4096,
        4097,
        whole.len() / 2,
        whole.len() - 4096,
        whole.len() - 1,
    ] {
        fs::write(home.path(), &whole[..length]).unwrap();
        let error = refused(&home);
        assert!(
            matches!(error, StateError::Corrupt { .. }),
            "{length}: {error}"
        );
    }
    fs::write(home.path(), &whole).unwrap();
    assert!(!home.open().enabled("github").unwrap());
}

#[test]
fn a_damaged_page_never_reads_as_enabled() {
    let home = filled();
    let whole = fs::read(home.path()).unwrap();
    let mut refusals = 0;
    let pages = whole.len() / 4096;
    for page in 0..pages {
        for byte in [0x00, 0xFF] {
            let mut damaged = whole.clone();
            damaged[page * 4096..][..4096].fill(byte);
            fs::write(home.path(), &damaged).unwrap();
            match State::open(&home.path(), home.secrets.clone()) {
                Err(error) => {
                    refusals += 1;
                    assert!(error.is_storage(), "{error}");
                    assert!(!error.to_string().contains("hunter2"), "{error}");
                }
                Ok(state) => {
                    assert!(matches!(
                        state.enabled("github"),
                        Ok(false) | Err(StateError::Corrupt { .. })
                    ));
                    if let Err(error) = state.check() {
                        refusals += 1;
                        assert!(matches!(error, StateError::Corrupt { .. }), "{error}");
                    }
                }
            }
            for ending in ["-wal", "-shm"] {
                let _ = fs::remove_file(home.directory.path().join(format!("outboard.db{ending}")));
            }
        }
    }
    assert!(refusals > pages, "{refusals} refusals, {pages} pages");
}

#[test]
fn a_newer_schema_is_refused_and_stays() {
    let home = filled();
    let connection = Connection::open(home.path()).unwrap();
    connection.pragma_update(None, "user_version", 7).unwrap();
    connection.close().unwrap();
    let before = fs::read(home.path()).unwrap();
    let error = refused(&home);
    assert!(
        matches!(
            error,
            StateError::Newer {
                found: 7,
                known: 2,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(fs::read(home.path()).unwrap(), before);
}

#[test]
fn the_database_of_another_program_is_refused_and_stays() {
    let home = Home::new();
    let connection = Connection::open(home.path()).unwrap();
    connection
        .execute_batch("CREATE TABLE connectors (key)")
        .unwrap();
    connection.close().unwrap();
    let before = fs::read(home.path()).unwrap();
    let error = refused(&home);
    assert!(matches!(error, StateError::Foreign { .. }), "{error}");
    assert_eq!(fs::read(home.path()).unwrap(), before);
}

#[test]
fn the_remains_of_a_lost_database_are_not_played_into_a_new_one() {
    let home = Home::new();
    let state = home.open();
    state.set_enabled("github", false).unwrap();
    let log = home.directory.path().join("outboard.db-wal");
    let remains = fs::read(&log).unwrap();
    drop(state);
    fs::remove_file(home.path()).unwrap();
    fs::write(&log, remains).unwrap();
    let error = refused(&home);
    assert!(matches!(error, StateError::Corrupt { .. }), "{error}");
    assert!(error.to_string().contains("outboard.db-wal"), "{error}");
    assert!(!home.path().exists());
}

#[test]
fn a_killed_process_leaves_what_it_had_committed() {
    let home = Home::new();
    let state = home.open();
    state.set_enabled("github", false).unwrap();
    // As a process leaves it that is killed now: the log is not yet in the file.
    let copy = tempfile::tempdir().unwrap();
    for path in files(home.directory.path()) {
        if !path.to_string_lossy().ends_with("-shm") {
            fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    let state = State::open(&copy.path().join("outboard.db"), home.secrets.clone()).unwrap();
    assert!(!state.enabled("github").unwrap());
}

#[test]
fn damage_while_it_is_open_is_an_error_too() {
    let home = filled();
    let state = home.open();
    // A change by somebody else: what this connection has in memory is out of date.
    let other = Connection::open(home.path()).unwrap();
    other
        .execute_batch("UPDATE calls SET caller = 'x'; PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    let mut whole = fs::read(home.path()).unwrap();
    whole[4096..].fill(0xEE);
    let file = fs::OpenOptions::new()
        .write(true)
        .open(home.path())
        .unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &whole, 0).unwrap();
    let listed = state.calls(&CallFilter::default());
    let error = listed.err().unwrap();
    assert!(matches!(error, StateError::Corrupt { .. }), "{error}");
    let error = state.enabled("github").err().unwrap();
    assert!(matches!(error, StateError::Corrupt { .. }), "{error}");
}

#[test]
fn where_nothing_can_be_written_the_error_says_so() {
    let home = Home::new();
    for path in [
        Path::new("/proc/self/outboard.db"),
        &home.directory.path().join("missing/outboard.db"),
        home.directory.path(),
    ] {
        let error = State::open(path, home.secrets.clone()).err().unwrap();
        assert!(matches!(error, StateError::NotWritable { .. }), "{error}");
    }
}

#[test]
fn another_process_that_writes_for_long_is_waited_for_and_then_named() {
    let home = Home::new();
    let state = home.open();
    let other = Connection::open(home.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| state.set_enabled("github", false));
        // Readers wait for nobody, also not behind a writer that waits.
        for _ in 0..1_000 {
            assert!(state.enabled("github").unwrap());
        }
        assert!(!waiting.is_finished());
        waiting.join().unwrap().unwrap_err()
    });
    assert!(matches!(error, StateError::Busy { .. }), "{error}");
    other.execute_batch("ROLLBACK").unwrap();
    state.set_enabled("github", false).unwrap();
}

#[test]
fn debug_output_shows_no_values() {
    let home = filled();
    let state = home.open();
    let instances = state.instances(None).unwrap();
    let shown = format!("{state:?} {instances:?} {:?}", state.secrets());
    assert!(!shown.contains("xxx"), "{shown}");
    assert!(!shown.contains("v1:"), "{shown}");
}
