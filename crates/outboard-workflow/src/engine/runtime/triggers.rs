//! What starts pipelines by itself: schedules, and triggers that plugins bring.
//! HTTP triggers are a table that a server looks into.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use outboard_contracts::value::Map;
use tokio::{
    task::{AbortHandle, JoinSet},
    time::Instant,
};

use super::Engine;
use crate::engine::{
    EngineError, Trigger, TriggerSink, guard,
    schedule::Schedule,
    suggest,
    workflow_file::{TriggerDefinition, Workflow},
};

/// How long one call of a trigger's life may take.
const LIMIT: Duration = Duration::from_secs(30);

/// The triggers that run.
#[derive(Default)]
pub(super) struct Triggers {
    schedules: Mutex<Vec<AbortHandle>>,
    started: Mutex<Vec<Started>>,
}

struct Started {
    name: String,
    plugin: String,
    trigger: Arc<dyn Trigger>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Triggers {
    pub(super) async fn start(
        &self,
        engine: &Engine,
        workflow: &Workflow,
    ) -> Result<(), EngineError> {
        for definition in &workflow.triggers {
            match definition {
                TriggerDefinition::Http { .. } => {}
                TriggerDefinition::Schedule {
                    every,
                    pipeline,
                    input,
                } => {
                    let work = schedule(engine, *every, pipeline.clone(), input.clone());
                    lock(&self.schedules).push(tokio::spawn(work).abort_handle());
                }
                TriggerDefinition::Plugin {
                    name,
                    trigger_type,
                    pipeline,
                    config,
                } => {
                    self.start_one(engine, name, trigger_type, pipeline, config)
                        .await?;
                }
            }
        }
        Ok(())
    }

    /// Starts one trigger of a plugin. One that fails half-way is among those that
    /// [`stop`](Self::stop) ends.
    pub(super) async fn start_one(
        &self,
        engine: &Engine,
        name: &str,
        trigger_type: &str,
        pipeline: &str,
        config: &Map,
    ) -> Result<(), EngineError> {
        let registered = engine.registry().trigger(trigger_type)?;
        let mut config = config.clone();
        if let Some(directory) = engine.config_dir() {
            let directory = directory.to_string_lossy().into_owned();
            config.insert("_config_dir".to_owned(), directory.into());
        }
        let what = |verb: &'static str| move || format!("{verb} trigger {name:?}");
        let create = registered.factory.create(name, config.clone());
        let trigger = guard::call(what("creating"), Some(LIMIT), create).await?;
        lock(&self.started).push(Started {
            name: name.to_owned(),
            plugin: registered.plugin,
            trigger: Arc::clone(&trigger),
        });
        require_modules(engine, name, &*trigger)?;
        let init = trigger.init(engine.application());
        guard::call(what("initializing"), Some(LIMIT), init).await?;
        let sink = Arc::new(Sink {
            engine: Arc::downgrade(&engine.inner),
            pipeline: pipeline.to_owned(),
            trigger_type: trigger_type.to_owned(),
        });
        let configure = trigger.configure(config, sink);
        guard::call(what("configuring"), Some(LIMIT), configure).await?;
        guard::call(what("starting"), Some(LIMIT), trigger.start()).await
    }

    /// Whether a trigger of a plugin was started and not ended.
    pub(super) fn is_started(&self, name: &str) -> bool {
        lock(&self.started)
            .iter()
            .any(|started| started.name == name)
    }

    /// The names of the triggers that a plugin made.
    pub(super) fn of_plugin(&self, plugin: &str) -> Vec<String> {
        let started = lock(&self.started);
        let of_plugin = started.iter().filter(|started| started.plugin == plugin);
        of_plugin.map(|started| started.name.clone()).collect()
    }

    /// Ends those of a plugin, or all and the schedules too; last first. A run that
    /// was started goes on.
    pub(super) async fn stop(&self, plugin: Option<&str>) {
        if plugin.is_none() {
            for schedule in lock(&self.schedules).drain(..) {
                schedule.abort();
            }
        }
        self.end(|started| plugin.is_none_or(|plugin| plugin == started.plugin))
            .await;
    }

    /// Ends the triggers of these names.
    pub(super) async fn stop_named(&self, names: &[String]) {
        self.end(|started| names.contains(&started.name)).await;
    }

    async fn end(&self, which: impl Fn(&Started) -> bool) {
        let ending: Vec<Started> = lock(&self.started)
            .extract_if(.., |started| which(started))
            .collect();
        for Started { name, trigger, .. } in ending.into_iter().rev() {
            let what = || format!("stopping trigger {name:?}");
            let stopped = guard::call(what, Some(LIMIT), trigger.stop()).await;
            let destroyed = guard::call(what, Some(LIMIT), trigger.destroy()).await;
            if let Err(error) = stopped.and(destroyed) {
                tracing::warn!(trigger = name, %error, "a trigger did not stop");
            }
        }
    }
}

/// The modules that a trigger names must run.
fn require_modules(engine: &Engine, name: &str, trigger: &dyn Trigger) -> Result<(), EngineError> {
    let modules = engine.modules();
    let needs = guard::call_now(
        || format!("asking trigger {name:?} what it needs"),
        || Ok(trigger.dependencies()),
    )?;
    let Some(missing) = needs.into_iter().find(|need| !modules.contains(need)) else {
        return Ok(());
    };
    let nearest = suggest::nearest(&missing, modules.iter().map(String::as_str));
    let missing = EngineError::NotFound {
        what: "module",
        name: missing,
        nearest,
    };
    Err(missing.during("start trigger", name))
}

/// Fires every so often, until it is aborted or the engine is gone. A run that
/// still goes on is not joined by another one.
fn schedule(
    engine: &Engine,
    every: Duration,
    pipeline: String,
    input: Map,
) -> impl Future<Output = ()> + Send + use<> {
    let engine = Arc::downgrade(&engine.inner);
    async move {
        let mut schedule = Schedule::new(every, Instant::now());
        let mut runs = JoinSet::new();
        loop {
            tokio::time::sleep_until(schedule.next()).await;
            while runs.try_join_next().is_some() {}
            let tick = schedule.tick(Instant::now(), !runs.is_empty());
            let Some(inner) = engine.upgrade() else {
                return;
            };
            let engine = Engine { inner };
            if tick.skipped > 0 {
                tracing::warn!(pipeline, skipped = tick.skipped, "a schedule skipped runs");
                engine.inner.history.skipped(&pipeline, tick.skipped);
            }
            if !tick.fire {
                continue;
            }
            let (name, input) = (pipeline.clone(), input.clone());
            // Not a child of this task: an abort must not cut a run off.
            let run = tokio::spawn(async move {
                match engine.run(&name, "schedule", input).await {
                    Ok(run) if run.succeeded() => {}
                    Ok(run) => {
                        let error = run.error.map(|error| error.message).unwrap_or_default();
                        tracing::warn!(pipeline = name, run = run.id, error, "a run failed");
                    }
                    Err(error) => tracing::warn!(pipeline = name, %error, "no run began"),
                }
            });
            runs.spawn(async move {
                let _ = run.await;
            });
        }
    }
}

/// Where a plugin's trigger tells that it fired.
struct Sink {
    engine: std::sync::Weak<super::Inner>,
    pipeline: String,
    trigger_type: String,
}

#[async_trait]
impl TriggerSink for Sink {
    async fn fire(&self, action: &str, data: Map) -> Result<String, EngineError> {
        let Some(inner) = self.engine.upgrade() else {
            return Err(EngineError::State {
                what: format!("cannot run pipeline {:?}", self.pipeline),
                reason: "the engine is gone".to_owned(),
            });
        };
        let metadata = Map::from_iter([("action".to_owned(), action.into())]);
        let engine = Engine { inner };
        engine
            .spawn_run(&self.pipeline, &self.trigger_type, data, metadata)
            .await
    }
}
