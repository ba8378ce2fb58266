//! The file that is verified: opened once, and read from that descriptor alone.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use super::{
    Checksum, VerificationError,
    checksum::{CHUNK, Hasher},
};

/// The longest program, in bytes: 4 GiB, several times what the largest plugins
/// have.
pub(super) const MAX_PROGRAM_BYTES: u64 = 4 * 1024 * 1024 * 1024;

/// An open program file.
pub(super) struct Source {
    file: File,
    path: PathBuf,
}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Source, VerificationError> {
        let unreadable = |error| VerificationError::unreadable(path, error);
        // Whatever the path leads to by now, opening it must not wait.
        let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(flags.bits().cast_signed())
            .open(path)
            .map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(VerificationError::NotAFile(path.to_owned()));
        }
        let source = Source {
            file,
            path: path.to_owned(),
        };
        source.check_length(metadata.len())?;
        Ok(source)
    }

    fn check_length(&self, length: u64) -> Result<(), VerificationError> {
        if length <= MAX_PROGRAM_BYTES {
            return Ok(());
        }
        Err(VerificationError::TooLarge {
            program: self.path.clone(),
            limit: MAX_PROGRAM_BYTES,
        })
    }

    /// Whether it begins as a script does.
    pub(super) fn is_script(&self) -> Result<bool, VerificationError> {
        let mut start = [0; 2];
        match self.file.read_exact_at(&mut start, 0) {
            Ok(()) => Ok(&start == b"#!"),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(VerificationError::unreadable(&self.path, error)),
        }
    }

    /// Reads all of it, gives each piece to `write`, and compares the checksum
    /// of just those pieces.
    pub(super) fn verify(
        &self,
        checksum: &Checksum,
        cancelled: &AtomicBool,
        mut write: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let mut hasher = Hasher::new(checksum.algorithm());
        let mut buffer = vec![0; CHUNK];
        let mut offset = 0;
        loop {
            if cancelled.load(Ordering::Relaxed) {
                let error = io::Error::other("nobody waits for it any more");
                return Err(VerificationError::unreadable(&self.path, error).into());
            }
            let count = match self.file.read_at(&mut buffer, offset) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(VerificationError::unreadable(&self.path, error).into()),
            };
            offset += count as u64;
            // It may have grown since it was opened.
            self.check_length(offset)?;
            hasher.update(&buffer[..count]);
            write(&buffer[..count]).map_err(Failure::Write)?;
        }
        let actual = hasher.finish();
        if actual == *checksum {
            return Ok(());
        }
        Err(VerificationError::Mismatch {
            program: self.path.clone(),
            expected: checksum.clone(),
            actual,
        }
        .into())
    }
}

/// Whether it is the file or the place for its copy that will not do.
pub(super) enum Failure {
    Verification(VerificationError),
    Write(io::Error),
}

impl From<VerificationError> for Failure {
    fn from(error: VerificationError) -> Failure {
        Failure::Verification(error)
    }
}
