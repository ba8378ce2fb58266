//! What is installed: versions of connectors side by side, one of them current.
//!
//! Every change is made by one process at a time, is written down before it is made, and
//! is decided by one rename. A process that is killed at any point leaves a store that the
//! next one to open it brings back to the old state or on to the new one; in between,
//! readers see one of the two. What runs from a version keeps running when the version is
//! replaced or removed.
//!
//! Everything here blocks: on an async runtime, call it where blocking is allowed.
//!
//! ```text
//! copy to .staging, verify, sync     nothing has changed yet
//! .journal                           what is going to be done
//! versions/1.1.0                     placed, and not current
//! outboard.lock                      the new entry
//! current                            decided
//! versions that are not kept, .journal
//! ```
//!
//! ```no_run
//! use outboard_connector::{package::{Origin, Package}, store::{InstallRequest, Store}, trust::Trust};
//!
//! let store = Store::open("data/connectors".as_ref(), "data/outboard.lock".as_ref())?;
//! let package = Package::open("dist/httpbin".as_ref())?;
//! let request = InstallRequest::new("dist/httpbin", Trust::new(), Origin::LocalDirectory);
//! let installed = store.install(&package, &request, &|_| {})?;
//! println!("{} {}", installed.key, installed.version);
//! # Ok::<(), outboard_connector::store::StoreError>(())
//! ```

mod change;
mod error;
mod install;
mod journal;
mod layout;
mod lock_file;
mod scan;
mod staging;

