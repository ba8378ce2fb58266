//! The plugins of this process, and what is told about them.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use outboard_workflow::engine::{EngineError, NativePlugin, PluginManager};
use serde::Serialize;

use super::PluginStates;
use crate::events::EventRing;

/// Registers, enables and disables plugins of this process, and says so in the events
/// `native.enabled` and `native.disabled`. Cloning shares it.
#[derive(Clone, Debug)]
pub struct NativePlugins {
    manager: PluginManager,
    states: Option<Arc<PluginStates>>,
    ring: EventRing,
    /// Who was enabled when that was said last.
    told: Arc<Mutex<BTreeSet<String>>>,
}

#[derive(Serialize)]
struct Changed<'a> {
    plugin: &'a str,
}

impl NativePlugins {
    pub(crate) fn new(
        manager: PluginManager,
        states: Option<Arc<PluginStates>>,
        ring: EventRing,
    ) -> NativePlugins {
        NativePlugins {
            manager,
            states,
            ring,
            told: Arc::default(),
        }
    }

    /// The manager underneath. What is enabled there is told with the next change here.
    pub fn manager(&self) -> &PluginManager {
        &self.manager
    }

    /// Enables the plugins that were enabled when the server ran last. What fails is
    /// logged; the others are enabled all the same.
    pub async fn restore(&self) {
        if let Err(error) = self.manager.restore_state().await {
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
        let arrived = self.manager.arrive(plugin).await.map(drop);
        self.tell().await;
        arrived
    }

    /// Forgets a plugin, and disables what needs it until it is back.
    ///
    /// # Errors
    ///
    /// It is not there, or another change of it did not end in time.
    pub async fn leave(&self, name: &str) -> Result<(), EngineError> {
        let left = self.manager.leave(name).await;
        self.tell().await;
        left
    }

    /// Disables all plugins because the server ends; the next one enables them again.
    pub async fn end(&self) {
        self.manager.pause_all().await;
        self.tell().await;
    }

    /// Whether a plugin is enabled.
    pub fn is_enabled(&self, name: &str) -> bool {
        self.manager.is_enabled(name)
    }

    /// Says what has changed since this was asked last, and waits until it is kept.
    pub(super) async fn tell(&self) {
        {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            let enabled: BTreeSet<String> = self.manager.enabled().into_iter().collect();
            for plugin in enabled.difference(&told) {
                self.ring.push("native.enabled", &Changed { plugin });
            }
            for plugin in told.difference(&enabled) {
                self.ring.push("native.disabled", &Changed { plugin });
            }
            *told = enabled;
        }
        if let Some(states) = &self.states {
            states.settled().await;
        }
    }
}
