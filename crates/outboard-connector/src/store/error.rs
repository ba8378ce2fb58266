//! What can go wrong with what is installed.

use std::{io, path::PathBuf, time::Duration};

use outboard_contracts::connector::KeyError;

use crate::package::{ContentsError, PackageError, VerifyError, VerifyProblem};

/// Why a connector cannot be installed, found, changed or removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Not a connector's key. Nothing on disk was touched.
    #[error("{name:?} names no connector: {error}")]
    InvalidKey {
        /// The beginning of what was given.
        name: String,
        /// What is wrong with it.
        error: KeyError,
    },
    /// There is no connector of that key.
    #[error("there is no connector {connector:?}; install it first")]
    NotInstalled {
        /// The key.
        connector: String,
    },
    /// There is no such version of it.
    #[error("connector {connector:?} has no version {version} here; install it first")]
    NoSuchVersion {
        /// The connector.
        connector: String,
        /// The version.
        version: String,
    },
    /// There is no version to go back to.
    #[error(
        "connector {connector:?} has no earlier version here to go back to; install the one \
         that you want"
    )]
    NoEarlierVersion {
        /// The connector.
        connector: String,
    },
    /// A file or a directory of the store could not be used.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or the directory.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// Somebody else is changing the store.
    #[error(
        "the connectors in {path} are being changed by another process, for longer than \
         {waited:?}; try again when it is done",
        path = path.display()
    )]
    Busy {
        /// The store.
        path: PathBuf,
        /// How long was waited.
        waited: Duration,
    },
    /// `outboard.lock` cannot be understood.
    #[error(
        "cannot use {path}: {reason}; correct it, or restore it from version control",
        path = path.display()
    )]
    LockFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The store's note about an unfinished change cannot be understood.
    #[error(
        "cannot finish an interrupted change: {path} says {reason}; look at the connectors and \
         remove the file",
        path = path.display()
    )]
    Journal {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The package cannot be used.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// A file of the package is not installed.
    #[error("connector {connector:?} is not installed: {error}")]
    Contents {
        /// The connector.
        connector: String,
        /// What is wrong.
        #[source]
        error: ContentsError,
    },
    /// The package was changed while it was being installed.
    #[error("connector {connector:?} was changed while it was being installed; try again")]
    Changed {
        /// The connector.
        connector: String,
    },
    /// The package may not run here.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// The package is another connector than the one that was asked for.
    #[error("connector {expected:?} was asked for, and the package is {found:?}; nothing changed")]
    OtherKey {
        /// What was asked for.
        expected: String,
        /// What came.
        found: String,
    },
    /// The package has another version than the one that was asked for.
    #[error(
        "version {expected} of connector {connector:?} was asked for, and the package has \
         {found}; nothing changed"
    )]
    OtherVersion {
        /// The connector.
        connector: String,
        /// What was asked for.
        expected: String,
        /// What came.
        found: String,
    },
    /// The package has another digest than the one that was asked for.
    #[error(
        "the {what} of connector {connector:?} has the SHA-256 {found}, and {expected} was \
         asked for; nothing changed"
    )]
    OtherDigest {
        /// The connector.
        connector: String,
        /// `program` or `archive`.
        what: &'static str,
        /// What was asked for.
        expected: String,
        /// What came; `unknown` for the archive of a package that came in none.
        found: String,
    },
    /// The package is older than what is installed.
    #[error(
        "connector {connector:?} is installed in version {installed}, which is newer than \
         {offered}; allow a downgrade if you want it, or roll back to a version that is here"
    )]
    Downgrade {
        /// The connector.
        connector: String,
        /// The version that is installed.
        installed: String,
        /// The version of the package.
        offered: String,
    },
    /// The directory is called other than the connector in it.
    #[error(
        "the directory {directory:?} holds the connector {found:?}; give the directory that name"
    )]
    DirectoryName {
        /// The directory's name.
        directory: String,
        /// The connector's key.
        found: String,
    },
    /// A version's directory holds another version.
    #[error(
        "the directory of version {directory:?} of connector {connector:?} holds version \
         {found:?}; install it again"
    )]
    VersionName {
        /// The connector.
        connector: String,
        /// The directory's name.
        directory: String,
        /// The version in it.
        found: String,
    },
    /// Where a connector's directory should be is a link.
    #[error(
        "{path} is no directory of its own but a link, which is not followed",
        path = path.display()
    )]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// The program lacks the right to be run.
    #[error("the program {path} of connector {connector:?} is not executable", path = path.display())]
    NotExecutable {
        /// The connector.
        connector: String,
        /// The program.
        path: PathBuf,
    },
}

impl StoreError {
    /// Whether it is policy that refuses, and not something broken: signatures,
    /// revocations, downgrades, and packages other than those that were asked for.
    pub fn is_policy(&self) -> bool {
        match self {
            StoreError::Verify(error) => error.problem.is_policy(),
            StoreError::OtherKey { .. }
            | StoreError::OtherVersion { .. }
            | StoreError::OtherDigest { .. }
            | StoreError::Downgrade { .. } => true,
            _ => false,
        }
    }

    /// Whether it is refused for want of a signature that can be judged, and nothing else:
    /// what somebody may make an exception for.
    pub fn is_unsigned(&self) -> bool {
        let StoreError::Verify(error) = self else {
            return false;
        };
        matches!(
            error.problem,
            VerifyProblem::Unsigned { .. }
                | VerifyProblem::NoTrustedKeys
                | VerifyProblem::EnvelopeUnsigned
        )
    }

    /// Whether what was named is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(
            self,
            StoreError::NotInstalled { .. }
                | StoreError::NoSuchVersion { .. }
                | StoreError::NoEarlierVersion { .. }
        )
    }
}

/// Turns an error of the file system into ours.
pub(super) fn io_error(
    action: &'static str,
    path: impl Into<PathBuf>,
) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.into();
    move |source| StoreError::Io {
        action,
        path,
        source,
    }
}
