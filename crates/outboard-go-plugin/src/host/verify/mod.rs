//! Verified execution: the bytes that are hashed are the bytes that run.
//!
//! ```text
//! open once ─▸ read, hash and write in one pass ─▸ compare ─▸ run what was written
//!                                                     │
//!              kept for restarts, removed with the last user ◂┘
//! ```
//!
//! Hashing a file and then starting its path leaves a gap in which the file can
//! be another one. What was tried against that, with a Go program that opens its
//! own executable, a C program with a library beside it, and scripts:
//!
//! | | private copy | sealed memory | open descriptor |
//! |---|---|---|---|
//! | the file is replaced after the check | nothing changes | nothing changes | nothing changes |
//! | the file is edited in place | nothing changes | nothing changes | **other bytes run** |
//! | the program opens its own executable | works | **fails by path**, works by `/proc/self/exe` | works |
//! | it has libraries or files beside it | works | **fails** | works |
//! | it is a script | works | **fails** | **fails** |
//! | its name in `ps` | as before | a number | a number |
//! | needs a directory that allows execution | **yes** | no | no |
//!
//! Hence a private copy unless the host's author says [`RunFrom::Memory`], and
//! no way that executes the descriptor.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::Mutex;

mod checksum;
#[cfg(unix)]
mod copy;
mod error;
#[cfg(target_os = "linux")]
mod memory;
#[cfg(unix)]
mod neighbours;
#[cfg(unix)]
mod source;
mod spec;
#[cfg(unix)]
mod sweep;

pub(super) use self::spec::{applicable, command, prepare};

pub use self::{
    checksum::{Checksum, ChecksumAlgorithm, ParseChecksumError},
    error::VerificationError,
};

/// From where a plugin with a checksum is executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum RunFrom {
    /// A copy that the host makes, in a directory that only its user may enter.
    /// The default, because programs survive it: one that looks for its own
    /// executable finds the copy, and what lies beside the original is linked
    /// beside the copy, as are its parent's `lib*`, `share` and `etc`.
    ///
    /// It is for threats from other users, from updates and from accidents. A
    /// process of the host's own user could change the copy, as it could change
    /// the host; a change before a restart is noticed, and the copy made again.
    ///
    /// The first directory is taken that can be written to and from which the
    /// system executes: the one for temporary files (`TMPDIR`), `/tmp`,
    /// `/var/tmp`, `XDG_CACHE_HOME`, `~/.cache`, `XDG_RUNTIME_DIR`. The copy goes with its
    /// last user, or with the host; a plugin that outlives its host then runs on
    /// without a file.
    #[default]
    PrivateCopy,
    /// Sealed memory, which nobody can change and which leaves nothing on disk.
    /// Linux only. The plugin must be a self-contained program: scripts are
    /// refused, libraries beside it are not found, and the path that it gets for
    /// its own executable cannot be opened. It occupies as much memory as the
    /// file is long.
    ///
    /// For hosts without a directory that allows execution, as in hardened
    /// containers.
    Memory,
}

/// A checksum that a plugin's program must have, with the verified bytes, which
/// all clones share.
#[derive(Debug, Clone)]
pub(super) struct Verification {
    checksum: Checksum,
    run_from: RunFrom,
    /// Held while the bytes are made, so that starts at the same time make them
    /// once.
    image: Arc<Mutex<Option<Arc<Image>>>>,
}

impl Verification {
    pub(super) fn new(checksum: Checksum, run_from: RunFrom) -> Verification {
        Verification {
            checksum,
            run_from,
            image: Arc::default(),
        }
    }

    /// The verified bytes of an earlier start, unless something touched them.
    async fn kept(&self) -> Option<Arc<Image>> {
        let kept = self.image.lock().await;
        kept.as_ref().filter(|image| image.is_intact()).cloned()
    }

    /// The verified bytes: those of an earlier start, or else of the file as it
    /// is now.
    ///
    /// Dropping the future stops the copying within a moment and leaves nothing.
    async fn image(&self, program: &Path) -> Result<Arc<Image>, VerificationError> {
        let mut kept = self.image.lock().await;
        if let Some(image) = kept.as_ref().filter(|image| image.is_intact()) {
            return Ok(image.clone());
        }
        // Cleaned away under us, or tampered with: the file itself decides again.
        *kept = None;
        let cancelled = Cancelled::default();
        let (flag, program) = (cancelled.0.clone(), program.to_owned());
        let (checksum, run_from) = (self.checksum.clone(), self.run_from);
        let made = tokio::task::spawn_blocking({
            let program = program.clone();
            move || Image::make(&program, &checksum, run_from, &flag)
        });
        let image = made
            .await
            .unwrap_or_else(|error| Err(VerificationError::unreadable(&program, error.into())))?;
        Ok(kept.insert(Arc::new(image)).clone())
    }
}

/// Tells the thread that copies that nobody waits any more.
#[derive(Default)]
struct Cancelled(Arc<AtomicBool>);

impl Drop for Cancelled {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Verified bytes in a form that the system executes. Whoever runs them keeps it.
#[derive(Debug)]
pub(super) enum Image {
    #[cfg(unix)]
    Copy(copy::PrivateCopy),
    #[cfg(target_os = "linux")]
    Memory(memory::SealedMemory),
}

impl Image {
    fn make(
        program: &Path,
        checksum: &Checksum,
        run_from: RunFrom,
        cancelled: &AtomicBool,
    ) -> Result<Image, VerificationError> {
        match run_from {
            #[cfg(unix)]
            RunFrom::PrivateCopy => {
                copy::PrivateCopy::make(program, checksum, cancelled).map(Image::Copy)
            }
            #[cfg(target_os = "linux")]
            RunFrom::Memory => {
                memory::SealedMemory::make(program, checksum, cancelled).map(Image::Memory)
            }
            #[allow(unreachable_patterns)]
            _ => {
                let _ = (checksum, cancelled);
                let error = std::io::ErrorKind::Unsupported.into();
                Err(VerificationError::unreadable(program, error))
            }
        }
    }

    /// What to execute.
    pub(super) fn program(&self) -> &Path {
        match self {
            #[cfg(unix)]
            Image::Copy(copy) => copy.program(),
            #[cfg(target_os = "linux")]
            Image::Memory(memory) => memory.program(),
        }
    }

    /// Whether nothing has touched it since it was verified.
    fn is_intact(&self) -> bool {
        match self {
            #[cfg(unix)]
            Image::Copy(copy) => copy.is_intact(),
            #[cfg(target_os = "linux")]
            Image::Memory(_) => true,
        }
    }
}
