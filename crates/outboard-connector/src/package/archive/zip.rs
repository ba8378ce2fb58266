//! Zip archives, read by their central directory alone.
//!
//! ```text
//! local header, name, data       one per file
//! …
//! central directory              one record per file: name, sizes, mode, offset
//! end of central directory       where it starts, and how many records it has
//! ```
//!
//! Readers of zip differ in which of two equal names they take, which mode bits they keep
//! and what they make of data between the parts. So this one takes only archives in which
//! nothing is there twice, the parts touch, and both headers of a file agree.

use std::{
    fs::File,
    io::{self, Read, Seek as _, SeekFrom},
};

use flate2::{Crc, read::DeflateDecoder};

use super::{ArchiveError, Exceeded, error::shown, sink::Sink};

const END_BYTES: usize = 22;
const LOCAL_BYTES: usize = 30;
const CENTRAL_BYTES: usize = 46;

/// The longest comment that an archive can have.
const MAX_COMMENT_BYTES: usize = 65_535;

/// The largest central directory that is read. A thousand entries take about 100 KiB.
const MAX_DIRECTORY_BYTES: u32 = 4 * 1024 * 1024;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;

const FILE_TYPE: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const DIRECTORY: u32 = 0o040_000;
const LINK: u32 = 0o120_000;

struct Entry {
    name: Vec<u8>,
    mode: u32,
    method: u16,
    flags: u16,
    crc: u32,
    packed: u64,
    size: u64,
    offset: u64,
}

pub(super) fn extract(file: &File, length: u64, sink: &mut Sink<'_>) -> Result<(), ArchiveError> {
    let mut reader = file;
    let (start, entries) = central_directory(&mut reader, length, sink)?;
    let mut end_of_last = 0;
    for entry in &entries {
        sink.count()?;
        end_of_last = extract_entry(&mut reader, entry, end_of_last, start, sink)?;
    }
    Ok(())
}

/// The entries in the order of their data, and where the central directory starts.
fn central_directory(
    reader: &mut &File,
    length: u64,
    sink: &Sink<'_>,
) -> Result<(u64, Vec<Entry>), ArchiveError> {
    let tail_bytes = length.min((END_BYTES + MAX_COMMENT_BYTES) as u64);
    let tail_start = length - tail_bytes;
    let tail = read_at(reader, tail_start, tail_bytes, sink)?;
    let end = (0..=tail.len().saturating_sub(END_BYTES))
        .rev()
        .find(|at| {
            tail[*at..].starts_with(b"PK\x05\x06")
                && short(&tail[*at..], 20)
                    .is_some_and(|comment| at + END_BYTES + usize::from(comment) == tail.len())
        })
        .ok_or(ArchiveError::Truncated)?;
    let record = &tail[end..];
    let count = short(record, 10);
    let (size, start) = (long(record, 12), long(record, 16));
    let (Some(count), Some(size), Some(start)) = (count, size, start) else {
        return Err(ArchiveError::Truncated);
    };
    if short(record, 4) != Some(0) || short(record, 6) != Some(0) || short(record, 8) != Some(count)
    {
        return Err(damaged("it is one part of several"));
    }
    if usize::from(count) > sink.limits().entries {
        return Err(ArchiveError::TooLarge {
            what: Exceeded::Entries,
            limit: sink.limits().entries as u64,
        });
    }
    if size > MAX_DIRECTORY_BYTES || u64::from(start) + u64::from(size) != tail_start + end as u64 {
        return Err(damaged("its directory is not where its end says"));
    }
    let directory = read_at(reader, u64::from(start), u64::from(size), sink)?;
    let mut entries = Vec::with_capacity(usize::from(count));
    let mut rest = directory.as_slice();
    for _ in 0..count {
        let (entry, after) = central_record(rest)?;
        entries.push(entry);
        rest = after;
    }
    if !rest.is_empty() {
        return Err(damaged("its directory has more records than its end says"));
    }
    entries.sort_by_key(|entry| entry.offset);
    Ok((u64::from(start), entries))
}

fn central_record(bytes: &[u8]) -> Result<(Entry, &[u8]), ArchiveError> {
    let field = |at| short(bytes, at).ok_or(ArchiveError::Truncated);
    let wide = |at| long(bytes, at).ok_or(ArchiveError::Truncated);
    if !bytes.starts_with(b"PK\x01\x02") {
        return Err(damaged("a record of its directory is none"));
    }
    let name_bytes = usize::from(field(28)?);
    let after = CENTRAL_BYTES + name_bytes + usize::from(field(30)?) + usize::from(field(32)?);
    if bytes.len() < after {
        return Err(ArchiveError::Truncated);
    }
    let entry = Entry {
        name: bytes[CENTRAL_BYTES..CENTRAL_BYTES + name_bytes].to_vec(),
        // Whoever made it: where these bits are not a mode they are zero.
        mode: wide(38)? >> 16,
        flags: field(8)?,
        method: field(10)?,
        crc: wide(16)?,
        packed: u64::from(wide(20)?),
        size: u64::from(wide(24)?),
        offset: u64::from(wide(42)?),
    };
    if field(34)? != 0 || [entry.packed, entry.size, entry.offset].contains(&0xffff_ffff) {
        return Err(damaged("it is one part of several, or a zip64"));
    }
    Ok((entry, &bytes[after..]))
}

