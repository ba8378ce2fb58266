//! Plugins that come and go while the process lives, such as those made of files, and
//! the end of the process: what leaves is not what somebody disabled.
//!
//! | | the store says afterwards | and when it comes again |
//! |---|---|---|
//! | `disable` | disabled | it stays disabled |
//! | `leave`, `pause_all` | what it said before | it is enabled, and so is what needs it |

use std::sync::Arc;

use super::{
    PluginManager,
    manager::{Phase, Remember},
};
use crate::engine::{EngineError, NativePlugin};

impl PluginManager {
    /// Registers a plugin and enables it, unless it was disabled before. Then enables
    /// what was waiting for it: plugins that depend on it and were not disabled.
    ///
    /// Returns the plugins that could not be enabled, and why; they are registered, and
    /// are tried again when something arrives that they need.
    ///
    /// # Errors
    ///
    /// It cannot be registered, or the store cannot be read. Nothing has changed then.
    pub async fn arrive(
        &self,
        plugin: Arc<dyn NativePlugin>,
    ) -> Result<Vec<(String, EngineError)>, EngineError> {
        let mut states = self.states()?;
        let name = plugin.name().to_owned();
        self.register(plugin)?;
        match states.remove(&name) {
            Some(state) => self.recall(&name, &state),
            None => {
                if let Some(entry) = self.entries().by_name.get_mut(&name) {
                    entry.wanted = true;
                }
            }
        }
        let mut failures = Vec::new();
        for waiting in self.waiting_for(&name) {
            if let Err(error) = self.enable(&waiting).await {
                tracing::warn!(plugin = waiting, %error, "a plugin could not be enabled");
                failures.push((waiting, error));
            }
        }
        Ok(failures)
    }

    /// Disables a plugin and, before it, everything that depends on it, and forgets it.
    /// The store keeps what it says of all of them.
    ///
    /// # Errors
    ///
    /// It is not registered, or another transition did not end in time.
    pub async fn leave(&self, name: &str) -> Result<(), EngineError> {
        for plugin in self.disable_order(name)? {
            self.disable_one(&plugin, Remember::Enabled).await?;
        }
        self.unregister(name)
    }

    /// Disables all plugins, dependents first, because the process ends. The store keeps
    /// which of them were enabled.
    pub async fn pause_all(&self) {
        for name in self.enabled() {
            let order = self.disable_order(&name).unwrap_or_default();
            for plugin in order {
                if let Err(error) = self.disable_one(&plugin, Remember::Enabled).await {
                    tracing::warn!(plugin, %error, "a plugin could not be disabled");
                }
            }
        }
    }

    /// The plugin itself and those that need it, if they are wanted and not enabled.
    /// What else is missing to one of them, its own failure says.
    fn waiting_for(&self, newcomer: &str) -> Vec<String> {
        let waiting: Vec<String> = self
            .entries()
            .by_name
            .iter()
            .filter(|(_, entry)| entry.wanted && entry.phase == Phase::Disabled)
            .map(|(name, _)| name.clone())
            .collect();
        let needs_it = |name: &String| {
            name == newcomer
                || self
                    .enable_order(name)
                    .is_ok_and(|order| order.iter().any(|needed| needed == newcomer))
        };
        waiting.into_iter().filter(needs_it).collect()
    }
}
