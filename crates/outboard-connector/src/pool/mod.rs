//! The processes of connectors: started at the first call, shared, kept for a while.
//!
//! ```text
//! lease(key, deadline) ──▸ Policy ──▸ Start, Grant, Refuse, Check, Stop ──▸ Keeper ── one process
//!        ▴                   │ (pure: events and the time in, actions out)     │
//!        └── Lease ◂─────────┴──────────── started, exited, checked ◂──────────┘
//! ```
//!
//! # What holds
//!
//! - A connector has one process at most. Everybody who needs it while it starts waits
//!   for that one start, and a failure fails them all with the same error.
//! - Whoever waits is served in the order of coming. Nobody waits because of another
//!   connector, except for a place under [the cap](PoolConfig::max_processes).
//! - What runs is what was verified: each start executes exactly the bytes that have the
//!   program's SHA-256, over AutoMTLS.
//! - [`set`](Pool::set) and [`remove`](Pool::remove) cut no call short: the process that
//!   has them lives on until they are over, for the drain timeout at most.
//! - A crash is noticed at once and the next call starts the connector again; one that
//!   keeps failing rests for 1 s to 60 s, and then one start, and one call, decide.
//!
//! ```no_run
//! use std::time::{Duration, Instant};
//! use outboard_connector::{
//!     client::{CallLimits, ExecCall},
//!     pool::{Pool, PoolConfig, Program},
//! };
//!
//! # async fn example(sha256: String) -> Result<(), Box<dyn std::error::Error>> {
//! let pool = Pool::new(PoolConfig::new("/var/lib/outboard/data/connectors"));
//! pool.set(Program {
//!     key: "httpbin".into(),
//!     version: "0.1.0".into(),
//!     program: "/var/lib/outboard/connectors/httpbin/versions/0.1.0/httpbin".into(),
//!     sha256,
//! })?;
//! let lease = pool.lease("httpbin", Instant::now() + Duration::from_secs(10)).await?;
//! let call = ExecCall::new("get");
//! let limits = CallLimits::within(Duration::from_secs(30));
//! let result = lease.connection().execute_stream(call, limits, |_| {}).await?;
//! # drop(result);
//! drop(lease);
//! pool.shutdown().await;
//! # Ok(())
//! # }
//! ```

mod breaker;
mod config;
mod error;
mod keeper;
mod lease;
mod plugin;
mod policy;
mod shared;
mod status;

use std::{fmt, sync::Arc, time::Instant};

use outboard_go_plugin::host::{EventStream, PluginLog, resident_memory};
use tokio::sync::oneshot;

pub use self::{
    breaker::{BreakerPolicy, BreakerState},
    config::PoolConfig,
    error::{PoolError, StartFailure},
    lease::Lease,
    plugin::Program,
    policy::{StopReason, WaitReason},
    status::{LastError, ProcessState, ProcessStatus},
};
use self::{
    lease::Place,
    plugin::Plugin,
    policy::Answer,
    shared::{Shared, Waiting},
};

/// The processes of all connectors.
///
/// # Dropping
///
/// Dropping it ends every process at once. [`shutdown`](Pool::shutdown) lets them finish.
pub struct Pool {
    shared: Arc<Shared>,
}

