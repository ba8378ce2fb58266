//! Where entries of an archive go: what is the same for every format.

use std::{
    cell::Cell,
    collections::BTreeMap,
    fs,
    io::{self, Read, Write as _},
    path::{Path, PathBuf},
    time::Instant,
};

use outboard_contracts::connector::manifest::FILE_NAME;

use super::{ArchiveError, Exceeded, Limits, error::shown, names};
use crate::package::files;

/// What a ratio is not asked of: a small file of zeros is no bomb.
pub(super) const RATIO_FROM_BYTES: u64 = 1024 * 1024;

/// Bits of a mode that no file of a package has: setuid, setgid, sticky.
const SPECIAL_BITS: u32 = 0o7000;

pub(super) struct Sink<'a> {
    into: &'a Path,
    limits: &'a Limits,
    cancelled: &'a dyn Fn() -> bool,
    started: Instant,
    entries: usize,
    files: usize,
    bytes: u64,
    /// Every path in lower case, as it was written and whether it is a directory.
    seen: BTreeMap<String, (String, bool)>,
    /// Why a [`Watched`] reader stopped.
    stop: Cell<Option<Stop>>,
}

#[derive(Clone, Copy)]
enum Stop {
    Time,
    Cancelled,
}

impl<'a> Sink<'a> {
    pub(super) fn new(
        into: &'a Path,
        limits: &'a Limits,
        cancelled: &'a dyn Fn() -> bool,
    ) -> Sink<'a> {
        Sink {
            into,
            limits,
            cancelled,
            started: Instant::now(),
            entries: 0,
            files: 0,
            bytes: 0,
            seen: BTreeMap::new(),
            stop: Cell::new(None),
        }
    }

    pub(super) fn limits(&self) -> &'a Limits {
        self.limits
    }

    /// Whether it should go on: time and the caller's wish.
    pub(super) fn check(&self) -> Result<(), ArchiveError> {
        if (self.cancelled)() {
            self.stop.set(Some(Stop::Cancelled));
        } else if self.started.elapsed() > self.limits.time {
            self.stop.set(Some(Stop::Time));
        }
        self.stopped().map_or(Ok(()), Err)
    }

    /// The error that a reader stopped with, if it was not the file's.
    pub(super) fn stopped(&self) -> Option<ArchiveError> {
        Some(match self.stop.get()? {
            Stop::Cancelled => ArchiveError::Cancelled,
            Stop::Time => ArchiveError::TimedOut {
                limit: self.limits.time,
            },
        })
    }

    /// Refuses `unpacked` bytes from `packed` ones when that is no honest ratio.
    pub(super) fn check_ratio(&self, packed: u64, unpacked: u64) -> Result<(), ArchiveError> {
        let limit = self.limits.ratio;
        if unpacked > RATIO_FROM_BYTES && unpacked / limit.max(1) > packed {
            return Err(ArchiveError::Ratio { limit });
        }
        Ok(())
    }

    /// Counts an entry, of whatever kind.
    pub(super) fn count(&mut self) -> Result<(), ArchiveError> {
        self.check()?;
        self.entries += 1;
        if self.entries > self.limits.entries {
            return Err(ArchiveError::TooLarge {
                what: Exceeded::Entries,
                limit: self.limits.entries as u64,
            });
        }
        Ok(())
    }

    /// Takes a directory of the archive. Directories are made as files need them.
    pub(super) fn directory(&mut self, name: &[u8], mode: u32) -> Result<(), ArchiveError> {
        refuse_bits(name, mode)?;
        let parts = parts(name)?;
        if parts.len() > 1 {
            self.note(parts[0], true)?;
        }
        if !parts.is_empty() {
            self.note(&parts.join("/"), true)?;
        }
        Ok(())
    }

    /// Takes a file of the archive: `size` bytes of `reader`, no more and no fewer.
    /// `packed` is what it takes in the archive, if that is known.
    pub(super) fn file(
        &mut self,
        name: &[u8],
        mode: u32,
        size: u64,
        packed: Option<u64>,
        reader: &mut dyn Read,
    ) -> Result<(), ArchiveError> {
        refuse_bits(name, mode)?;
        let parts = parts(name)?;
        let Some(file_name) = parts.last() else {
            return Err(ArchiveError::Name {
                name: shown(name),
                problem: names::NameProblem::Dot,
            });
        };
        if size > self.limits.entry_bytes {
            return Err(ArchiveError::TooLarge {
                what: Exceeded::EntryBytes,
                limit: self.limits.entry_bytes,
            });
        }
        if size > self.limits.total_bytes.saturating_sub(self.bytes) {
            return Err(ArchiveError::TooLarge {
                what: Exceeded::TotalBytes,
                limit: self.limits.total_bytes,
            });
        }
        if let Some(packed) = packed {
            self.check_ratio(packed, size)?;
        }
        let mut directory = self.into.to_owned();
        if parts.len() > 1 {
            self.note(parts[0], true)?;
            directory.push(parts[0]);
            make_directory(&directory)?;
        }
        self.note(&parts.join("/"), false)?;
        self.files += 1;
        self.write(&directory.join(file_name), size, reader)
    }

    fn write(&mut self, path: &Path, size: u64, reader: &mut dyn Read) -> Result<(), ArchiveError> {
        let write_error = |source| ArchiveError::Write {
            path: path.to_owned(),
            source,
        };
        let mut file = files::create_private(path).map_err(write_error)?;
        let mut piece = vec![0; files::PIECE_BYTES];
        let mut left = size;
        while left > 0 {
            self.check()?;
            let most = usize::try_from(left).map_or(piece.len(), |left| left.min(piece.len()));
            let read = self.read(reader, &mut piece[..most])?;
            if read == 0 {
                return Err(ArchiveError::Truncated);
            }
            file.write_all(&piece[..read]).map_err(write_error)?;
            left -= read as u64;
            self.bytes += read as u64;
        }
        // Reads the packed data to its end, where its checksum is.
        if self.read(reader, &mut piece[..1])? != 0 {
            return Err(ArchiveError::Damaged {
                reason: "a file is longer than the archive says".to_owned(),
            });
        }
        Ok(())
    }

    /// Reads from a decoder.
    pub(super) fn read(
        &self,
        reader: &mut dyn Read,
        piece: &mut [u8],
    ) -> Result<usize, ArchiveError> {
        loop {
            match reader.read(piece) {
                Ok(read) => return Ok(read),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.error(&error)),
            }
        }
    }

    /// What the error of a decoder means.
    pub(super) fn error(&self, error: &io::Error) -> ArchiveError {
        if let Some(stopped) = self.stopped() {
            return stopped;
        }
        match error.kind() {
            io::ErrorKind::UnexpectedEof => ArchiveError::Truncated,
            _ => ArchiveError::Damaged {
                reason: error.to_string(),
            },
        }
    }

    /// Remembers a path; an error if another one could be taken for it.
    fn note(&mut self, path: &str, is_directory: bool) -> Result<(), ArchiveError> {
        let known = self.seen.get(&path.to_lowercase());
        match known {
            Some((written, true)) if is_directory && written == path => Ok(()),
            Some(_) => Err(ArchiveError::Twice {
                name: shown(path.as_bytes()),
            }),
            None => {
                let entry = (path.to_owned(), is_directory);
                self.seen.insert(path.to_lowercase(), entry);
                Ok(())
            }
        }
    }

    /// The directory with `plugin.json`, how many files there are, and how many bytes.
    pub(super) fn finish(self) -> Result<(PathBuf, usize, u64), ArchiveError> {
        let lower = FILE_NAME.to_lowercase();
        let mut manifests = self.seen.iter().filter(|(path, (_, is_directory))| {
            !is_directory && path.rsplit('/').next() == Some(lower.as_str())
        });
        let (_, (first, _)) = manifests.next().ok_or(ArchiveError::NoManifest)?;
        if let Some((_, (second, _))) = manifests.next() {
            return Err(ArchiveError::TwoManifests {
                first: first.clone(),
                second: second.clone(),
            });
        }
        let Some(below) = first.strip_suffix(FILE_NAME) else {
            return Err(ArchiveError::NoManifest);
        };
        let outside = self
            .seen
            .values()
            .find(|(path, is_directory)| !is_directory && !path.starts_with(below));
        if let Some((path, _)) = outside {
            return Err(ArchiveError::Outside { name: path.clone() });
        }
        let directory = match below.strip_suffix('/') {
            Some(directory) => self.into.join(directory),
            None => self.into.to_owned(),
        };
        Ok((directory, self.files, self.bytes))
    }
}