/// Unpacks one entry and says where its data ends.
fn extract_entry(
    reader: &mut &File,
    entry: &Entry,
    end_of_last: u64,
    directory_start: u64,
    sink: &mut Sink<'_>,
) -> Result<u64, ArchiveError> {
    let is_directory = entry.name.ends_with(b"/");
    match (entry.mode & FILE_TYPE, is_directory) {
        (0, _) | (REGULAR, false) | (DIRECTORY, true) => {}
        (REGULAR, true) | (DIRECTORY, false) => {
            return Err(damaged("an entry's name and its mode disagree"));
        }
        (LINK, _) => return Err(special(entry, "a symbolic link")),
        _ => return Err(special(entry, "a device, a pipe or a socket")),
    }
    // Encrypted, encrypted strongly, or with a hidden directory.
    if entry.flags & 0x2041 != 0 {
        return Err(special(entry, "encrypted"));
    }
    let header = read_at(reader, entry.offset, LOCAL_BYTES as u64, sink)?;
    let (Some(name_bytes), Some(extra_bytes)) = (short(&header, 26), short(&header, 28)) else {
        return Err(ArchiveError::Truncated);
    };
    let name = read_at(
        reader,
        entry.offset + LOCAL_BYTES as u64,
        u64::from(name_bytes),
        sink,
    )?;
    if !header.starts_with(b"PK\x03\x04")
        || name != entry.name
        || short(&header, 8) != Some(entry.method)
    {
        return Err(damaged("the two headers of an entry disagree"));
    }
    let data_start =
        entry.offset + LOCAL_BYTES as u64 + u64::from(name_bytes) + u64::from(extra_bytes);
    let data_end = data_start + entry.packed;
    if entry.offset < end_of_last || data_end > directory_start {
        return Err(damaged("the data of its entries overlaps"));
    }
    if is_directory {
        if entry.size != 0 {
            return Err(damaged("a directory has data"));
        }
        sink.directory(&entry.name, entry.mode)?;
        return Ok(data_end);
    }
    seek(reader, data_start, sink)?;
    let packed = io::Read::take(&mut *reader, entry.packed);
    let (mode, size) = (entry.mode, entry.size);
    match entry.method {
        STORED => {
            let mut checked = Checked::new(packed, entry.crc);
            sink.file(&entry.name, mode, size, Some(entry.packed), &mut checked)?;
        }
        DEFLATED => {
            let mut checked = Checked::new(DeflateDecoder::new(packed), entry.crc);
            sink.file(&entry.name, mode, size, Some(entry.packed), &mut checked)?;
        }
        method => {
            return Err(damaged(&format!(
                "its compression method {method} is unusual"
            )));
        }
    }
    Ok(data_end)
}

/// A reader whose end is an error when the checksum of everything read is not `expected`.
struct Checked<R> {
    reader: R,
    crc: Crc,
    expected: u32,
}

impl<R> Checked<R> {
    fn new(reader: R, expected: u32) -> Checked<R> {
        Checked {
            reader,
            crc: Crc::new(),
            expected,
        }
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, piece: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(piece)?;
        if read == 0 && !piece.is_empty() && self.crc.sum() != self.expected {
            let reason = "the checksum of an entry is wrong";
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        self.crc.update(&piece[..read]);
        Ok(read)
    }
}

fn seek(reader: &mut &File, at: u64, sink: &Sink<'_>) -> Result<(), ArchiveError> {
    reader
        .seek(SeekFrom::Start(at))
        .map(drop)
        .map_err(|error| sink.error(&error))
}

/// `length` bytes, which the caller has bounded.
fn read_at(
    reader: &mut &File,
    at: u64,
    length: u64,
    sink: &Sink<'_>,
) -> Result<Vec<u8>, ArchiveError> {
    seek(reader, at, sink)?;
    let mut bytes = Vec::new();
    io::Read::take(&mut *reader, length)
        .read_to_end(&mut bytes)
        .map_err(|error| sink.error(&error))?;
    if (bytes.len() as u64) < length {
        return Err(ArchiveError::Truncated);
    }
    Ok(bytes)
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    let two = bytes.get(at..at + 2)?;
    Some(u16::from_le_bytes(two.try_into().ok()?))
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at + 4)?;
    Some(u32::from_le_bytes(four.try_into().ok()?))
}

fn damaged(reason: &str) -> ArchiveError {
    ArchiveError::Damaged {
        reason: reason.to_owned(),
    }
}

fn special(entry: &Entry, what: &'static str) -> ArchiveError {
    ArchiveError::Special {
        name: shown(&entry.name),
        what,
    }
}
