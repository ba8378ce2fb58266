//! What the policy is told.

use std::time::{Duration, Instant};

use super::{Action, Answer, Key, Phase, Policy, ProcessId, Refusal, StopReason, Waiter, WaiterId};
use crate::pool::breaker::{Breaker, BreakerState};

impl Policy {
    /// There is a connector of that key, with a program that is new.
    pub(in crate::pool) fn set(&mut self, key: &str, now: Instant) -> Key {
        let known = self.entries.get_key_value(key).map(|(key, _)| key.clone());
        let key: Key = known.unwrap_or_else(|| key.into());
        let warm = self.settings.warm.contains(&*key);
        let entry = self.entries.entry(key.clone()).or_default();
        entry.warm = warm;
        entry.breaker = Breaker::default();
        self.let_go(&key, StopReason::Replaced, now);
        self.want(&key, now);
        self.settle(&key, now);
        key
    }

    /// There is none any more.
    pub(in crate::pool) fn remove(&mut self, key: &str, now: Instant) {
        let Some((key, _)) = self.entries.get_key_value(key) else {
            return;
        };
        let key = key.clone();
        self.let_go(&key, StopReason::Removed, now);
        self.refuse_all(&key, Refusal::Removed);
        self.entries.remove(&key);
        self.wanting.remove(&key);
        self.fill(now);
    }

    /// From now on the warm set is kept running.
    pub(in crate::pool) fn warm(&mut self, now: Instant) {
        self.warming = true;
        let warm = self.entries.iter().filter(|(_, entry)| entry.warm);
        self.wanting.extend(warm.map(|(key, _)| key.clone()));
        self.fill(now);
    }

    /// Nothing is granted any more, and every process ends.
    pub(in crate::pool) fn shut_down(&mut self, now: Instant) {
        self.closing = true;
        let keys: Vec<Key> = self.entries.keys().cloned().collect();
        for key in keys {
            self.refuse_all(&key, Refusal::ShuttingDown);
            self.let_go(&key, StopReason::ShuttingDown, now);
        }
        self.wanting.clear();
    }

