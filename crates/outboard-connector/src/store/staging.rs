//! Private directories in which packages are made ready, on the same file system as the
//! store, so that they are moved into place with a rename.
//!
//! ```text
//! connectors/.staging/          mode 0700
//!   1f0c…/                      one slot
//!   1f0c….lock                  held by the process that the slot belongs to
//! ```
//!
//! A process that is killed loses its hold on the lock, which is how others know that the
//! slot is nobody's and remove it.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use crate::package::files;

/// The directory's name in that of the store.
pub(crate) const STAGING_NAME: &str = ".staging";

/// A private directory that is removed when it is dropped.
#[derive(Debug)]
pub struct Slot {
    path: PathBuf,
    lock_path: PathBuf,
    /// Locked for as long as the slot is somebody's.
    _lock: File,
}

impl Slot {
    /// A new, empty one in the store's directory.
    pub(crate) fn new(store: &Path) -> io::Result<Slot> {
        let staging = store.join(STAGING_NAME);
        match fs::create_dir(&staging) {
            Ok(()) => files::set_mode(&staging, 0o700)?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if !fs::symlink_metadata(&staging)?.is_dir() {
                    return Err(error);
                }
            }
            Err(error) => return Err(error),
        }
        loop {
            let id = uuid::Uuid::new_v4().simple().to_string();
            let path = staging.join(&id);
            let lock_path = staging.join(format!("{id}.lock"));
            let lock = files::create_private(&lock_path)?;
            // A cleaner may have seen the file before it was locked, and taken it.
            if lock.try_lock().is_err() || !lock_path.exists() {
                continue;
            }
            fs::create_dir(&path)?;
            files::set_mode(&path, 0o700)?;
            return Ok(Slot {
                path,
                lock_path,
                _lock: lock,
            });
        }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // What is left here is removed by whoever opens the store next.
        let removed =
            files::remove_tree(&self.path).and_then(|()| files::remove_if_there(&self.lock_path));
        if let Err(error) = removed {
            tracing::warn!(path = %self.path.display(), %error, "cannot remove a staging directory");
        }
    }
}

/// Removes slots of processes that are gone.
pub(crate) fn clean(store: &Path) -> io::Result<()> {
    let staging = store.join(STAGING_NAME);
    let listing = match fs::read_dir(&staging) {
        Ok(listing) => listing,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for entry in listing {
        names.push(entry?.file_name());
    }
    for name in names {
        let path = staging.join(&name);
        if path
            .extension()
            .is_some_and(|extension| extension == "lock")
        {
            let file = match files::open_regular(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            match file.try_lock() {
                Ok(()) => {
                    files::remove_tree(&path.with_extension(""))?;
                    files::remove_if_there(&path)?;
                }
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error),
            }
        } else if !path.with_extension("lock").exists() {
            // A slot's lock is made before it and removed after it.
            files::remove_tree(&path)?;
        }
    }
    Ok(())
}

/// Whether there is anything in the directory of slots.
pub(crate) fn is_empty(store: &Path) -> bool {
    fs::read_dir(store.join(STAGING_NAME)).map_or(true, |mut listing| listing.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_lives_as_long_as_its_owner_and_is_cleaned_when_nobody_owns_it() {
        let store = tempfile::tempdir().unwrap();
        let slot = Slot::new(store.path()).unwrap();
        fs::write(slot.path().join("file"), "x").unwrap();
        // One whose process was killed: its lock is not held.
        let staging = store.path().join(STAGING_NAME);
        fs::create_dir(staging.join("dead")).unwrap();
        fs::write(staging.join("dead.lock"), "").unwrap();
        fs::create_dir(staging.join("without_lock")).unwrap();
        clean(store.path()).unwrap();
        assert!(slot.path().join("file").exists());
        assert_eq!(fs::read_dir(&staging).unwrap().count(), 2, "slot and lock");
        drop(slot);
        assert!(is_empty(store.path()));
    }

    #[cfg(unix)]
    #[test]
    fn a_slot_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let store = tempfile::tempdir().unwrap();
        let slot = Slot::new(store.path()).unwrap();
        for path in [slot.path(), slot.path().parent().unwrap()] {
            let mode = fs::metadata(path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
        }
    }
}
