//! Archives of packages, unpacked although nobody vouches for them.
//!
//! What kind of archive it is, `.zip` or `.tar.gz`, is told by its content. `plugin.json`
//! is at the root or one level down, and everything else is beside it or one level below
//! it. What no package needs is refused and not made harmless: paths that lead out, links,
//! devices, special mode bits, names that file systems could take for each other. Of modes
//! nothing is taken over.
//!
//! ```no_run
//! use outboard_connector::package::archive::{self, Limits};
//!
//! let into = tempfile::tempdir()?;
//! let archive = "httpbin-0.1.0-linux-amd64.zip".as_ref();
//! let extracted = archive::extract(archive, into.path(), &Limits::default(), &|| false)?;
//! println!("{}", extracted.directory.display());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod names;
mod sink;
mod tar;
mod zip;

use std::{
    io::{Read as _, Seek as _},
    path::{Path, PathBuf},
    time::Duration,
};

pub use error::{ArchiveError, Exceeded};
pub use names::NameProblem;
pub(crate) use names::check as check_name;

use super::files;
use sink::Sink;

/// How much an archive may ask of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The archive's own size, in bytes. Default: 512 MiB.
    pub archive_bytes: u64,
    /// One unpacked file, in bytes. Default: 512 MiB.
    pub entry_bytes: u64,
    /// All unpacked files, in bytes. Default: 1 GiB.
    pub total_bytes: u64,
    /// Files and directories. Default: 1,000.
    pub entries: usize,
    /// How many times its packed size anything may have, one file and all of them, once
    /// 1 MiB is out. Default: 200.
    pub ratio: u64,
    /// How long unpacking may take. Default: 120 seconds.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        const MIB: u64 = 1024 * 1024;
        Limits {
            archive_bytes: 512 * MIB,
            entry_bytes: 512 * MIB,
            total_bytes: 1024 * MIB,
            entries: 1000,
            ratio: 200,
            time: Duration::from_secs(120),
        }
    }
}

/// What an archive became.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Extracted {
    /// The directory with `plugin.json`: the one that was unpacked into, or one in it.
    pub directory: PathBuf,
    /// How many files there are.
    pub files: usize,
    /// How many bytes they have.
    pub bytes: u64,
    /// The SHA-256 of the archive, in hexadecimal digits.
    pub sha256: String,
}

/// Unpacks `archive` into the directory `into`, which must be empty and nobody else's.
/// Files get mode 0600 and directories 0700.
///
/// `cancelled` is asked between pieces of 128 KiB at most.
///
/// # Errors
///
/// [`ArchiveError`] for the first thing that is wrong. What was unpacked until then is
/// left for the caller to remove with the directory.
pub fn extract(
    archive: &Path,
    into: &Path,
    limits: &Limits,
    cancelled: &dyn Fn() -> bool,
) -> Result<Extracted, ArchiveError> {
    let read_error = |source| ArchiveError::Read {
        path: archive.to_owned(),
        source,
    };
    let mut file = files::open_regular(archive).map_err(read_error)?;
    let length = file.metadata().map_err(read_error)?.len();
    if length > limits.archive_bytes {
        return Err(ArchiveError::TooLarge {
            what: Exceeded::ArchiveBytes,
            limit: limits.archive_bytes,
        });
    }
    let mut sink = Sink::new(into, limits, cancelled);
    let mut counted = (&mut file).take(limits.archive_bytes);
    let (sha256, _) = files::sha256(&mut sink::Watched::new(&mut counted, &sink))
        .map_err(|error| sink.stopped().unwrap_or_else(|| read_error(error)))?;
    let mut start = [0; 4];
    file.rewind().map_err(read_error)?;
    let read = read_start(&mut file, &mut start).map_err(read_error)?;
    file.rewind().map_err(read_error)?;
    match &start[..read] {
        [b'P', b'K', 3, 4] | [b'P', b'K', 5, 6] => zip::extract(&file, length, &mut sink)?,
        [0x1f, 0x8b, ..] => tar::extract(&file, &mut sink)?,
        _ => return Err(ArchiveError::UnknownFormat),
    }
    let (directory, files, bytes) = sink.finish()?;
    Ok(Extracted {
        directory,
        files,
        bytes,
        sha256,
    })
}

fn read_start(file: &mut std::fs::File, start: &mut [u8]) -> std::io::Result<usize> {
    let mut read = 0;
    while read < start.len() {
        match file.read(&mut start[read..])? {
            0 => break,
            more => read += more,
        }
    }
    Ok(read)
}
