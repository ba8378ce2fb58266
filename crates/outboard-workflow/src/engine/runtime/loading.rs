//! Plugins that come and go while the engine is there.

use std::sync::{Arc, PoisonError};

use super::{
    Active, Engine, PipelineEntry, State, detached,
    lifecycle::{CANCEL_GRACE, drained},
};
use crate::engine::{EngineError, EnginePlugin};

impl Engine {
    /// Makes a plugin's types known: all of them or, on an error, none.
    ///
    /// What the workflow that runs has missed since the plugin was unloaded comes back
    /// with [`resume`](Self::resume).
    ///
    /// The plugin is taken as it is: what it depends on is the business of whoever
    /// manages it, such as an [`EnginePluginManager`](crate::engine::EnginePluginManager)
    /// over [`Engine::registry`] for plugins of this process.
    ///
    /// # Errors
    ///
    /// See [`TypeRegistry::register`](crate::engine::TypeRegistry::register).
    pub fn load_plugin(&self, plugin: Arc<dyn EnginePlugin>) -> Result<(), EngineError> {
        self.inner.registry.register(&*plugin)
    }

    /// Puts a plugin's new types in the place of its old ones, as one change. Modules
    /// and steps that exist stay; [`resume`](Self::resume) makes those that were missing.
    ///
    /// # Errors
    ///
    /// See [`TypeRegistry::replace`](crate::engine::TypeRegistry::replace); the old
    /// types stay then.
    pub fn replace_plugin(&self, plugin: Arc<dyn EnginePlugin>) -> Result<(), EngineError> {
        self.inner.registry.replace(&*plugin)
    }

    /// What uses a plugin right now: modules and triggers that run, and pipelines
    /// that run.
    pub fn users_of(&self, plugin: &str) -> Vec<String> {
        let Some(active) = self.active() else {
            return Vec::new();
        };
        let modules = active.modules.of_plugin(plugin);
        let modules = modules.into_iter().map(|name| format!("module {name:?}"));
        let triggers = active.triggers.of_plugin(plugin);
        let triggers = triggers.into_iter().map(|name| format!("trigger {name:?}"));
        let pipelines = active
            .pipelines
            .iter()
            .filter(|entry| *entry.running.borrow() > 0 && entry.pipeline.uses(plugin))
            .map(|entry| format!("pipeline {:?}", entry.info.name));
        modules.chain(triggers).chain(pipelines).collect()
    }

    /// Forgets a plugin's types, after cancelling the runs, stopping the modules and
    /// triggers and destroying the steps that are of them. Modules of others that need
    /// one of its modules are stopped too. A caller who goes away does not stop it
    /// half-way.
    ///
    /// The workflow goes on without them: pipelines with steps of the plugin are
    /// refused until [`load_plugin`](Self::load_plugin) and [`resume`](Self::resume)
    /// bring it back.
    ///
    /// # Errors
    ///
    /// It is not loaded; or, without `force`, it is in use or a workflow is being
    /// started or stopped. It stays as it was then.
    pub async fn unload_plugin(&self, plugin: &str, force: bool) -> Result<(), EngineError> {
        let (engine, plugin) = (self.clone(), plugin.to_owned());
        detached(async move { engine.unload(&plugin, force).await }).await?
    }

    async fn unload(&self, plugin: &str, force: bool) -> Result<(), EngineError> {
        let registry = &self.inner.registry;
        if !registry
            .plugins()
            .iter()
            .any(|manifest| manifest.name == plugin)
        {
            return Err(EngineError::NotRegistered {
                plugin: plugin.to_owned(),
            });
        }
        if !force && matches!(*self.state(), State::Changing | State::Starting(_)) {
            return Err(EngineError::State {
                what: format!("plugin {plugin:?} cannot be unloaded"),
                reason: "a workflow is being started or stopped; wait until that is done"
                    .to_owned(),
            });
        }
        let active = self.active();
        // From here on no run that uses it begins, so what is seen now stays true.
        let _leaving = active.as_deref().map(|active| active.begin_leaving(plugin));
        let _turn = match &active {
            // It never closes.
            Some(active) => Some(active.turn.acquire().await),
            None => None,
        };
        let by = self.users_of(plugin);
        if !by.is_empty() && !force {
            return Err(EngineError::InUse {
                plugin: plugin.to_owned(),
                by,
            });
        }
        if let Some(active) = &active {
            active.triggers.stop(Some(plugin)).await;
            for entry in active
                .pipelines
                .iter()
                .filter(|entry| entry.pipeline.uses(plugin))
            {
                entry.cancel_runs().await;
                entry.pipeline.destroy(Some(plugin)).await;
            }
            let limit = self.inner.settings.lifecycle_timeout;
            active
                .modules
                .remove_of_plugin(plugin, &self.inner.application, limit)
                .await;
        }
        registry.unregister(plugin)
    }
}

impl PipelineEntry {
    async fn cancel_runs(&self) {
        self.cancel.send_replace(true);
        if !drained(&self.running, CANCEL_GRACE).await {
            tracing::warn!(
                pipeline = self.info.name,
                "runs that were cancelled do not end"
            );
        }
        self.cancel.send_replace(false);
    }
}

impl Active {
    fn begin_leaving(&self, plugin: &str) -> Leaving<'_> {
        self.leaving
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(plugin.to_owned());
        Leaving {
            active: self,
            plugin: plugin.to_owned(),
        }
    }

    /// The plugin on its way out that a pipeline uses, if there is one.
    pub(super) fn leaving_of(&self, entry: &PipelineEntry) -> Option<String> {
        let leaving = self
            .leaving
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        leaving
            .into_iter()
            .find(|plugin| entry.pipeline.uses(plugin))
    }
}

/// A plugin on its way out. Two callers may be at it at once; each takes back its own.
struct Leaving<'a> {
    active: &'a Active,
    plugin: String,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        let mut leaving = self
            .active
            .leaving
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(position) = leaving.iter().position(|plugin| *plugin == self.plugin) {
            leaving.remove(position);
        }
    }
}
