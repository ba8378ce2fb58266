//! Triggers: what a plugin starts workflows with when something happens outside.

use std::sync::Arc;

use async_trait::async_trait;
use outboard_contracts::value::Map;

use super::{CallbackError, Engine, ModuleInstance};
use crate::Error;

/// A trigger: it watches something and fires when that happens.
///
/// ```text
/// create ─▸ start ─▸ stop ─▸ destroy (drop)
///             ▴        │
///             └────────┘
/// ```
///
/// It fires through the [`TriggerCallback`] that it was made with. As for a
/// [`ModuleInstance`], calls of one trigger's life never overlap and are never abandoned
/// half-way, a second start does nothing, and a destroy stops first.
///
/// ```
/// use std::{sync::Mutex, time::Duration};
///
/// use outboard_sdk::workflow::{Manifest, Plugin, TriggerCallback, TriggerInstance};
/// use outboard_sdk::{Error, Map, async_trait, tracing};
/// use tokio::task::JoinHandle;
///
/// struct Tick {
///     callback: TriggerCallback,
///     task: Mutex<Option<JoinHandle<()>>>,
/// }
///
/// #[async_trait]
/// impl TriggerInstance for Tick {
///     async fn start(&self) -> Result<(), Error> {
///         let callback = self.callback.clone();
///         *self.task.lock().unwrap() = Some(tokio::spawn(async move {
///             loop {
///                 tokio::time::sleep(Duration::from_secs(1)).await;
///                 if let Err(error) = callback.fire("tick", Map::new()).await {
///                     tracing::warn!(%error, "nobody heard the tick");
///                 }
///             }
///         }));
///         Ok(())
///     }
///
///     async fn stop(&self) -> Result<(), Error> {
///         if let Some(task) = self.task.lock().unwrap().take() {
///             task.abort();
///         }
///         Ok(())
///     }
/// }
///
/// let plugin = Plugin::new(Manifest::new("clock", "1.0.0"))
///     .trigger("clock.tick", |_name, _config, callback| Ok(Tick { callback, task: Mutex::default() }));
/// ```
#[async_trait]
pub trait TriggerInstance: Send + Sync + 'static {
    /// Begins to watch, in tasks of its own; the call itself should return. It may
    /// fire at once.
    async fn start(&self) -> Result<(), Error>;

    /// Ends the watching.
    async fn stop(&self) -> Result<(), Error>;
}

/// What a trigger fires through. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct TriggerCallback {
    engine: Engine,
    name: Arc<str>,
}

impl TriggerCallback {
    pub(super) fn new(engine: Engine, name: &str) -> Self {
        Self {
            engine,
            name: name.into(),
        }
    }

    /// The name under which the engine knows the trigger.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Tells the engine that it happened, and returns when the workflow has begun:
    /// `action` is what happened in the trigger's words, `data` becomes the run's trigger data.
    ///
    /// # Errors
    ///
    /// See [`CallbackErrorKind`](super::CallbackErrorKind). The engine refuses while
    /// the trigger is not started.
    pub async fn fire(&self, action: &str, data: Map) -> Result<(), CallbackError> {
        self.engine.trigger(&self.name, action, data).await
    }
}

/// A trigger among the modules, whose calls its life goes through.
pub(super) struct TriggerModule(pub(super) Box<dyn TriggerInstance>);

#[async_trait]
impl ModuleInstance for TriggerModule {
    async fn start(&self) -> Result<(), Error> {
        self.0.start().await
    }

    async fn stop(&self) -> Result<(), Error> {
        self.0.stop().await
    }
}
