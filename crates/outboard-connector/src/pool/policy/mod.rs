//! What the pool does next: every decision, and no action.
//!
//! The policy is told what happens, with the time, and answers with [`Action`]s, which
//! the pool performs. It reads no clock, starts nothing and waits for nothing, so tests
//! drive it through hours in a moment.
//!
//! ```text
//!             Start                 started             in flight: 0
//!   (no process) ────▸ Starting ──────────────▸ Ready ◂────────────▸ in flight: n
//!        ▴                │ start_failed         │ idle, evicted, unhealthy ─▸ Stopping ─▸ exited
//!        └────────────────┘                      │ replaced, removed
//!                                                └────▸ Draining ── last lease, timeout ─▸ Stopping
//! ```
//!
//! A connector has at most one process that is starting or ready, its *current* one;
//! only those hold a slot under the cap. Processes on their way out hold none, so that a
//! connector that is slow to stop delays nobody; there are never more of them than the
//! cap besides.

mod events;
mod serve;
mod slots;
mod time;
mod view;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use super::breaker::{Breaker, BreakerPolicy};

/// A connector's key, shared.
pub(in crate::pool) type Key = Arc<str>;

/// One process, from the decision to start it until it is gone. Never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::pool) struct ProcessId(u64);

/// Somebody who waits for a lease. Smaller ones came first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::pool) struct WaiterId(u64);

#[derive(Clone, Debug)]
pub(in crate::pool) struct Settings {
    /// 0: no cap.
    pub(in crate::pool) max_processes: usize,
    pub(in crate::pool) calls_per_process: usize,
    /// Per connector.
    pub(in crate::pool) max_queue: usize,
    /// `None`: idle processes stay.
    pub(in crate::pool) idle_timeout: Option<Duration>,
    pub(in crate::pool) drain_timeout: Duration,
    /// A process that nobody has heard of for so long is checked before it is used.
    pub(in crate::pool) check_after: Duration,
    /// An idle process is checked so often.
    pub(in crate::pool) check_every: Duration,
    /// How long a waiter goes without a slot before a busy process is asked to yield.
    pub(in crate::pool) patience: Duration,
    pub(in crate::pool) breaker: BreakerPolicy,
    pub(in crate::pool) warm: BTreeSet<String>,
}

/// What the pool is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::pool) enum Action {
    Start {
        key: Key,
        process: ProcessId,
    },
    Grant {
        waiter: WaiterId,
        process: ProcessId,
    },
    Refuse {
        waiter: WaiterId,
        why: Refusal,
    },
    /// Ask it whether it is well.
    Check {
        process: ProcessId,
    },
    Stop {
        process: ProcessId,
        why: StopReason,
    },
    /// The connector is left alone for a while.
    Opened {
        key: Key,
        failures: u32,
        delay: Duration,
    },
}

/// Why somebody gets no lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::pool) enum Refusal {
    Unknown,
    ShuttingDown,
    QueueFull,
    Removed,
    /// The start that it waited for failed.
    StartFailed,
    /// The breaker is open.
    Resting {
        until: Instant,
    },
    TimedOut {
        waited: Duration,
        reason: WaitReason,
    },
}

/// What a caller was waiting for when its time was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WaitReason {
    /// Its connector was starting.
    Starting,
    /// All processes that the cap allows were in use by other connectors.
    Slot,
    /// Its connector had as many calls as it may have at once.
    Concurrency,
    /// Its connector was being asked whether it is well.
    Check,
}

/// Why a process is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StopReason {
    /// Nobody has used it for the idle time.
    Idle,
    /// Another connector needed its place.
    Evicted,
    /// Its connector has another program now.
    Replaced,
    /// Its connector is no longer there, or disabled.
    Removed,
    /// It did not answer a health check.
    Unhealthy,
    /// The pool shuts down.
    ShuttingDown,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::pool) enum Answer {
    Granted(ProcessId),
    Queued(WaiterId),
    Refused(Refusal),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Starting,
    Ready,
    Draining { until: Instant, why: StopReason },
    Stopping,
}

#[derive(Debug)]
struct Process {
    key: Key,
    phase: Phase,
    in_flight: usize,
    /// When it became ready, and until then when it was begun.
    since: Instant,
    /// Since when nothing is in flight.
    idle_since: Instant,
    /// When it last showed that it works.
    alive_at: Instant,
    /// A call has failed in a way that makes it doubtful.
    suspect: bool,
    /// A check is under way.
    checking: bool,
    /// It gets no further leases, so that somebody else gets its slot.
    yielding: bool,
    /// It has completed a call, or nothing before it has failed.
    proven: bool,
}

#[derive(Debug, Default)]
struct Entry {
    warm: bool,
    current: Option<ProcessId>,
    queue: VecDeque<WaiterId>,
    breaker: Breaker,
    starts: u64,
    crashes: u64,
}

#[derive(Debug)]
struct Waiter {
    key: Key,
    since: Instant,
    deadline: Instant,
}

#[derive(Debug)]
pub(in crate::pool) struct Policy {
    settings: Settings,
    entries: HashMap<Key, Entry>,
    processes: HashMap<ProcessId, Process>,
    waiters: BTreeMap<WaiterId, Waiter>,
    /// Connectors that may lack a process; looked at again before one is started.
    wanting: BTreeSet<Key>,
    actions: Vec<Action>,
    /// No later than the next moment at which something is due.
    wake: Option<Instant>,
    warming: bool,
    closing: bool,
    /// How many processes are starting or ready.
    holding: usize,
    yielding: usize,
    next: u64,
}

impl Policy {
    pub(in crate::pool) fn new(settings: Settings) -> Policy {
        Policy {
            settings,
            entries: HashMap::new(),
            processes: HashMap::new(),
            waiters: BTreeMap::new(),
            wanting: BTreeSet::new(),
            actions: Vec::new(),
            wake: None,
            warming: false,
            closing: false,
            holding: 0,
            yielding: 0,
            next: 0,
        }
    }

    /// What is to be done, in order. To be asked after each event.
    pub(in crate::pool) fn take_actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    /// When [`tick`](Self::tick) is to be called, at the latest.
    pub(in crate::pool) fn next_timeout(&self) -> Option<Instant> {
        self.wake
    }

    pub(super) fn id(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

#[cfg(test)]
mod tests;
