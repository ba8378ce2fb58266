//! The files of a package, copied to where nobody else writes.

use std::{
    fs::{self, File},
    io::{self, Read, Write as _},
    path::{Path, PathBuf},
};

use super::{
    archive::{Exceeded, Limits, NameProblem, check_name},
    files,
};

/// Why a package's files are not copied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContentsError {
    /// A file cannot be read, or cannot be written.
    #[error("cannot copy {path}: {source}", path = path.display())]
    Copy {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file that no package has: a link, a device, or one with a name or a mode to refuse.
    #[error("the package's file {path} is refused: {reason}", path = path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// More than the limits allow.
    #[error("the package has more than the {limit} {what} that are allowed")]
    TooLarge {
        /// Which limit.
        what: Exceeded,
        /// How much is allowed.
        limit: u64,
    },
}

/// How files get to where they are kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// Every byte is read and written.
    Copy,
    /// As a second name of the same file where the file system can, which only files that
    /// nobody else writes allow.
    Link,
}

/// Copies the package in `from` into the empty directory `to`. The program `entry` gets
/// mode 0755, everything else 0644, directories 0755.
pub(crate) fn copy(
    from: &Path,
    to: &Path,
    entry: &str,
    how: How,
    limits: &Limits,
) -> Result<(), ContentsError> {
    let mut copying = Copying {
        how,
        limits,
        entries: 0,
        bytes: 0,
    };
    copying.directory(from, to, Some(entry))
}

struct Copying<'a> {
    how: How,
    limits: &'a Limits,
    entries: usize,
    bytes: u64,
}

impl Copying<'_> {
    /// `entry` is given for the package's own directory, and not for one in it.
    fn directory(
        &mut self,
        from: &Path,
        to: &Path,
        entry: Option<&str>,
    ) -> Result<(), ContentsError> {
        for found in fs::read_dir(from).map_err(|source| copy_error(from, source))? {
            let found = found.map_err(|source| copy_error(from, source))?;
            let path = found.path();
            let name = found.file_name();
            if entry.is_some() && name == crate::store::RECORD_NAME {
                // Of an installed version that is installed again; it gets a record of its own.
                continue;
            }
            let name = name.to_str().ok_or(NameProblem::NotText);
            let name = name
                .and_then(|name| check_name(name).map(|()| name))
                .map_err(|problem| refused(&path, &problem))?;
            self.entries += 1;
            if self.entries > self.limits.entries {
                return Err(ContentsError::TooLarge {
                    what: Exceeded::Entries,
                    limit: self.limits.entries as u64,
                });
            }
            let kind = found
                .file_type()
                .map_err(|source| copy_error(&path, source))?;
            let target = to.join(name);
            if kind.is_dir() {
                if entry.is_none() {
                    return Err(refused(&path, &NameProblem::TooDeep));
                }
                fs::create_dir(&target)
                    .and_then(|()| files::set_mode(&target, 0o755))
                    .map_err(|source| copy_error(&target, source))?;
                self.directory(&path, &target, None)?;
            } else if kind.is_file() {
                let mode = if entry == Some(name) { 0o755 } else { 0o644 };
                self.file(&path, &target, mode)?;
            } else {
                return Err(refused(&path, &"it is neither a file nor a directory"));
            }
        }
        Ok(())
    }

    fn file(&mut self, from: &Path, to: &Path, mode: u32) -> Result<(), ContentsError> {
        let mut source = files::open_regular(from).map_err(|error| copy_error(from, error))?;
        let metadata = source.metadata().map_err(|error| copy_error(from, error))?;
        refuse_bits(from, &metadata)?;
        let linked = self.how == How::Link && fs::hard_link(from, to).is_ok();
        if linked {
            self.count(metadata.len(), metadata.len())?;
        } else {
            let mut target = files::create_private(to).map_err(|error| copy_error(to, error))?;
            self.bytes_of(&mut source, from, &mut target, to)?;
        }
        files::set_mode(to, mode).map_err(|error| copy_error(to, error))
    }

    fn bytes_of(
        &mut self,
        source: &mut File,
        from: &Path,
        target: &mut File,
        to: &Path,
    ) -> Result<(), ContentsError> {
        let mut piece = vec![0; files::PIECE_BYTES];
        let mut length = 0;
        loop {
            let read = match source.read(&mut piece) {
                Ok(0) => return Ok(()),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(copy_error(from, error)),
            };
            length += read as u64;
            self.count(read as u64, length)?;
            target
                .write_all(&piece[..read])
                .map_err(|error| copy_error(to, error))?;
        }
    }

    fn count(&mut self, more: u64, length: u64) -> Result<(), ContentsError> {
        self.bytes += more;
        let (what, limit) = if length > self.limits.entry_bytes {
            (Exceeded::EntryBytes, self.limits.entry_bytes)
        } else if self.bytes > self.limits.total_bytes {
            (Exceeded::TotalBytes, self.limits.total_bytes)
        } else {
            return Ok(());
        };
        Err(ContentsError::TooLarge { what, limit })
    }
}

fn copy_error(path: &Path, source: io::Error) -> ContentsError {
    ContentsError::Copy {
        path: path.to_owned(),
        source,
    }
}

fn refused(path: &Path, reason: &dyn std::fmt::Display) -> ContentsError {
    ContentsError::Refused {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}

#[cfg(unix)]
fn refuse_bits(path: &Path, metadata: &fs::Metadata) -> Result<(), ContentsError> {
    use std::os::unix::fs::MetadataExt as _;
    if metadata.mode() & 0o7000 != 0 {
        let reason = "its mode has the setuid, setgid or sticky bit";
        return Err(refused(path, &reason));
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_bits(_: &Path, _: &fs::Metadata) -> Result<(), ContentsError> {
    Ok(())
}

/// Whether two directories hold the same files with the same bytes. The file `except` at
/// the top is not looked at.
pub(crate) fn is_same(one: &Path, other: &Path, except: &str) -> io::Result<bool> {
    let (mut left, mut right) = (names(one, except)?, names(other, except)?);
    left.sort();
    right.sort();
    if left != right {
        return Ok(false);
    }
    for (name, is_directory) in left {
        let (one, other) = (one.join(&name), other.join(&name));
        let same = if is_directory {
            is_same(&one, &other, "")?
        } else {
            let (mut one, mut other) = (files::open_regular(&one)?, files::open_regular(&other)?);
            one.metadata()?.len() == other.metadata()?.len()
                && files::sha256(&mut one)? == files::sha256(&mut other)?
        };
        if !same {
            return Ok(false);
        }
    }
    Ok(true)
}

fn names(directory: &Path, except: &str) -> io::Result<Vec<(std::ffi::OsString, bool)>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name() != except {
            names.push((entry.file_name(), entry.file_type()?.is_dir()));
        }
    }
    Ok(names)
}
