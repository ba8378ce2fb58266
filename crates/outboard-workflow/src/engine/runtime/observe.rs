//! Who is told when runs and steps have ended, to count them.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock, Weak},
    time::Duration,
};

use crate::engine::pipeline::RunStatus;

/// A run that has ended.
#[derive(Clone, Copy, Debug)]
pub struct EndedRun<'a> {
    /// Its pipeline.
    pub pipeline: &'a str,
    /// What started it.
    pub trigger: &'a str,
    /// How it ended.
    pub status: RunStatus,
    /// How long it took.
    pub took: Duration,
}

/// A step that has ended, or what undoes one.
#[derive(Clone, Copy, Debug)]
pub struct EndedStep<'a> {
    /// The run's pipeline.
    pub pipeline: &'a str,
    /// The step's type.
    pub step_type: &'a str,
    /// How it ended.
    pub status: RunStatus,
    /// How long it took.
    pub took: Duration,
}

/// Somebody who counts runs. Unlike a follower of
/// [`run_events`](super::Engine::run_events), it misses none.
///
/// It is asked on the run's own task: it must neither block nor take long.
pub trait RunObserver: Send + Sync {
    /// A run has ended.
    fn run_ended(&self, run: &EndedRun<'_>);
    /// A step of a run has ended.
    fn step_ended(&self, step: &EndedStep<'_>);
}

/// Those who are told; whoever is gone is left out.
#[derive(Default)]
pub(super) struct RunObservers(RwLock<Vec<Weak<dyn RunObserver>>>);

impl RunObservers {
    pub(super) fn add(&self, observer: &Arc<dyn RunObserver>) {
        let mut observers = self.0.write().unwrap_or_else(PoisonError::into_inner);
        observers.retain(|observer| observer.strong_count() > 0);
        observers.push(Arc::downgrade(observer));
    }

    pub(super) fn each(&self, tell: impl Fn(&dyn RunObserver)) {
        let observers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        for observer in observers.iter().filter_map(Weak::upgrade) {
            tell(&*observer);
        }
    }
}

impl fmt::Debug for RunObservers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunObservers").finish_non_exhaustive()
    }
}
