//! Keeps the output pipes of a plugin open and empty after its host has gone,
//! so that a plugin that outlives the host does not die, or block, at the next
//! line it writes.

use std::{
    fs::File,
    io,
    os::{
        fd::{AsRawFd as _, BorrowedFd, OwnedFd},
        unix::process::CommandExt as _,
    },
    process::Stdio,
};

use tokio::process::Child;

/// Descriptors 1 and 2 are the *reading* ends of the plugin's pipes. Nobody
/// reads from them before standard input, the host's, has ended.
const SCRIPT: &str = "trap '' HUP INT QUIT TERM
read -r line
cat <&1 >/dev/null 2>/dev/null &
exec cat <&2 >/dev/null 2>/dev/null";

/// One shell that waits for the host's end. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Drain {
    shell: Child,
    begun: bool,
}

impl Drain {
    /// One for the pipes of this child, if they are still there. Without a
    /// shell there is none, and the plugin has to cope with broken pipes.
    pub(super) fn of(child: &Child) -> Option<Drain> {
        use std::os::fd::AsFd as _;

        let (stdout, stderr) = (child.stdout.as_ref()?, child.stderr.as_ref()?);
        match Drain::start(stdout.as_fd(), stderr.as_fd()) {
            Ok(drain) => Some(drain),
            Err(error) => {
                tracing::warn!(%error, "nobody will read a plugin's output after this host");
                None
            }
        }
    }

    fn start(stdout: BorrowedFd<'_>, stderr: BorrowedFd<'_>) -> io::Result<Drain> {
        let mut shell = std::process::Command::new("/bin/sh");
        shell
            .args(["-c", SCRIPT, "outboard-drain"])
            .env_clear()
            .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(reopen(stdout)?)
            .stderr(reopen(stderr)?)
            .process_group(0);
        Ok(Drain {
            shell: tokio::process::Command::from(shell).spawn()?,
            begun: false,
        })
    }

    /// Lets it read from now on, until the plugin ends.
    pub(super) fn begin(mut self) {
        self.begun = true;
        drop(self.shell.stdin.take());
    }
}

impl Drop for Drain {
    fn drop(&mut self) {
        if !self.begun {
            let _ = self.shell.start_kill();
        }
        // The runtime, if there still is one, reaps it when it has ended.
    }
}

/// The same pipe once more. A duplicate would share the flag that makes reading
/// fail when there is nothing to read, which is what our end of it needs.
fn reopen(pipe: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    File::open(format!("/proc/self/fd/{}", pipe.as_raw_fd())).map(OwnedFd::from)
}
