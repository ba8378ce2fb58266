//! The plugins of this process, and what is told about them.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, OnceLock, PoisonError, Weak},
};

use async_trait::async_trait;
use outboard_workflow::engine::{EngineError, NativePlugin, PluginManager};
use schemars::JsonSchema;
use serde::Serialize;

use super::PluginStates;
use crate::{
    events::EventRing,
    ui_plugins::{UiPluginChange, UiPluginChangeKind, UiPluginManager, UiPluginObserver},
};

/// Registers, enables and disables plugins of this process, and says so in the events
/// `native.enabled` and `native.disabled`. Cloning shares it.
#[derive(Clone, Debug)]
pub struct NativePlugins(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    manager: PluginManager,
    states: Option<Arc<PluginStates>>,
    ring: EventRing,
    /// Who was enabled when that was said last.
    told: Mutex<BTreeSet<String>>,
    /// Whose loads and unloads are followed.
    ui_plugins: OnceLock<UiPluginManager>,
}

/// Hears of UI plugins that come and go. It does not keep alive what keeps it.
struct Follower(Weak<Shared>);

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "NativePluginEvent")]
pub(crate) struct Changed<'a> {
    plugin: &'a str,
}

impl NativePlugins {
    pub(crate) fn new(
        manager: PluginManager,
        states: Option<Arc<PluginStates>>,
        ring: EventRing,
    ) -> NativePlugins {
        NativePlugins(Arc::new(Shared {
            manager,
            states,
            ring,
            told: Mutex::default(),
            ui_plugins: OnceLock::new(),
        }))
    }

    /// Registers each UI plugin that is loaded from now on, until it is unloaded.
    pub(crate) fn follow(&self, ui_plugins: &UiPluginManager) {
        if self.0.ui_plugins.set(ui_plugins.clone()).is_ok() {
            ui_plugins.observe(Arc::new(Follower(Arc::downgrade(&self.0))));
        }
    }

    /// The manager underneath. What is enabled there is told with the next change here.
    pub fn manager(&self) -> &PluginManager {
        &self.0.manager
    }

    /// Enables the plugins that were enabled when the server ran last. What fails is
    /// logged; the others are enabled all the same.
    pub async fn restore(&self) {
        if let Err(error) = self.0.manager.restore_state().await {
            tracing::warn!(%error, "which plugins were enabled is not known");
        }
        self.tell().await;
    }

    /// Takes a plugin that came while the server runs; it is enabled unless somebody
    /// disabled it before.
    ///
    /// # Errors
    ///
    /// It cannot be registered: its name is taken, or no name.
    pub async fn arrive(&self, plugin: Arc<dyn NativePlugin>) -> Result<(), EngineError> {
        // What cannot be enabled is in the log, and in the list as disabled.
        let arrived = self.0.manager.arrive(plugin).await.map(drop);
        self.tell().await;
        arrived
    }

    /// Forgets a plugin, and disables what needs it until it is back.
    ///
    /// # Errors
    ///
    /// It is not there, or another change of it did not end in time.
    pub async fn leave(&self, name: &str) -> Result<(), EngineError> {
        let left = self.0.manager.leave(name).await;
        self.tell().await;
        left
    }

    /// Disables all plugins because the server ends; the next one enables them again.
    pub async fn end(&self) {
        self.0.manager.pause_all().await;
        self.tell().await;
    }

    /// Whether a plugin is enabled.
    pub fn is_enabled(&self, name: &str) -> bool {
        self.0.manager.is_enabled(name)
    }

    /// Says what has changed since this was asked last, and waits until it is kept.
    pub(super) async fn tell(&self) {
        {
            let mut told = self.0.told.lock().unwrap_or_else(PoisonError::into_inner);
            let enabled: BTreeSet<String> = self.0.manager.enabled().into_iter().collect();
            for plugin in enabled.difference(&told) {
                self.0.ring.push("native.enabled", &Changed { plugin });
            }
            for plugin in told.difference(&enabled) {
                self.0.ring.push("native.disabled", &Changed { plugin });
            }
            *told = enabled;
        }
        if let Some(states) = &self.0.states {
            states.settled().await;
        }
    }
}

#[async_trait]
impl UiPluginObserver for Follower {
    async fn changed(&self, change: &UiPluginChange) {
        let Some(native) = self.0.upgrade().map(NativePlugins) else {
            return;
        };
        let name = change.name.as_str();
        let outcome = match change.kind {
            UiPluginChangeKind::Loaded => {
                let ui_plugins = native.0.ui_plugins.get();
                match ui_plugins.and_then(|plugins| plugins.as_native_plugin(name)) {
                    Some(plugin) => native.arrive(plugin).await,
                    None => Ok(()),
                }
            }
            // What it says of itself is read through.
            UiPluginChangeKind::Reloaded => Ok(()),
            UiPluginChangeKind::Unloaded => native.leave(name).await,
        };
        if let Err(error) = outcome {
            tracing::warn!(plugin = name, %error, "a UI plugin has no place among the plugins");
        }
    }
}
