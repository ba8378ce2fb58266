//! A package: a `plugin.json`, the program that it names, and perhaps more files.
//!
//! ```text
//! httpbin-0.1.0-linux-amd64.zip      or .tar.gz, or the directory itself
//!   plugin.json                      at the root, or one level down
//!   httpbin                          the program, as `entry` names it
//!   httpbin.sig, lib/…               whatever else it brings
//! ```
//!
//! A package is opened, which checks everything that its `plugin.json` alone tells, and
//! verified, which hashes the program and judges the signatures. [`archive`] unpacks one
//! that nobody vouches for, [`pack`](mod@pack) writes one,
//! [`build`](mod@build) makes a package from a project, [`keys`] are what signs.
//!
//! ```no_run
//! use outboard_connector::{package::{Origin, Package}, trust::Trust};
//!
//! let package = Package::open("dist/httpbin".as_ref())?;
//! let verified = package.verify(&Trust::new(), Origin::LocalDirectory)?;
//! println!("{} {}", package.manifest().key(), verified.sha256);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod archive;
pub mod build;
mod contents;
pub(crate) mod files;
pub mod keys;
pub mod pack;
mod process;
mod verify;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use outboard_contracts::connector::{
    Manifest,
    manifest::{FILE_NAME, MAX_MANIFEST_BYTES, ManifestProblem},
};

pub use contents::ContentsError;
pub(crate) use contents::{How, copy, is_same};
pub(crate) use verify::signature_state;
pub use verify::{SignatureState, Verified, VerifyError, VerifyProblem, verify_manifest};

use crate::{store::Slot, trust::Trust};

/// Where a package comes from, which decides the default policy for signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// A directory of this machine that somebody named.
    LocalDirectory,
    /// An archive, a URL, a catalog.
    Elsewhere,
}

/// A directory that is no usable package.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackageError {
    /// There is no `plugin.json`.
    #[error("{directory} has no {FILE_NAME}, so it is no package", directory = directory.display())]
    NoManifest {
        /// The directory.
        directory: PathBuf,
    },
    /// A file of it cannot be read, or is none.
    #[error("cannot read {path}: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Its `plugin.json` cannot be used.
    #[error("{path} cannot be used: {problem}", path = path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: ManifestProblem,
    },
    /// The program that its `plugin.json` names cannot be read, or is none.
    #[error(
        "connector {connector:?} has no usable program {path}: {source}; its plugin.json names \
         it as entry",
        path = path.display()
    )]
    Program {
        /// The connector.
        connector: String,
        /// The program.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The archive cannot be unpacked, or must not be.
    #[error(transparent)]
    Archive(#[from] archive::ArchiveError),
}

/// A package in a directory, whose `plugin.json` is one that an installer takes. Its
/// program has not been looked at but for being a file: see [`Package::verify`].
#[derive(Debug)]
pub struct Package {
    directory: PathBuf,
    manifest: Arc<Manifest>,
    manifest_bytes: Arc<[u8]>,
    archive_sha256: Option<String>,
    /// Of one that was unpacked: removes the directory in the end.
    slot: Option<Slot>,
}

impl Package {
    /// Opens the package in `directory`.
    ///
    /// # Errors
    ///
    /// [`PackageError`] when there is no `plugin.json`, when it is not one to install
    /// ([`Manifest::check`]), and when the program is no regular file beside it.
    pub fn open(directory: &Path) -> Result<Package, PackageError> {
        let path = directory.join(FILE_NAME);
        let bytes = match files::read_regular(&path, MAX_MANIFEST_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(PackageError::NoManifest {
                    directory: directory.to_owned(),
                });
            }
            Err(source) => return Err(PackageError::Read { path, source }),
        };
        let manifest = Manifest::parse(&bytes)
            .and_then(|manifest| manifest.check().map(|()| manifest))
            .map_err(|problem| PackageError::Manifest { path, problem })?;
        let program = directory.join(&manifest.entry);
        files::open_regular(&program).map_err(|source| PackageError::Program {
            connector: manifest.key().to_owned(),
            path: program,
            source,
        })?;
        Ok(Package {
            directory: directory.to_owned(),
            manifest: Arc::new(manifest),
            manifest_bytes: bytes.into(),
            archive_sha256: None,
            slot: None,
        })
    }

    /// Unpacks an archive into `slot` and opens what it holds.
    pub(crate) fn unpack(
        archive: &Path,
        slot: Slot,
        limits: &archive::Limits,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Package, PackageError> {
        let extracted = archive::extract(archive, slot.path(), limits, cancelled)?;
        let mut package = Package::open(&extracted.directory)?;
        package.archive_sha256 = Some(extracted.sha256);
        package.slot = Some(slot);
        Ok(package)
    }

    /// The directory that it is in.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What its `plugin.json` says.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Its `plugin.json` to the byte, which is what a signature covers.
    pub fn manifest_bytes(&self) -> &[u8] {
        &self.manifest_bytes
    }

    /// Its program.
    pub fn program(&self) -> PathBuf {
        self.directory.join(&self.manifest.entry)
    }

    /// The SHA-256 of the archive that it came in, if it did.
    pub fn archive_sha256(&self) -> Option<&str> {
        self.archive_sha256.as_deref()
    }

    pub(crate) fn into_manifest(self) -> (Arc<Manifest>, Arc<[u8]>) {
        (self.manifest, self.manifest_bytes)
    }

    /// Whether its files are our own, unpacked and seen by nobody else.
    pub(crate) fn is_private(&self) -> bool {
        self.slot.is_some()
    }

    /// Hashes the program and judges platform, contract and signatures.
    ///
    /// # Errors
    ///
    /// [`VerifyError`] with the first thing that speaks against it.
    pub fn verify(&self, trust: &Trust, origin: Origin) -> Result<Verified, VerifyError> {
        verify_manifest(&self.manifest_bytes, &self.program(), trust, origin)
    }
}
