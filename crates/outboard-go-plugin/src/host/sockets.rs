//! The private directory in which a plugin makes its sockets: made on a short
//! path, locked while its host lives, removed whatever happened.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, SystemTime},
};

use tempfile::TempDir;

use super::StartErrorKind;

/// Longest path of a Unix socket, in bytes, without the closing zero.
const MAX_SOCKET_PATH: usize = if cfg!(target_os = "linux") { 107 } else { 103 };
/// What plugins append to their socket directory, with room to spare:
/// `/plugin` and up to ten digits in Go, up to twenty in ours.
const SOCKET_NAME: usize = 30;
/// How the directories' names begin; six letters and digits follow.
const PREFIX: &str = "outboard-plugin-";
/// How old a directory must be to be swept: far older than one that its host
/// has made and not locked yet.
const SWEEP_AGE: Duration = Duration::from_secs(60);
/// How many entries of a directory for temporary files one sweep looks at.
const SWEEP_ENTRIES: usize = 10_000;

/// One plugin's socket directory. Dropping it removes it with all that is in it.
#[derive(Debug)]
pub(super) struct SocketDirectory {
    // Dropped in this order: what is gone needs no guardian any more.
    directory: TempDir,
    #[cfg(unix)]
    watched: Option<super::guardian::Watched>,
    /// Locked while the host lives: a sweep leaves it alone then, and so does
    /// systemd's cleaning of old temporary files.
    _lock: Option<File>,
}

impl SocketDirectory {
    /// Makes one, in the first place with a short enough path.
    pub(super) fn create() -> Result<SocketDirectory, StartErrorKind> {
        let mut failure = None;
        for parent in parents() {
            let mut builder = tempfile::Builder::new();
            builder.prefix(PREFIX);
            #[cfg(unix)]
            builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
            match builder.tempdir_in(&parent) {
                Ok(directory) => {
                    let length = directory.path().as_os_str().len();
                    let limit = MAX_SOCKET_PATH - SOCKET_NAME;
                    if length <= limit {
                        return Ok(SocketDirectory::new(directory));
                    }
                    let path = directory.path().to_owned();
                    failure = Some(StartErrorKind::SocketPathTooLong {
                        path,
                        length,
                        limit,
                    });
                }
                Err(error) => {
                    failure.get_or_insert(StartErrorKind::Io(error));
                }
            }
        }
        Err(failure.unwrap_or_else(|| {
            StartErrorKind::Io(io::Error::other(
                "there is no directory for temporary files",
            ))
        }))
    }

