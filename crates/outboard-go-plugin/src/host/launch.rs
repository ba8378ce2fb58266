//! Where a plugin's process comes from: a command of ours, a process that runs
//! already, or whatever a [`Runner`] of the caller's makes.

use std::{
    ffi::{OsStr, OsString},
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::io::AsyncRead;
use tonic::async_trait;

use super::{ExitCause, ResourceLimits};
use crate::{reattach::ReattachConfig, transport::Address};

/// How to get at a plugin's process.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Launch {
    /// Start a program as a child of this process, in a process group of its
    /// own. Paths convert into this.
    Command {
        /// The file to start. It is not searched for in `PATH`.
        program: PathBuf,
        /// Its arguments.
        args: Vec<OsString>,
    },
    /// Connect to a plugin that runs already.
    Reattach(ReattachConfig),
    /// Let somebody else start it: in a container, on another machine.
    Runner(Arc<dyn Runner>),
}

impl Launch {
    pub(super) fn command(program: impl Into<PathBuf>) -> Launch {
        Launch::Command {
            program: program.into(),
            args: Vec::new(),
        }
    }
}

impl fmt::Display for Launch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Launch::Command { program, .. } => program.display().fmt(f),
            Launch::Reattach(config) => write!(f, "running at {}", config.address),
            Launch::Runner(runner) => write!(f, "by {runner:?}"),
        }
    }
}

macro_rules! from_path {
    ($($path:ty),*) => {
        $(impl From<$path> for Launch {
            fn from(program: $path) -> Launch {
                Launch::command(program)
            }
        })*
    };
}

from_path!(
    &str, String, &Path, PathBuf, &PathBuf, OsString, &OsStr, &String
);

impl From<ReattachConfig> for Launch {
    fn from(config: ReattachConfig) -> Launch {
        Launch::Reattach(config)
    }
}

impl<R: Runner + 'static> From<Arc<R>> for Launch {
    fn from(runner: Arc<R>) -> Launch {
        Launch::Runner(runner)
    }
}

/// A flow of bytes that a plugin writes.
pub type Output = Box<dyn AsyncRead + Send + Unpin>;

/// Starts plugins somewhere else: in a container, under another user, on
/// another machine. Implement it with [`async_trait`].
///
/// # Contract
///
/// One runner may be asked for several processes, also at the same time, and
/// for the same plugin again after a crash. Dropping the future of
/// [`start`](Runner::start) must leave nothing running.
#[async_trait]
pub trait Runner: fmt::Debug + Send + Sync {
    /// Starts one process. It must have exactly the environment in `request`
    /// (and what its surroundings need), because the magic cookie and the
    /// protocol versions are in there. Bounded by the start timeout.
    ///
    /// # Errors
    ///
    /// Whatever kept it from starting; its text goes into the start error.
    async fn start(&self, request: RunnerRequest) -> io::Result<Box<dyn AttachedRunner>>;
}

/// What a [`Runner`] is asked to start.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RunnerRequest {
    /// The plugin's name.
    pub plugin: String,
    /// The whole environment for the process, in order; later ones win.
    pub environment: Vec<(OsString, OsString)>,
    /// A private directory of the host's for sockets. It is what
    /// `PLUGIN_UNIX_SOCKET_DIR` in the environment names; a runner that shows
    /// it to the plugin under another path replaces the variable, and
    /// translates addresses, see [`AttachedRunner::translation`].
    pub socket_dir: PathBuf,
    /// The working directory, where the host wants a certain one.
    pub current_dir: Option<PathBuf>,
    /// What the process may use of the machine. Nobody but the runner can see to it.
    pub resource_limits: ResourceLimits,
}

/// One process that a [`Runner`] has started.
///
/// # Contract
///
/// Dropping it must end the process, unless [`detach`](Self::detach) was
/// called. [`wait`](Self::wait) is cancel-safe and may be called again after
/// it has returned, with the same answer.
#[async_trait]
pub trait AttachedRunner: Send {
    /// What people call the process: a process id, a container's name.
    fn id(&self) -> String;

    /// Its process id, if it is a process of this machine and pid namespace.
    fn pid(&self) -> Option<u32> {
        None
    }

    /// Its standard output, of which the first line is the handshake. Asked
    /// for once.
    fn take_stdout(&mut self) -> Option<Output>;

    /// Its standard error, which is its log. Asked for once.
    fn take_stderr(&mut self) -> Option<Output>;

    /// Waits for its end.
    async fn wait(&mut self) -> ExitCause;

    /// Asks it to end, as SIGTERM does, and says whether that is possible. It
    /// is not, unless this is implemented.
    async fn terminate(&mut self) -> bool {
        false
    }

    /// Ends it by force. [`wait`](Self::wait) is called afterwards.
    ///
    /// # Errors
    ///
    /// Whatever kept it from being killed.
    async fn kill(&mut self) -> io::Result<()>;

    /// Leaves it running when this is dropped. Does nothing unless implemented.
    fn detach(&mut self) {}

    /// How addresses differ on the two sides: not at all, unless implemented.
    fn translation(&self) -> Option<Arc<dyn Translation>> {
        None
    }

    /// What may explain that it did not start, for people. Asked for after a
    /// failed start, and given a second to answer.
    async fn diagnose(&mut self) -> Option<String> {
        None
    }
}

/// What each side calls the addresses of the other, where that differs: the
/// directory of a socket is mounted elsewhere, a port is forwarded. Brokered
/// connections are translated like the main one.
pub trait Translation: Send + Sync {
    /// Where the host reaches what the plugin calls `address`.
    ///
    /// # Errors
    ///
    /// If there is no way.
    fn plugin_to_host(&self, address: Address) -> io::Result<Address>;

    /// Where the plugin reaches what the host calls `address`.
    ///
    /// # Errors
    ///
    /// If there is no way.
    fn host_to_plugin(&self, address: Address) -> io::Result<Address>;
}
