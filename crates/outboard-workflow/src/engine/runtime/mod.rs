//! The engine itself: what plugins bring, the modules and pipelines of a workflow
//! file, and the runs.
//!
//! ```text
//! load_plugin ─▸ registry ─▸ apply(workflow): modules ─ steps ─ triggers ─▸ runs
//!                                   stop: triggers ─ runs ─ steps ─ modules ◂──┘
//! ```

mod modules;
mod runs;
mod triggers;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use outboard_contracts::value::Map;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::{Semaphore, broadcast, watch};

use self::{modules::Modules, runs::History, triggers::Triggers};
use super::{
    Application, EngineError, EnginePlugin, HttpTable, TypeRegistry,
    builtin::Builtin,
    pipeline::{Pipeline, PipelineContext, RunResult},
    suggest,
    workflow_file::{ErrorStrategy, TriggerDefinition, Workflow},
};

pub use self::runs::RunEvent;

/// Settings of an engine that is about to be made.
#[derive(Clone, Debug)]
#[must_use]
pub struct EngineBuilder {
    step_timeout: Duration,
    lifecycle_timeout: Duration,
    drain_timeout: Duration,
    max_runs: usize,
    history: usize,
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
                settings: self,
            }),
        })
    }
}

/// Runs pipelines of steps over modules, all of types that plugins bring.
///
/// Cloning shares it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use outboard_workflow::engine::{Engine, Map, workflow_file};
///
/// let file = b"
/// pipelines:
///   hello:
///     steps:
///       - { name: say, type: step.log, config: { message: 'hello {{ trigger.name }}' } }
/// ";
/// let engine = Engine::builder().build()?;
/// let workflow = workflow_file::check(file, &workflow_file::CheckOptions::permissive())?;
/// engine.apply(&workflow, ".".as_ref()).await?;
/// let input = Map::from_iter([("name".to_owned(), "world".into())]);
/// let run = engine.run("hello", "manual", input).await?;
/// assert_eq!(run.output["message"], "hello world");
/// engine.stop().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    settings: EngineBuilder,
    registry: Arc<TypeRegistry>,
    application: Application,
    history: History,
    places: Arc<Semaphore>,
    active: Mutex<State>,
}

/// What the engine does at the moment.
#[derive(Default)]
enum State {
    #[default]
    Idle,
    /// A workflow is being started or stopped.
    Changing,
    Active(Arc<Active>),
}

/// A workflow that runs.
struct Active {
    modules: Modules,
    pipelines: Vec<Arc<PipelineEntry>>,
    http: Arc<HttpTable>,
    triggers: Triggers,
    /// Turns true when runs must end.
    cancel: watch::Sender<bool>,
    /// Turns true when no new run may begin.
    closing: watch::Sender<bool>,
    running: watch::Sender<usize>,
    config_dir: PathBuf,
}

struct PipelineEntry {
    pipeline: Pipeline,
    info: PipelineInfo,
    running: watch::Sender<usize>,
}

/// A pipeline, for lists.
#[derive(Clone, Debug, Serialize)]
pub struct PipelineInfo {
    /// Its name.
    pub name: String,
    /// What it is for, from the file.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// What happens when a step fails.
    pub on_error: ErrorStrategy,
    /// How long a run may take altogether, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Names and types of the steps, in order.
    pub steps: Vec<StepInfo>,
    /// What starts it besides a person, each in a few words.
    pub triggers: Vec<String>,
}

/// A step of a pipeline, for lists.
#[derive(Clone, Debug, Serialize)]
pub struct StepInfo {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub step_type: String,
}

/// Counts something down when it goes.
struct Counted<'a>(&'a watch::Sender<usize>);

