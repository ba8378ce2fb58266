//! Tar archives behind gzip, read record by record.
//!
//! Long names come in records of their own before the entry that they name, in two ways:
//! GNU's and that of POSIX. Both are read here and not by the `tar` crate, which takes
//! them into memory however long they are.

use std::{
    cell::Cell,
    fs::File,
    io::{self, Read},
};

use flate2::read::MultiGzDecoder;
use tar::{Archive, EntryType, PaxExtensions};

use super::{ArchiveError, Exceeded, error::shown, sink::Sink};
use crate::package::files;

/// The longest record that describes the next entry. Names take some hundred bytes;
/// macOS adds attributes of files.
const MAX_RECORD_BYTES: u64 = 64 * 1024;

/// How many bytes have passed a reader.
struct Counted<'c, R> {
    reader: R,
    count: &'c Cell<u64>,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, piece: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(piece)?;
        self.count.set(self.count.get() + read as u64);
        Ok(read)
    }
}

/// What the unpacked bytes are too many for.
#[derive(Clone, Copy)]
enum Exceeds {
    Ratio,
    Total,
}

/// Unpacked bytes, which end with an error as soon as they are too many for the packed
/// ones, wherever in the archive that is: a header can be a bomb too.
struct Bounded<'c, R> {
    reader: R,
    packed: &'c Cell<u64>,
    unpacked: &'c Cell<u64>,
    exceeded: &'c Cell<Option<Exceeds>>,
    most: u64,
    ratio: u64,
}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, piece: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(piece)?;
        let unpacked = self.unpacked.get() + read as u64;
        self.unpacked.set(unpacked);
        if unpacked > super::sink::RATIO_FROM_BYTES
            && unpacked / self.ratio.max(1) > self.packed.get()
        {
            self.exceeded.set(Some(Exceeds::Ratio));
        } else if unpacked > self.most {
            self.exceeded.set(Some(Exceeds::Total));
        }
        if self.exceeded.get().is_some() {
            return Err(io::Error::other("too much"));
        }
        Ok(read)
    }
}

/// What a record says about the entry behind it.
#[derive(Default)]
struct Next {
    name: Option<Vec<u8>>,
}

pub(super) fn extract(file: &File, sink: &mut Sink<'_>) -> Result<(), ArchiveError> {
    let (packed, unpacked) = (Cell::new(0), Cell::new(0));
    let exceeded = Cell::new(None);
    let limits = sink.limits();
    // Headers and padding take at most three blocks for each entry, and the end some.
    let overhead = (limits.entries as u64).saturating_mul(3 * 512 + MAX_RECORD_BYTES) + 64 * 1024;
    let bounded = Bounded {
        reader: MultiGzDecoder::new(Counted {
            reader: io::BufReader::with_capacity(files::PIECE_BYTES, file),
            count: &packed,
        }),
        packed: &packed,
        unpacked: &unpacked,
        exceeded: &exceeded,
        most: limits.total_bytes.saturating_add(overhead),
        ratio: limits.ratio,
    };
    extract_from(bounded, sink).map_err(|error| match (exceeded.get(), error) {
        (Some(Exceeds::Ratio), ArchiveError::Damaged { .. } | ArchiveError::Truncated) => {
            ArchiveError::Ratio {
                limit: limits.ratio,
            }
        }
        (Some(Exceeds::Total), ArchiveError::Damaged { .. } | ArchiveError::Truncated) => {
            ArchiveError::TooLarge {
                what: Exceeded::TotalBytes,
                limit: limits.total_bytes,
            }
        }
        (_, other) => other,
    })
}

