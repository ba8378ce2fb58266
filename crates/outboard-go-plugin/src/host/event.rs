//! What happens to plugins, as a stream that any part of a host can follow.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use tokio::sync::broadcast;

use super::ExitReport;

/// How many events a slow follower may lag behind unless said otherwise.
const DEFAULT_CAPACITY: usize = 1024;

/// One thing that happened to one plugin.
#[derive(Debug, Clone)]
pub struct PluginEvent {
    /// The plugin's name.
    pub plugin: String,
    /// When.
    pub at: SystemTime,
    /// What.
    pub kind: PluginEventKind,
}

/// What happened.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum PluginEventKind {
    /// Its process is about to be created.
    Starting,
    /// It answered, this long after `Starting`.
    Ready {
        /// Its process id.
        pid: u32,
        /// How long the start took.
        elapsed: Duration,
    },
    /// It did not start; the text says why.
    StartFailed {
        /// What [`StartError`](super::StartError) says.
        reason: String,
    },
    /// Its process ended without being asked to.
    Crashed(ExitReport),
    /// It will be started again after this delay.
    Restarting {
        /// Which attempt in a row, from 1.
        attempt: u32,
        /// Until the attempt.
        delay: Duration,
    },
    /// Its process ended because the host wanted it.
    Stopped(ExitReport),
    /// It will not be started again by itself.
    Failed {
        /// Why not.
        reason: String,
    },
}

impl fmt::Display for PluginEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plugin = &self.plugin;
        match &self.kind {
            PluginEventKind::Starting => write!(f, "plugin {plugin:?} is starting"),
            PluginEventKind::Ready { pid, elapsed } => {
                write!(
                    f,
                    "plugin {plugin:?} is ready as process {pid} after {elapsed:.1?}"
                )
            }
            PluginEventKind::StartFailed { reason } | PluginEventKind::Failed { reason } => {
                f.write_str(reason)
            }
            PluginEventKind::Crashed(report) | PluginEventKind::Stopped(report) => report.fmt(f),
            PluginEventKind::Restarting { attempt, delay } => {
                write!(
                    f,
                    "plugin {plugin:?} starts again in {delay:.1?} (attempt {attempt})"
                )
            }
        }
    }
}

/// Hands events to everybody who follows. Cloning shares the bus.
///
/// Nobody waits for a follower: one that falls behind by more than the bus's
/// capacity loses the oldest events and is told how many.
#[derive(Debug, Clone)]
pub struct EventBus(broadcast::Sender<PluginEvent>);

impl Default for EventBus {
    /// A bus that lets a follower lag behind by 1,024 events.
    fn default() -> Self {
        EventBus::new(DEFAULT_CAPACITY)
    }
}

impl EventBus {
    /// A bus that lets a follower lag behind by `capacity` events, at least one.
    pub fn new(capacity: usize) -> EventBus {
        EventBus(broadcast::channel(capacity.max(1)).0)
    }

    /// Follows from now on.
    pub fn subscribe(&self) -> EventStream {
        Follower(self.0.subscribe())
    }

    /// Tells every follower. Does nothing if there is none.
    pub fn send(&self, plugin: &str, kind: PluginEventKind) {
        let event = PluginEvent {
            plugin: plugin.to_owned(),
            at: SystemTime::now(),
            kind,
        };
        tracing::debug!(plugin, "{event}");
        // Nobody listening is not an error.
        let _ = self.0.send(event);
    }
}

/// One follower's view of an [`EventBus`].
pub type EventStream = Follower<PluginEvent>;

/// One follower of a bounded stream that waits for nobody.
#[derive(Debug)]
pub struct Follower<T>(broadcast::Receiver<T>);

impl<T: Clone> Follower<T> {
    pub(super) fn new(receiver: broadcast::Receiver<T>) -> Follower<T> {
        Follower(receiver)
    }

    /// The next item, or the number of items that this follower was too slow
    /// for; `None` once nothing can come any more.
    ///
    /// Cancel-safe: a dropped call loses nothing.
    pub async fn next(&mut self) -> Option<Result<T, u64>> {
        match self.0.recv().await {
            Ok(item) => Some(Ok(item)),
            Err(broadcast::error::RecvError::Lagged(missed)) => Some(Err(missed)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}