impl Pool {
    /// A pool without programs.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn new(config: PoolConfig) -> Pool {
        let cap = config.max_processes;
        if cap != 0 && config.warm.len() >= cap {
            tracing::warn!(
                cap,
                warm = config.warm.len(),
                "the warm set takes every place under the cap; other connectors get none"
            );
        }
        let runtime = tokio::runtime::Handle::current();
        Pool {
            shared: Shared::new(config, runtime),
        }
    }

    /// Puts a program in place, and says whether that changed anything: the program that
    /// is there already does not.
    ///
    /// New leases go to the new program. The old one's process lives until its leases
    /// end, for the drain timeout at most. What the connector failed before is forgotten.
    /// A connector of the warm set starts at once.
    ///
    /// # Errors
    ///
    /// [`PoolError::Key`] and [`PoolError::Checksum`]; nothing is changed then.
    pub fn set(&self, program: Program) -> Result<bool, PoolError> {
        let log = self.log(&program.key);
        let log = log.unwrap_or_else(|| PluginLog::new(&program.key));
        let plugin = Plugin::new(&self.shared.config, program, &log)?;
        let replaced = self.shared.apply(|state| {
            let record = state.records.get(&plugin.key);
            match record.is_some_and(|record| record.plugin.program == plugin.program) {
                true => None,
                false => Some(state.place(plugin, log)),
            }
        });
        Ok(replaced.is_some())
    }

    /// Takes a connector out: it is not installed any more, or disabled. Says whether it
    /// was there.
    ///
    /// Whoever waits for it is refused. Calls that run get the drain timeout.
    pub fn remove(&self, key: &str) -> bool {
        let removed = self.shared.apply(|state| {
            state.policy.remove(key, Instant::now());
            state.records.remove(key)
        });
        removed.is_some()
    }

    /// The right to call a connector, whose process is started if need be. One that
    /// [rests](PoolError::Resting) is refused at once, and so is a call beyond
    /// [the queue](PoolConfig::max_queue).
    ///
    /// Cancel-safe: dropping the future gives up the place in the queue, or the lease.
    /// A start that has begun goes on.
    ///
    /// # Errors
    ///
    /// A [`PoolError`], at the deadline at the latest.
    pub async fn lease(&self, key: &str, deadline: Instant) -> Result<Lease, PoolError> {
        let queued = self.shared.apply(|state| {
            match state.policy.request(key, deadline, Instant::now()) {
                Answer::Granted(process) => match self.shared.lease(state, process) {
                    Some(lease) => Ok(Ok(lease)),
                    None => Err(PoolError::ShuttingDown),
                },
                Answer::Refused(why) => Err(self.shared.error(state, key, why)),
                Answer::Queued(waiter) => {
                    let (answer, receiver) = oneshot::channel();
                    let key = key.into();
                    state.waiting.insert(waiter, Waiting { key, answer });
                    let place = Place {
                        pool: Arc::clone(&self.shared),
                        waiter,
                    };
                    Ok(Err((place, receiver)))
                }
            }
        })?;
        let (_place, receiver) = match queued {
            Ok(lease) => return Ok(lease),
            Err(queued) => queued,
        };
        receiver.await.unwrap_or(Err(PoolError::ShuttingDown))
    }

    /// From now on the [warm set](PoolConfig::warm) is kept running. All of it that has
    /// programs starts now, at the same time.
    pub fn warm(&self) {
        self.shared.apply(|state| state.policy.warm(Instant::now()));
    }

    /// How every connector stands, sorted by key.
    pub fn status(&self) -> Vec<ProcessStatus> {
        let now = Instant::now();
        let mut all: Vec<ProcessStatus> = self.shared.look(|state| {
            let keys = state.records.keys();
            keys.filter_map(|key| state.status(key, now)).collect()
        });
        for status in &mut all {
            status.memory_bytes = status.pid.and_then(resident_memory);
        }
        all.sort_by(|one, other| one.key.cmp(&other.key));
        all
    }

    /// How one connector stands.
    pub fn status_of(&self, key: &str) -> Option<ProcessStatus> {
        let now = Instant::now();
        let mut status = self.shared.look(|state| state.status(key, now))?;
        status.memory_bytes = status.pid.and_then(resident_memory);
        Some(status)
    }

    /// What a connector said lately, over all its processes. It starts anew after
    /// [`remove`](Self::remove).
    pub fn log(&self, key: &str) -> Option<PluginLog> {
        self.shared
            .look(|state| state.records.get(key).map(|record| record.log.clone()))
    }

    /// Follows what happens from now on: starts, crashes, stops, and rests, which are
    /// told as [`Restarting`](outboard_go_plugin::host::PluginEventKind::Restarting).
    pub fn events(&self) -> EventStream {
        self.shared.config.events.subscribe()
    }

    /// Ends every process: nothing is granted any more, whoever waits is refused, calls
    /// that run get the drain timeout. Returns when all are gone.
    ///
    /// May be called several times. Dropping the future does not stop the ending.
    pub async fn shutdown(&self) {
        self.shared
            .apply(|state| state.policy.shut_down(Instant::now()));
        loop {
            let gone = self.shared.gone.notified();
            tokio::pin!(gone);
            // From here on, an end is not missed.
            gone.as_mut().enable();
            if self.shared.look(|state| state.policy.is_empty()) {
                return;
            }
            gone.await;
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let all = self.shared.apply(|state| state.abandon());
        drop(all);
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("data_directory", &self.shared.config.data_directory)
            .finish_non_exhaustive()
    }
}
