//! What a plugin's process may use of the machine, set by the host before the plugin's
//! program runs.

use std::io;

use tokio::process::Command;

/// Limits on a plugin's process. Each is the system's own unless set.
///
/// They are in force when the plugin's first instruction runs, hold for its children too,
/// and cannot be raised by it, unless it runs as root: the hard limits are set too. A
/// limit above the host's own hard limit becomes that one. Unix only.
///
/// ```
/// use outboard_go_plugin::{
///     handshake::HandshakeConfig,
///     host::{PluginSpec, ResourceLimits},
/// };
///
/// let mut limits = ResourceLimits::default();
/// limits.open_files = Some(256);
/// limits.cpu_seconds = Some(3600);
/// let handshake = HandshakeConfig::new("BASIC_PLUGIN", "hello", 1);
/// let spec = PluginSpec::new("greeter", "./greeter", handshake).resource_limits(limits);
/// # drop(spec);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResourceLimits {
    /// How large its address space may be, in bytes (`RLIMIT_AS`). What goes beyond
    /// cannot be allocated. Some runtimes, Go's among them, reserve far more than they use.
    pub address_space_bytes: Option<u64>,
    /// How much processor time it may use in all, in seconds (`RLIMIT_CPU`). SIGXCPU
    /// comes then, and SIGKILL five seconds of processor time later.
    pub cpu_seconds: Option<u64>,
    /// How many files and sockets it may have open (`RLIMIT_NOFILE`).
    pub open_files: Option<u64>,
    /// How many processes and threads *the user* may have for this process to make
    /// another (`RLIMIT_NPROC`): all of the user's count, also those of other programs.
    pub processes: Option<u64>,
}

/// Between SIGXCPU and SIGKILL.
#[cfg(unix)]
const LAST_CPU_SECONDS: u64 = 5;

impl ResourceLimits {
    /// Whether none is set.
    pub fn is_empty(&self) -> bool {
        *self == ResourceLimits::default()
    }

    /// Has the command set them between its fork and its exec, so that the program never
    /// runs without them.
    pub(super) fn apply(self, command: &mut Command) -> io::Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        #[cfg(unix)]
        {
            let limits = self.limits();
            // SAFETY: the closure runs in the child of a fork, where only what may be
            // done in a signal handler is sound. It makes system calls through rustix,
            // which takes no lock and allocates nothing, over numbers that it owns.
            unsafe {
                command.pre_exec(move || {
                    for (resource, limit) in limits.iter().flatten() {
                        rustix::process::setrlimit(*resource, *limit)?;
                    }
                    Ok(())
                });
            }
            Ok(())
        }
        #[cfg(not(unix))]
        {
            let _ = command;
            let text = "this system cannot limit what a plugin uses";
            Err(io::Error::new(io::ErrorKind::Unsupported, text))
        }
    }

    #[cfg(unix)]
    fn limits(self) -> [Option<(rustix::process::Resource, rustix::process::Rlimit)>; 4] {
        use rustix::process::{Resource, Rlimit, getrlimit};

        let limit = |resource: Resource, wanted: Option<u64>, grace: u64| {
            let wanted = wanted?;
            // Nobody but root may go beyond it, and a failure to would be one to start.
            let most = getrlimit(resource).maximum.unwrap_or(u64::MAX);
            let limit = Rlimit {
                current: Some(wanted.min(most)),
                maximum: Some(wanted.saturating_add(grace).min(most)),
            };
            Some((resource, limit))
        };
        [
            limit(Resource::As, self.address_space_bytes, 0),
            limit(Resource::Cpu, self.cpu_seconds, LAST_CPU_SECONDS),
            limit(Resource::Nofile, self.open_files, 0),
            limit(Resource::Nproc, self.processes, 0),
        ]
    }
}
