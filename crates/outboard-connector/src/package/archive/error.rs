//! Why an archive is not unpacked.

use std::{io, path::PathBuf};

use super::NameProblem;

/// Why an archive is not unpacked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The archive cannot be read.
    #[error("cannot read the archive {path}: {source}", path = path.display())]
    Read {
        /// The archive.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What it holds cannot be written.
    #[error("cannot unpack to {path}: {source}", path = path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Neither a `.zip` nor a `.tar.gz`, whatever its name says.
    #[error("the archive is neither a .zip nor a .tar.gz, going by what it holds")]
    UnknownFormat,
    /// It ends too early.
    #[error("the archive is truncated; get it again")]
    Truncated,
    /// It contradicts itself, or is of a kind that no package needs.
    #[error("the archive is damaged or of an unusual kind: {reason}")]
    Damaged {
        /// What is wrong.
        reason: String,
    },
    /// A limit is exceeded.
    #[error("the archive has more than the {limit} {what} that are allowed")]
    TooLarge {
        /// Which.
        what: Exceeded,
        /// How much is allowed.
        limit: u64,
    },
    /// It grows more than any package does: what is called a bomb.
    #[error("the archive unpacks to more than {limit} times its size")]
    Ratio {
        /// How many times is allowed.
        limit: u64,
    },
    /// It took too long.
    #[error("unpacking the archive took longer than {limit:?}")]
    TimedOut {
        /// What is allowed.
        limit: std::time::Duration,
    },
    /// The caller wants it no more.
    #[error("unpacking the archive was cancelled")]
    Cancelled,
    /// An entry whose name must not become a file.
    #[error("the archive's entry {name:?} is refused: {problem}")]
    Name {
        /// The beginning of the name.
        name: String,
        /// What is wrong with it.
        problem: NameProblem,
    },
    /// An entry that is neither a file nor a directory.
    #[error("the archive's entry {name:?} is refused: it is {what}")]
    Special {
        /// Its name.
        name: String,
        /// What it is.
        what: &'static str,
    },
    /// An entry that asks for rights of its owner.
    #[error(
        "the archive's entry {name:?} is refused: its mode {mode:o} has the setuid, setgid or \
         sticky bit"
    )]
    ModeBits {
        /// Its name.
        name: String,
        /// Its mode.
        mode: u32,
    },
    /// Two entries of one name, or of names that some file systems take for one.
    #[error("the archive has {name:?} twice, perhaps in another case")]
    Twice {
        /// The second one.
        name: String,
    },
    /// No `plugin.json` where it is looked for.
    #[error("the archive has no plugin.json, neither at its root nor one level down")]
    NoManifest,
    /// Several files that could be `plugin.json`.
    #[error("the archive has several plugin.json: {first:?} and {second:?}")]
    TwoManifests {
        /// One.
        first: String,
        /// Another.
        second: String,
    },
    /// A file beside the directory that is the package.
    #[error("the archive's entry {name:?} is outside of the directory with plugin.json")]
    Outside {
        /// Its name.
        name: String,
    },
}

/// What an archive has too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exceeded {
    /// Bytes of the archive.
    ArchiveBytes,
    /// Bytes of one file.
    EntryBytes,
    /// Bytes of all files.
    TotalBytes,
    /// Files and directories.
    Entries,
}

impl std::fmt::Display for Exceeded {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Exceeded::ArchiveBytes => "bytes",
            Exceeded::EntryBytes => "bytes in one file",
            Exceeded::TotalBytes => "bytes when unpacked",
            Exceeded::Entries => "files and directories",
        })
    }
}

/// A name as an error carries it: no longer than a line.
pub(super) fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name).chars().take(120).collect()
}
