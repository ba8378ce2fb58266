//! How things stand, for people who look.

use std::time::Instant;

use super::{Phase, Policy, ProcessId};
use crate::pool::breaker::BreakerState;

/// What is known of one connector, for people who look.
#[derive(Clone, Copy, Debug)]
pub(in crate::pool) struct View {
    pub(in crate::pool) warm: bool,
    pub(in crate::pool) current: Option<ProcessId>,
    pub(in crate::pool) starting: bool,
    pub(in crate::pool) checking: bool,
    pub(in crate::pool) in_flight: usize,
    pub(in crate::pool) idle_since: Option<Instant>,
    pub(in crate::pool) ready_since: Option<Instant>,
    pub(in crate::pool) queued: usize,
    pub(in crate::pool) leaving: usize,
    pub(in crate::pool) starts: u64,
    pub(in crate::pool) crashes: u64,
    pub(in crate::pool) failures: u32,
    pub(in crate::pool) breaker: BreakerState,
}

impl Policy {
    /// How a connector stands.
    pub(in crate::pool) fn view(&self, key: &str, now: Instant) -> Option<View> {
        let entry = self.entries.get(key)?;
        let state = entry
            .current
            .and_then(|current| self.processes.get(&current));
        let ready = state.filter(|state| state.phase == Phase::Ready);
        let others = self
            .processes
            .iter()
            .filter(|(id, state)| &*state.key == key && entry.current != Some(**id));
        Some(View {
            warm: entry.warm,
            current: entry.current,
            starting: state.is_some() && ready.is_none(),
            checking: ready.is_some_and(|state| state.checking),
            in_flight: ready.map_or(0, |state| state.in_flight),
            idle_since: ready
                .filter(|state| state.in_flight == 0)
                .map(|state| state.idle_since),
            ready_since: ready.map(|state| state.since),
            queued: entry.queue.len(),
            leaving: others.count(),
            starts: entry.starts,
            crashes: entry.crashes,
            failures: entry.breaker.failures(),
            breaker: entry.breaker.state(now),
        })
    }

    /// Whether every process is gone.
    pub(in crate::pool) fn is_empty(&self) -> bool {
        self.processes.is_empty()
    }
}
