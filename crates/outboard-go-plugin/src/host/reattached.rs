//! A plugin that runs already and that somebody else has started.

use std::{io, time::Duration};

use tonic::async_trait;

use super::{
    ExitCause,
    launch::{AttachedRunner, Output},
};
use crate::{reattach::ReattachConfig, transport::Address};

/// How often a plugin of which no process is known is looked for at its address.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);
/// How long one look may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// Not our child. Dropping it leaves the plugin running.
pub(super) struct Reattached {
    address: Address,
    pid: Option<u32>,
    /// Only if the number is certain to be the plugin's; then for good, however
    /// often the number is used again.
    #[cfg(target_os = "linux")]
    pidfd: Option<tokio::io::unix::AsyncFd<std::os::fd::OwnedFd>>,
}

impl Reattached {
    /// Fails unless somebody listens at the address. Never signals anything.
    pub(super) async fn find(config: &ReattachConfig) -> io::Result<Reattached> {
        probe(&config.address).await?;
        #[cfg(target_os = "linux")]
        let pidfd = super::identity::confirm(config).await;
        #[cfg(target_os = "linux")]
        if let (None, Some(pid)) = (&pidfd, config.pid) {
            tracing::warn!(
                pid,
                address = %config.address,
                "the plugin answers at its address, but this process cannot be shown to be it: \
                 it will not be signalled"
            );
        }
        Ok(Reattached {
            address: config.address.clone(),
            pid: config.pid,
            #[cfg(target_os = "linux")]
            pidfd,
        })
    }

    #[cfg(target_os = "linux")]
    fn signal(&self, signal: rustix::process::Signal) -> bool {
        let (Some(pidfd), Some(pid)) = (&self.pidfd, self.pid) else {
            return false;
        };
        let pidfd = pidfd.get_ref();
        // Wakes it if it is stopped, and shows that the number is its still.
        let continued = rustix::process::pidfd_send_signal(pidfd, rustix::process::Signal::CONT);
        if let Some(number) = rustix::process::Pid::from_raw(pid.cast_signed())
            && rustix::process::getpgid(Some(number)) == Ok(number)
            && continued.is_ok()
        {
            // It leads a group, as plugins of our hosts do: its children too.
            let _ = rustix::process::kill_process_group(number, signal);
        }
        rustix::process::pidfd_send_signal(pidfd, signal).is_ok()
    }
}

/// Opens a connection and closes it again.
async fn probe(address: &Address) -> io::Result<()> {
    tokio::time::timeout(PROBE_TIMEOUT, address.connect())
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
        .map(drop)
}

#[async_trait]
impl AttachedRunner for Reattached {
    fn id(&self) -> String {
        match self.pid {
            Some(pid) => pid.to_string(),
            None => self.address.to_string(),
        }
    }

    fn pid(&self) -> Option<u32> {
        self.pid
    }

    fn take_stdout(&mut self) -> Option<Output> {
        None
    }

    fn take_stderr(&mut self) -> Option<Output> {
        None
    }

    /// How it ended is only told to its parent.
    async fn wait(&mut self) -> ExitCause {
        #[cfg(target_os = "linux")]
        if let Some(pidfd) = &self.pidfd
            && super::identity::ended(pidfd).await
        {
            return ExitCause::Unknown;
        }
        // A busy plugin may refuse nobody and answer late: only what says that
        // nobody listens there counts.
        loop {
            match probe(&self.address).await {
                Err(error) if is_gone(&error) => return ExitCause::Unknown,
                _ => tokio::time::sleep(PROBE_INTERVAL).await,
            }
        }
    }

    async fn terminate(&mut self) -> bool {
        #[cfg(target_os = "linux")]
        return self.signal(rustix::process::Signal::TERM);
        #[cfg(not(target_os = "linux"))]
        false
    }

    async fn kill(&mut self) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        if self.signal(rustix::process::Signal::KILL) {
            return Ok(());
        }
        Err(io::Error::other(
            "the process is not certain to be the plugin's, and is left alone",
        ))
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
    )
}
