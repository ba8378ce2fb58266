//! Another version becomes current, or a connector is removed.

use std::fs;

use super::{
    Installed, Store, StoreError,
    error::io_error,
    install::{entry, load_version},
    journal::{Change, Journal},
    layout::{DirectoryName, Home, Record},
    scan::{check_key, verify_installed},
};
use crate::{package::files, trust::Trust};

/// A version of a connector that is here.
#[derive(Debug)]
#[non_exhaustive]
pub struct Version {
    /// The version.
    pub version: String,
    /// The name of its directory: the version, with a number if the same version is here
    /// with other bytes.
    pub directory: String,
    /// Whether it is the one that runs.
    pub current: bool,
    /// Whether a rollback takes it next.
    pub next_rollback: bool,
    /// What it is, or why it cannot be used.
    pub installed: Result<Installed, StoreError>,
}

impl Store {
    /// The versions of a connector that are here: the current one, those that rollbacks
    /// take, in that order, and those that were rolled back from.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotInstalled`], and [`StoreError::Io`] when a directory cannot be read.
    pub fn versions(&self, key: &str) -> Result<Vec<Version>, StoreError> {
        check_key(key)?;
        let home = Home::new(&self.directory, key);
        let names = home
            .current()
            .map_err(io_error("read", home.current_file()))?;
        let Some(names) = names else {
            let installed = self.get(key)?;
            return Ok(vec![Version {
                version: installed.version.clone(),
                directory: String::new(),
                current: true,
                next_rollback: false,
                installed: Ok(installed),
            }]);
        };
        let others = home
            .directories()
            .map_err(io_error("read", home.versions()))?;
        let others = others
            .into_iter()
            .rev()
            .filter(|name| !names.contains(name));
        Ok(names
            .iter()
            .cloned()
            .chain(others)
            .enumerate()
            .map(|(index, name)| Version {
                version: name.version().to_owned(),
                directory: name.as_str().to_owned(),
                current: index == 0,
                next_rollback: index == 1 && names.len() > 1,
                installed: load_version(key, &home, &name),
            })
            .collect())
    }

    /// Makes the version that was current before this one current again. It is verified
    /// before, so that a version that is revoked or damaged is not taken. The version that
    /// was rolled back from stays until the next installation; see [`Store::use_version`].
    ///
    /// # Errors
    ///
    /// [`StoreError::NoEarlierVersion`], [`StoreError::Verify`], and those of [`Store::get`].
    pub fn rollback(&self, key: &str, trust: &Trust) -> Result<Installed, StoreError> {
        check_key(key)?;
        let _lock = self.lock()?;
        let home = Home::new(&self.directory, key);
        let names = match home
            .current()
            .map_err(io_error("read", home.current_file()))?
        {
            Some(names) if names.len() > 1 => names[1..].to_vec(),
            Some(_) => {
                return Err(StoreError::NoEarlierVersion {
                    connector: key.to_owned(),
                });
            }
            // It lies flat, so there is one version, or it is not there.
            None => {
                self.get(key)?;
                return Err(StoreError::NoEarlierVersion {
                    connector: key.to_owned(),
                });
            }
        };
        self.switch(key, &home, &names, trust)
    }

    /// Makes a version that is here current: `version` is one, or the name of its
    /// directory as [`Store::versions`] has it.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoSuchVersion`], [`StoreError::Verify`], and those of [`Store::get`].
    pub fn use_version(
        &self,
        key: &str,
        version: &str,
        trust: &Trust,
    ) -> Result<Installed, StoreError> {
        check_key(key)?;
        let _lock = self.lock()?;
        let home = Home::new(&self.directory, key);
        let names = home
            .current()
            .map_err(io_error("read", home.current_file()))?;
        let Some(names) = names else {
            let installed = self.get(key)?;
            return if installed.version == version {
                Ok(installed)
            } else {
                Err(no_such_version(key, version))
            };
        };
        let there = home
            .directories()
            .map_err(io_error("read", home.versions()))?;
        let wanted = version.strip_prefix('v').unwrap_or(version);
        let fits = |name: &&DirectoryName| name.as_str() == wanted || name.version() == wanted;
        if let Some(index) = names.iter().position(|name| fits(&name)) {
            if index == 0 {
                return self.get(key);
            }
            return self.switch(key, &home, &names[index..], trust);
        }
        let name = there.iter().rev().find(fits);
        let name = name.ok_or_else(|| no_such_version(key, version))?;
        let mut names = names;
        names.insert(0, name.clone());
        self.switch(key, &home, &names, trust)
    }

    /// The caller holds the lock.
    fn switch(
        &self,
        key: &str,
        home: &Home,
        names: &[DirectoryName],
        trust: &Trust,
    ) -> Result<Installed, StoreError> {
        let installed = load_version(key, home, &names[0])?;
        let verified = verify_installed(&installed, trust)?;
        let record = installed.record()?.unwrap_or_else(|| Record {
            source: "unknown".to_owned(),
            local: true,
            installed_at: String::new(),
            sha256: verified.sha256,
            archive_sha256: None,
        });
        let mut file = self.lock_file()?;
        let before = file.connectors.get(key).cloned();
        file.enter(key, entry(&installed.manifest, &record));
        let journal = Journal {
            change: Change::Switch,
            key: key.to_owned(),
            directory: names[0].as_str().to_owned(),
            flat: None,
            clear: false,
            locked: before,
        };
        self.begin(&journal)?;
        let switched = self.write_lock_file(&file).and_then(|()| {
            home.set_current(names, &|| self.step("current-written"))
                .map_err(io_error("write", home.current_file()))
        });
        switched.map_err(|error| self.undone(error))?;
        self.step("current");
        if let Err(error) = self.end() {
            tracing::warn!(connector = key, %error, "cannot tidy up after a rollback");
        }
        self.get(key)
    }

    /// Removes a connector, also one that is broken, with all its versions. What runs of
    /// it keeps running. Nothing outside of its directory is touched: a link is removed
    /// and not what it points at.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotInstalled`]; on any other error it is as it was.
    pub fn remove(&self, key: &str) -> Result<(), StoreError> {
        check_key(key)?;
        let lock = self.lock()?;
        let home = Home::new(&self.directory, key);
        if fs::symlink_metadata(home.path()).is_err() {
            return Err(StoreError::NotInstalled {
                connector: key.to_owned(),
            });
        }
        let mut file = self.lock_file()?;
        let slot = self.slot()?;
        let before = file.connectors.remove(key);
        let journal = Journal {
            change: Change::Remove,
            key: key.to_owned(),
            directory: String::new(),
            flat: None,
            clear: false,
            locked: before.clone(),
        };
        self.begin(&journal)?;
        let removed = if before.is_some() {
            self.write_lock_file(&file)
        } else {
            Ok(())
        };
        let removed = removed.and_then(|()| {
            fs::rename(home.path(), slot.path().join("removed"))
                .and_then(|()| files::sync_directory(&self.directory))
                .map_err(io_error("remove", home.path()))
        });
        removed.map_err(|error| self.undone(error))?;
        self.step("moved-away");
        if let Err(error) = self.end() {
            tracing::warn!(connector = key, %error, "cannot tidy up after a removal");
        }
        drop(lock);
        self.cache().remove(key);
        Ok(())
    }
}

fn no_such_version(key: &str, version: &str) -> StoreError {
    StoreError::NoSuchVersion {
        connector: key.to_owned(),
        version: version.chars().take(80).collect(),
    }
}
