//! Starting a workflow and ending it.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use outboard_contracts::value::Map;
use serde_json::Value;
use tokio::sync::{Semaphore, watch};

use super::{
    Active, Engine, PipelineEntry, State, detached, info, modules::Modules, triggers::Triggers,
};
use crate::engine::{
    EngineError, HttpTable, capability,
    pipeline::Pipeline,
    workflow_file::{TriggerDefinition, Workflow},
};

/// How long a cancelled run has to notice it.
pub(super) const CANCEL_GRACE: Duration = Duration::from_secs(5);

impl Engine {
    /// Starts a checked workflow: its modules in the order of their needs, then
    /// steps, then triggers. `config_dir` is the directory of the file, which
    /// modules and steps find as `_config_dir` in their configs.
    ///
    /// A caller who goes away does not stop it half-way.
    ///
    /// # Errors
    ///
    /// One runs already, a capability has no provider, a type is unknown, or something
    /// does not start. Nothing of the workflow is left then.
    pub async fn apply(&self, workflow: &Workflow, config_dir: &Path) -> Result<(), EngineError> {
        let change = self.begin_change()?;
        let (engine, workflow, config_dir) =
            (self.clone(), workflow.clone(), config_dir.to_owned());
        detached(async move { engine.begin(&workflow, &config_dir, change).await }).await?
    }

    /// Ends what [`apply`](Self::apply) started: no new runs, running ones finish
    /// within the drain timeout and are cancelled after it, then steps and modules
    /// are stopped and destroyed. Does nothing where nothing runs; where something is
    /// being started, it waits for that first.
    ///
    /// A caller who goes away does not stop it half-way.
    pub async fn stop(&self) {
        let active = loop {
            let mut changed = std::pin::pin!(self.inner.changed.notified());
            changed.as_mut().enable();
            {
                let mut state = self.state();
                match std::mem::replace(&mut *state, State::Changing) {
                    State::Active(active) => break active,
                    State::Idle => {
                        *state = State::Idle;
                        return;
                    }
                    // Somebody starts it, or stops it: each comes to its end.
                    other => *state = other,
                }
            }
            changed.await;
        };
        let change = Change {
            engine: self.clone(),
            to: State::Idle,
        };
        let engine = self.clone();
        let ended = detached(async move {
            engine.end(&active).await;
            drop(change);
        });
        if let Err(error) = ended.await {
            tracing::error!(%error, "the engine did not stop in order");
        }
    }

    async fn begin(
        &self,
        workflow: &Workflow,
        config_dir: &Path,
        mut change: Change,
    ) -> Result<(), EngineError> {
        let registry = &self.inner.registry;
        capability::check_required(
            &registry.capabilities(),
            workflow.required_capabilities.iter().map(String::as_str),
        )?;
        let mut http = HttpTable::default();
        for trigger in &workflow.triggers {
            if let TriggerDefinition::Http {
                method,
                path,
                pipeline,
            } = trigger
            {
                http.add(method, path, pipeline)?;
            }
        }
        let loaded = registry.plugins();
        for rights in &workflow.plugins {
            if !loaded.iter().any(|plugin| plugin.name == rights.plugin) {
                tracing::warn!(
                    plugin = rights.plugin,
                    "the workflow file says what this plugin may do, and it is not loaded"
                );
            }
        }
        let config_dir = std::path::absolute(config_dir).unwrap_or_else(|_| config_dir.to_owned());
        let mut extra = Map::new();
        let directory = config_dir.to_string_lossy().into_owned();
        extra.insert("_config_dir".to_owned(), Value::String(directory));
        let modules = Modules::default();
        modules
            .add(
                &workflow.modules,
                registry,
                &self.inner.application,
                &extra,
                self.inner.settings.lifecycle_timeout,
            )
            .await?;
        let pipelines: Vec<_> = workflow
            .pipelines
            .iter()
            .map(|definition| {
                let step_timeout = self.inner.settings.step_timeout;
                Arc::new(PipelineEntry {
                    pipeline: Pipeline::new(definition, registry, step_timeout, &extra),
                    info: info::info(definition, &workflow.triggers),
                    running: watch::channel(0).0,
                    cancel: watch::channel(false).0,
                })
            })
            .collect();
        let active = Arc::new(Active {
            workflow: workflow.clone(),
            extra,
            owners: Mutex::default(),
            turn: Semaphore::new(1),
            modules,
            pipelines,
            http: Arc::new(http),
            triggers: Triggers::default(),
            closing: watch::channel(false).0,
            running: watch::channel(0).0,
            leaving: Mutex::default(),
            config_dir,
            rights: workflow.plugins.clone(),
        });
        active.note_owners(registry);
        let outcome = async {
            for entry in &active.pipelines {
                entry
                    .pipeline
                    .prepare()
                    .await
                    .map_err(|error| error.during("start pipeline", &entry.info.name))?;
            }
            // A trigger may fire as soon as it starts.
            *self.state() = State::Starting(Arc::clone(&active));
            active.triggers.start(self, workflow).await
        }
        .await;
        if let Err(error) = outcome {
            *self.state() = State::Changing;
            self.end(&active).await;
            return Err(error);
        }
        change.to = State::Active(active);
        Ok(())
    }

    async fn end(&self, active: &Active) {
        active.closing.send_replace(true);
        // What comes back at the moment is back or undone first. It never closes.
        let _turn = active.turn.acquire().await;
        active.triggers.stop(None).await;
        if !drained(&active.running, self.inner.settings.drain_timeout).await {
            tracing::warn!("runs are cancelled: they did not finish within the drain timeout");
            for entry in &active.pipelines {
                entry.cancel.send_replace(true);
            }
            if !drained(&active.running, CANCEL_GRACE).await {
                tracing::error!("runs that were cancelled do not end");
            }
        }
        for entry in &active.pipelines {
            entry.pipeline.destroy(None).await;
        }
        let limit = self.inner.settings.lifecycle_timeout;
        active.modules.stop(&self.inner.application, limit).await;
    }

    fn begin_change(&self) -> Result<Change, EngineError> {
        let mut state = self.state();
        match *state {
            State::Idle => {
                *state = State::Changing;
                Ok(Change {
                    engine: self.clone(),
                    to: State::Idle,
                })
            }
            State::Changing | State::Starting(_) => Err(EngineError::State {
                what: "cannot start a workflow".to_owned(),
                reason: "one is being started or stopped; wait until that is done".to_owned(),
            }),
            State::Active(_) => Err(EngineError::State {
                what: "cannot start a workflow".to_owned(),
                reason: "the engine runs one already; stop it first".to_owned(),
            }),
        }
    }
}

/// Waits until nothing runs any more.
pub(super) async fn drained(running: &watch::Sender<usize>, limit: Duration) -> bool {
    let mut running = running.subscribe();
    tokio::time::timeout(limit, running.wait_for(|running| *running == 0))
        .await
        .is_ok()
}

/// Brings the engine out of its change when it is dropped, however that comes about.
struct Change {
    engine: Engine,
    to: State,
}

impl Drop for Change {
    fn drop(&mut self) {
        let to = std::mem::take(&mut self.to);
        *self.engine.state() = to;
        self.engine.inner.changed.notify_waiters();
    }
}
