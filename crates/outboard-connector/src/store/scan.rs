//! What is installed, read from the directories and from nothing else. No process is
//! started, and a manifest is parsed once for as long as its file stays the same.

use std::{
    collections::HashMap,
    fs::{self, Metadata},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use outboard_contracts::connector::{Kind, Manifest, manifest::FILE_NAME, validate_key};

use super::{
    Store, StoreError,
    error::io_error,
    layout::{DirectoryName, Home, Record},
};
use crate::{
    package::{Package, SignatureState, VerifyProblem, signature_state},
    trust::{SignaturePolicy, Trust},
};

/// How often an answer is looked for again because a version was replaced meanwhile.
const ATTEMPTS: usize = 4;

/// A connector that is installed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Installed {
    /// Its key, which is the name of its directory.
    pub key: String,
    /// Its version, as its `plugin.json` has it.
    pub version: String,
    /// Its kind.
    pub kind: Kind,
    /// The directory with its `plugin.json`.
    pub directory: PathBuf,
    /// Its program. Start it tied to [`Manifest::sha256`].
    pub program: PathBuf,
    /// What its `plugin.json` says.
    pub manifest: Arc<Manifest>,
    /// Its `plugin.json` to the byte.
    pub manifest_bytes: Arc<[u8]>,
    /// Whether it lies as the original puts it, without versions side by side.
    pub flat: bool,
}

impl Installed {
    /// Where it came from; `None` when nothing is recorded, as for a directory that was
    /// put there by hand.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] when the record cannot be read.
    pub fn record(&self) -> Result<Option<Record>, StoreError> {
        Record::read(&self.directory).map_err(io_error("read the record in", &self.directory))
    }

    /// What its signatures are worth, without hashing the program: enough for a list.
    ///
    /// # Errors
    ///
    /// [`VerifyProblem`] when a signature is bad, or revoked. The policy is not asked.
    pub fn signed(&self, trust: &Trust) -> Result<SignatureState, VerifyProblem> {
        let policy = SignaturePolicy::UnsignedOk;
        signature_state(&self.manifest_bytes, &self.manifest, trust, policy)
    }
}

/// A directory of the store.
#[derive(Debug)]
#[non_exhaustive]
pub struct Found {
    /// The directory's name; a connector's key if [`Found::installed`] is one.
    pub name: String,
    /// What is in it, or why that cannot be used.
    pub installed: Result<Installed, StoreError>,
}

/// What tells one state of a file from another.
#[derive(Clone, PartialEq, Eq)]
struct Stamp {
    length: u64,
    modified: Option<std::time::SystemTime>,
    /// Device, inode, and the time of the last change in seconds and nanoseconds.
    identity: (u64, u64, i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Stamp {
        #[cfg(unix)]
        let identity = {
            use std::os::unix::fs::MetadataExt as _;
            (
                metadata.dev(),
                metadata.ino(),
                metadata.ctime(),
                metadata.ctime_nsec(),
            )
        };
        #[cfg(not(unix))]
        let identity = (0, 0, 0, 0);
        Stamp {
            length: metadata.len(),
            modified: metadata.modified().ok(),
            identity,
        }
    }

    fn at(path: &Path) -> Option<Stamp> {
        fs::symlink_metadata(path)
            .ok()
            .map(|metadata| Stamp::of(&metadata))
    }
}

/// What was read, with the state of the files that it was read from.
pub(super) struct Cached {
    current: Option<Stamp>,
    manifest: Stamp,
    installed: Installed,
}

pub(super) type Cache = HashMap<String, Cached>;

impl Store {
    /// Everything that is installed, sorted by name, with the directories that cannot be
    /// used and why. Files beside the directories and hidden names are passed over.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] when the store's directory cannot be read.
    pub fn try_scan(&self) -> Result<Vec<Found>, StoreError> {
        let read_error = io_error("read", &self.directory);
        let listing = match fs::read_dir(&self.directory) {
            Ok(listing) => listing,
            Err(error) => return Err(read_error(error)),
        };
        let mut names = Vec::new();
        for entry in listing {
            let entry = entry.map_err(io_error("read", &self.directory))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = entry.file_type();
            let is_candidate = kind.is_ok_and(|kind| kind.is_dir() || kind.is_symlink());
            if is_candidate && !name.starts_with('.') {
                names.push(name);
            }
        }
        names.sort_unstable();
        let found: Vec<Found> = names
            .into_iter()
            .map(|name| Found {
                installed: self.get(&name),
                name,
            })
            .collect();
        let mut cache = self.cache();
        if cache.len() > found.len() {
            let alive: std::collections::HashSet<&str> =
                found.iter().map(|found| found.name.as_str()).collect();
            cache.retain(|name, _| alive.contains(name.as_str()));
        }
        drop(cache);
        Ok(found)
    }

