//! Operations on plugins as a whole: the process and what the engine knows of it.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use outboard_workflow::{
    engine::{Engine, EngineError},
    external::ExternalPluginManager,
};

use super::{ControlError, PluginInfo, turns::Turns};

/// Loads, unloads and reloads plugins of a manager, and keeps an engine, if there is
/// one, in step: after a load its types can be used and what the workflow that runs
/// had of it is there again; after an unload both are gone.
///
/// Operations on one plugin wait for each other. Cloning shares it.
#[derive(Clone, Debug)]
pub struct PluginControl {
    manager: ExternalPluginManager,
    engine: Option<Engine>,
    turns: Turns,
    /// Held while the engine is asked what it knows and told what is new, so that two
    /// loads do not tell it of one plugin.
    introducing: Arc<Mutex<()>>,
}

impl From<ExternalPluginManager> for PluginControl {
    fn from(manager: ExternalPluginManager) -> PluginControl {
        PluginControl {
            manager,
            engine: None,
            turns: Turns::default(),
            introducing: Arc::default(),
        }
    }
}

impl PluginControl {
    /// A manager and the engine that uses its plugins.
    pub fn new(manager: ExternalPluginManager, engine: Engine) -> PluginControl {
        PluginControl {
            engine: Some(engine),
            ..PluginControl::from(manager)
        }
    }

    /// The manager underneath. What is changed there, the engine does not see.
    pub fn manager(&self) -> &ExternalPluginManager {
        &self.manager
    }

    /// A text for whoever asks over HTTP: files are named from the plugins directory
    /// on, and where that is stays with us.
    pub(crate) fn without_paths(&self, text: &str) -> String {
        without_paths(self.manager.plugins_dir(), text)
    }

    /// What is in the plugins directory, sorted, and whether it runs.
    ///
    /// # Errors
    ///
    /// The directory cannot be read.
    pub async fn list(&self) -> Result<Vec<PluginInfo>, ControlError> {
        let manager = self.manager.clone();
        let found = blocking(move || manager.discover_plugins()).await?;
        let info = found.into_iter().map(|plugin| PluginInfo {
            loaded: self.manager.is_loaded(&plugin.name),
            name: plugin.name,
        });
        Ok(info.collect())
    }

    /// Starts a plugin, makes its types known, and makes again what the workflow that
    /// runs had of it before it was unloaded.
    ///
    /// # Errors
    ///
    /// It cannot be started, its types are those of another plugin, or a module of the
    /// workflow does not start in it. Nothing of it runs then.
    pub async fn load(&self, name: &str) -> Result<(), ControlError> {
        let _turn = self.turns.take(name).await;
        self.load_in_turn(name).await
    }

    async fn load_in_turn(&self, name: &str) -> Result<(), ControlError> {
        self.manager.load_plugin(name).await?;
        if let Err(error) = self.introduce(name) {
            // A plugin whose types nobody may use is of no use.
            self.manager.unload_plugin(name).await?;
            return Err(error.into());
        }
        if let Err(error) = self.resume().await {
            self.unload_in_turn(name).await?;
            return Err(error.into());
        }
        Ok(())
    }

    /// Makes again what the workflow misses, as far as it can be made now.
    async fn resume(&self) -> Result<(), EngineError> {
        match &self.engine {
            Some(engine) => engine.resume().await,
            None => Ok(()),
        }
    }

    /// Makes the types of a loaded plugin known to the engine, and before it those of
    /// the plugins that were loaded because it needs them.
    fn introduce(&self, name: &str) -> Result<(), EngineError> {
        let Some(engine) = &self.engine else {
            return Ok(());
        };
        // Nothing waits under it: an adapter knows what it says.
        let _introducing = self
            .introducing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let known = engine.registry().plugins();
        let is_known = |name: &str| known.iter().any(|manifest| manifest.name == name);
        let loaded = self.manager.loaded_plugins();
        let others = loaded
            .iter()
            .filter(|other| *other != name && !is_known(other));
        for other in others.map(String::as_str).chain([name]) {
            let Some(adapter) = self.manager.adapter(other) else {
                continue;
            };
            if is_known(other) {
                engine.replace_plugin(adapter)?;
            } else {
                engine.load_plugin(adapter)?;
            }
        }
        Ok(())
    }

    /// Ends a plugin. With `force` also one that modules or pipelines use: its modules
    /// are gone then, its pipelines are refused, and [`load`](Self::load) brings both
    /// back. A caller who goes away does not stop it half-way.
    ///
    /// # Errors
    ///
    /// It is not loaded, or in use.
    pub async fn unload(&self, name: &str, force: bool) -> Result<(), ControlError> {
        let (control, name) = (self.clone(), name.to_owned());
        finished(tokio::spawn(async move {
            let _turn = control.turns.take(&name).await;
            control.unload_if_allowed(&name, force).await
        }))
        .await
    }

    async fn unload_if_allowed(&self, name: &str, force: bool) -> Result<(), ControlError> {
        if let Some(engine) = &self.engine {
            let by = engine.users_of(name);
            if !by.is_empty() && !force {
                return Err(EngineError::InUse {
                    plugin: name.to_owned(),
                    by,
                }
                .into());
            }
        }
        self.unload_in_turn(name).await
    }

    async fn unload_in_turn(&self, name: &str) -> Result<(), ControlError> {
        // The process ends what it made, while it still can.
        self.manager.unload_plugin(name).await?;
        if let Some(engine) = &self.engine {
            match engine.unload_plugin(name, true).await {
                // It was loaded behind the engine's back.
                Ok(()) | Err(EngineError::NotRegistered { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Replaces a plugin's process, or loads it if it is not loaded. What the workflow
    /// that runs misses and can be made now is made again, as by [`load`](Self::load).
    ///
    /// # Errors
    ///
    /// The new process is unusable; the old one serves on then. Or its new types are
    /// those of another plugin; then the old types stay. Or a module that was missing
    /// does not start; the plugin runs then, without it.
    pub async fn reload(&self, name: &str) -> Result<(), ControlError> {
        let _turn = self.turns.take(name).await;
        if self.manager.status(name).is_none() {
            return self.load_in_turn(name).await;
        }
        self.manager.reload_plugin(name).await?;
        self.introduce(name)?;
        self.resume().await?;
        Ok(())
    }
}

/// A text in which files are named from a directory on.
pub(crate) fn without_paths(directory: &Path, text: &str) -> String {
    let absolute = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
    let prefix = format!("{}/", absolute.display().to_string().trim_end_matches('/'));
    text.replace(&prefix, "")
}

/// Runs what reads the disk where it holds nobody up.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    finished(tokio::task::spawn_blocking(work)).await
}

/// What a task came to; its panic is the caller's.
pub(crate) async fn finished<T>(task: tokio::task::JoinHandle<T>) -> T {
    match task.await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Only the end of the runtime cancels it, and that ends this task too.
            Err(_) => std::future::pending().await,
        },
    }
}
