//! Why a plugin's program could not be verified.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::Checksum;

/// What went wrong while a program was verified. Nothing was executed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerificationError {
    /// The file has another checksum than it must have.
    #[error("{program} has the checksum {actual}, and {expected} was asked for")]
    Mismatch {
        /// The file.
        program: PathBuf,
        /// What it must have.
        expected: Checksum,
        /// What it has.
        actual: Checksum,
    },
    /// The host does not start the plugin from a file of its own.
    #[error("the plugin is {0}, so there is no program that this host could verify")]
    NoProgram(String),
    /// The file could not be opened or read to its end.
    #[error("{program} cannot be read: {error}")]
    Unreadable {
        /// The file.
        program: PathBuf,
        /// What the operating system said.
        #[source]
        error: io::Error,
    },
    /// The path is a directory, a pipe or the like.
    #[error("{0} is not a regular file")]
    NotAFile(PathBuf),
    /// The file is longer than a program may be.
    #[error("{program} is too large: a program may have {limit} bytes")]
    TooLarge {
        /// The file.
        program: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
    /// There is no directory that can be written to, has room and allows
    /// execution.
    #[error("no directory will do for a private copy of the program: {}", join(.tried))]
    NoPlace {
        /// The directories that were tried, and what is wrong with each.
        tried: Vec<(PathBuf, io::Error)>,
    },
    /// More files lie beside the program than are linked beside its copy.
    #[error("more than {limit} files lie beside the program in {directory}")]
    Crowded {
        /// The program's directory.
        directory: PathBuf,
        /// The limit.
        limit: usize,
    },
    /// A script cannot be executed from memory.
    #[error("{0} is a script, which cannot run from memory")]
    Script(PathBuf),
    /// The system gave no sealed memory for the program.
    #[error("no sealed memory for the program: {0}")]
    Memory(#[source] io::Error),
}

impl VerificationError {
    pub(super) fn unreadable(program: &Path, error: io::Error) -> VerificationError {
        VerificationError::Unreadable {
            program: program.to_owned(),
            error,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            VerificationError::Mismatch { .. } => {
                "install the plugin again from where its checksum comes from, or ask for the checksum of this one"
            }
            VerificationError::NoProgram(_) => {
                "leave the checksum out, or give the path of the program"
            }
            VerificationError::Unreadable { .. } => {
                "let the host's user read the file: a program with a checksum must be readable"
            }
            VerificationError::NotAFile(_) => "build the plugin, or correct the path",
            VerificationError::TooLarge { .. } => "check that the path names the plugin's program",
            VerificationError::NoPlace { .. } => {
                "set TMPDIR to a directory with room that is not mounted noexec, or run it from memory"
            }
            VerificationError::Crowded { .. } => "give the plugin a directory of its own",
            VerificationError::Script(_) => "run it from a private copy",
            VerificationError::Memory(_) => {
                "run it from a private copy, or allow executable memory files (vm.memfd_noexec)"
            }
        }
    }
}

fn join(tried: &[(PathBuf, io::Error)]) -> String {
    let tried = tried
        .iter()
        .map(|(path, error)| format!("{} ({error})", path.display()));
    tried.collect::<Vec<_>>().join(", ")
}