impl<'a> Counted<'a> {
    fn up(count: &'a watch::Sender<usize>) -> Self {
        count.send_modify(|count| *count += 1);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl Engine {
    /// Settings to begin with.
    pub fn builder() -> EngineBuilder {
        EngineBuilder::default()
    }

    /// The types that there are.
    pub fn registry(&self) -> &Arc<TypeRegistry> {
        &self.inner.registry
    }

    /// The services of the modules that run.
    pub fn application(&self) -> &Application {
        &self.inner.application
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // Held for moments; nothing under it can panic half-way.
        self.inner
            .active
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn active(&self) -> Option<Arc<Active>> {
        match &*self.state() {
            State::Active(active) => Some(Arc::clone(active)),
            _ => None,
        }
    }

    /// Makes a plugin's types known: all of them or, on an error, none.
    ///
    /// # Errors
    ///
    /// See [`TypeRegistry::register`].
    pub fn load_plugin(&self, plugin: Arc<dyn EnginePlugin>) -> Result<(), EngineError> {
        self.inner.registry.register(&*plugin)
    }

    /// Puts a plugin's new types in the place of its old ones, as one change.
    ///
    /// # Errors
    ///
    /// See [`TypeRegistry::replace`]; the old types stay then.
    pub fn replace_plugin(&self, plugin: Arc<dyn EnginePlugin>) -> Result<(), EngineError> {
        self.inner.registry.replace(&*plugin)
    }

    /// What uses a plugin right now: modules that run, and pipelines that run.
    pub fn users_of(&self, plugin: &str) -> Vec<String> {
        let Some(active) = self.active() else {
            return Vec::new();
        };
        let modules = active.modules.of_plugin(plugin);
        let modules = modules.into_iter().map(|name| format!("module {name:?}"));
        let pipelines = active
            .pipelines
            .iter()
            .filter(|entry| *entry.running.borrow() > 0 && entry.pipeline.uses(plugin))
            .map(|entry| format!("pipeline {:?}", entry.info.name));
        modules.chain(pipelines).collect()
    }

    /// Forgets a plugin's types, after stopping and destroying what is of them.
    ///
    /// # Errors
    ///
    /// It is not loaded, or, without `force`, in use.
    pub async fn unload_plugin(&self, plugin: &str, force: bool) -> Result<(), EngineError> {
        let by = self.users_of(plugin);
        if !by.is_empty() && !force {
            return Err(EngineError::InUse {
                plugin: plugin.to_owned(),
                by,
            });
        }
        if let Some(active) = self.active() {
            for entry in &active.pipelines {
                entry.pipeline.destroy(Some(plugin)).await;
            }
            let limit = self.inner.settings.lifecycle_timeout;
            active
                .modules
                .remove_of_plugin(plugin, &self.inner.application, limit)
                .await;
        }
        self.inner.registry.unregister(plugin)
    }

    /// Starts a checked workflow: its modules in the order of their needs, then
    /// steps, then triggers. `config_dir` is the directory of the file, which
    /// modules and steps find as `_config_dir` in their configs.
    ///
    /// # Errors
    ///
    /// One runs already, a type is unknown, or something does not start. Nothing
    /// of the workflow is left then.
    pub async fn apply(&self, workflow: &Workflow, config_dir: &Path) -> Result<(), EngineError> {
        let mut change = self.begin_change("start")?;
        let registry = &self.inner.registry;
        super::capability::check_required(
            &registry.capabilities(),
            workflow.required_capabilities.iter().map(String::as_str),
        )?;
        let config_dir = std::path::absolute(config_dir).unwrap_or_else(|_| config_dir.to_owned());
        let mut extra = Map::new();
        let directory = config_dir.to_string_lossy().into_owned();
        extra.insert("_config_dir".to_owned(), Value::String(directory));
        let modules = Modules::start(
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
                    info: info(definition, &workflow.triggers),
                    running: watch::channel(0).0,
                })
            })
            .collect();
        let mut http = HttpTable::default();
        let mut prepared = Ok(());
        for entry in &pipelines {
            if prepared.is_ok() {
                prepared = entry.pipeline.prepare().await;
            }
        }
        for trigger in &workflow.triggers {
            if let TriggerDefinition::Http {
                method,
                path,
                pipeline,
            } = trigger
                && prepared.is_ok()
            {
                prepared = http.add(method, path, pipeline);
            }
        }
        let active = Arc::new(Active {
            modules,
            pipelines,
            http: Arc::new(http),
            triggers: Triggers::default(),
            cancel: watch::channel(false).0,
            closing: watch::channel(false).0,
            running: watch::channel(0).0,
            config_dir,
        });
        if prepared.is_ok() {
            // A trigger may fire as soon as it starts.
            change.finish(State::Active(Arc::clone(&active)));
            prepared = active.triggers.start(self, workflow).await;
        }
        if let Err(error) = prepared {
            *self.state() = State::Changing;
            self.end(&active).await;
            *self.state() = State::Idle;
            return Err(error);
        }
        Ok(())
    }