    /// As [`Store::try_scan`]; a directory that cannot be read has nothing in it, and the
    /// log says so.
    pub fn scan(&self) -> Vec<Found> {
        self.try_scan().unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot list the connectors");
            Vec::new()
        })
    }

    /// The connector of that key, in the version that is current.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotInstalled`], and why a directory that is there cannot be used.
    pub fn get(&self, key: &str) -> Result<Installed, StoreError> {
        check_key(key)?;
        for _ in 1..ATTEMPTS {
            match self.read(key) {
                // A version that was replaced between two reads is looked up anew.
                Err(error) if is_gone(&error) => {}
                answer => return answer,
            }
        }
        self.read(key)
    }

    fn read(&self, key: &str) -> Result<Installed, StoreError> {
        let home = Home::new(&self.directory, key);
        match fs::symlink_metadata(home.path()) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(metadata) if metadata.is_symlink() => {
                return Err(StoreError::Link {
                    path: home.path().to_owned(),
                });
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(io_error("read", home.path())(error));
            }
            _ => {
                return Err(StoreError::NotInstalled {
                    connector: key.to_owned(),
                });
            }
        }
        let current = Stamp::at(&home.current_file());
        if let Some(installed) = self.cached(key, current.as_ref()) {
            check_program(&installed)?;
            return Ok(installed);
        }
        let names = home
            .current()
            .map_err(io_error("read", home.current_file()))?;
        let directory = match &names {
            Some(names) => home.version(&names[0]),
            None => home.path().to_owned(),
        };
        let manifest = Stamp::at(&directory.join(FILE_NAME));
        let name = names.as_ref().map(|names| &names[0]);
        let installed = load(key, name, &directory)?;
        if let Some(manifest) = manifest {
            let cached = Cached {
                current,
                manifest,
                installed: installed.clone(),
            };
            self.cache().insert(key.to_owned(), cached);
        }
        Ok(installed)
    }

    fn cached(&self, key: &str, current: Option<&Stamp>) -> Option<Installed> {
        let (manifest, installed) = {
            let cache = self.cache();
            let cached = cache.get(key)?;
            if cached.current.as_ref() != current {
                return None;
            }
            (cached.manifest.clone(), cached.installed.clone())
        };
        let now = Stamp::at(&installed.directory.join(FILE_NAME))?;
        (now == manifest).then_some(installed)
    }

    /// Verifies what is installed again: hashes the program and judges the signatures by
    /// the policy for where it came from.
    ///
    /// # Errors
    ///
    /// [`StoreError::Verify`] with what speaks against it, besides those of [`Store::get`].
    pub fn verify(&self, key: &str, trust: &Trust) -> Result<crate::package::Verified, StoreError> {
        verify_installed(&self.get(key)?, trust)
    }
}

pub(super) fn verify_installed(
    installed: &Installed,
    trust: &Trust,
) -> Result<crate::package::Verified, StoreError> {
    // What was put there by hand is the operator's own.
    let origin = installed
        .record()?
        .map_or(crate::package::Origin::LocalDirectory, |record| {
            record.origin()
        });
    crate::package::verify_manifest(&installed.manifest_bytes, &installed.program, trust, origin)
        .map_err(StoreError::Verify)
}

/// Reads the connector `key` from `directory`, which is that of the version `name`, or
/// the connector's own in the original's layout.
pub(super) fn load(
    key: &str,
    name: Option<&DirectoryName>,
    directory: &Path,
) -> Result<Installed, StoreError> {
    let package = Package::open(directory)?;
    let (manifest, manifest_bytes) = package.into_manifest();
    if manifest.key() != key {
        return Err(StoreError::DirectoryName {
            directory: key.to_owned(),
            found: manifest.key().to_owned(),
        });
    }
    if let Some(name) = name {
        let version = manifest.version().map(|version| version.to_string());
        if version.as_deref().ok() != Some(name.version()) {
            return Err(StoreError::VersionName {
                connector: key.to_owned(),
                directory: name.as_str().to_owned(),
                found: manifest.version.clone(),
            });
        }
    }
    let installed = Installed {
        key: key.to_owned(),
        version: manifest.version.clone(),
        kind: manifest.kind(),
        program: directory.join(&manifest.entry),
        directory: directory.to_owned(),
        manifest,
        manifest_bytes,
        flat: name.is_none(),
    };
    check_program(&installed)?;
    Ok(installed)
}

/// Whether the program is there and may be run.
fn check_program(installed: &Installed) -> Result<(), StoreError> {
    let path = &installed.program;
    let program_error = |source| {
        StoreError::Package(crate::package::PackageError::Program {
            connector: installed.key.clone(),
            path: path.clone(),
            source,
        })
    };
    let metadata = fs::symlink_metadata(path).map_err(program_error)?;
    if !metadata.is_file() {
        let reason = io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file");
        return Err(program_error(reason));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if metadata.permissions().mode() & 0o111 == 0 {
            return Err(StoreError::NotExecutable {
                connector: installed.key.clone(),
                path: path.clone(),
            });
        }
    }
    Ok(())
}

pub(super) fn check_key(key: &str) -> Result<(), StoreError> {
    validate_key(key).map_err(|error| StoreError::InvalidKey {
        name: key.chars().take(80).collect(),
        error,
    })
}

/// Whether a file of a version was not there any more.
fn is_gone(error: &StoreError) -> bool {
    use crate::package::PackageError;
    match error {
        StoreError::Package(PackageError::NoManifest { .. }) => true,
        StoreError::Package(PackageError::Program { source, .. }) => {
            source.kind() == io::ErrorKind::NotFound
        }
        _ => false,
    }
}
