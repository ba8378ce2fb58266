//! A package becomes the current version of its connector.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use outboard_contracts::{
    connector::{Manifest, manifest::FILE_NAME},
    version,
};

use super::{
    Installed, LockFile, Locked, LockedPlatform, Store, StoreError,
    error::io_error,
    journal::{Change, Journal},
    layout::{DirectoryName, Home, KEPT_VERSIONS, RECORD_NAME, Record},
    lock_file::without_credentials,
    make_directory,
    scan::load,
};
use crate::{
    download::{Phase, Progress},
    package::{self, Origin, Package, Verified, files},
    platform,
    trust::Trust,
};

/// What is asked of an installation besides the package itself.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct InstallRequest {
    /// The key that the package must have.
    pub expected_key: Option<String>,
    /// The version that it must have.
    pub expected_version: Option<String>,
    /// The SHA-256 that its program must have, in hexadecimal digits.
    pub expected_program_sha256: Option<String>,
    /// The SHA-256 that the archive must have, in hexadecimal digits. A package from a
    /// directory has none, and is refused.
    pub expected_archive_sha256: Option<String>,
    /// Where it was got. It is written down, without what may be a credential.
    pub source: String,
    /// Whose signatures count.
    pub trust: Trust,
    /// Where it comes from, for the default policy.
    pub origin: Origin,
    /// Whether it may be older than what is installed. Default: no.
    pub allow_downgrade: bool,
    /// Whether it must be what `outboard.lock` says, if that says anything. Default: no.
    pub locked: bool,
}

impl InstallRequest {
    /// An installation of whatever the package is.
    pub fn new(source: impl Into<String>, trust: Trust, origin: Origin) -> InstallRequest {
        InstallRequest {
            expected_key: None,
            expected_version: None,
            expected_program_sha256: None,
            expected_archive_sha256: None,
            source: source.into(),
            trust,
            origin,
            allow_downgrade: false,
            locked: false,
        }
    }

    fn check(&self, package: &Package) -> Result<(), StoreError> {
        let manifest = package.manifest();
        let connector = || manifest.key().to_owned();
        if let Some(expected) = &self.expected_key
            && expected != manifest.key()
        {
            return Err(StoreError::OtherKey {
                expected: expected.clone(),
                found: connector(),
            });
        }
        if let Some(expected) = &self.expected_version
            && !same_version(expected, &manifest.version)
        {
            return Err(StoreError::OtherVersion {
                connector: connector(),
                expected: expected.clone(),
                found: manifest.version.clone(),
            });
        }
        let archive = package.archive_sha256().unwrap_or("unknown");
        check_digest(
            manifest,
            "archive",
            self.expected_archive_sha256.as_deref(),
            archive,
        )?;
        let program = self.expected_program_sha256.as_deref();
        check_digest(manifest, "program", program, &manifest.sha256)
    }

    fn check_locked(&self, package: &Package, file: &LockFile) -> Result<(), StoreError> {
        let manifest = package.manifest();
        let Some(entry) = file.connectors.get(manifest.key()).filter(|_| self.locked) else {
            return Ok(());
        };
        if !same_version(&entry.version, &manifest.version) {
            return Err(StoreError::OtherVersion {
                connector: manifest.key().to_owned(),
                expected: entry.version.clone(),
                found: manifest.version.clone(),
            });
        }
        let here = entry.platforms.get(&platform::host());
        let expected = here.map(|here| here.sha256.as_str());
        check_digest(manifest, "program", expected, &manifest.sha256)
    }
}

fn check_digest(
    manifest: &Manifest,
    what: &'static str,
    expected: Option<&str>,
    found: &str,
) -> Result<(), StoreError> {
    match expected {
        Some(expected) if !expected.eq_ignore_ascii_case(found) => Err(StoreError::OtherDigest {
            connector: manifest.key().to_owned(),
            what,
            expected: expected.to_owned(),
            found: found.to_owned(),
        }),
        _ => Ok(()),
    }
}