fn extract_from(reader: impl Read, sink: &mut Sink<'_>) -> Result<(), ArchiveError> {
    let mut archive = Archive::new(reader);
    let entries = archive.entries().map_err(|error| sink.error(&error))?;
    let mut next = Next::default();
    for entry in entries.raw(true) {
        let mut entry = entry.map_err(|error| tar_error(&error, sink))?;
        sink.count()?;
        let kind = entry.header().entry_type();
        match kind {
            EntryType::GNULongName => {
                let mut name = record(&mut entry, sink)?;
                while name.last() == Some(&0) {
                    name.pop();
                }
                set_name(&mut next, name)?;
                continue;
            }
            EntryType::XHeader => {
                let bytes = record(&mut entry, sink)?;
                pax(&bytes, &mut next, false)?;
                continue;
            }
            // What `git archive` writes: a comment. It must not say where files go.
            EntryType::XGlobalHeader => {
                let bytes = record(&mut entry, sink)?;
                pax(&bytes, &mut next, true)?;
                continue;
            }
            _ => {}
        }
        let name = match std::mem::take(&mut next).name {
            Some(name) => name,
            None => entry.path_bytes().into_owned(),
        };
        let mode = entry.header().mode().map_err(|error| sink.error(&error))?;
        match kind {
            // Archives from before POSIX have no type for directories but the name.
            EntryType::Regular if name.ends_with(b"/") && entry.size() == 0 => {
                sink.directory(&name, mode)?;
            }
            EntryType::Regular if !name.ends_with(b"/") => {
                let size = entry.size();
                sink.file(&name, mode, size, None, &mut entry)?;
            }
            EntryType::Directory if entry.size() == 0 => sink.directory(&name, mode)?,
            other => return Err(special(&name, other)),
        }
    }
    if next.name.is_some() {
        return Err(ArchiveError::Truncated);
    }
    drain(archive.into_inner(), sink)
}

/// Reads the zeros behind the last entry, to the end of the gzip stream, where its
/// checksum is. Anything else there would be a second archive.
fn drain(mut reader: impl Read, sink: &Sink<'_>) -> Result<(), ArchiveError> {
    let mut piece = vec![0; files::PIECE_BYTES];
    loop {
        sink.check()?;
        match sink.read(&mut reader, &mut piece)? {
            0 => return Ok(()),
            read if piece[..read].iter().all(|byte| *byte == 0) => {}
            _ => {
                return Err(ArchiveError::Damaged {
                    reason: "there is something behind its end".to_owned(),
                });
            }
        }
    }
}

fn record<R: Read>(
    entry: &mut tar::Entry<'_, R>,
    sink: &Sink<'_>,
) -> Result<Vec<u8>, ArchiveError> {
    let size = entry.size();
    if size > MAX_RECORD_BYTES {
        return Err(ArchiveError::Damaged {
            reason: format!("a name or its attributes have more than {MAX_RECORD_BYTES} bytes"),
        });
    }
    let mut bytes = Vec::new();
    entry
        .take(size)
        .read_to_end(&mut bytes)
        .map_err(|error| tar_error(&error, sink))?;
    if (bytes.len() as u64) < size {
        return Err(ArchiveError::Truncated);
    }
    Ok(bytes)
}

fn pax(bytes: &[u8], next: &mut Next, global: bool) -> Result<(), ArchiveError> {
    for extension in PaxExtensions::new(bytes) {
        let extension = extension.map_err(|error| ArchiveError::Damaged {
            reason: error.to_string(),
        })?;
        match extension.key_bytes() {
            b"path" if !global => set_name(next, extension.value_bytes().to_vec())?,
            key @ (b"path" | b"linkpath" | b"size") => {
                return Err(ArchiveError::Damaged {
                    reason: format!("it sets {} in an unusual way", shown(key)),
                });
            }
            key if key.starts_with(b"GNU.sparse") => {
                return Err(ArchiveError::Damaged {
                    reason: "it has files with holes".to_owned(),
                });
            }
            _ => {}
        }
    }
    Ok(())
}

fn set_name(next: &mut Next, name: Vec<u8>) -> Result<(), ArchiveError> {
    if next.name.replace(name).is_some() {
        return Err(ArchiveError::Damaged {
            reason: "an entry has two names".to_owned(),
        });
    }
    Ok(())
}

/// The `tar` crate says in words alone that an archive ended in the middle of something.
fn tar_error(error: &io::Error, sink: &Sink<'_>) -> ArchiveError {
    let text = error.to_string();
    if text.contains("failed to read entire block") || text.contains("unexpected EOF") {
        return ArchiveError::Truncated;
    }
    sink.error(error)
}

fn special(name: &[u8], kind: EntryType) -> ArchiveError {
    let what = match kind {
        EntryType::Link => "a hard link",
        EntryType::Symlink | EntryType::GNULongLink => "a symbolic link",
        EntryType::Char | EntryType::Block => "a device",
        EntryType::Fifo => "a pipe",
        EntryType::GNUSparse => "a file with holes",
        _ => "of an unusual kind",
    };
    ArchiveError::Special {
        name: shown(name),
        what,
    }
}