    /// Ends what [`apply`](Self::apply) started: no new runs, running ones finish
    /// within the drain timeout and are cancelled after it, then steps and modules
    /// are stopped and destroyed. Does nothing where nothing runs.
    pub async fn stop(&self) {
        let active = {
            let mut state = self.state();
            match std::mem::replace(&mut *state, State::Changing) {
                State::Active(active) => active,
                other => {
                    *state = other;
                    return;
                }
            }
        };
        self.end(&active).await;
        *self.state() = State::Idle;
    }

    async fn end(&self, active: &Active) {
        active.closing.send_replace(true);
        active.triggers.stop().await;
        let mut running = active.running.subscribe();
        let drained = running.wait_for(|running| *running == 0);
        if tokio::time::timeout(self.inner.settings.drain_timeout, drained)
            .await
            .is_err()
        {
            tracing::warn!("runs are cancelled: they did not finish within the drain timeout");
            active.cancel.send_replace(true);
            let ended = running.wait_for(|running| *running == 0);
            // A cancelled run ends at its next await.
            let _ = tokio::time::timeout(Duration::from_secs(5), ended).await;
        }
        for entry in &active.pipelines {
            entry.pipeline.destroy(None).await;
        }
        let limit = self.inner.settings.lifecycle_timeout;
        active.modules.stop(&self.inner.application, limit).await;
    }

