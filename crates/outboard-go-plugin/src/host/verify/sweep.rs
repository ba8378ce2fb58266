//! Private copies that a killed host left behind, removed by the next host.
//!
//! A copy's directory is locked for as long as its host lives, and the kernel
//! opens the lock when it dies. So a directory that can be locked is a leftover.

use std::{
    collections::BTreeSet,
    fs::{self, File, TryLockError},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use super::copy::PREFIX;

/// Removes leftovers in `place`, the first time that this process asks for it.
pub(super) fn once(place: &Path) {
    static SWEPT: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let mut swept = SWEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let first = swept.insert(place.to_owned());
    drop(swept);
    if first {
        leftovers(place);
    }
}

fn leftovers(place: &Path) {
    let user = rustix::process::geteuid().as_raw();
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        let named = entry.file_name();
        if !named.as_encoded_bytes().starts_with(PREFIX.as_bytes()) {
            continue;
        }
        // Not following links: only a directory that is this user's.
        let ours = entry
            .metadata()
            .is_ok_and(|metadata| metadata.is_dir() && metadata.uid() == user);
        let path = entry.path();
        let Some(Ok(lock)) = ours.then(|| File::open(&path)) else {
            continue;
        };
        if lock_or_not(&lock) && is_at(&lock, &path) {
            tracing::debug!(path = %path.display(), "removing a copy that a killed host left");
            let _ = fs::remove_dir_all(&path);
        }
    }
}

fn lock_or_not(file: &File) -> bool {
    lock(file).unwrap_or(false)
}

/// Whether the lock was free and now is ours. It is held while the file is open.
pub(super) fn lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Whether the path still leads to this open directory.
pub(super) fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_holds_is_removed_and_what_is_in_use_stays() {
        let place = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let path = place.path().join(name);
            fs::create_dir_all(path.join("bin")).unwrap();
            fs::write(path.join("bin/kv"), "a program").unwrap();
            path
        };
        let left = make("outboard-verified-left");
        let used = make("outboard-verified-used");
        let other = make("somebody-elses");
        let elsewhere = make("elsewhere");
        let link = place.path().join("outboard-verified-link");
        std::os::unix::fs::symlink(&elsewhere, &link).unwrap();
        let held = File::open(&used).unwrap();
        assert!(lock(&held).unwrap());

        leftovers(place.path());
        assert!(!left.exists());
        assert!(used.join("bin/kv").exists());
        assert!(other.join("bin/kv").exists());
        assert!(elsewhere.join("bin/kv").exists(), "a link is not followed");

        // As when the host that held it is killed.
        drop(held);
        leftovers(place.path());
        assert!(!used.exists());
    }
}
