//! A running plugin: one owner task for the child, one handle for everybody
//! else.

use std::{
    process::ExitStatus,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::{process::Child, sync::watch, task::JoinHandle};
use tonic::{Code, Request, Status};

use super::{EventBus, ExitCause, ExitReport, PluginEventKind, PluginLog, PluginSpec};
use crate::{
    broker::Broker,
    generated::{
        health::{HealthCheckRequest, health_client::HealthClient},
        plugin::{Empty, grpc_controller_client::GrpcControllerClient},
    },
    transport::{Address, Channel},
};

/// How long output may still arrive after the process has ended: a grandchild
/// that holds the pipes must not hold up anything.
pub(super) const DRAIN: Duration = Duration::from_millis(250);

/// How long a killed process may take to disappear.
const KILL_TIMEOUT: Duration = Duration::from_secs(5);

/// How long [`PluginProcess::ping`] waits for an answer.
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// The name under which go-plugin's servers report their health.
const HEALTH_SERVICE: &str = "plugin";

/// A plugin that was started and answered: the owner of its process.
///
/// # Dropping
///
/// Dropping it kills the process and its children at once, reaps it and
/// removes its socket. [`stop`](Self::stop) lets it finish first.
#[derive(Debug)]
pub struct PluginProcess {
    name: String,
    pid: u32,
    version: u32,
    address: Address,
    channel: Channel,
    broker: Broker,
    encrypted: bool,
    log: PluginLog,
    stop: watch::Sender<bool>,
    exit: watch::Receiver<Option<ExitReport>>,
}

impl PluginProcess {
    /// The plugin's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The app protocol version that the plugin chose.
    pub fn protocol_version(&self) -> u32 {
        self.version
    }

    /// Where it listens.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The channel to it, for generated clients. Once the process has ended,
    /// every call on it fails with `Unavailable` and says how it ended.
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Further connections to and from the plugin.
    pub fn broker(&self) -> &Broker {
        &self.broker
    }

    /// Whether the connections to it are encrypted, and both ends known to each
    /// other.
    pub fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    /// What it said.
    pub fn log(&self) -> &PluginLog {
        &self.log
    }

    /// How it ended, if it has.
    pub fn exit_report(&self) -> Option<ExitReport> {
        self.exit.borrow().clone()
    }

    /// Waits until the process has ended, however it ended.
    ///
    /// Cancel-safe. The future does not keep the process alive and may outlive
    /// this handle.
    pub fn exited(&self) -> impl Future<Output = ExitReport> + Send + 'static {
        let mut exit = self.exit.clone();
        let (name, pid) = (self.name.clone(), self.pid);
        async move {
            let report = exit
                .wait_for(Option::is_some)
                .await
                .ok()
                .and_then(|exit| exit.clone());
            // Without its task, as when the runtime goes, nobody knows more.
            report.unwrap_or(ExitReport {
                plugin: name,
                pid,
                cause: ExitCause::Unknown,
                requested: true,
                forced: true,
                uptime: Duration::ZERO,
                last_lines: Vec::new(),
            })
        }
    }

    /// Asks the plugin whether it is well, and waits for the answer for at most
    /// five seconds. Any answer counts, as in Go.
    ///
    /// # Errors
    ///
    /// The status of the failed call.
    pub async fn ping(&self) -> Result<(), Status> {
        ping(self.channel.clone(), PING_TIMEOUT).await
    }

    /// Ends the process: asks it to shut down, then SIGTERM, then SIGKILL, each
    /// within the grace that the [`PluginSpec`] gives. Returns how it ended;
    /// also if it had ended before.
    ///
    /// Any number of callers may wait. Dropping the future does not stop the
    /// stopping.
    pub async fn stop(&self) -> ExitReport {
        self.stop.send_replace(true);
        self.exited().await
    }
}

pub(super) async fn ping(channel: Channel, timeout: Duration) -> Result<(), Status> {
    let mut request = Request::new(HealthCheckRequest {
        service: HEALTH_SERVICE.to_owned(),
    });
    request.set_timeout(timeout);
    match HealthClient::new(channel).check(request).await {
        Ok(_) => Ok(()),
        // It answers; that it has no health service is its own affair.
        Err(status) if matches!(status.code(), Code::Unimplemented | Code::NotFound) => Ok(()),
        Err(status) => Err(status),
    }
}

