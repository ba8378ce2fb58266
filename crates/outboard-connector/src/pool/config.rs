//! How the pool treats its processes.

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use outboard_go_plugin::host::{EventBus, Inherit, ResourceLimits};

use super::{breaker::BreakerPolicy, policy::Settings};

/// How the pool treats its processes. The defaults stand at [`PoolConfig::new`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PoolConfig {
    /// Where each connector gets a directory of its own, named by its key: its working
    /// directory, made with mode 0700.
    pub data_directory: PathBuf,
    /// How many processes may run at once; 0 for any number. Those that are on their way
    /// out are not counted, and are never more than as many again.
    pub max_processes: usize,
    /// How many calls one process may have at once.
    pub calls_per_process: usize,
    /// How many callers may wait for one connector.
    pub max_queue: usize,
    /// How long a process may be idle before it is stopped; `None` for ever.
    pub idle_timeout: Option<Duration>,
    /// How long calls get that run when their process is replaced, removed or shut down.
    pub drain_timeout: Duration,
    /// How long a start may take.
    pub start_timeout: Duration,
    /// How long a process may take to shut down by itself before it is forced to.
    pub shutdown_grace: Duration,
    /// A process that has shown no sign of life for so long is asked whether it is well
    /// before it gets a call.
    pub check_after: Duration,
    /// An idle process is asked so often.
    pub check_every: Duration,
    /// How long the answer may take. A process that gives none is stopped.
    pub check_timeout: Duration,
    /// How long a caller goes without a process, because all that the cap allows are in
    /// use, before a busy one gets no further calls and makes room when it is idle.
    pub patience: Duration,
    /// When a connector that fails is left alone.
    pub breaker: BreakerPolicy,
    /// The keys of connectors that are started with [`Pool::warm`](super::Pool::warm),
    /// stay, and are started again after a crash.
    pub warm: BTreeSet<String>,
    /// What a connector inherits of this process's environment.
    pub environment: Inherit,
    /// What each process may use of the machine; the system's own limits unless set.
    pub resource_limits: ResourceLimits,
    /// Where to tell what happens.
    pub events: EventBus,
}

impl PoolConfig {
    /// The variables of this process's environment that a connector gets. No secret of
    /// the host's is among them.
    pub const ENVIRONMENT: &[&str] = &[
        "PATH",
        "HOME",
        "LANG",
        "LANGUAGE",
        "LC_ALL",
        "LC_COLLATE",
        "LC_CTYPE",
        "LC_MESSAGES",
        "LC_MONETARY",
        "LC_NUMERIC",
        "LC_TIME",
        "TZ",
        "TMPDIR",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "OUTBOARD_LOG",
        "RUST_BACKTRACE",
    ];

    /// 8 processes of up to 64 calls each, 256 callers waiting for one connector; idle
    /// ones stop after 5 minutes; 30 s to drain, 60 s to start, 2 s to shut down; a check
    /// after 30 s of silence and every 60 s, answered within 2 s; half a second of
    /// patience; nothing warm; [`ENVIRONMENT`](Self::ENVIRONMENT); no limits of our own.
    pub fn new(data_directory: impl Into<PathBuf>) -> PoolConfig {
        let environment = Self::ENVIRONMENT.iter().map(|name| (*name).to_owned());
        PoolConfig {
            data_directory: data_directory.into(),
            max_processes: 8,
            calls_per_process: 64,
            max_queue: 256,
            idle_timeout: Some(Duration::from_secs(5 * 60)),
            drain_timeout: Duration::from_secs(30),
            start_timeout: Duration::from_secs(60),
            shutdown_grace: Duration::from_secs(2),
            check_after: Duration::from_secs(30),
            check_every: Duration::from_secs(60),
            check_timeout: Duration::from_secs(2),
            patience: Duration::from_millis(500),
            breaker: BreakerPolicy::default(),
            warm: BTreeSet::new(),
            environment: Inherit::Only(environment.collect()),
            resource_limits: ResourceLimits::default(),
            events: EventBus::default(),
        }
    }

    pub(super) fn settings(&self) -> Settings {
        Settings {
            max_processes: self.max_processes,
            calls_per_process: self.calls_per_process.max(1),
            max_queue: self.max_queue,
            idle_timeout: self.idle_timeout,
            drain_timeout: self.drain_timeout,
            check_after: self.check_after,
            check_every: self.check_every.max(Duration::from_millis(10)),
            patience: self.patience,
            breaker: self.breaker,
            warm: self.warm.clone(),
        }
    }
}