fn parts(name: &[u8]) -> Result<Vec<&str>, ArchiveError> {
    names::parts(name).map_err(|problem| ArchiveError::Name {
        name: shown(name),
        problem,
    })
}

fn refuse_bits(name: &[u8], mode: u32) -> Result<(), ArchiveError> {
    if mode & SPECIAL_BITS != 0 {
        return Err(ArchiveError::ModeBits {
            name: shown(name),
            mode: mode & 0o7777,
        });
    }
    Ok(())
}

fn make_directory(path: &Path) -> Result<(), ArchiveError> {
    match fs::create_dir(path) {
        Ok(()) => files::set_mode(path, 0o700),
        // Made for a file before: the directory is ours alone, and names are unique.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
    .map_err(|source| ArchiveError::Write {
        path: path.to_owned(),
        source,
    })
}

/// A reader that stops when time is up or the caller wants no more, and counts.
pub(super) struct Watched<'r, 's, 'a> {
    reader: &'r mut dyn Read,
    sink: &'s Sink<'a>,
}

impl<'r, 's, 'a> Watched<'r, 's, 'a> {
    pub(super) fn new(reader: &'r mut dyn Read, sink: &'s Sink<'a>) -> Watched<'r, 's, 'a> {
        Watched { reader, sink }
    }
}

impl Read for Watched<'_, '_, '_> {
    fn read(&mut self, piece: &mut [u8]) -> io::Result<usize> {
        if self.sink.check().is_err() {
            return Err(io::Error::other("stopped"));
        }
        self.reader.read(piece)
    }
}
