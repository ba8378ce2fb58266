//! Who is told when a call to a plugin has ended: how it went, and how long it took.
//!
//! A host that measures implements [`CallObserver`]; whoever makes calls keeps
//! [`CallObservers`] and holds a [`Watched`] while one runs. With nobody listening a call
//! costs a look at an empty list.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock, Weak},
    time::{Duration, Instant},
};

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CallOutcome {
    /// It was answered.
    Ok,
    /// The plugin answered that the operation failed.
    Failed,
    /// It was not made: what was asked is not there, not allowed, or cannot be carried.
    Refused,
    /// There was no process to call, or it went away.
    Unavailable,
    /// It was not done in time.
    Deadline,
    /// The caller went away.
    Cancelled,
    /// What the plugin said makes no sense, or was too large.
    Misbehaved,
}

impl CallOutcome {
    /// Every outcome.
    pub const ALL: [CallOutcome; 7] = [
        CallOutcome::Ok,
        CallOutcome::Failed,
        CallOutcome::Refused,
        CallOutcome::Unavailable,
        CallOutcome::Deadline,
        CallOutcome::Cancelled,
        CallOutcome::Misbehaved,
    ];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            CallOutcome::Ok => "ok",
            CallOutcome::Failed => "failed",
            CallOutcome::Refused => "refused",
            CallOutcome::Unavailable => "unavailable",
            CallOutcome::Deadline => "deadline",
            CallOutcome::Cancelled => "cancelled",
            CallOutcome::Misbehaved => "misbehaved",
        }
    }

    /// Whether something went wrong. A caller who goes away is no error.
    pub fn is_error(self) -> bool {
        !matches!(self, CallOutcome::Ok | CallOutcome::Cancelled)
    }
}

/// A call that has ended.
#[derive(Debug, Clone, Copy)]
pub struct CallReport<'a> {
    /// The plugin that was called.
    pub plugin: &'a str,
    /// What was called: a step's type, a service's method, an operation. Empty where it is
    /// not known, as for one that the plugin does not have.
    pub operation: &'a str,
    /// What became of it.
    pub outcome: CallOutcome,
    /// How long it took.
    pub took: Duration,
}

/// Somebody who counts calls.
///
/// It is asked on the caller's own task, after each call: it must neither block nor take
/// long.
pub trait CallObserver: Send + Sync {
    /// A call has ended.
    fn call_ended(&self, call: &CallReport<'_>);
}

/// Those who are told. Clones are the same list; whoever is gone is left out.
#[derive(Clone, Default)]
pub struct CallObservers(Arc<RwLock<Vec<Weak<dyn CallObserver>>>>);

impl CallObservers {
    /// Tells this one too, for as long as it is there.
    pub fn add(&self, observer: &Arc<dyn CallObserver>) {
        let mut observers = self.0.write().unwrap_or_else(PoisonError::into_inner);
        observers.retain(|observer| observer.strong_count() > 0);
        observers.push(Arc::downgrade(observer));
    }

    /// Tells that a call has ended.
    pub fn tell(&self, call: &CallReport<'_>) {
        let observers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        for observer in observers.iter() {
            if let Some(observer) = observer.upgrade() {
                observer.call_ended(call);
            }
        }
    }

    /// Watches a call that begins now. `limit` is how long its caller will wait for it, if
    /// that is known.
    pub fn watch<'a>(
        &'a self,
        plugin: &'a str,
        operation: &'a str,
        limit: Option<Duration>,
    ) -> Watched<'a> {
        Watched {
            observers: self,
            plugin,
            operation,
            limit,
            begun: Instant::now(),
            ended: false,
        }
    }
}

impl fmt::Debug for CallObservers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallObservers").finish_non_exhaustive()
    }
}

/// A call that runs. Dropped before it has [ended](Self::end), it was cancelled, or its
/// time had run out.
#[derive(Debug)]
#[must_use = "a call that is not watched to its end counts as cancelled"]
pub struct Watched<'a> {
    observers: &'a CallObservers,
    plugin: &'a str,
    operation: &'a str,
    limit: Option<Duration>,
    begun: Instant,
    ended: bool,
}

impl Watched<'_> {
    /// It ended in this way.
    pub fn end(mut self, outcome: CallOutcome) {
        self.tell(outcome);
    }

    fn tell(&mut self, outcome: CallOutcome) {
        self.ended = true;
        self.observers.tell(&CallReport {
            plugin: self.plugin,
            operation: self.operation,
            outcome,
            took: self.begun.elapsed(),
        });
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        if !self.ended {
            let over = self
                .limit
                .is_some_and(|limit| is_over(limit, self.begun.elapsed()));
            self.tell(match over {
                true => CallOutcome::Deadline,
                false => CallOutcome::Cancelled,
            });
        }
    }
}

/// Whether a caller who went away after so long had no more time. Its clock began to run
/// a moment before ours.
fn is_over(limit: Duration, took: Duration) -> bool {
    took + took / 50 + Duration::from_millis(10) >= limit
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Seen(Mutex<Vec<(String, CallOutcome)>>);

    impl CallObserver for Seen {
        fn call_ended(&self, call: &CallReport<'_>) {
            let text = format!("{}/{}", call.plugin, call.operation);
            self.0.lock().unwrap().push((text, call.outcome));
        }
    }

    #[test]
    fn each_observer_hears_of_each_call_once() {
        let observers = CallObservers::default();
        let seen = Arc::new(Seen::default());
        let observer: Arc<dyn CallObserver> = Arc::clone(&seen) as Arc<dyn CallObserver>;
        observers.add(&observer);
        observers
            .clone()
            .watch("kv", "get", None)
            .end(CallOutcome::Ok);
        drop(observers.watch("kv", "put", Some(Duration::from_secs(60))));
        drop(observers.watch("kv", "del", Some(Duration::from_millis(1))));
        assert_eq!(
            *seen.0.lock().unwrap(),
            [
                ("kv/get".to_owned(), CallOutcome::Ok),
                ("kv/put".to_owned(), CallOutcome::Cancelled),
                ("kv/del".to_owned(), CallOutcome::Deadline),
            ]
        );
    }

    #[test]
    fn an_observer_that_is_gone_is_forgotten() {
        let observers = CallObservers::default();
        for _ in 0..100 {
            let observer: Arc<dyn CallObserver> = Arc::new(Seen::default());
            observers.add(&observer);
        }
        observers.watch("kv", "get", None).end(CallOutcome::Ok);
        assert!(observers.0.read().unwrap().len() <= 2);
    }
}
