//! The way from an object on our side to the process behind it, which may be
//! replaced while the object lives.

use std::{
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use outboard_go_plugin::{
    broker::Served,
    host::{CallObservers, CallOutcome, PluginProcess, Watched},
};
use tokio::sync::watch;

use super::{PluginClient, RemoteTrigger};
use crate::engine::{EngineError, EngineErrorKind, PluginFailure};

/// How long a failed call waits to learn how the process ended.
const REPORT_WAIT: Duration = Duration::from_millis(500);

static NEXT_SESSION: AtomicU64 = AtomicU64::new(1);

/// One process of a plugin, for as long as it is used.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: u64,
    pub(crate) client: PluginClient,
    /// Absent where somebody else owns the process.
    pub(crate) process: Option<PluginProcess>,
    /// What is served to the plugin for its calls, until this is dropped.
    callbacks: Option<Served>,
    since: Instant,
    calls: watch::Sender<usize>,
}

impl Session {
    pub(crate) fn new(client: PluginClient, process: Option<PluginProcess>) -> Session {
        Session {
            id: NEXT_SESSION.fetch_add(1, Ordering::Relaxed),
            client,
            process,
            callbacks: None,
            since: Instant::now(),
            calls: watch::channel(0).0,
        }
    }

    /// The same session of a plugin that can call its host.
    pub(crate) fn with_callbacks(mut self, served: Served) -> Session {
        self.callbacks = Some(served);
        self
    }

    /// Whether the plugin can call its host.
    pub(crate) fn has_callbacks(&self) -> bool {
        self.callbacks.is_some()
    }

    /// Notes a call for as long as the guard lives.
    fn enter(self: &Arc<Self>) -> Call {
        self.calls.send_modify(|calls| *calls += 1);
        Call(Arc::clone(self))
    }

    /// How long it has been there.
    pub(crate) fn up_for(&self) -> Duration {
        self.since.elapsed()
    }

    /// How many calls run right now.
    pub(crate) fn calls(&self) -> usize {
        *self.calls.borrow()
    }

    /// Waits until no call runs, but no longer than `limit`.
    pub(crate) async fn drained(&self, limit: Duration) {
        let mut calls = self.calls.subscribe();
        let _ = tokio::time::timeout(limit, calls.wait_for(|calls| *calls == 0)).await;
    }

    /// Makes an error of a call more telling where the process is gone.
    async fn explain(&self, error: EngineError) -> EngineError {
        let EngineError::Plugin {
            plugin,
            operation,
            failure: PluginFailure::Unavailable,
            ..
        } = &error
        else {
            return error;
        };
        let Some(process) = &self.process else {
            return error;
        };
        match tokio::time::timeout(REPORT_WAIT, process.exited()).await {
            Ok(report) => EngineError::Plugin {
                plugin: plugin.clone(),
                operation: operation.clone(),
                failure: PluginFailure::Unavailable,
                message: report.to_string(),
            },
            Err(_) => error,
        }
    }
}

struct Call(Arc<Session>);

impl Drop for Call {
    fn drop(&mut self) {
        self.0.calls.send_modify(|calls| *calls -= 1);
    }
}

/// Where calls go at the moment.
#[derive(Clone, Debug)]
pub(crate) enum LinkState {
    /// To this process.
    Up(Arc<Session>),
    /// Nowhere yet: a new process is being made, and calls wait for it.
    Restarting,
    /// Nowhere any more, for this reason.
    Closed(String),
}

/// Something of ours that has a counterpart in the plugin's process.
#[async_trait]
pub(crate) trait Remote: Send + Sync {
    /// Makes the counterpart in this process and brings it to where the object is.
    async fn bind(&self, session: &Session) -> Result<(), EngineError>;
    /// Ends the counterpart in this process, as far as it goes.
    async fn release(&self, session: &Session) -> Result<(), EngineError>;

    /// The trigger that it is.
    fn trigger(&self) -> Option<&RemoteTrigger> {
        None
    }

    /// The service that it offers.
    fn service(&self) -> Option<&str> {
        None
    }
}

