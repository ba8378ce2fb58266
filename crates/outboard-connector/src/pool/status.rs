//! How the connectors stand, for people who look.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use super::{breaker::BreakerState, shared::State};

/// What a connector's process is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProcessState {
    /// There is none; the next call starts one.
    Stopped,
    /// It is coming up.
    Starting,
    /// It has calls.
    Busy,
    /// It has none.
    Idle,
    /// It is being asked whether it is well.
    Checking,
    /// There is none, and none may be started for a while: see
    /// [`ProcessStatus::resting_for`].
    Resting,
}

/// What went wrong last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastError {
    /// When.
    pub at: SystemTime,
    /// What, with the plugin's last lines where it ended.
    pub text: Arc<str>,
}

/// How one connector stands.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProcessStatus {
    /// The connector.
    pub key: String,
    /// The version of its program.
    pub version: String,
    /// What its process is doing.
    pub state: ProcessState,
    /// Its process id, once it answers.
    pub pid: Option<u32>,
    /// How many leases are out.
    pub in_flight: usize,
    /// How many callers wait.
    pub queued: usize,
    /// How many processes of it are on their way out.
    pub leaving: usize,
    /// How many times it was started.
    pub starts: u64,
    /// How many times it ended by itself, or did not answer a check.
    pub crashes: u64,
    /// How many times in a row it has failed.
    pub failures: u32,
    /// How long until it may be started again.
    pub resting_for: Option<Duration>,
    /// How long it has been idle.
    pub idle_for: Option<Duration>,
    /// How long it has been ready.
    pub up_for: Option<Duration>,
    /// What its process has in memory, in bytes. Linux only.
    pub memory_bytes: Option<u64>,
    /// What went wrong last, since its program was put in place.
    pub last_error: Option<LastError>,
    /// Whether it is kept running.
    pub warm: bool,
}

impl State {
    pub(super) fn status(&self, key: &str, now: Instant) -> Option<ProcessStatus> {
        let (record, view) = (self.records.get(key)?, self.policy.view(key, now)?);
        let since = |at: Instant| now.saturating_duration_since(at);
        let resting_for = match view.breaker {
            BreakerState::Open { until } => Some(until.saturating_duration_since(now)),
            _ => None,
        };
        let state = match (view.current, view.starting, resting_for) {
            (None, _, Some(_)) => ProcessState::Resting,
            (None, _, None) => ProcessState::Stopped,
            (Some(_), true, _) => ProcessState::Starting,
            _ if view.checking => ProcessState::Checking,
            _ if view.in_flight > 0 => ProcessState::Busy,
            _ => ProcessState::Idle,
        };
        Some(ProcessStatus {
            key: key.to_owned(),
            version: record.plugin.program.version.clone(),
            state,
            pid: view.current.and_then(|process| self.pid(process)),
            in_flight: view.in_flight,
            queued: view.queued,
            leaving: view.leaving,
            starts: view.starts,
            crashes: view.crashes,
            failures: view.failures,
            resting_for,
            idle_for: view.idle_since.map(since),
            up_for: view.ready_since.map(since),
            memory_bytes: None,
            last_error: record.last_error.clone(),
            warm: view.warm,
        })
    }
}