    /// Somebody wants a lease.
    pub(in crate::pool) fn request(
        &mut self,
        key: &str,
        deadline: Instant,
        now: Instant,
    ) -> Answer {
        if self.closing {
            return Answer::Refused(Refusal::ShuttingDown);
        }
        let Some((key, entry)) = self.entries.get_key_value(key) else {
            return Answer::Refused(Refusal::Unknown);
        };
        if let BreakerState::Open { until } = entry.breaker.state(now) {
            return Answer::Refused(Refusal::Resting { until });
        }
        if entry.queue.is_empty()
            && let Some(process) = entry.current
            && self.can_take(process, now) == Some(true)
        {
            self.grant(process);
            return Answer::Granted(process);
        }
        if entry.queue.len() >= self.settings.max_queue {
            return Answer::Refused(Refusal::QueueFull);
        }
        let key = key.clone();
        let waiter = WaiterId(self.id());
        let waiting = Waiter {
            key: key.clone(),
            since: now,
            deadline,
        };
        self.waiters.insert(waiter, waiting);
        self.wake_at(Some(deadline));
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.queue.push_back(waiter);
        }
        self.settle(&key, now);
        Answer::Queued(waiter)
    }

    /// Somebody does not wait any longer.
    pub(in crate::pool) fn cancel(&mut self, waiter: WaiterId, now: Instant) {
        let Some(Waiter { key, .. }) = self.waiters.remove(&waiter) else {
            return;
        };
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.queue.retain(|queued| *queued != waiter);
        }
        self.fill(now);
    }

    /// A process answers.
    pub(in crate::pool) fn started(&mut self, process: ProcessId, now: Instant) {
        let Some(state) = self.processes.get_mut(&process) else {
            return;
        };
        if state.phase != Phase::Starting {
            return;
        }
        state.phase = Phase::Ready;
        (state.since, state.alive_at) = (now, now);
        let key = state.key.clone();
        if let Some(entry) = self.entries.get_mut(&key) {
            state.proven = !entry.breaker.is_wary();
            entry.breaker.started();
        }
        self.became_idle(process, now);
        self.settle(&key, now);
    }

    /// It did not come to that, and nothing of it is left.
    pub(in crate::pool) fn start_failed(&mut self, process: ProcessId, now: Instant) {
        let Some((key, was_current)) = self.forget(process) else {
            return;
        };
        if was_current && let Some(entry) = self.entries.get_mut(&key) {
            let until = entry.breaker.start_failed(&self.settings.breaker, now);
            self.refuse_all(&key, Refusal::StartFailed);
            self.opened(&key, until, now);
        }
        self.fill(now);
    }

    /// A process is gone, by itself or because it was stopped.
    pub(in crate::pool) fn exited(&mut self, process: ProcessId, now: Instant) {
        let Some(state) = self.processes.get(&process) else {
            return;
        };
        let (ran, stopped) = (
            now.saturating_duration_since(state.since),
            state.phase == Phase::Stopping,
        );
        let Some((key, was_current)) = self.forget(process) else {
            return;
        };
        if let Some(entry) = self.entries.get_mut(&key)
            && !stopped
        {
            entry.crashes += 1;
        }
        if was_current {
            self.crashed(&key, ran, now);
        }
        self.settle(&key, now);
    }

    /// A lease has ended. `suspect` says that its calls failed in a way that makes the
    /// process itself doubtful.
    pub(in crate::pool) fn released(&mut self, process: ProcessId, suspect: bool, now: Instant) {
        let Some(state) = self.processes.get_mut(&process) else {
            return;
        };
        state.in_flight = state.in_flight.saturating_sub(1);
        if suspect {
            state.suspect = true;
        } else {
            state.alive_at = now;
            state.proven = true;
        }
        let key = state.key.clone();
        match (state.phase, state.in_flight) {
            (Phase::Draining { why, .. }, 0) => self.stop(process, why),
            (Phase::Ready, 0) => {
                self.became_idle(process, now);
                self.serve(&key, now);
                if !self.wanting.is_empty() {
                    self.fill(now);
                }
            }
            (Phase::Ready, _) => self.serve(&key, now),
            _ => {}
        }
    }

    /// What a check said.
    pub(in crate::pool) fn checked(&mut self, process: ProcessId, well: bool, now: Instant) {
        let Some(state) = self.processes.get_mut(&process) else {
            return;
        };
        state.checking = false;
        if state.phase != Phase::Ready {
            return;
        }
        let key = state.key.clone();
        if well {
            (state.alive_at, state.suspect) = (now, false);
            self.wake_for_idle(process);
        } else {
            let ran = now.saturating_duration_since(state.since);
            self.release_slot(process);
            self.stop(process, StopReason::Unhealthy);
            if let Some(entry) = self.entries.get_mut(&key) {
                entry.crashes += 1;
            }
            self.crashed(&key, ran, now);
        }
        self.settle(&key, now);
    }

    /// The connector's current process has failed after it had run for a while.
    pub(super) fn crashed(&mut self, key: &Key, ran: Duration, now: Instant) {
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        let until = entry.breaker.crashed(&self.settings.breaker, ran, now);
        if let Some(until) = until {
            self.refuse_all(key, Refusal::Resting { until });
        }
        self.opened(key, until, now);
    }

    pub(super) fn opened(&mut self, key: &Key, until: Option<Instant>, now: Instant) {
        let Some(until) = until else {
            return;
        };
        self.wake_at(Some(until));
        let failures = self
            .entries
            .get(key)
            .map_or(0, |entry| entry.breaker.failures());
        self.actions.push(Action::Opened {
            key: key.clone(),
            failures,
            delay: until.saturating_duration_since(now),
        });
    }

    pub(super) fn refuse_all(&mut self, key: &Key, why: Refusal) {
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        for waiter in std::mem::take(&mut entry.queue) {
            self.waiters.remove(&waiter);
            self.actions.push(Action::Refuse { waiter, why });
        }
    }
}