/// One plugin's link: its current process, and the objects that use it.
pub(crate) struct Link {
    plugin: String,
    state: watch::Sender<LinkState>,
    /// In the order in which they were made: what uses another comes later.
    objects: Mutex<Vec<Weak<dyn Remote>>>,
    observers: CallObservers,
}

impl Link {
    /// A link whose calls nobody counts.
    pub(crate) fn unobserved(plugin: &str, session: Arc<Session>) -> Arc<Link> {
        Link::new(plugin, session, CallObservers::default())
    }

    pub(crate) fn new(plugin: &str, session: Arc<Session>, observers: CallObservers) -> Arc<Link> {
        Arc::new(Link {
            plugin: plugin.to_owned(),
            state: watch::channel(LinkState::Up(session)).0,
            objects: Mutex::default(),
            observers,
        })
    }

    pub(crate) fn plugin(&self) -> &str {
        &self.plugin
    }

    /// Watches a call that begins now, for those who count.
    pub(crate) fn watch<'a>(&'a self, operation: &'a str, limit: Option<Duration>) -> Watched<'a> {
        self.observers.watch(&self.plugin, operation, limit)
    }

    pub(crate) fn state(&self) -> LinkState {
        self.state.borrow().clone()
    }

    pub(crate) fn set(&self, state: LinkState) {
        self.state.send_replace(state);
    }

    pub(crate) fn register(&self, object: Weak<dyn Remote>) {
        let mut objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        // What is gone is swept when something comes.
        objects.retain(|object| object.strong_count() > 0);
        objects.push(object);
    }

    /// The objects that live, oldest first.
    pub(crate) fn objects(&self) -> Vec<Arc<dyn Remote>> {
        let objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        objects.iter().filter_map(Weak::upgrade).collect()
    }

    /// The process to call, waiting for a new one while one is being made.
    async fn session(&self, operation: &str, wait: Duration) -> Result<Arc<Session>, EngineError> {
        let error = |failure, message: String| EngineError::Plugin {
            plugin: self.plugin.clone(),
            operation: operation.to_owned(),
            failure,
            message,
        };
        let mut state = self.state.subscribe();
        let settled = state.wait_for(|state| !matches!(state, LinkState::Restarting));
        let state = match tokio::time::timeout(wait, settled).await {
            Ok(Ok(state)) => state.clone(),
            Ok(Err(_)) => LinkState::Closed("it was unloaded".to_owned()),
            Err(_) => {
                let message = format!("its process was not back within {wait:?}");
                return Err(error(PluginFailure::Unavailable, message));
            }
        };
        match state {
            LinkState::Up(session) => Ok(session),
            LinkState::Closed(reason) => Err(error(PluginFailure::Unavailable, reason)),
            LinkState::Restarting => Err(error(
                PluginFailure::Unavailable,
                "its process is being restarted".to_owned(),
            )),
        }
    }

    /// Runs one call on the current process and counts it there.
    pub(crate) async fn call<T>(
        &self,
        operation: &str,
        wait: Duration,
        call: impl AsyncFnOnce(&Session) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        let session = self.session(operation, wait).await?;
        let running = session.enter();
        let outcome = call(&session).await;
        drop(running);
        match outcome {
            Ok(value) => Ok(value),
            Err(error) => Err(session.explain(error).await),
        }
    }
}

/// What became of a call, for those who count.
pub(crate) fn outcome_of<T>(outcome: &Result<T, EngineError>) -> CallOutcome {
    let Err(error) = outcome else {
        return CallOutcome::Ok;
    };
    match error.kind() {
        EngineErrorKind::Plugin(failure) => match failure {
            PluginFailure::Refused => CallOutcome::Failed,
            PluginFailure::Unavailable => CallOutcome::Unavailable,
            PluginFailure::Timeout => CallOutcome::Deadline,
            PluginFailure::Unsupported | PluginFailure::BadRequest => CallOutcome::Refused,
            PluginFailure::BadAnswer => CallOutcome::Misbehaved,
        },
        EngineErrorKind::Timeout => CallOutcome::Deadline,
        EngineErrorKind::Cancelled => CallOutcome::Cancelled,
        _ => CallOutcome::Failed,
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link")
            .field("plugin", &self.plugin)
            .field("state", &*self.state.borrow())
            .finish_non_exhaustive()
    }
}
