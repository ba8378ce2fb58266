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
//!   │ we hold a reading end ourselves,              yes ▸ Ours: we read it, and a host
//!   │ so that no write can fail                           that comes later gets it
//!   ▾ where that cannot be done                      no ▸ Watched
//! Watched ──the host closed its end of stderr──▸ a pipe of ours takes its place: Ours
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
    pipe::{PipeFlags, pipe_with},
    stdio,
};

/// How often, and after which pause, a full pipe is looked at again before its
/// reader counts as gone.
const PATIENCE: u32 = 20;
const PAUSE: Duration = Duration::from_millis(5);

/// What keeps writing to standard error harmless.
pub(super) struct LogPipe {
    state: State,
    lost: bool,
}

enum State {
    /// Standard error has another reading end, ours, from which nobody reads.
    /// That the host is gone shows at the standard output that it gave us.
    Held { ours: OwnedFd, stdout: Arc<OwnedFd> },
    /// That the host is gone shows at standard error itself. A line written in
    /// the moment until it is seen fails.
    Watched(Arc<OwnedFd>),
    /// The host is gone. What this process and its children write is ours.
    Ours(Arc<OwnedFd>),
    /// Nothing to look after.
    Off,
}

impl LogPipe {
    /// Looks after the standard error of this process, where it is one whose
    /// reader can go away.
    pub(super) fn new(stdout: Arc<OwnedFd>) -> LogPipe {
        let state = match (fstat(stdio::stderr()), fstat(&stdout)) {
            // With both on one pipe our own end would hide that the host's is gone.
            (Ok(stderr), Ok(other))
                if is(&stderr, FileType::Fifo)
                    && is(&other, FileType::Fifo)
                    && stderr.st_ino != other.st_ino =>
            {
                reading_end(stdio::stderr())
                    .map_or_else(watched, |ours| State::Held { ours, stdout })
            }
            (Ok(stderr), _) if is(&stderr, FileType::Fifo) || is(&stderr, FileType::Socket) => {
                watched()
            }
            _ => State::Off,
        };
        LogPipe { state, lost: false }
    }

    /// Looks after nothing.
    pub(super) fn none() -> LogPipe {
        LogPipe {
            state: State::Off,
            lost: false,
        }
    }

    /// What to wait for before [`changed`](Self::changed) is called.
    pub(super) fn waits_for(&self) -> Option<(Arc<OwnedFd>, PollFlags)> {
        // A lost reader is reported whether asked for or not.
        let lost = PollFlags::empty();
        match &self.state {
            State::Held { stdout, .. } => Some((Arc::clone(stdout), lost)),
            State::Watched(stderr) => Some((Arc::clone(stderr), lost)),
            State::Ours(reading) => Some((Arc::clone(reading), PollFlags::IN)),
            State::Off => None,
        }
    }

    /// Does what is due; returns how many bytes it read for a later host.
    pub(super) fn changed(&mut self, buffer: &mut [u8]) -> usize {
        self.state = match std::mem::replace(&mut self.state, State::Off) {
            State::Held { ours, .. } => look_for_host(ours),
            State::Watched(_) => replace(),
            State::Ours(reading) => match rustix::io::read(&reading, buffer) {
                // Nobody can write any more.
                Ok(0) => State::Off,
                Ok(count) => {
                    self.state = State::Ours(reading);
                    return count;
                }
                Err(Errno::INTR | Errno::AGAIN) => State::Ours(reading),
                Err(_) => State::Off,
            },
            State::Off => State::Off,
        };
        self.lost |= !matches!(self.state, State::Held { .. } | State::Watched(_));
        0
    }

    /// Whether nobody reads standard error any more but us.
    pub(super) fn is_lost(&self) -> bool {
        self.lost
    }

    /// Whether nothing is left to be read for a later host.
    pub(super) fn is_empty(&self) -> bool {
        match &self.state {
            State::Ours(reading) => is_empty(reading),
            _ => true,
        }
    }
}

fn is(stat: &Stat, kind: FileType) -> bool {
    FileType::from_raw_mode(stat.st_mode) == kind
}

/// Finds out whether the host still reads standard error. What this process
/// prints meanwhile goes nowhere.
fn look_for_host(ours: OwnedFd) -> State {
    let Ok(pipe) = fcntl_dupfd_cloexec(stdio::stderr(), 3) else {
        return State::Off;
    };
    discard();
    // A thread may wait for room in the pipe, and would fail if the last reading
    // end were closed. If nobody takes what is in there, we are the last.
    let mut waits = 0;
    while !is_empty(&ours) && waits < PATIENCE {
        waits += 1;
        std::thread::sleep(PAUSE);
    }
    let state = if waits == PATIENCE {
        State::Ours(Arc::new(ours))
    } else {
        // It is empty, so nobody waits, and with our end closed theirs can be seen.
        drop(ours);
        if has_reader(&pipe) {
            watched_as(&pipe)
        } else {
            reading_end(&pipe).map_or(State::Off, |ours| State::Ours(Arc::new(ours)))
        }
    };
    // Without anybody to look after it, nowhere is where it stays.
    if !matches!(state, State::Off) && stdio::dup2_stderr(&pipe).is_err() {
        return State::Off;
    }
    state
}

fn watched() -> State {
    watched_as(stdio::stderr())
}

fn watched_as(stderr: impl AsFd) -> State {
    fcntl_dupfd_cloexec(stderr, 3).map_or(State::Off, |stderr| State::Watched(Arc::new(stderr)))
}

/// A pipe of ours in place of one that nobody reads.
fn replace() -> State {
    let pipe = pipe_with(PipeFlags::CLOEXEC);
    match pipe {
        Ok((reading, writing)) if stdio::dup2_stderr(&writing).is_ok() => {
            State::Ours(Arc::new(reading))
        }
        _ => {
            discard();
            State::Off
        }
    }
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

fn is_empty(pipe: &OwnedFd) -> bool {
    !ioctl_fionread(pipe).is_ok_and(|waiting| waiting > 0)
}

/// Standard error goes nowhere from now on.
fn discard() {
    let flags = OFlags::WRONLY | OFlags::CLOEXEC;
    if let Ok(nowhere) = open("/dev/null", flags, Mode::empty()) {
        // Nothing is left to be tried if this fails too.
        let _ = stdio::dup2_stderr(&nowhere);
    }
}
