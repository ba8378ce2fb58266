//! Programs that are run for what they print, within limits.

use std::{
    io::{self, Read},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

/// The most bytes of standard error that are kept, its last ones.
const STDERR_BYTES: usize = 4 * 1024;

/// How often it is looked whether a program has ended.
const POLL: Duration = Duration::from_millis(10);

/// What a program printed.
pub(super) struct Output {
    pub(super) status: ExitStatus,
    pub(super) stdout: Vec<u8>,
    /// The end of it, for people.
    pub(super) stderr: String,
}

/// Why there is no output.
#[derive(Debug)]
pub(super) enum Failure {
    Start(io::Error),
    TimedOut,
    TooMuch,
    Cancelled,
}

/// What is done with standard error.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stderr {
    /// It is ours.
    Inherit,
    /// Its end is kept.
    Keep,
}

/// The child, which does not outlive this value, and neither does what it has started if
/// it has a process group of its own.
struct Owned {
    child: Child,
    grouped: bool,
}

impl Owned {
    /// Whether it has ended. It is not reaped, so that its number stays its own.
    #[cfg(unix)]
    fn has_ended(&mut self) -> io::Result<bool> {
        use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
        let Some(id) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) else {
            return Ok(true);
        };
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        Ok(waitid(WaitId::Pid(id), options)?.is_some())
    }

    #[cfg(not(unix))]
    fn has_ended(&mut self) -> io::Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// Ends what is left of it, and reaps it.
    fn end(&mut self) -> io::Result<ExitStatus> {
        #[cfg(unix)]
        if self.grouped {
            use rustix::process::{Pid, Signal, kill_process_group};
            if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
                // There may be nobody left in it.
                let _ = kill_process_group(group, Signal::KILL);
            }
            self.grouped = false;
        }
        self.child.kill()?;
        self.child.wait()
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // It is reaped already unless something went wrong.
        let _ = self.end();
    }
}

/// Runs `command` until it ends, or `deadline` passes, or it prints more than `limit`
/// bytes, or the caller wants no more.
pub(super) fn run(
    mut command: Command,
    deadline: Duration,
    limit: usize,
    stderr: Stderr,
    cancelled: &dyn Fn() -> bool,
) -> Result<Output, Failure> {
    let ends = Instant::now() + deadline;
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command.stderr(match stderr {
        Stderr::Inherit => Stdio::inherit(),
        Stderr::Keep => Stdio::piped(),
    });
    // What shows its errors on a terminal is ended from there as well, with its children.
    let grouped = stderr == Stderr::Keep;
    #[cfg(unix)]
    if grouped {
        use std::os::unix::process::CommandExt as _;
        command.process_group(0);
    }
    let mut owned = Owned {
        child: command.spawn().map_err(Failure::Start)?,
        grouped,
    };
    let (sender, printed) = mpsc::sync_channel(2);
    // The threads end with the pipes, and those with the processes that have them open.
    if let Some(pipe) = owned.child.stdout.take() {
        let sender = sender.clone();
        reader(move || sender.send((true, read(pipe, limit.saturating_add(1), false))))?;
    }
    if let Some(pipe) = owned.child.stderr.take() {
        reader(move || sender.send((false, read(pipe, STDERR_BYTES, true))))?;
    }
    let (mut stdout, mut errors) = (None, (stderr == Stderr::Inherit).then(Vec::new));
    loop {
        if stdout
            .as_ref()
            .is_some_and(|stdout: &Vec<u8>| stdout.len() > limit)
        {
            return Err(Failure::TooMuch);
        }
        if let (Some(stdout), Some(errors)) = (&mut stdout, &mut errors)
            && owned.has_ended().map_err(Failure::Start)?
        {
            return Ok(Output {
                status: owned.end().map_err(Failure::Start)?,
                stdout: std::mem::take(stdout),
                stderr: String::from_utf8_lossy(errors).trim().to_owned(),
            });
        }
        if cancelled() {
            return Err(Failure::Cancelled);
        }
        let left = ends.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Failure::TimedOut);
        }
        match printed.recv_timeout(left.min(POLL)) {
            Ok((true, bytes)) => stdout = Some(bytes),
            Ok((false, bytes)) => errors = Some(bytes),
            Err(_) if stdout.is_some() && errors.is_some() => std::thread::sleep(left.min(POLL)),
            Err(_) => {}
        }
    }
}

fn reader<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<(), Failure> {
    let thread = std::thread::Builder::new()
        .name("output".to_owned())
        .spawn(work);
    thread.map(drop).map_err(Failure::Start)
}

/// Reads a pipe to its end: `most` bytes from its start, or the last ones.
fn read(mut pipe: impl Read, most: usize, last: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut piece = [0; 16 * 1024];
    loop {
        match pipe.read(&mut piece) {
            Ok(0) => return bytes,
            Ok(read) => {
                bytes.extend(&piece[..read]);
                if last && bytes.len() > most {
                    bytes.drain(..bytes.len() - most);
                } else if bytes.len() >= most && !last {
                    bytes.truncate(most);
                    return bytes;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return bytes,
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    fn run_shell(script: &str, deadline: Duration) -> Result<Output, Failure> {
        run(shell(script), deadline, 1000, Stderr::Keep, &|| false)
    }

    #[test]
    fn both_outputs_and_the_status_are_kept() {
        let script = "echo out; echo err >&2; exit 3";
        let output = run_shell(script, Duration::from_secs(30)).unwrap();
        assert_eq!(output.stdout, b"out\n");
        assert_eq!(output.stderr, "err");
        assert_eq!(output.status.code(), Some(3));
    }

    #[test]
    fn a_program_that_hangs_is_ended_with_what_it_started() {
        // The child of the child holds the pipe open; its number comes out first.
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("pid");
        let script = format!("sleep 600 & echo $! > {}; wait", file.display());
        let started = Instant::now();
        let outcome = run_shell(&script, Duration::from_secs(2));
        assert!(matches!(outcome, Err(Failure::TimedOut)));
        assert!(started.elapsed() < Duration::from_secs(30));
        let id: i32 = std::fs::read_to_string(file)
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        let ends = Instant::now() + Duration::from_secs(10);
        // Its state is Z until whoever adopted it has reaped it.
        let alive = || {
            std::fs::read_to_string(format!("/proc/{id}/stat"))
                .is_ok_and(|stat| !stat.contains(") Z"))
        };
        while alive() {
            assert!(Instant::now() < ends, "it is still there");
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_program_that_prints_without_end_is_ended() {
        let outcome = run_shell("while :; do echo x; done", Duration::from_secs(60));
        assert!(matches!(outcome, Err(Failure::TooMuch)));
        // What it writes to the other side is kept only in part.
        let script = "i=0; while [ $i -lt 2000 ]; do echo line$i >&2; i=$((i+1)); done";
        let output = run_shell(script, Duration::from_secs(60)).unwrap();
        assert!(output.stderr.ends_with("line1999"));
        assert!(output.stderr.len() <= STDERR_BYTES);
    }
}