use std::{
    fmt,
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

pub use change::Version;
pub use error::StoreError;
pub use install::InstallRequest;
pub use layout::Record;
pub use lock_file::{LockFile, Locked, LockedPlatform};
pub use scan::{Found, Installed};
pub use staging::Slot;

use error::io_error;
pub(crate) use layout::RECORD_NAME;
use scan::Cache;

use crate::package::{Package, archive::Limits, files};

/// The file that whoever changes the store holds a lock on.
const LOCK_NAME: &str = ".lock";

/// How long another process's change is waited for.
const LOCK_WAIT: Duration = Duration::from_secs(10);

/// The pauses between attempts to get the lock.
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// The points of a change after which a crash leaves another state on disk, in the order
/// in which they are passed. For the tests that end a process at each of them.
#[doc(hidden)]
pub const STEPS: [&str; 18] = [
    "slot",
    "copied",
    "staged",
    "journal-written",
    "journal",
    "directories",
    "flat-kept",
    "placed",
    "lock-written",
    "locked",
    "current-written",
    "current",
    "moved-away",
    "flat-removed",
    "pruned",
    "restored",
    "undone",
    "done",
];

type StepHook = Arc<dyn Fn(&'static str) + Send + Sync>;

/// The installed connectors of one directory, and the lock file that describes them.
pub struct Store {
    directory: PathBuf,
    lock_file: PathBuf,
    lock_wait: Duration,
    limits: Limits,
    cache: Mutex<Cache>,
    step_hook: Option<StepHook>,
}

impl fmt::Debug for Store {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Store")
            .field("directory", &self.directory)
            .field("lock_file", &self.lock_file)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the store in `connectors_dir`, which is made if it is not there, and settles
    /// a change that was interrupted. `lock_file` need not exist.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] when a directory cannot be made or read;
    /// [`StoreError::LockFile`] and [`StoreError::Journal`] when an interrupted change
    /// cannot be settled.
    pub fn open(connectors_dir: &Path, lock_file: &Path) -> Result<Store, StoreError> {
        fs::create_dir_all(connectors_dir).map_err(io_error("make", connectors_dir))?;
        if let Some(parent) = lock_file
            .parent()
            .filter(|path| !path.as_os_str().is_empty())
        {
            fs::create_dir_all(parent).map_err(io_error("make", parent))?;
        }
        // Paths stay good when the process changes its directory, and a lock file that is
        // a link into a checkout stays one.
        let directory =
            fs::canonicalize(connectors_dir).map_err(io_error("find", connectors_dir))?;
        let lock_file = match fs::canonicalize(lock_file) {
            Ok(path) => path,
            Err(_) => std::path::absolute(lock_file).map_err(io_error("find", lock_file))?,
        };
        let store = Store {
            directory,
            lock_file,
            lock_wait: LOCK_WAIT,
            limits: Limits::default(),
            cache: Mutex::new(Cache::new()),
            step_hook: None,
        };
        if store.needs_recovery()
            && let Some(_lock) = store.try_lock()?
        {
            // Whoever holds the lock has settled it, or will when they change something.
            store.recover()?;
        }
        Ok(store)
    }

    /// Waits at most `wait` for another process that changes the store. Default: 10 seconds.
    #[must_use]
    pub fn with_lock_wait(mut self, wait: Duration) -> Store {
        self.lock_wait = wait;
        self
    }

    /// What a package may ask of this machine.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Store {
        self.limits = limits;
        self
    }

    /// Calls `hook` at each of [`STEPS`].
    #[doc(hidden)]
    #[must_use]
    pub fn with_step_hook(mut self, hook: impl Fn(&'static str) + Send + Sync + 'static) -> Store {
        self.step_hook = Some(Arc::new(hook));
        self
    }

    /// The directory with the connectors.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What `outboard.lock` says.
    ///
    /// # Errors
    ///
    /// [`StoreError::LockFile`] when it cannot be understood.
    pub fn lock_file(&self) -> Result<LockFile, StoreError> {
        LockFile::read(&self.lock_file)
    }

    /// Opens the package at `source`: a directory as it is, an archive unpacked into a
    /// private directory of the store, which the package removes when it is dropped.
    ///
    /// # Errors
    ///
    /// [`StoreError::Package`] when it is no package, [`StoreError::Io`] when nothing can
    /// be unpacked here.
    pub fn open_package(
        &self,
        source: &Path,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Package, StoreError> {
        let metadata = fs::metadata(source).map_err(io_error("open", source))?;
        if metadata.is_dir() {
            return Ok(Package::open(source)?);
        }
        Ok(Package::unpack(
            source,
            self.slot()?,
            &self.limits,
            cancelled,
        )?)
    }

    /// A private, empty directory on the store's file system, for what is being fetched.
    /// It is removed when the value is dropped, and if the process is killed, by whoever
    /// opens the store next.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] when it cannot be made.
    pub fn slot(&self) -> Result<Slot, StoreError> {
        let slot = Slot::new(&self.directory);
        let slot = slot.map_err(io_error("make a private directory in", &self.directory))?;
        self.step("slot");
        Ok(slot)
    }

    fn step(&self, name: &'static str) {
        if let Some(hook) = &self.step_hook {
            hook(name);
        }
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        // Entries are put in whole, so that a panic elsewhere leaves none half done.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open_lock(&self) -> Result<File, StoreError> {
        let path = self.directory.join(LOCK_NAME);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o644);
            options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
        }
        options.open(&path).map_err(io_error("open", path))
    }

    /// The lock, if nobody has it.
    fn try_lock(&self) -> Result<Option<File>, StoreError> {
        let file = self.open_lock()?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => {
                Err(io_error("lock", self.directory.join(LOCK_NAME))(error))
            }
        }
    }

    /// Gets the lock for a change, and settles what somebody else left. It is held until
    /// the file is dropped.
    fn lock(&self) -> Result<File, StoreError> {
        let file = self.open_lock()?;
        let started = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => {
                    let left = self.lock_wait.saturating_sub(started.elapsed());
                    if left.is_zero() {
                        return Err(StoreError::Busy {
                            path: self.directory.clone(),
                            waited: self.lock_wait,
                        });
                    }
                    std::thread::sleep(left.min(LOCK_PAUSE));
                }
                Err(TryLockError::Error(error)) => {
                    return Err(io_error("lock", self.directory.join(LOCK_NAME))(error));
                }
            }
        }
        self.recover()?;
        Ok(file)
    }

    /// After a change that failed: undoes it, and gives the error that it failed with.
    fn undone(&self, error: StoreError) -> StoreError {
        if let Err(other) = self.recover() {
            tracing::error!(error = %other, "a failed change could not be undone; it is tried again at the next one");
        }
        error
    }
}

/// Makes a directory that must not be there.
fn make_directory(path: &Path) -> io::Result<()> {
    fs::create_dir(path)?;
    files::set_mode(path, 0o755)
}
