//! A plugin that is a child of this process: made, watched, ended and reaped.

use std::{
    ffi::OsString,
    io,
    path::Path,
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use tokio::process::Child;
use tonic::async_trait;

#[cfg(unix)]
use super::guardian::{self, Watched};
use super::{
    ExitCause, PluginSpec, StartErrorKind,
    launch::{AttachedRunner, Output},
    memory::OutOfMemory,
    verify::{self, Image},
};

/// How often a program that somebody just wrote is tried again, and how long
/// the wait between is.
const BUSY_RETRIES: u32 = 20;
const BUSY_WAIT: Duration = Duration::from_millis(10);

/// How long dropping waits for a killed child, in milliseconds. It is gone in
/// a moment unless it is stuck in the kernel.
const DROP_WAIT: u32 = 100;

/// A child process with its process group. Dropping it kills and reaps both,
/// unless it was detached.
pub(super) struct ChildProcess {
    child: Child,
    pid: u32,
    #[cfg(target_os = "linux")]
    pidfd: Option<tokio::io::unix::AsyncFd<std::os::fd::OwnedFd>>,
    /// What the guardian knows; gone before the child is reaped.
    #[cfg(unix)]
    watched: Option<Watched>,
    /// Keeps the pipes of a child usable that outlives this process.
    #[cfg(target_os = "linux")]
    drain: Option<super::drain::Drain>,
    out_of_memory: OutOfMemory,
    ended: Option<ExitCause>,
    detached: bool,
    /// What it runs must not go before it.
    _image: Option<Arc<Image>>,
}

impl ChildProcess {
    pub(super) async fn spawn(
        spec: &PluginSpec,
        program: &Path,
        image: Option<Arc<Image>>,
        args: &[OsString],
        environment: Vec<(OsString, OsString)>,
    ) -> Result<ChildProcess, StartErrorKind> {
        let mut command = verify::command(program, image.as_deref());
        command
            .args(args)
            .env_clear()
            .envs(environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(!spec.outlive_host);
        // A group of its own: a Ctrl-C in our terminal is ours to act on, and
        // what the plugin starts can be ended with it.
        #[cfg(unix)]
        command.process_group(0);
        if let Some(directory) = &spec.current_dir {
            command.current_dir(directory);
        }
        spec.limits
            .apply(&mut command)
            .map_err(StartErrorKind::Io)?;
        let mut busy = 0;
        let child = loop {
            match command.spawn() {
                Ok(child) => break child,
                // Another thread forked while the file was still open for
                // writing; it passes as soon as that child has called exec.
                Err(error)
                    if error.kind() == io::ErrorKind::ExecutableFileBusy && busy < BUSY_RETRIES =>
                {
                    busy += 1;
                    tokio::time::sleep(BUSY_WAIT).await;
                }
                Err(error) => return Err(StartErrorKind::Io(error)),
            }
        };
        ChildProcess::own(child, spec, image)
    }

    fn own(
        child: Child,
        spec: &PluginSpec,
        image: Option<Arc<Image>>,
    ) -> Result<ChildProcess, StartErrorKind> {
        let Some(pid) = child.id() else {
            let error = io::Error::other("the child has no process id");
            return Err(StartErrorKind::Io(error));
        };
        Ok(ChildProcess {
            #[cfg(unix)]
            watched: (!spec.outlive_host).then(|| guardian::watch_group(pid, spec.shutdown_grace)),
            #[cfg(target_os = "linux")]
            pidfd: super::identity::open_pidfd(pid).and_then(super::identity::watch),
            #[cfg(target_os = "linux")]
            drain: spec
                .outlive_host
                .then(|| super::drain::Drain::of(&child))
                .flatten(),
            out_of_memory: OutOfMemory::watch(pid),
            child,
            pid,
            _image: image,
            ended: None,
            detached: false,
        })
    }

    /// The group has the number of its leader, which nobody else can have
    /// before the leader is reaped.
    #[cfg(unix)]
    fn signal_group(&self, signal: rustix::process::Signal) {
        if self.ended.is_some() {
            return;
        }
        if let Some(group) = rustix::process::Pid::from_raw(self.pid.cast_signed()) {
            // Already gone is what we want.
            let _ = rustix::process::kill_process_group(group, signal);
        }
    }

    /// What has to happen between the end of the process and its reaping.
    fn before_reaping(&mut self) {
        #[cfg(unix)]
        {
            self.signal_group(rustix::process::Signal::KILL);
            drop(self.watched.take());
        }
    }
}

#[async_trait]
impl AttachedRunner for ChildProcess {
    fn id(&self) -> String {
        self.pid.to_string()
    }

    fn pid(&self) -> Option<u32> {
        Some(self.pid)
    }

    fn take_stdout(&mut self) -> Option<Output> {
        Some(Box::new(self.child.stdout.take()?))
    }

    fn take_stderr(&mut self) -> Option<Output> {
        Some(Box::new(self.child.stderr.take()?))
    }

    /// Waits for the end of the process alone, whoever still holds its pipes.
    async fn wait(&mut self) -> ExitCause {
        if let Some(cause) = self.ended {
            return cause;
        }
        let mut starved = false;
        #[cfg(target_os = "linux")]
        if let Some(pidfd) = &self.pidfd
            && super::identity::ended(pidfd).await
        {
            starved = self.out_of_memory.happened();
            self.before_reaping();
        }
        let status: io::Result<ExitStatus> = self.child.wait().await;
        let cause = match status.map_or(ExitCause::Unknown, ExitCause::from) {
            ExitCause::Signal(9) if starved => ExitCause::OutOfMemory,
            cause => cause,
        };
        self.ended = Some(cause);
        #[cfg(unix)]
        drop(self.watched.take());
        cause
    }

    async fn terminate(&mut self) -> bool {
        #[cfg(unix)]
        self.signal_group(rustix::process::Signal::TERM);
        cfg!(unix)
    }

    async fn kill(&mut self) -> io::Result<()> {
        #[cfg(unix)]
        self.signal_group(rustix::process::Signal::KILL);
        if self.ended.is_none() {
            self.child.start_kill()?;
        }
        Ok(())
    }

    fn detach(&mut self) {
        self.detached = true;
        #[cfg(target_os = "linux")]
        if let Some(drain) = self.drain.take() {
            drain.begin();
        }
        #[cfg(unix)]
        drop(self.watched.take());
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        if self.ended.is_some() || self.detached {
            return;
        }
        let _ = self.child.start_kill();
        self.before_reaping();
        // The runtime that would reap it may be going away too.
        for _ in 0..DROP_WAIT {
            match self.child.try_wait() {
                Ok(None) => std::thread::sleep(Duration::from_millis(1)),
                _ => break,
            }
        }
    }
}
