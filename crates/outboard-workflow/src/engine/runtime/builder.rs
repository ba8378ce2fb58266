//! How an engine is made.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::sync::{Notify, Semaphore};

use super::{Engine, Inner, runs::History};
use crate::engine::{Application, EngineError, TypeRegistry, builtin::Builtin};

/// Settings of an engine that is about to be made.
#[derive(Clone, Debug)]
#[must_use]
pub struct EngineBuilder {
    pub(super) step_timeout: Duration,
    pub(super) lifecycle_timeout: Duration,
    pub(super) drain_timeout: Duration,
    pub(super) max_runs: usize,
    pub(super) history: usize,
}

impl Default for EngineBuilder {
    fn default() -> Self {
        Self {
            step_timeout: Duration::from_secs(30),
            lifecycle_timeout: Duration::from_secs(60),
            drain_timeout: Duration::from_secs(30),
            max_runs: 256,
            history: 1000,
        }
    }
}

impl EngineBuilder {
    /// How long a step may take that sets no timeout of its own: 30 s unless set.
    pub fn step_timeout(mut self, timeout: Duration) -> Self {
        self.step_timeout = timeout;
        self
    }

    /// How long creating, starting or stopping one module may take: 60 s unless set.
    pub fn lifecycle_timeout(mut self, timeout: Duration) -> Self {
        self.lifecycle_timeout = timeout;
        self
    }

    /// How long running pipelines get when the engine stops: 30 s unless set.
    pub fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = timeout;
        self
    }

    /// How many runs there may be at once: 256 unless set. One more is refused.
    pub fn max_runs(mut self, runs: usize) -> Self {
        self.max_runs = runs.max(1);
        self
    }

    /// How many runs are remembered: 1,000 unless set.
    pub fn history(mut self, runs: usize) -> Self {
        self.history = runs.max(1);
        self
    }

    /// The engine, with its own types and nothing else.
    ///
    /// # Errors
    ///
    /// None that can happen: the engine's own types do not conflict with each other.
    pub fn build(self) -> Result<Engine, EngineError> {
        let registry = Arc::new(TypeRegistry::new());
        registry.register(&Builtin)?;
        Ok(Engine {
            inner: Arc::new(Inner {
                registry,
                application: Application::default(),
                history: History::new(self.history),
                places: Arc::new(Semaphore::new(self.max_runs)),
                active: Mutex::default(),
                changed: Notify::new(),
                settings: self,
            }),
        })
    }
}
