//! Standard error of a plugin when nobody is left to read it.
//!
//! Rust ignores SIGPIPE, so a write to a pipe without a reader fails, and then
//! `eprintln!` panics: a plugin that outlives its host would die of its next
//! word. Standard error cannot be taken over as standard output is, because the
//! last words of a crash must reach the host without help from a thread of the
//! crashed process. So the pipe stays and is watched:
//!
//! ```text
//! Held ──the host closed its end of our stdout──▸ is it gone from stderr too?
//!   │ we hold a reading end ourselves,              yes ▸ /dev/null takes its place, and
//!   │ so that no write can fail                           what children write is Drained
//!   ▾ where that cannot be done                      no ▸ Watched
//! Watched ──the host closed its end of stderr──▸ /dev/null takes its place
//! ```

use std::{
    os::fd::{AsFd, AsRawFd as _, OwnedFd},
    sync::Arc,
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{FileType, Mode, OFlags, Stat, fstat, open},
    io::{Errno, fcntl_dupfd_cloexec, ioctl_fionread},
    stdio,
};

/// How often, and after which pause, a full pipe is looked at again before its
/// reader counts as gone.
const PATIENCE: u32 = 20;
const PAUSE: Duration = Duration::from_millis(5);

/// What keeps writing to standard error harmless.
pub(super) struct LogPipe {
    state: State,
    /// The descriptor 1 that the host gave us.
    stdout: Arc<OwnedFd>,
}

enum State {
    /// Standard error has another reading end, ours, from which nobody reads.
    /// That the host is gone shows at standard output.
    Held(OwnedFd),
    /// That the host is gone shows at standard error itself. A line written in
    /// the moment until it is seen fails.
    Watched,
    /// The host is gone. Who still writes to the pipe, children above all,
    /// writes to us.
    Drained(OwnedFd),
    /// Nothing to look after.
    Off,
}

impl LogPipe {
    /// Looks after the standard error of this process, where it is one whose
    /// reader can go away.
    pub(super) fn new(stdout: Arc<OwnedFd>) -> LogPipe {
        let state = match (fstat(stdio::stderr()), fstat(&stdout)) {
            // With both on one pipe our own end would hide that the host's is gone.
            (Ok(stderr), Ok(stdout))
                if is(&stderr, FileType::Fifo)
                    && is(&stdout, FileType::Fifo)
                    && stderr.st_ino != stdout.st_ino =>
            {
                reading_end(stdio::stderr()).map_or(State::Watched, State::Held)
            }
            (Ok(stderr), _) if is(&stderr, FileType::Fifo) || is(&stderr, FileType::Socket) => {
                State::Watched
            }
            _ => State::Off,
        };
        LogPipe { state, stdout }
    }

    #[cfg(test)]
    pub(super) fn none() -> LogPipe {
        let stdout = rustix::io::dup(stdio::stdout()).unwrap();
        let state = State::Off;
        LogPipe {
            state,
            stdout: Arc::new(stdout),
        }
    }

    /// What to wait for before [`changed`](Self::changed) is called.
    pub(super) fn watched(&self) -> Option<PollFd<'_>> {
        // A lost reader is reported whether asked for or not.
        let lost = PollFlags::empty();
        match &self.state {
            State::Held(_) => Some(PollFd::new(&*self.stdout, lost)),
            State::Watched => Some(PollFd::from_borrowed_fd(stdio::stderr(), lost)),
            State::Drained(reading) => Some(PollFd::new(reading, PollFlags::IN)),
            State::Off => None,
        }
    }

    pub(super) fn changed(&mut self) {
        self.state = match std::mem::replace(&mut self.state, State::Off) {
            State::Held(ours) => look_for_host(ours),
            State::Watched => {
                discard();
                State::Off
            }
            State::Drained(reading) => {
                let mut buffer = [0; 4096];
                match rustix::io::read(&reading, &mut buffer) {
                    Ok(1..) | Err(Errno::INTR | Errno::AGAIN) => State::Drained(reading),
                    // Nobody writes any more.
                    Ok(0) | Err(_) => State::Off,
                }
            }
            State::Off => State::Off,
        };
    }
}

fn is(stat: &Stat, kind: FileType) -> bool {
    FileType::from_raw_mode(stat.st_mode) == kind
}

/// Finds out whether the host still reads standard error. What this process
/// prints meanwhile goes nowhere.
fn look_for_host(ours: OwnedFd) -> State {
    let Ok(pipe) = fcntl_dupfd_cloexec(stdio::stderr(), 3) else {
        return State::Watched;
    };
    discard();
    // A thread may wait for room in the pipe, and would fail if the last reading
    // end were closed. If nobody takes what is in there, we are the last.
    let mut waits = 0;
    while ioctl_fionread(&ours).is_ok_and(|waiting| waiting > 0) {
        if waits == PATIENCE {
            return State::Drained(ours);
        }
        waits += 1;
        std::thread::sleep(PAUSE);
    }
    // It is empty, so nobody waits, and with our end closed theirs can be seen.
    drop(ours);
    if has_reader(&pipe) {
        return match stdio::dup2_stderr(&pipe) {
            Ok(()) => State::Watched,
            Err(_) => State::Off,
        };
    }
    // Once the last child has closed it, its end is found here.
    reading_end(&pipe).map_or(State::Off, State::Drained)
}

/// A further reading end of a pipe. Linux gives one to whoever opens a
/// descriptor by its name.
fn reading_end(pipe: impl AsFd) -> Option<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let name = format!("/proc/self/fd/{}", pipe.as_fd().as_raw_fd());
    open(name, flags, Mode::empty()).ok()
}

fn has_reader(pipe: &OwnedFd) -> bool {
    let mut look = [PollFd::new(pipe, PollFlags::empty())];
    let now = Timespec::default();
    let _ = poll(&mut look, Some(&now));
    look[0].revents().is_empty()
}

/// Standard error goes nowhere from now on.
fn discard() {
    let flags = OFlags::WRONLY | OFlags::CLOEXEC;
    if let Ok(nowhere) = open("/dev/null", flags, Mode::empty()) {
        // Nothing is left to be tried if this fails too.
        let _ = stdio::dup2_stderr(&nowhere);
    }
}