/// The child and what belongs to it. Dropping it leaves nothing behind.
pub(super) struct Owned {
    child: Child,
    pid: u32,
    #[cfg(target_os = "linux")]
    pidfd: Option<tokio::io::unix::AsyncFd<std::os::fd::OwnedFd>>,
    reaped: bool,
    pumps: Vec<JoinHandle<()>>,
    _sockets: TempDir,
}

impl Owned {
    pub(super) fn new(child: Child, pid: u32, sockets: TempDir) -> Owned {
        Owned {
            #[cfg(target_os = "linux")]
            pidfd: open_pidfd(pid),
            child,
            pid,
            reaped: false,
            pumps: Vec::new(),
            _sockets: sockets,
        }
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    pub(super) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Takes on a task that reads the process's output.
    pub(super) fn adopt(&mut self, pump: JoinHandle<()>) {
        self.pumps.push(pump);
    }

    /// How it ended, if it has, without waiting.
    pub(super) fn try_exit(&mut self) -> Option<ExitCause> {
        let status = self.child.try_wait().ok().flatten()?;
        self.reaped = true;
        Some(status.into())
    }

    /// Waits for the end of the process alone, whoever still holds its pipes.
    pub(super) async fn exit(&mut self) -> ExitCause {
        #[cfg(target_os = "linux")]
        if let Some(pidfd) = &self.pidfd
            && pidfd.readable().await.is_ok()
        {
            // Not reaped yet, so its number, which is also its group's, cannot
            // belong to anybody else: the time to end its children.
            self.signal_group(rustix::process::Signal::KILL);
        }
        let status: std::io::Result<ExitStatus> = self.child.wait().await;
        self.reaped = true;
        status.map_or(ExitCause::Unknown, ExitCause::from)
    }

    /// Lets the output arrive that is on its way, then stops reading.
    pub(super) async fn drain(&mut self) {
        let pumps = std::mem::take(&mut self.pumps);
        let aborts: Vec<_> = pumps.iter().map(JoinHandle::abort_handle).collect();
        let all = async {
            for pump in pumps {
                let _ = pump.await;
            }
        };
        if tokio::time::timeout(DRAIN, all).await.is_err() {
            for abort in aborts {
                abort.abort();
            }
        }
    }

    #[cfg(unix)]
    fn signal_group(&self, signal: rustix::process::Signal) {
        if self.reaped {
            return;
        }
        if let Some(group) = i32::try_from(self.pid)
            .ok()
            .and_then(rustix::process::Pid::from_raw)
        {
            // Already gone is what we want.
            let _ = rustix::process::kill_process_group(group, signal);
        }
    }

    /// Ends it by force and waits for that.
    pub(super) async fn kill(&mut self) -> ExitCause {
        if self.reaped {
            return self.try_exit().unwrap_or(ExitCause::Unknown);
        }
        #[cfg(unix)]
        self.signal_group(rustix::process::Signal::KILL);
        let _ = self.child.start_kill();
        // Only a process stuck in the kernel takes longer.
        tokio::time::timeout(KILL_TIMEOUT, self.exit())
            .await
            .unwrap_or(ExitCause::Unknown)
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        for pump in &self.pumps {
            pump.abort();
        }
        if self.reaped {
            return;
        }
        #[cfg(unix)]
        {
            self.signal_group(rustix::process::Signal::KILL);
            // The runtime that would reap it may be going away too. A killed
            // process is gone in a moment.
            for _ in 0..100 {
                match self.child.try_wait() {
                    Ok(None) => std::thread::sleep(Duration::from_millis(1)),
                    _ => break,
                }
            }
        }
    }
}

#[cfg(target_os = "linux")]
fn open_pidfd(pid: u32) -> Option<tokio::io::unix::AsyncFd<std::os::fd::OwnedFd>> {
    use rustix::process::{Pid, PidfdFlags, pidfd_open};
    use tokio::io::{Interest, unix::AsyncFd};

    let pid = Pid::from_raw(i32::try_from(pid).ok()?)?;
    // Kernels before 5.3 have none; waiting for the child does as well there.
    let pidfd = pidfd_open(pid, PidfdFlags::NONBLOCK).ok()?;
    // SAFETY: an `OwnedFd` names the same open descriptor for as long as it
    // lives, and the `AsyncFd` that registers it owns it.
    unsafe { AsyncFd::register_with_interest(pidfd, Interest::READABLE) }.ok()
}

/// What [`run`] needs to know besides the child.
pub(super) struct Started {
    pub(super) version: u32,
    pub(super) address: Address,
    pub(super) channel: Channel,
    pub(super) broker: Broker,
    pub(super) encrypted: bool,
    pub(super) log: PluginLog,
    pub(super) since: Instant,
}

/// Hands the child to its owner task and returns the handle.
pub(super) fn run(spec: &PluginSpec, owned: Owned, started: Started) -> PluginProcess {
    let (stop, stop_requested) = watch::channel(false);
    let (exit_sender, exit) = watch::channel(None);
    let process = PluginProcess {
        name: spec.name.clone(),
        pid: owned.pid,
        version: started.version,
        address: started.address.clone(),
        channel: started.channel.clone(),
        broker: started.broker.clone(),
        encrypted: started.encrypted,
        log: started.log.clone(),
        stop,
        exit,
    };
    let owner = Owner {
        name: spec.name.clone(),
        shutdown_grace: spec.shutdown_grace,
        terminate_grace: spec.terminate_grace,
        events: spec.events.clone(),
        started,
    };
    tokio::spawn(owner.run(owned, stop_requested, exit_sender));
    process
}

struct Owner {
    name: String,
    shutdown_grace: Duration,
    terminate_grace: Duration,
    events: Option<EventBus>,
    started: Started,
}

impl Owner {
    async fn run(
        self,
        mut owned: Owned,
        mut stop: watch::Receiver<bool>,
        exit: watch::Sender<Option<ExitReport>>,
    ) {
        let ended = tokio::select! {
            // A process that ended before it was asked to has crashed.
            biased;
            cause = owned.exit() => Err(cause),
            asked = stop.wait_for(|stop| *stop) => Ok(asked.is_ok()),
        };
        let (requested, forced, cause) = match ended {
            Err(cause) => (false, false, cause),
            Ok(true) => {
                let (forced, cause) = self.shut_down(&mut owned).await;
                (true, forced, cause)
            }
            // The handle was dropped.
            Ok(false) => (true, true, owned.kill().await),
        };
        self.started.broker.close();
        owned.drain().await;
        if let Address::Unix(path) = &self.started.address {
            remove_socket(path);
        }
        let report = ExitReport {
            plugin: self.name.clone(),
            pid: owned.pid,
            cause,
            requested,
            forced,
            uptime: self.started.since.elapsed(),
            last_lines: self.started.log.last(owned.pid),
        };
        self.started
            .channel
            .close(Status::unavailable(report.to_string()));
        // Its socket directory goes before anybody hears that it is gone.
        drop(owned);
        if let Some(events) = &self.events {
            let kind = if requested {
                PluginEventKind::Stopped(report.clone())
            } else {
                PluginEventKind::Crashed(report.clone())
            };
            events.send(&self.name, kind);
        }
        exit.send_replace(Some(report));
    }

