//! Noticing that the host has died: it can send nothing any more, but the pipes
//! that it read from have no reader then, and this process has a new parent.
//!
//! One sign alone is not enough. A host may close a pipe that it does not need,
//! and a process between host and plugin may end.

use std::{
    future::Future,
    io,
    os::fd::{AsFd, OwnedFd},
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    fs::FileType,
    process::{Pid, getppid},
};
use tokio::io::{Interest, unix::AsyncFd};

use super::stdout;

/// How often the parent is looked at, once one pipe has lost its reader.
const PARENT_INTERVAL: Duration = Duration::from_millis(100);

/// What a plugin sees of its host.
pub(super) struct HostWatch {
    parent: Option<Pid>,
    pipes: Vec<AsyncFd<OwnedFd>>,
}

impl HostWatch {
    /// Watches what is standard output for the host, and standard error.
    pub(super) fn new() -> io::Result<HostWatch> {
        let stdout = stdout::original()?;
        let stderr = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stderr(), 3)?;
        let pipes = [stdout, stderr].into_iter().filter_map(pipe);
        Ok(HostWatch {
            parent: getppid(),
            pipes: pipes.collect(),
        })
    }

    /// Waits until the host is gone.
    pub(super) async fn gone(&self) {
        let broken = self.pipes.iter().map(|pipe| Box::pin(broken(pipe)));
        let broken: Vec<_> = broken.collect();
        if broken.is_empty() {
            return std::future::pending().await;
        }
        let ((), _, others) = futures_util::future::select_all(broken).await;
        tokio::select! {
            () = all(others) => {}
            () = self.orphaned() => {}
        }
    }

    async fn orphaned(&self) {
        while getppid() == self.parent {
            tokio::time::sleep(PARENT_INTERVAL).await;
        }
    }
}

/// Waits for all of them; for ever, if there is none.
async fn all(pipes: Vec<impl Future<Output = ()> + Unpin>) {
    if pipes.is_empty() {
        return std::future::pending().await;
    }
    futures_util::future::join_all(pipes).await;
}

fn pipe(descriptor: OwnedFd) -> Option<AsyncFd<OwnedFd>> {
    let status = rustix::fs::fstat(&descriptor).ok()?;
    if FileType::from_raw_mode(status.st_mode) != FileType::Fifo {
        return None;
    }
    // SAFETY: an `OwnedFd` names the same open descriptor for as long as it
    // lives, and the `AsyncFd` that registers it owns it.
    unsafe { AsyncFd::register_with_interest(descriptor, Interest::ERROR) }.ok()
}

async fn broken(pipe: &AsyncFd<OwnedFd>) {
    loop {
        let Ok(mut ready) = pipe.ready(Interest::ERROR).await else {
            return std::future::pending().await;
        };
        if has_no_reader(pipe) {
            return;
        }
        // The next change wakes again.
        ready.clear_ready();
    }
}

fn has_no_reader(pipe: impl AsFd) -> bool {
    let mut pipes = [PollFd::new(&pipe, PollFlags::empty())];
    let found = poll(&mut pipes, Some(&rustix::event::Timespec::default()));
    found.is_ok() && pipes[0].revents().contains(PollFlags::ERR)
}

/// Sends what this process writes to standard error to nowhere if nobody reads
/// it: `eprintln!` would panic.
pub(super) fn silence_broken_stderr() {
    if !has_no_reader(rustix::stdio::stderr()) {
        return;
    }
    let null = std::fs::OpenOptions::new().write(true).open("/dev/null");
    if let Ok(null) = null {
        let _ = rustix::stdio::dup2_stderr(null);
    }
}
