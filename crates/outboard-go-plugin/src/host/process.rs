//! A running plugin: one owner task for the child, one handle for everybody
//! else.

use std::time::{Duration, Instant};

use tokio::sync::watch;
use tonic::{Code, Request, Status};

use super::{
    EventBus, ExitCause, ExitReport, Launch, PluginEventKind, PluginLog, PluginSpec, TlsMode,
    owned::Owned, sockets,
};
use crate::{
    broker::Broker,
    generated::{
        health::{HealthCheckRequest, health_client::HealthClient},
        plugin::{Empty, grpc_controller_client::GrpcControllerClient},
    },
    reattach::ReattachConfig,
    transport::{Address, Channel},
};

/// How long [`PluginProcess::ping`] waits for an answer.
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// The name under which go-plugin's servers report their health.
const HEALTH_SERVICE: &str = "plugin";

/// A plugin that was started and answered: the owner of its process.
///
/// # Dropping
///
/// Dropping it kills the process and its children at once, reaps it and
/// removes its socket. [`stop`](Self::stop) lets it finish first. A plugin that
/// [outlives its host](PluginSpec::outlive_host), or was reattached to, runs on
/// instead.
#[derive(Debug)]
pub struct PluginProcess {
    name: String,
    id: String,
    pid: u32,
    version: u32,
    address: Address,
    channel: Channel,
    broker: Broker,
    encrypted: bool,
    log: PluginLog,
    test: bool,
    reattachable: bool,
    start_time: Option<u64>,
    stop: watch::Sender<bool>,
    exit: watch::Receiver<Option<ExitReport>>,
}

impl PluginProcess {
    /// The plugin's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id, or 0 if it is not known to be a process of this machine.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// What its runner calls it: its process id, a container's name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How another host, or this one after a restart, reaches the same process;
    /// nothing if none can, because AutoMTLS protects the connection with keys
    /// that no other process has, or because it is multiplexed.
    ///
    /// Meant for plugins that [outlive their host](PluginSpec::outlive_host).
    pub fn reattach_config(&self) -> Option<ReattachConfig> {
        self.reattachable.then(|| {
            let mut config = ReattachConfig::new(self.address.clone());
            config.protocol_version = Some(self.version);
            config.pid = Some(self.pid).filter(|pid| *pid != 0);
            config.test = self.test;
            config.start_time = self.start_time;
            config
        })
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
                calls_in_flight: 0,
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
    /// also if it had ended before. A plugin in test mode is only disconnected.
    ///
    /// Takes at most twice the [shutdown grace](PluginSpec::shutdown_grace), the
    /// [terminate grace](PluginSpec::terminate_grace) and a moment, whatever the
    /// plugin does.
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
    match HealthClient::new(channel.uncounted()).check(request).await {
        Ok(_) => Ok(()),
        // It answers; that it has no health service is its own affair.
        Err(status) if matches!(status.code(), Code::Unimplemented | Code::NotFound) => Ok(()),
        Err(status) => Err(status),
    }
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
pub(super) fn run(spec: &PluginSpec, mut owned: Owned, started: Started) -> PluginProcess {
    let (stop, stop_requested) = watch::channel(false);
    let (exit_sender, exit) = watch::channel(None);
    let leaves_on_drop = spec.outlive_host || matches!(spec.launch, Launch::Reattach(_));
    if leaves_on_drop {
        owned.outlives_host(spec.outlive_host);
    }
    let test = matches!(&spec.launch, Launch::Reattach(config) if config.test);
    let process = PluginProcess {
        name: spec.name.clone(),
        id: owned.id().to_owned(),
        pid: owned.pid(),
        test,
        reattachable: !spec.multiplexed
            && (!started.encrypted || matches!(spec.tls, Some(TlsMode::Custom(_)))),
        start_time: start_time(owned.pid()),
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
        leaves_on_drop,
        leaves_on_stop: test,
        events: spec.events.clone(),
        started,
    };
    tokio::spawn(owner.run(owned, stop_requested, exit_sender));
    process
}

fn start_time(pid: u32) -> Option<u64> {
    #[cfg(target_os = "linux")]
    return super::identity::start_time(pid);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = pid;
        None
    }
}

struct Owner {
    name: String,
    shutdown_grace: Duration,
    terminate_grace: Duration,
    leaves_on_drop: bool,
    leaves_on_stop: bool,
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
            Ok(true) if self.leaves_on_stop => (true, false, ExitCause::LeftRunning),
            Ok(true) => {
                let (forced, cause) = self.shut_down(&mut owned).await;
                (true, forced, cause)
            }
            // The handle was dropped.
            Ok(false) if self.leaves_on_drop => (true, false, ExitCause::LeftRunning),
            Ok(false) => (true, true, owned.kill().await),
        };
        self.started.broker.close();
        let calls_in_flight = self.started.channel.calls_in_flight();
        if cause == ExitCause::LeftRunning {
            owned.leave();
        } else {
            owned.drain().await;
            if let Address::Unix(path) = &self.started.address {
                remove_socket(path);
                sockets::remove_left(path);
            }
        }
        let report = ExitReport {
            plugin: self.name.clone(),
            pid: owned.pid(),
            cause,
            requested,
            forced,
            uptime: self.started.since.elapsed(),
            calls_in_flight,
            last_lines: self.started.log.last(owned.pid()),
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
        let mut controller = GrpcControllerClient::new(self.started.channel.clone().uncounted());
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
        if asked && let Some(cause) = owned.exit_within(grace).await {
            return (false, cause);
        }
        tracing::warn!(
            plugin = self.name,
            ?grace,
            "the plugin did not shut down by itself"
        );
        if !self.terminate_grace.is_zero()
            && owned.terminate().await
            && let Some(cause) = owned.exit_within(self.terminate_grace).await
        {
            return (true, cause);
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
