//! A program in sealed memory: a file without a name that nobody can change.

use std::{
    fs::File,
    io::Write as _,
    os::fd::{AsRawFd as _, OwnedFd},
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use rustix::{
    fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create},
    io::{Errno, fcntl_dupfd_cloexec},
};

use super::{
    Checksum, VerificationError,
    source::{Failure, Source},
};

/// A verified program in memory. Dropping it gives the memory back, once no
/// process runs it any more.
#[derive(Debug)]
pub(crate) struct SealedMemory {
    program: PathBuf,
    _file: OwnedFd,
}

impl SealedMemory {
    pub(super) fn make(
        program: &Path,
        checksum: &Checksum,
        cancelled: &AtomicBool,
    ) -> Result<SealedMemory, VerificationError> {
        let source = Source::open(program)?;
        // Its interpreter would open the descriptor by name, after it is closed.
        if source.is_script()? {
            return Err(VerificationError::Script(program.to_owned()));
        }
        let memory = |error: Errno| VerificationError::Memory(error.into());
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let file = match memfd_create("plugin", flags | MemfdFlags::EXEC) {
            // Kernels before 6.3 do not know the flag, and need none.
            Err(Errno::INVAL) => memfd_create("plugin", flags),
            result => result,
        }
        .map_err(memory)?;
        // Above the descriptors that the child gets for its input and output.
        let file = fcntl_dupfd_cloexec(file, 3).map_err(memory)?;
        let mut file = File::from(file);
        source
            .verify(checksum, cancelled, |piece| file.write_all(piece))
            .map_err(|failure| match failure {
                Failure::Verification(error) => error,
                Failure::Write(error) => VerificationError::Memory(error),
            })?;
        let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
        fcntl_add_seals(&file, seals).map_err(memory)?;
        Ok(SealedMemory {
            // The child resolves it before it closes the descriptor.
            program: PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd())),
            _file: file.into(),
        })
    }

    pub(super) fn program(&self) -> &Path {
        &self.program
    }
}
