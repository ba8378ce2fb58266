//! The engine itself: what plugins bring, the modules and pipelines of a workflow
//! file, and the runs.
//!
//! ```text
//! load_plugin ─▸ registry ─▸ apply(workflow): modules ─ steps ─ triggers ─▸ runs
//!                                   stop: triggers ─ runs ─ steps ─ modules ◂──┘
//! unload_plugin, load_plugin, resume: a plugin's part of that goes and comes back
//! ```

mod builder;
mod info;
mod lifecycle;
mod loading;
mod modules;
mod observe;
mod resume;
mod running;
mod runs;
mod triggers;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use outboard_contracts::value::Map;
use tokio::sync::{Notify, Semaphore, broadcast, watch};

use self::{modules::Modules, runs::History, triggers::Triggers};
use super::{
    Application, EngineError, HttpTable, TypeKind, TypeRegistry,
    pipeline::{Pipeline, RunResult, RunSummary},
    workflow_file::{PluginRights, Workflow},
};

pub use self::{
    builder::EngineBuilder,
    info::{PipelineInfo, StepInfo},
    observe::{EndedRun, EndedStep, RunObserver},
    resume::{Missing, WorkflowState},
    runs::RunEvent,
};

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

/// An engine that is not kept alive by this.
#[derive(Clone)]
pub(crate) struct WeakEngine(Weak<Inner>);

impl WeakEngine {
    pub(crate) fn upgrade(&self) -> Option<Engine> {
        let inner = self.0.upgrade()?;
        Some(Engine { inner })
    }
}

struct Inner {
    settings: EngineBuilder,
    registry: Arc<TypeRegistry>,
    application: Application,
    history: History,
    places: Arc<Semaphore>,
    active: Mutex<State>,
    /// Woken after every change of the state.
    changed: Notify,
}

/// What the engine does at the moment.
#[derive(Default)]
enum State {
    #[default]
    Idle,
    /// A workflow is being started or stopped.
    Changing,
    /// Its triggers are being started: runs may begin already.
    Starting(Arc<Active>),
    Active(Arc<Active>),
}

/// A workflow that runs.
struct Active {
    /// What the file says, to make again what went with its plugin.
    workflow: Workflow,
    /// What every config gets besides what the file says.
    extra: Map,
    /// Which plugin each used type was of when it was last there.
    owners: Mutex<BTreeMap<(TypeKind, String), String>>,
    /// One change at a time to what runs, first come first served.
    turn: Semaphore,
    modules: Modules,
    pipelines: Vec<Arc<PipelineEntry>>,
    http: Arc<HttpTable>,
    triggers: Triggers,
    /// Turns true when no new run may begin.
    closing: watch::Sender<bool>,
    running: watch::Sender<usize>,
    /// Plugins that are being unloaded: no run that uses them may begin.
    leaving: Mutex<Vec<String>>,
    config_dir: PathBuf,
    /// What plugins may do besides what is their own.
    rights: Vec<PluginRights>,
}

struct PipelineEntry {
    pipeline: Pipeline,
    info: PipelineInfo,
    running: watch::Sender<usize>,
    /// Turns true when its runs must end.
    cancel: watch::Sender<bool>,
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

    /// What the workflow file that runs allows a plugin to call of the engine, besides
    /// what is its own.
    pub fn rights_of(&self, plugin: &str) -> PluginRights {
        let active = self.active();
        let mut rights = active.iter().flat_map(|active| &active.rights);
        rights
            .find(|rights| rights.plugin == plugin)
            .cloned()
            .unwrap_or_else(|| PluginRights::none(plugin))
    }

    pub(crate) fn downgrade(&self) -> WeakEngine {
        WeakEngine(Arc::downgrade(&self.inner))
    }

    /// The runs that are remembered, newest first.
    pub fn runs(&self) -> Vec<RunResult> {
        self.inner.history.all()
    }

    /// The same runs without their data.
    pub fn run_summaries(&self) -> Vec<RunSummary> {
        self.inner.history.summaries()
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

    /// How many runs go on.
    pub fn runs_in_progress(&self) -> usize {
        self.active().map_or(0, |active| *active.running.borrow())
    }

    /// Tells somebody of each run and step that ends, for as long as it is there.
    pub fn observe_runs(&self, observer: &Arc<dyn RunObserver>) {
        self.inner.history.observers.add(observer);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Held for moments; nothing under it can panic half-way.
        self.inner
            .active
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn active(&self) -> Option<Arc<Active>> {
        match &*self.state() {
            State::Active(active) | State::Starting(active) => Some(Arc::clone(active)),
            State::Idle | State::Changing => None,
        }
    }
}

/// Runs on a task of its own, so that it comes to its end also when its caller goes away.
async fn detached<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> Result<T, EngineError> {
    tokio::spawn(future)
        .await
        .map_err(|error| EngineError::Panicked {
            what: "the engine".to_owned(),
            message: error.to_string(),
        })
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("settings", &self.inner.settings)
            .finish_non_exhaustive()
    }
}
