//! What happens because time passes, and when to look next.

use std::time::Instant;

use super::{
    Action, Entry, Phase, Policy, ProcessId, Refusal, StopReason, WaitReason, Waiter, WaiterId,
};
use crate::pool::breaker::BreakerState;

impl Policy {
    /// Time has passed: everything that is due happens now.
    pub(in crate::pool) fn tick(&mut self, now: Instant) {
        self.wake = None;
        let due =
            |(waiter, waiting): (&WaiterId, &Waiter)| (waiting.deadline <= now).then_some(*waiter);
        let late: Vec<WaiterId> = self.waiters.iter().filter_map(due).collect();
        for waiter in late {
            self.time_out(waiter, now);
        }
        let ids: Vec<ProcessId> = self.processes.keys().copied().collect();
        for process in ids {
            self.look_at(process, now);
        }
        if self.warming && !self.closing {
            let lacking = |entry: &Entry| entry.warm && entry.current.is_none();
            let warm = self.entries.iter().filter(|(_, entry)| lacking(entry));
            self.wanting.extend(warm.map(|(key, _)| key.clone()));
        }
        self.fill(now);
        self.rewind(now);
    }

    /// Finds the next moment at which something is due.
    pub(super) fn rewind(&mut self, now: Instant) {
        for waiter in self.waiters.values() {
            let at = Some(waiter.deadline);
            self.wake = match (self.wake, at) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
        }
        let ids: Vec<ProcessId> = self.processes.keys().copied().collect();
        for process in ids {
            self.wake_for_idle(process);
            if let Some(Phase::Draining { until, .. }) =
                self.processes.get(&process).map(|state| state.phase)
            {
                self.wake_at(Some(until));
            }
        }
        if self.warming && !self.closing {
            let lacking = |entry: &&Entry| entry.warm && entry.current.is_none();
            let breakers = self.entries.values().filter(lacking);
            let until = breakers.filter_map(|entry| match entry.breaker.state(now) {
                BreakerState::Open { until } => Some(until),
                _ => None,
            });
            let until = until.min();
            self.wake_at(until);
        }
    }

    pub(super) fn look_at(&mut self, process: ProcessId, now: Instant) {
        let Some(state) = self.processes.get(&process) else {
            return;
        };
        match state.phase {
            Phase::Draining { until, why } if until <= now => self.stop(process, why),
            Phase::Ready if state.in_flight == 0 => {
                let entry = self.entries.get(&state.key);
                let wanted = entry.is_some_and(|entry| entry.warm || !entry.queue.is_empty());
                let reap = self.settings.idle_timeout.is_some_and(|idle| {
                    !wanted && now.saturating_duration_since(state.idle_since) >= idle
                });
                let quiet = now.saturating_duration_since(state.alive_at);
                if reap {
                    self.release_slot(process);
                    self.stop(process, StopReason::Idle);
                } else if !state.checking && quiet >= self.settings.check_every {
                    self.check(process);
                }
            }
            _ => {}
        }
    }

    pub(super) fn time_out(&mut self, waiter: WaiterId, now: Instant) {
        let Some(waiting) = self.waiters.remove(&waiter) else {
            return;
        };
        let Some(entry) = self.entries.get_mut(&waiting.key) else {
            return;
        };
        entry.queue.retain(|queued| *queued != waiter);
        let process = entry
            .current
            .and_then(|current| self.processes.get(&current));
        let reason = match process {
            None => WaitReason::Slot,
            Some(process) if process.phase == Phase::Starting => WaitReason::Starting,
            Some(process) if process.checking => WaitReason::Check,
            Some(process) if process.yielding => WaitReason::Slot,
            Some(_) => WaitReason::Concurrency,
        };
        let waited = now.saturating_duration_since(waiting.since);
        let why = Refusal::TimedOut { waited, reason };
        self.actions.push(Action::Refuse { waiter, why });
    }

    pub(super) fn became_idle(&mut self, process: ProcessId, now: Instant) {
        if let Some(state) = self.processes.get_mut(&process) {
            state.idle_since = now;
        }
        self.wake_for_idle(process);
    }

    /// Sees to it that an idle process is looked at when it is time.
    pub(super) fn wake_for_idle(&mut self, process: ProcessId) {
        let Some(state) = self.processes.get(&process) else {
            return;
        };
        if state.phase != Phase::Ready || state.in_flight > 0 {
            return;
        }
        let entry = self.entries.get(&state.key);
        let stays = entry.is_some_and(|entry| entry.warm || !entry.queue.is_empty());
        let idle = self.settings.idle_timeout.filter(|_| !stays);
        let reap = idle.and_then(|idle| state.idle_since.checked_add(idle));
        let check = match state.checking {
            true => None,
            false => state.alive_at.checked_add(self.settings.check_every),
        };
        self.wake_at(reap);
        self.wake_at(check);
    }

    pub(super) fn wake_at(&mut self, at: Option<Instant>) {
        self.wake = match (self.wake, at) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }
}
