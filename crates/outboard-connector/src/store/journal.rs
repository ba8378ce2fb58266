//! What the store is about to change, written down before it does, so that whoever opens
//! it after a crash finishes or undoes the change.
//!
//! Only one change is under way at a time, so there is one file, `.journal`. Each kind of
//! change has one rename that decides: before it everything is undone, after it only
//! tidying is left.
//!
//! | change | decided by | undone by |
//! |---|---|---|
//! | install | the rename of `current` | removing the new directory, restoring the lock file's entry |
//! | switch | the rename of `current` | restoring the lock file's entry |
//! | remove | the rename of the connector's directory into `.staging` | restoring the lock file's entry |

use std::{fs, io, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::{
    LockFile, Locked, Store, StoreError,
    error::io_error,
    layout::{CURRENT_NAME, DirectoryName, Home, VERSIONS_NAME},
    scan::check_key,
    staging,
};
use crate::package::files;

/// The file's name in the store's directory.
const JOURNAL_NAME: &str = ".journal";

/// The most bytes of the journal that are read.
const MAX_BYTES: usize = 64 * 1024;

/// A change that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Journal {
    pub(super) change: Change,
    /// The connector.
    pub(super) key: String,
    /// The version's directory that becomes current; empty for a removal.
    #[serde(default)]
    pub(super) directory: String,
    /// The directory in which the connector that lay flat is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) flat: Option<String>,
    /// Whether everything but versions leaves the connector's directory.
    #[serde(default)]
    pub(super) clear: bool,
    /// The lock file's entry from before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) locked: Option<Locked>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Change {
    Install,
    Switch,
    Remove,
}

impl Store {
    fn journal_file(&self) -> PathBuf {
        self.directory.join(JOURNAL_NAME)
    }

    /// Whether something is left of a change that was interrupted.
    pub(super) fn needs_recovery(&self) -> bool {
        let exists = |path: PathBuf| fs::symlink_metadata(path).is_ok();
        let journal = self.journal_file();
        let beside = |path| files::beside(path).is_ok_and(exists);
        exists(journal.clone())
            || beside(&journal)
            || beside(&self.lock_file)
            || !staging::is_empty(&self.directory)
    }

    pub(super) fn begin(&self, journal: &Journal) -> Result<(), StoreError> {
        let path = self.journal_file();
        let text = toml::to_string(journal).map_err(|error| StoreError::Journal {
            path: path.clone(),
            reason: error.to_string(),
        })?;
        let before_rename = || self.step("journal-written");
        files::replace(&path, text.as_bytes(), 0o600, &before_rename)
            .map_err(io_error("write", path))?;
        self.step("journal");
        Ok(())
    }

    pub(super) fn end(&self) -> Result<(), StoreError> {
        let path = self.journal_file();
        files::remove_if_there(&path)
            .and_then(|()| files::sync_directory(&self.directory))
            .map_err(io_error("remove", path))?;
        self.step("done");
        Ok(())
    }

    /// Finishes or undoes what was interrupted. The caller holds the store's lock.
    pub(super) fn recover(&self) -> Result<(), StoreError> {
        if let Err(error) = staging::clean(&self.directory) {
            // Nothing depends on it, and the next one may succeed.
            tracing::warn!(%error, "cannot remove staging directories of processes that are gone");
        }
        let path = self.journal_file();
        for path in [&path, &self.lock_file] {
            files::beside(path)
                .and_then(|path| files::remove_if_there(&path))
                .map_err(io_error("remove what is beside", path))?;
        }
        let bytes = match files::read_regular(&path, MAX_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(io_error("read", path)(error)),
        };
        let unusable = |reason: String| StoreError::Journal {
            path: path.clone(),
            reason,
        };
        let journal: Journal =
            toml::from_slice(&bytes).map_err(|error| unusable(error.to_string()))?;
        check_key(&journal.key).map_err(|error| unusable(error.to_string()))?;
        let home = Home::new(&self.directory, &journal.key);
        tracing::info!(connector = journal.key, change = ?journal.change, "an interrupted change is settled");
        if journal.change == Change::Remove {
            if fs::symlink_metadata(home.path()).is_ok() {
                self.restore_entry(&journal)?;
            }
            return self.end();
        }
        let parse = |name: &str| {
            DirectoryName::parse(name).ok_or_else(|| unusable(format!("{name:?} is no version")))
        };
        let directory = parse(&journal.directory)?;
        let flat = journal.flat.as_deref().map(parse).transpose()?;
        files::beside(&home.current_file())
            .and_then(|path| files::remove_if_there(&path))
            .map_err(io_error("tidy", home.path()))?;
        let current = home
            .usable_current()
            .map_err(io_error("read", home.current_file()))?;
        if current.as_ref().and_then(|names| names.first()) == Some(&directory) {
            self.tidy(&journal, &home)?;
        } else {
            self.restore_entry(&journal)?;
            self.step("restored");
            if journal.change == Change::Install {
                undo_install(&home, &[Some(directory), flat])?;
                self.step("undone");
            }
        }
        self.end()
    }

    fn restore_entry(&self, journal: &Journal) -> Result<(), StoreError> {
        let mut file = LockFile::read(&self.lock_file)?;
        if file.connectors.get(&journal.key) == journal.locked.as_ref() {
            return Ok(());
        }
        match journal.locked.clone() {
            Some(entry) => file.connectors.insert(journal.key.clone(), entry),
            None => file.connectors.remove(&journal.key),
        };
        file.write(&self.lock_file, &|| {})
    }

    /// What is left to do once `current` is decided: files of the flat layout and
    /// versions that are not kept leave.
    pub(super) fn tidy(&self, journal: &Journal, home: &Home) -> Result<(), StoreError> {
        if journal.change == Change::Switch {
            return Ok(());
        }
        if journal.clear {
            let listing = fs::read_dir(home.path()).map_err(io_error("read", home.path()))?;
            for entry in listing {
                let entry = entry.map_err(io_error("read", home.path()))?;
                let name = entry.file_name();
                if name != CURRENT_NAME && name != VERSIONS_NAME {
                    let path = entry.path();
                    files::remove_tree(&path).map_err(io_error("remove", path))?;
                }
            }
            self.step("flat-removed");
        }
        let current = home
            .current()
            .map_err(io_error("read", home.current_file()))?
            .unwrap_or_default();
        for name in home
            .directories()
            .map_err(io_error("read", home.versions()))?
        {
            if !current.contains(&name) {
                let path = home.version(&name);
                files::remove_tree(&path).map_err(io_error("remove", path))?;
            }
        }
        files::sync_directory(&home.versions())
            .and_then(|()| files::sync_directory(home.path()))
            .map_err(io_error("sync", home.path()))?;
        self.step("pruned");
        Ok(())
    }
}

fn undo_install(home: &Home, directories: &[Option<DirectoryName>]) -> Result<(), StoreError> {
    for name in directories.iter().flatten() {
        let path = home.version(name);
        files::remove_tree(&path).map_err(io_error("remove", path))?;
    }
    // Directories that were made for it go as well; others have something in them.
    for path in [home.versions(), home.path().to_owned()] {
        match fs::remove_dir(&path) {
            Ok(()) => {}
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::DirectoryNotEmpty
                ) => {}
            Err(error) => return Err(io_error("remove", path)(error)),
        }
    }
    Ok(())
}