    fn new(directory: TempDir) -> SocketDirectory {
        SocketDirectory {
            _lock: lock(directory.path()),
            #[cfg(unix)]
            watched: super::guardian::watch_directory(directory.path()),
            directory,
        }
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Leaves it to a plugin that outlives this host.
    pub(super) fn outlives_host(&mut self) {
        #[cfg(unix)]
        drop(self.watched.take());
    }

    /// Leaves it where it is; a sweep removes it once nobody listens there.
    pub(super) fn keep(self) {
        let _ = self.directory.keep();
    }
}

/// Removes the directory in which a plugin listened that has ended and whose
/// host had left it to itself, if a host of this crate made it and it is empty.
pub(super) fn remove_left(socket: &Path) {
    let left = socket.parent().filter(|parent| {
        let name = parent.file_name();
        name.is_some_and(has_our_name)
    });
    if let Some(left) = left {
        let _ = fs::remove_dir(left);
    }
}

fn has_our_name(name: &OsStr) -> bool {
    let rest = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
    rest.is_some_and(|rest| rest.len() == 6 && rest.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// Where socket directories may be, best first.
fn parents() -> impl Iterator<Item = PathBuf> {
    let candidates = [
        std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from),
        Some(std::env::temp_dir()),
        Some(PathBuf::from("/tmp")),
    ];
    let mut seen = Vec::new();
    candidates.into_iter().flatten().filter(move |parent| {
        let new = parent.is_absolute() && !seen.contains(parent);
        if new {
            seen.push(parent.clone());
        }
        new
    })
}

/// An exclusive lock on a directory, released when its holder dies.
fn lock(path: &Path) -> Option<File> {
    #[cfg(unix)]
    {
        use rustix::fs::{FlockOperation, flock};
        let directory = File::open(path).ok()?;
        flock(&directory, FlockOperation::NonBlockingLockExclusive).ok()?;
        Some(directory)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}

/// Removes what dead hosts left, once in the life of this process.
pub(super) fn sweep_in_background() {
    static SWEPT: AtomicBool = AtomicBool::new(false);
    if !SWEPT.swap(true, Ordering::Relaxed) {
        // Ends by itself soon, and nobody needs to know when.
        tokio::task::spawn_blocking(|| {
            for parent in parents() {
                sweep(&parent, SWEEP_AGE);
            }
        });
    }
}

/// Removes the socket directories in `parent` that nobody needs any more: with
/// our name, ours, private, of that age, locked by no host, and with nothing in
/// them but sockets on which nobody listens.
fn sweep(parent: &Path, age: Duration) {
    let Ok(entries) = fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten().take(SWEEP_ENTRIES) {
        let path = entry.path();
        if is_stale(&path, &entry.file_name(), age) && remove_dead(&path).is_ok() {
            tracing::debug!(path = %path.display(), "removed the sockets of a host that is gone");
        }
    }
}

#[cfg(unix)]
fn is_stale(path: &Path, name: &OsStr, age: Duration) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    if !has_our_name(name) {
        return false;
    }
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return false;
    };
    let old = metadata.modified().is_ok_and(|changed| {
        SystemTime::now()
            .duration_since(changed)
            .is_ok_and(|passed| passed >= age)
    });
    let own = metadata.uid() == rustix::process::geteuid().as_raw();
    metadata.is_dir() && own && metadata.mode() & 0o777 == 0o700 && old
}

#[cfg(not(unix))]
fn is_stale(_: &Path, _: &OsStr, _: Duration) -> bool {
    false
}

#[cfg(unix)]
fn remove_dead(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::FileTypeExt as _;

    let _lock = lock(path).ok_or(io::ErrorKind::WouldBlock)?;
    let sockets: Vec<_> = fs::read_dir(path)?.collect::<Result<_, _>>()?;
    for socket in &sockets {
        // A plugin that outlives its host still listens.
        let dead = socket.file_type()?.is_socket() && nobody_listens(&socket.path());
        if !dead {
            return Err(io::ErrorKind::ResourceBusy.into());
        }
    }
    for socket in sockets {
        fs::remove_file(socket.path())?;
    }
    fs::remove_dir(path)
}

/// Never waits, not even for a listener that is too busy to accept.
#[cfg(unix)]
fn nobody_listens(path: &Path) -> bool {
    use rustix::{
        io::{Errno, ioctl_fionbio},
        net::{AddressFamily, SocketAddrUnix, SocketType, connect, socket},
    };

    let attempt = || {
        let socket = socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
        ioctl_fionbio(&socket, true)?;
        connect(&socket, &SocketAddrUnix::new(path)?)
    };
    attempt() == Err(Errno::CONNREFUSED)
}

#[cfg(not(unix))]
fn remove_dead(_: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::{fs::PermissionsExt as _, net::UnixListener};

    use super::*;

    #[test]
    fn a_sweep_removes_what_dead_hosts_left_and_nothing_else() {
        let parent = tempfile::tempdir().expect("a directory");
        let make = |name: &str| {
            let path = parent.path().join(name);
            fs::create_dir(&path).expect("a directory");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("its mode");
            path
        };
        let (empty, dead) = (
            make("outboard-plugin-aaaaaa"),
            make("outboard-plugin-bbbbbb"),
        );
        drop(UnixListener::bind(dead.join("plugin1")).expect("a socket"));
        let (live, locked) = (
            make("outboard-plugin-cccccc"),
            make("outboard-plugin-dddddd"),
        );
        let _listener = UnixListener::bind(live.join("plugin1")).expect("a socket");
        let _lock = lock(&locked).expect("a lock");
        let full = make("outboard-plugin-eeeeee");
        fs::write(full.join("notes"), "precious").expect("a file");
        let others = [make("outboard-plugin-backup1"), make("outboard-data"), full];

        sweep(parent.path(), Duration::from_secs(60));
        assert!(dead.exists(), "what is young may be about to be locked");
        sweep(parent.path(), Duration::ZERO);
        assert!(!empty.exists() && !dead.exists());
        for kept in [live, locked].iter().chain(&others) {
            assert!(kept.exists(), "{}", kept.display());
        }
    }

    #[test]
    fn a_directory_is_locked_while_it_is_in_use_and_gone_afterwards() {
        let directory = SocketDirectory::create().expect("a directory");
        let path = directory.path().to_owned();
        assert!(lock(&path).is_none());
        fs::write(path.join("left"), "").expect("a file");
        drop(directory);
        assert!(!path.exists());
    }
}
