//! Handing a connector's process to those who wait for it.

use std::time::Instant;

use super::{Action, Key, Phase, Policy, ProcessId};

impl Policy {
    /// Does for one connector what can be done, and then for whoever lacks a process.
    pub(super) fn settle(&mut self, key: &Key, now: Instant) {
        self.serve(key, now);
        if !self.wanting.is_empty() || self.yielding > 0 {
            self.fill(now);
        }
    }

    /// Grants what the connector's process can take, in order.
    pub(super) fn serve(&mut self, key: &Key, now: Instant) {
        loop {
            let Some(entry) = self.entries.get_mut(key) else {
                return;
            };
            let Some(&waiter) = entry.queue.front() else {
                if entry.warm && entry.current.is_none() {
                    self.want(key, now);
                }
                return;
            };
            let Some(process) = entry.current else {
                self.want(key, now);
                return;
            };
            match self.can_take(process, now) {
                Some(true) => {}
                Some(false) => return,
                None => {
                    self.check(process);
                    return;
                }
            }
            if let Some(entry) = self.entries.get_mut(key) {
                entry.queue.pop_front();
            }
            self.waiters.remove(&waiter);
            self.grant(process);
            self.actions.push(Action::Grant { waiter, process });
        }
    }

    /// Whether a process takes one more call now; `None` if that takes a check first.
    pub(super) fn can_take(&self, process: ProcessId, now: Instant) -> Option<bool> {
        let state = self.processes.get(&process)?;
        if state.phase != Phase::Ready || state.checking || state.yielding {
            return Some(false);
        }
        let quiet = now.saturating_duration_since(state.alive_at);
        if state.suspect || (state.in_flight == 0 && quiet >= self.settings.check_after) {
            return None;
        }
        let limit = match state.proven {
            true => self.settings.calls_per_process,
            // One at a time until one of them has come back.
            false => 1,
        };
        Some(state.in_flight < limit)
    }

    pub(super) fn grant(&mut self, process: ProcessId) {
        if let Some(state) = self.processes.get_mut(&process) {
            state.in_flight += 1;
        }
    }

    pub(super) fn check(&mut self, process: ProcessId) {
        if let Some(state) = self.processes.get_mut(&process)
            && !state.checking
        {
            state.checking = true;
            self.actions.push(Action::Check { process });
        }
    }
}