    fn begin_change(&self, what: &str) -> Result<Change<'_>, EngineError> {
        let mut state = self.state();
        match *state {
            State::Idle => {
                *state = State::Changing;
                Ok(Change {
                    engine: self,
                    done: false,
                })
            }
            _ => Err(EngineError::State {
                what: format!("cannot {what} a workflow"),
                reason: "the engine runs one already; stop it first".to_owned(),
            }),
        }
    }

    /// Runs a pipeline once and waits for its end. `trigger` says what started it.
    ///
    /// A run that fails is not an error of this call: the result says so.
    ///
    /// # Errors
    ///
    /// There is no such pipeline, the engine stops, or too many runs go on.
    ///
    /// # Cancellation
    ///
    /// Dropping the future cancels the run where it stands; nothing is compensated.
    pub async fn run(
        &self,
        pipeline: &str,
        trigger: &str,
        input: Map,
    ) -> Result<RunResult, EngineError> {
        let Some(active) = self.active() else {
            return Err(EngineError::State {
                what: format!("cannot run pipeline {pipeline:?}"),
                reason: "no workflow runs".to_owned(),
            });
        };
        let Some(entry) = active
            .pipelines
            .iter()
            .find(|entry| entry.info.name == pipeline)
        else {
            let names = active
                .pipelines
                .iter()
                .map(|entry| entry.info.name.as_str());
            return Err(EngineError::NotFound {
                what: "pipeline",
                name: pipeline.to_owned(),
                nearest: suggest::nearest(pipeline, names),
            });
        };
        let Ok(_place) = self.inner.places.try_acquire() else {
            return Err(EngineError::Busy {
                what: "runs".to_owned(),
                limit: self.inner.settings.max_runs,
            });
        };
        let _running = Counted::up(&active.running);
        let _of_pipeline = Counted::up(&entry.running);
        if *active.closing.borrow() {
            return Err(EngineError::State {
                what: format!("cannot run pipeline {pipeline:?}"),
                reason: "the engine is stopping".to_owned(),
            });
        }
        let recorder = self.inner.history.begin(pipeline, trigger);
        let mut metadata = Map::new();
        metadata.insert("pipeline".to_owned(), pipeline.into());
        metadata.insert("run_id".to_owned(), recorder.id().into());
        metadata.insert("trigger".to_owned(), trigger.into());
        metadata.insert(
            "started_at".to_owned(),
            jiff::Timestamp::now().to_string().into(),
        );
        let context = PipelineContext::new(input, metadata);
        let cancelled = active.cancel.subscribe();
        let outcome = entry
            .pipeline
            .run(context, recorder.id(), &recorder, cancelled)
            .await;
        Ok(recorder.finish(outcome))
    }

    /// The pipelines of the workflow that runs, in the order of the file.
    pub fn pipelines(&self) -> Vec<PipelineInfo> {
        let active = self.active();
        active
            .iter()
            .flat_map(|active| &active.pipelines)
            .map(|entry| entry.info.clone())
            .collect()
    }

    /// Which requests start which pipelines.
    pub fn http_table(&self) -> Arc<HttpTable> {
        self.active()
            .map(|active| Arc::clone(&active.http))
            .unwrap_or_default()
    }

    /// The names of the modules that run, in the order in which they were started.
    pub fn modules(&self) -> Vec<String> {
        self.active()
            .map(|active| active.modules.names())
            .unwrap_or_default()
    }

    /// The directory of the workflow file that runs.
    pub fn config_dir(&self) -> Option<PathBuf> {
        self.active().map(|active| active.config_dir.clone())
    }

    /// The runs that are remembered, newest first.
    pub fn runs(&self) -> Vec<RunResult> {
        self.inner.history.all()
    }

    /// A run that goes on or is remembered.
    pub fn run_by_id(&self, id: &str) -> Option<RunResult> {
        self.inner.history.get(id)
    }

    /// Follows runs from now on. A follower that lags behind by more than 1,024
    /// events loses the oldest.
    pub fn run_events(&self) -> broadcast::Receiver<RunEvent> {
        self.inner.history.subscribe()
    }
}

/// Leaves the engine idle unless the change came to its end.
struct Change<'a> {
    engine: &'a Engine,
    done: bool,
}

impl Change<'_> {
    fn finish(&mut self, state: State) {
        self.done = true;
        *self.engine.state() = state;
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        if !self.done {
            *self.engine.state() = State::Idle;
        }
    }
}

fn info(
    definition: &super::workflow_file::PipelineDefinition,
    triggers: &[TriggerDefinition],
) -> PipelineInfo {
    let triggers = triggers
        .iter()
        .filter(|trigger| trigger.pipeline() == definition.name);
    PipelineInfo {
        name: definition.name.clone(),
        description: definition.description.clone(),
        on_error: definition.on_error,
        timeout_ms: definition
            .timeout
            .map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX)),
        steps: definition
            .steps
            .iter()
            .map(|step| StepInfo {
                name: step.name.clone(),
                step_type: step.step_type.clone(),
            })
            .collect(),
        triggers: triggers
            .map(|trigger| match trigger {
                TriggerDefinition::Http { method, path, .. } => format!("http {method} {path}"),
                TriggerDefinition::Schedule { every, .. } => format!("schedule every {every:?}"),
                TriggerDefinition::Plugin {
                    name, trigger_type, ..
                } => {
                    format!("{trigger_type} {name}")
                }
            })
            .collect(),
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("settings", &self.inner.settings)
            .finish_non_exhaustive()
    }
}
