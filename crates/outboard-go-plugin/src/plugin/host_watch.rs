//! Noticing that the host has died: it can send nothing any more, but the pipes
//! that it read from have no reader then, and this process has a new parent.
//! Standard error is watched elsewhere, by the thread that keeps it harmless.
//!
//! One sign alone is not enough. A host may close a pipe that it does not need,
//! and a process between host and plugin may end.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    pin::pin,
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    fs::FileType,
    process::{Pid, getppid},
};
use tokio::io::{Interest, unix::AsyncFd};

use super::stdout::{self, Printed};

/// How often the parent is looked at, once one pipe has lost its reader.
const PARENT_INTERVAL: Duration = Duration::from_millis(100);

/// What a plugin sees of its host.
pub(super) struct HostWatch {
    parent: Option<Pid>,
    stdout: Option<AsyncFd<OwnedFd>>,
    stderr: Printed,
}

impl HostWatch {
    /// Watches what is standard output for the host, and standard error.
    pub(super) fn new(stderr: Printed) -> io::Result<HostWatch> {
        Ok(HostWatch {
            parent: getppid(),
            stdout: pipe(stdout::original()?),
            stderr,
        })
    }

    /// Waits until the host is gone.
    pub(super) async fn gone(&self) {
        let stdout = async {
            match &self.stdout {
                Some(stdout) => broken(stdout).await,
                None => std::future::pending().await,
            }
        };
        let (mut stdout, mut stderr) = (pin!(stdout), pin!(self.stderr.stderr_lost()));
        tokio::select! {
            () = &mut stdout => tokio::select! {
                () = stderr => {}
                () = self.orphaned() => {}
            },
            () = &mut stderr => tokio::select! {
                () = stdout => {}
                () = self.orphaned() => {}
            },
        }
    }

    async fn orphaned(&self) {
        while getppid() == self.parent {
            tokio::time::sleep(PARENT_INTERVAL).await;
        }
    }
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