    /// Graceful, then SIGTERM, then SIGKILL; says whether force was needed.
    async fn shut_down(&self, owned: &mut Owned) -> (bool, ExitCause) {
        let grace = self.shutdown_grace;
        let mut request = Request::new(Empty {});
        request.set_timeout(grace);
        let mut controller = GrpcControllerClient::new(self.started.channel.clone());
        let asked = tokio::select! {
            cause = owned.exit() => return (false, cause),
            answer = controller.shutdown(request) => match answer {
                Ok(_) => true,
                // Go's plugins cut the connection while they answer, so any
                // other failure means that they heard.
                Err(status) => {
                    !matches!(status.code(), Code::Unimplemented | Code::DeadlineExceeded)
                }
            },
        };
        if asked && let Ok(cause) = tokio::time::timeout(grace, owned.exit()).await {
            return (false, cause);
        }
        tracing::warn!(
            plugin = self.name,
            ?grace,
            "the plugin did not shut down by itself"
        );
        #[cfg(unix)]
        if !self.terminate_grace.is_zero() {
            owned.signal_group(rustix::process::Signal::TERM);
            if let Ok(cause) = tokio::time::timeout(self.terminate_grace, owned.exit()).await {
                return (true, cause);
            }
        }
        (true, owned.kill().await)
    }
}

/// Removes what an old plugin left outside the directory it was given. Only a
/// socket: the path is the plugin's word.
fn remove_socket(path: &std::path::Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        let socket =
            std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket());
        if socket {
            let _ = std::fs::remove_file(path);
        }
    }
    #[cfg(not(unix))]
    let _ = path;
}
