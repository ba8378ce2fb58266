//! The files of one generation of a UI plugin, in memory: what is read once and checked
//! then can neither change under a reader nor lead elsewhere.

mod answer;
mod conditions;
mod content;
mod read;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::Arc,
};

use bytes::Bytes;
use jiff::Timestamp;

pub(super) use self::read::read;

/// How much a UI plugin may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AssetLimits {
    /// Bytes of all files together: 64 MiB.
    pub total_bytes: u64,
    /// Bytes of one file: 16 MiB.
    pub file_bytes: u64,
    /// How many files: 4,096.
    pub files: usize,
    /// How deep directories may be in each other: 16.
    pub depth: usize,
}

impl Default for AssetLimits {
    fn default() -> AssetLimits {
        AssetLimits {
            total_bytes: 64 * 1024 * 1024,
            file_bytes: 16 * 1024 * 1024,
            files: 4096,
            depth: 16,
        }
    }
}

/// Why the files of a plugin cannot be used. Paths are relative to its directory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AssetProblem {
    /// More bytes than a plugin may have.
    #[error("they have more than {limit} bytes together; leave out what no page needs")]
    TotalBytes {
        /// How many are allowed.
        limit: u64,
    },
    /// More bytes than a file may have.
    #[error("{path} has more than {limit} bytes; make it smaller or load it from elsewhere")]
    FileBytes {
        /// The file.
        path: String,
        /// How many are allowed.
        limit: u64,
    },
    /// More files than a plugin may have.
    #[error("there are more than {limit} files; bundle them or leave some out")]
    Files {
        /// How many are allowed.
        limit: usize,
    },
    /// Directories in directories, too deep.
    #[error("{path} is more than {limit} directories deep; a link may lead in a circle")]
    Depth {
        /// The directory.
        path: String,
        /// How deep is allowed.
        limit: usize,
    },
    /// A link that leads out of the directory of the assets.
    #[error("{path} is a link that leads out of the plugin; replace it by what it leads to")]
    Outside {
        /// The link.
        path: String,
    },
    /// Neither a file nor a directory, or a directory that is a file.
    #[error("{path} is {what}; take it away")]
    NotAFile {
        /// What it is.
        path: String,
        /// What it is instead.
        what: &'static str,
    },
    /// A name that no URL can say.
    #[error("{path} has a name that is not UTF-8; rename it")]
    Name {
        /// As near to the name as can be written.
        path: String,
    },
    /// A file could not be read.
    #[error("cannot read {path}: {error}")]
    Read {
        /// The file.
        path: String,
        /// What the operating system said.
        error: io::Error,
    },
    /// A file was written while it was read.
    #[error("they change while they are read")]
    Changing,
}

/// One file.
#[derive(Debug)]
struct Asset {
    bytes: Bytes,
    /// The same compressed, where that is worth it.
    gzip: Option<Bytes>,
    /// Of the bytes.
    sha256: [u8; 32],
    modified: Option<Timestamp>,
    content_type: &'static str,
    /// Whether the name has a hash of the content, so that the content never changes.
    hashed: bool,
}

/// All files of a UI plugin at one moment. It never changes.
#[derive(Debug)]
pub struct Snapshot {
    generation: u64,
    /// By path, with `/` between segments.
    files: BTreeMap<String, Arc<Asset>>,
    /// Without the root.
    directories: BTreeSet<String>,
    bytes: u64,
}

impl Snapshot {
    /// Counts up with each load of any plugin of one manager.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// How many files there are.
    pub fn file_count(&self) -> usize {
        self.files.len()
    }

    /// How many bytes they have together.
    pub fn total_bytes(&self) -> u64 {
        self.bytes
    }

    /// The paths of all files, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }
}
