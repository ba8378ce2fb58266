//! Who gets a process, and whose ends for it.

use std::time::Instant;

use super::{Action, Key, Phase, Policy, Process, ProcessId, StopReason, WaiterId};
use crate::pool::breaker::BreakerState;

impl Policy {
    /// Notes that a connector lacks a process, if it may have one.
    pub(super) fn want(&mut self, key: &Key, now: Instant) {
        let Some(entry) = self.entries.get(key) else {
            return;
        };
        let needed = !entry.queue.is_empty() || (entry.warm && self.warming);
        if self.closing || entry.current.is_some() || !needed {
            return;
        }
        match entry.breaker.state(now) {
            BreakerState::Open { until } => self.wake_at(Some(until)),
            _ => {
                self.wanting.insert(key.clone());
            }
        }
    }

    /// Who is next to get a process: whoever waits longest, and then the warm set.
    pub(super) fn next_wanting(&mut self, now: Instant) -> Option<(Key, Option<WaiterId>)> {
        let (entries, warming) = (&self.entries, self.warming);
        self.wanting.retain(|key| {
            entries.get(key).is_some_and(|entry| {
                let needed = !entry.queue.is_empty() || (entry.warm && warming);
                let open = matches!(entry.breaker.state(now), BreakerState::Open { .. });
                entry.current.is_none() && needed && !open
            })
        });
        let front = |key: &Key| {
            entries
                .get(key)
                .and_then(|entry| entry.queue.front().copied())
        };
        let ranked = self.wanting.iter().map(|key| (front(key), key));
        ranked
            .min_by_key(|(front, _)| (front.is_none(), *front))
            .map(|(front, key)| (key.clone(), front))
    }

    /// Gives slots to those that lack a process, in order.
    pub(super) fn fill(&mut self, now: Instant) {
        while let Some((key, _)) = self.next_wanting(now) {
            let cap = self.settings.max_processes;
            let room = cap == 0 || self.processes.len() < cap.saturating_mul(2);
            if !room {
                break;
            }
            if cap != 0 && self.holding >= cap {
                let Some(victim) = self.victim() else {
                    break;
                };
                let loser = self.processes.get(&victim).map(|state| state.key.clone());
                self.release_slot(victim);
                self.stop(victim, StopReason::Evicted);
                if let Some(loser) = loser {
                    // Whoever waits for it waits behind.
                    self.want(&loser, now);
                }
            }
            self.start(&key, now);
        }
        self.share(now);
    }

    /// The process that is missed least: one that was asked to yield, or else the one
    /// that was used longest ago. Never one in use or of the warm set.
    pub(super) fn victim(&self) -> Option<ProcessId> {
        let candidates = self.processes.iter().filter(|(_, state)| {
            let entry = self.entries.get(&state.key);
            let free = entry
                .is_some_and(|entry| !entry.warm && (entry.queue.is_empty() || state.yielding));
            state.phase == Phase::Ready && state.in_flight == 0 && free
        });
        candidates
            .min_by_key(|(id, state)| (!state.yielding, state.idle_since, **id))
            .map(|(id, _)| *id)
    }

    /// Has busy processes yield to those who have gone without a slot for too long, and
    /// takes that back when nobody does any more.
    pub(super) fn share(&mut self, now: Instant) {
        let mut starved = 0;
        let mut due = None::<Instant>;
        for key in &self.wanting {
            let front = self.entries.get(key).and_then(|entry| entry.queue.front());
            let Some(waiter) = front.and_then(|front| self.waiters.get(front)) else {
                continue;
            };
            match waiter.since.checked_add(self.settings.patience) {
                Some(at) if at <= now => starved += 1,
                at => due = due.into_iter().chain(at).min(),
            }
        }
        self.wake_at(due);
        while self.yielding < starved {
            let busy = self.processes.iter().filter(|(_, state)| {
                let warm = self.entries.get(&state.key).is_none_or(|entry| entry.warm);
                state.phase == Phase::Ready && !state.yielding && !warm
            });
            // The one that has had its turn longest.
            let Some(process) = busy.min_by_key(|(id, state)| (state.since, **id)) else {
                break;
            };
            let process = *process.0;
            if let Some(state) = self.processes.get_mut(&process) {
                state.yielding = true;
                self.yielding += 1;
            }
        }
        if self.yielding > starved {
            let yielding = self.processes.iter().filter(|(_, state)| state.yielding);
            let mut again: Vec<(Instant, ProcessId, Key)> = yielding
                .map(|(id, state)| (state.since, *id, state.key.clone()))
                .collect();
            again.sort_by(|one, other| other.cmp(one));
            again.truncate(self.yielding - starved);
            for (_, process, key) in again {
                if let Some(state) = self.processes.get_mut(&process) {
                    state.yielding = false;
                    self.yielding -= 1;
                }
                self.serve(&key, now);
            }
        }
    }

    pub(super) fn start(&mut self, key: &Key, now: Instant) {
        let process = ProcessId(self.id());
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        entry.current = Some(process);
        entry.starts += 1;
        self.wanting.remove(key);
        self.holding += 1;
        let state = Process {
            key: key.clone(),
            phase: Phase::Starting,
            in_flight: 0,
            since: now,
            idle_since: now,
            alive_at: now,
            suspect: false,
            checking: false,
            yielding: false,
            proven: true,
        };
        self.processes.insert(process, state);
        let key = key.clone();
        self.actions.push(Action::Start { key, process });
    }

    /// The connector's process, if it has one, takes no more calls and ends when the
    /// last is over.
    pub(super) fn let_go(&mut self, key: &Key, why: StopReason, now: Instant) {
        let Some(process) = self.entries.get(key).and_then(|entry| entry.current) else {
            return;
        };
        self.release_slot(process);
        let Some(state) = self.processes.get_mut(&process) else {
            return;
        };
        let until = now.checked_add(self.settings.drain_timeout);
        match until {
            Some(until) if state.in_flight > 0 && until > now => {
                state.phase = Phase::Draining { until, why };
                self.wake_at(Some(until));
            }
            _ => self.stop(process, why),
        }
    }

    /// A process is no longer its connector's current one.
    pub(super) fn release_slot(&mut self, process: ProcessId) {
        let Some(state) = self.processes.get_mut(&process) else {
            return;
        };
        if !matches!(state.phase, Phase::Starting | Phase::Ready) {
            return;
        }
        self.holding -= 1;
        if std::mem::take(&mut state.yielding) {
            self.yielding -= 1;
        }
        if let Some(entry) = self.entries.get_mut(&state.key)
            && entry.current == Some(process)
        {
            entry.current = None;
        }
    }

    pub(super) fn stop(&mut self, process: ProcessId, why: StopReason) {
        if let Some(state) = self.processes.get_mut(&process) {
            state.phase = Phase::Stopping;
            self.actions.push(Action::Stop { process, why });
        }
    }

    /// Drops everything about a process. Says whose it was and whether it was current.
    pub(super) fn forget(&mut self, process: ProcessId) -> Option<(Key, bool)> {
        let key = self.processes.get(&process)?.key.clone();
        let entry = self.entries.get(&key);
        let was_current = entry.is_some_and(|entry| entry.current == Some(process));
        self.release_slot(process);
        self.processes.remove(&process);
        Some((key, was_current))
    }
}
