//! How a plugin's process ended.

use std::{fmt, process::ExitStatus, time::Duration};

/// What ended a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitCause {
    /// It returned this exit status.
    Code(i32),
    /// This signal killed it.
    Signal(i32),
    /// The kernel killed it because memory ran out: it died of SIGKILL, nobody
    /// here had sent that, and the kernel has counted such a death meanwhile in
    /// the process's control group (or on the machine, where it has none).
    OutOfMemory,
    /// Nothing: the host let go of it, and it runs on.
    LeftRunning,
    /// The operating system did not say.
    Unknown,
}

impl From<ExitStatus> for ExitCause {
    fn from(status: ExitStatus) -> ExitCause {
        #[cfg(unix)]
        if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
            return ExitCause::Signal(signal);
        }
        status.code().map_or(ExitCause::Unknown, ExitCause::Code)
    }
}

impl fmt::Display for ExitCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExitCause::Code(code) => write!(f, "exit status {code}"),
            ExitCause::Signal(signal) => match signal_name(*signal) {
                Some(name) => write!(f, "signal {signal} ({name})"),
                None => write!(f, "signal {signal}"),
            },
            ExitCause::OutOfMemory => f.write_str("signal 9 (SIGKILL) when memory ran out"),
            ExitCause::LeftRunning => f.write_str("nothing, it runs on"),
            ExitCause::Unknown => f.write_str("an unknown cause"),
        }
    }
}

/// The names of the signals that end processes most often; their numbers are
/// the same on every Unix.
fn signal_name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        6 => "SIGABRT",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        15 => "SIGTERM",
        _ => return None,
    })
}

/// The end of one process, for logs, errors and people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExitReport {
    /// The plugin's name, as the host gave it.
    pub plugin: String,
    /// The process id it had.
    pub pid: u32,
    /// What ended it.
    pub cause: ExitCause,
    /// Whether the host had asked for it; if not, the plugin crashed.
    pub requested: bool,
    /// Whether the host had to use force because the plugin did not end in time.
    pub forced: bool,
    /// How long it ran.
    pub uptime: Duration,
    /// How many calls to it had not been answered at that moment.
    pub calls_in_flight: usize,
    /// The last lines it wrote to standard error, oldest first, at most 20.
    pub last_lines: Vec<String>,
}

impl fmt::Display for ExitReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            plugin,
            pid,
            cause,
            uptime,
            ..
        } = self;
        if self.cause == ExitCause::LeftRunning {
            return write!(
                f,
                "plugin {plugin:?} was left running as process {pid} after {uptime:.1?}"
            );
        }
        let verb = if self.requested { "stopped" } else { "crashed" };
        write!(
            f,
            "plugin {plugin:?} {verb}: process {pid} ended with {cause} after {uptime:.1?}"
        )?;
        if self.forced {
            f.write_str(", by force")?;
        }
        match self.calls_in_flight {
            0 => {}
            1 => f.write_str(", with 1 call in flight")?,
            calls => write!(f, ", with {calls} calls in flight")?,
        }
        if !self.requested && !self.last_lines.is_empty() {
            write!(f, "; it last said: {}", self.last_lines.join(" / "))?;
        }
        Ok(())
    }
}