fn same_version(one: &str, other: &str) -> bool {
    match (version::parse(one), version::parse(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}

impl Store {
    /// Installs `package` as the current version of its connector. What was current is
    /// kept for a rollback, and so is the one before it; older ones are removed. The same
    /// version with other bytes replaces it whole; the same package once more changes
    /// nothing.
    ///
    /// The package is copied first, and the copy is what is verified. On any error the
    /// store and the lock file are as they were.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; see its variants.
    pub fn install(
        &self,
        package: &Package,
        request: &InstallRequest,
        progress: &dyn Fn(Progress),
    ) -> Result<Installed, StoreError> {
        let manifest = package.manifest();
        let key = manifest.key();
        request.check(package)?;
        progress(Progress::of(Phase::Verifying));
        let slot = self.slot()?;
        let staged = slot.path().join("package");
        make_directory(&staged).map_err(io_error("make", &staged))?;
        // Files that were unpacked here are nobody else's, so a second name is enough.
        let how = if package.is_private() {
            package::How::Link
        } else {
            package::How::Copy
        };
        package::copy(
            package.directory(),
            &staged,
            &manifest.entry,
            how,
            &self.limits,
        )
        .map_err(|error| StoreError::Contents {
            connector: key.to_owned(),
            error,
        })?;
        self.step("copied");
        let copy = Package::open(&staged)?;
        if copy.manifest_bytes() != package.manifest_bytes() {
            return Err(StoreError::Changed {
                connector: key.to_owned(),
            });
        }
        let verified = copy.verify(&request.trust, request.origin)?;
        let record = Record {
            source: without_credentials(&request.source),
            local: request.origin == Origin::LocalDirectory,
            installed_at: jiff::Timestamp::now().to_string(),
            sha256: verified.sha256,
            archive_sha256: package.archive_sha256().map(str::to_owned),
        };
        record
            .write(&staged)
            .and_then(|()| files::sync_tree(&staged))
            .map_err(io_error("write", &staged))?;
        self.step("staged");
        progress(Progress::of(Phase::Replacing));
        let lock = self.lock()?;
        self.place(&copy, &record, &staged, slot.path(), request)?;
        drop(lock);
        progress(Progress::of(Phase::Done));
        self.get(key)
    }

    /// Whether [`Store::install`] would take `package` as it is now, and what its signatures
    /// are worth. Nothing changes.
    ///
    /// # Errors
    ///
    /// What speaks against it.
    pub fn judge(
        &self,
        package: &Package,
        request: &InstallRequest,
    ) -> Result<Verified, StoreError> {
        let manifest = package.manifest();
        request.check(package)?;
        let verified = package.verify(&request.trust, request.origin)?;
        request.check_locked(package, &self.lock_file()?)?;
        if let Ok(installed) = self.get(manifest.key())
            && !request.allow_downgrade
            && is_older(&manifest.version, &installed.version)
        {
            return Err(StoreError::Downgrade {
                connector: manifest.key().to_owned(),
                installed: installed.version.clone(),
                offered: manifest.version.clone(),
            });
        }
        Ok(verified)
    }

    /// Moves what is staged into place. The caller holds the lock.
    fn place(
        &self,
        package: &Package,
        record: &Record,
        staged: &Path,
        slot: &Path,
        request: &InstallRequest,
    ) -> Result<(), StoreError> {
        let manifest = package.manifest();
        let key = manifest.key();
        let home = Home::new(&self.directory, key);
        if fs::symlink_metadata(home.path()).is_ok_and(|metadata| !metadata.is_dir()) {
            return Err(StoreError::Link {
                path: home.path().to_owned(),
            });
        }
        let mut file = self.lock_file()?;
        request.check_locked(package, &file)?;
        let names = home
            .usable_current()
            .map_err(io_error("read", home.current_file()))?;
        let old = self.get(key).ok();
        // One that is broken is at least called after its version.
        let installed = old
            .as_ref()
            .map(|old| old.version.as_str())
            .or_else(|| Some(names.as_ref()?.first()?.version()));
        if let Some(installed) = installed
            && !request.allow_downgrade
            && is_older(&manifest.version, installed)
        {
            return Err(StoreError::Downgrade {
                connector: key.to_owned(),
                installed: installed.to_owned(),
                offered: manifest.version.clone(),
            });
        }
        let before = file.connectors.get(key).cloned();
        file.enter(key, entry(manifest, record));
        if let Some(old) = &old
            && !old.flat
            && package::is_same(&old.directory, staged, RECORD_NAME).unwrap_or(false)
        {
            if file.connectors.get(key) != before.as_ref() {
                self.write_lock_file(&file)?;
            }
            return Ok(());
        }
        let plan = Plan::new(&home, manifest, names, old.as_ref())?;
        let journal = Journal {
            change: Change::Install,
            key: key.to_owned(),
            directory: plan.directory.as_str().to_owned(),
            flat: plan.flat.as_ref().map(|name| name.as_str().to_owned()),
            clear: plan.clear,
            locked: before,
        };
        self.begin(&journal)?;
        self.place_planned(&plan, &home, &file, staged, slot)
            .map_err(|error| self.undone(error))?;
        // It is decided; what cannot be tidied now is tidied at the next change.
        if let Err(error) = self.tidy(&journal, &home).and_then(|()| self.end()) {
            tracing::warn!(connector = key, %error, "cannot tidy up after an installation");
        }
        Ok(())
    }

    fn place_planned(
        &self,
        plan: &Plan,
        home: &Home,
        file: &LockFile,
        staged: &Path,
        slot: &Path,
    ) -> Result<(), StoreError> {
        for path in [home.path().to_owned(), home.versions()] {
            match make_directory(&path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(io_error("make", path)(error));
                }
                _ => {}
            }
        }
        files::sync_directory(home.path())
            .and_then(|()| files::sync_directory(&self.directory))
            .map_err(io_error("sync", home.path()))?;
        self.step("directories");
        if let Some(name) = &plan.flat {
            let kept = slot.join("flat");
            keep_flat(home.path(), &kept).map_err(io_error("keep", home.path()))?;
            move_directory(&kept, &home.version(name))?;
            self.step("flat-kept");
        }
        move_directory(staged, &home.version(&plan.directory))?;
        self.step("placed");
        self.write_lock_file(file)?;
        home.set_current(&plan.names, &|| self.step("current-written"))
            .map_err(io_error("write", home.current_file()))?;
        self.step("current");
        Ok(())
    }

    pub(super) fn write_lock_file(&self, file: &LockFile) -> Result<(), StoreError> {
        file.write(&self.lock_file, &|| self.step("lock-written"))?;
        self.step("locked");
        Ok(())
    }
}

/// What an installation changes.
struct Plan {
    /// The new version's directory.
    directory: DirectoryName,
    /// The directory for a connector that lay flat.
    flat: Option<DirectoryName>,
    /// Whether files of the flat layout leave.
    clear: bool,
    /// What `current` will say.
    names: Vec<DirectoryName>,
}

impl Plan {
    fn new(
        home: &Home,
        manifest: &Manifest,
        names: Option<Vec<DirectoryName>>,
        old: Option<&Installed>,
    ) -> Result<Plan, StoreError> {
        let unusable = |error: version::VersionError| {
            let problem = outboard_contracts::connector::manifest::ManifestProblem::Version(error);
            let path = PathBuf::from(FILE_NAME);
            StoreError::Package(package::PackageError::Manifest { path, problem })
        };
        let mut taken = home
            .directories()
            .map_err(io_error("read", home.versions()))?;
        let clear = names.is_none() || fs::symlink_metadata(home.path().join(FILE_NAME)).is_ok();
        let flat = match old {
            Some(old) if old.flat => {
                let version = old.manifest.version().map_err(unusable)?;
                Some(DirectoryName::free(&version, &taken))
            }
            _ => None,
        };
        taken.extend(flat.clone());
        let directory = DirectoryName::free(&manifest.version().map_err(unusable)?, &taken);
        let mut kept = vec![directory.clone()];
        kept.extend(flat.clone());
        kept.extend(
            names
                .unwrap_or_default()
                .into_iter()
                .filter(|name| taken.contains(name)),
        );
        kept.truncate(1 + KEPT_VERSIONS);
        Ok(Plan {
            directory,
            flat,
            clear,
            names: kept,
        })
    }
}

fn is_older(one: &str, than: &str) -> bool {
    match (version::parse(one), version::parse(than)) {
        (Ok(version), Ok(than)) => version.cmp_precedence(&than).is_lt(),
        _ => false,
    }
}

/// The lock file's entry for a version on this platform.
pub(super) fn entry(manifest: &Manifest, record: &Record) -> Locked {
    let digests = LockedPlatform {
        sha256: record.sha256.clone(),
        archive_sha256: record.archive_sha256.clone(),
    };
    Locked {
        kind: manifest.kind().to_string(),
        version: manifest.version.clone(),
        source: record.source.clone(),
        platforms: BTreeMap::from([(platform::host(), digests)]),
    }
}

/// Makes a directory into a version that lay flat in `home`: with second names for its
/// files, so that both are there until the old ones leave, or copies where the file system
/// has no second names. Links and what is not a file stay behind.
fn keep_flat(home: &Path, kept: &Path) -> io::Result<()> {
    make_directory(kept)?;
    link_files(home, kept, true)?;
    files::sync_tree(kept)
}

fn link_files(from: &Path, to: &Path, top: bool) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        let target = to.join(&name);
        if kind.is_dir() && top && name != super::layout::VERSIONS_NAME {
            make_directory(&target)?;
            link_files(&entry.path(), &target, false)?;
        } else if kind.is_file()
            && !(top && name == super::layout::CURRENT_NAME)
            && fs::hard_link(entry.path(), &target).is_err()
        {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

fn move_directory(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::rename(from, to).map_err(io_error("make", to))?;
    for path in [to.parent(), from.parent()].into_iter().flatten() {
        files::sync_directory(path).map_err(io_error("sync", path))?;
    }
    Ok(())
}

/// Reads the version in `directory` of `home`.
pub(super) fn load_version(
    key: &str,
    home: &Home,
    name: &DirectoryName,
) -> Result<Installed, StoreError> {
    load(key, Some(name), &home.version(name))
}
