//! Discovers, loads, watches, reloads and unloads the plugins of a directory.

mod discover;
mod entry;
mod error;
mod status;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    future::Future,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use outboard_contracts::{PluginManifest, PluginName};
use outboard_go_plugin::host::{
    CallObserver, CallObservers, EventBus, EventStream, Inherit, PluginLog, RestartPolicy,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::entry::Entry;
pub use self::{
    discover::DiscoveredPlugin,
    error::{ManagerError, ManagerErrorKind},
    status::{PluginState, PluginStatus},
};
use super::{CallDeadlines, CallbackServer, ExternalPluginAdapter, callback::PluginCallbacks};
use crate::engine::EnginePlugin as _;

/// The variable that tells a plugin where it may write.
pub(crate) const PLUGIN_DATA_DIR: &str = "OUTBOARD_PLUGIN_DATA_DIR";

/// What holds for every plugin of a manager.
pub(crate) struct Settings {
    plugins_dir: PathBuf,
    data_dir: Option<PathBuf>,
    inherit: Inherit,
    start_timeout: Duration,
    shutdown_grace: Duration,
    drain_timeout: Duration,
    deadlines: CallDeadlines,
    restart_policy: RestartPolicy,
    events: EventBus,
    callbacks: CallbackServer,
    observers: CallObservers,
}

impl Settings {
    fn plugin_data_dir(&self, name: &PluginName) -> Option<PathBuf> {
        Some(self.data_dir.as_ref()?.join(name.as_str()))
    }
}

/// Looks after the plugins of one directory, each in a process of its own.
///
/// Each plugin is a subdirectory that holds a `plugin.json` and an executable
/// of the directory's name. A plugin that crashes is seen as crashed, started
/// again after a growing delay, and what it had made is made anew; after a
/// number of crashes in a row it has failed, until it is reloaded.
///
/// Cloning shares the manager. Operations on one plugin run one after the
/// other; those on different plugins, and everything that only looks, never
/// wait for each other.
///
/// # Dropping
///
/// When the last clone is dropped, the processes are killed.
/// [`shutdown`](Self::shutdown) lets them finish.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use outboard_workflow::external::ExternalPluginManager;
///
/// let manager = ExternalPluginManager::new("plugins");
/// for plugin in manager.discover_plugins()? {
///     println!("{}", plugin.name);
/// }
/// let adapter = manager.load_plugin("kv").await?;
/// # let _ = adapter;
/// manager.shutdown().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ExternalPluginManager {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Arc<Settings>,
    loaded: Mutex<BTreeMap<PluginName, Arc<Entry>>>,
    /// One operation at a time for each name, whether loaded or not.
    turns: Mutex<HashMap<PluginName, Arc<Semaphore>>>,
    /// The last words of plugins, also of those that did not start.
    logs: Mutex<BTreeMap<PluginName, PluginLog>>,
}

/// Settings of a manager that is about to be made.
#[must_use]
pub struct ManagerBuilder {
    settings: Settings,
}

impl ManagerBuilder {
    /// A directory under which each plugin gets one of its own to write to. It
    /// is created at the first start, and the plugin finds its path in
    /// `OUTBOARD_PLUGIN_DATA_DIR`. None unless set.
    pub fn data_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.settings.data_dir = Some(directory.into());
        self
    }

    /// What plugins inherit of this process's environment: the basics unless set.
    pub fn inherit_environment(mut self, inherit: Inherit) -> Self {
        self.settings.inherit = inherit;
        self
    }

    /// How long a plugin may take to start: 60 s unless set.
    pub fn start_timeout(mut self, timeout: Duration) -> Self {
        self.settings.start_timeout = timeout;
        self
    }

    /// How long a plugin may take to shut down by itself: 2 s unless set.
    pub fn shutdown_grace(mut self, grace: Duration) -> Self {
        self.settings.shutdown_grace = grace;
        self
    }

    /// How long running calls get at a reload or unload: 30 s unless set.
    pub fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.settings.drain_timeout = timeout;
        self
    }

    /// How long calls may take.
    pub fn deadlines(mut self, deadlines: CallDeadlines) -> Self {
        self.settings.deadlines = deadlines;
        self
    }

    /// How crashes are treated.
    pub fn restart_policy(mut self, policy: RestartPolicy) -> Self {
        self.settings.restart_policy = policy;
        self
    }

    /// What plugins may call besides what is their own: nothing unless set. See
    /// [`CallbackServer::of_engine`].
    pub fn callback_server(mut self, server: CallbackServer) -> Self {
        self.settings.callbacks = server;
        self
    }

    /// Where to tell what happens.
    pub fn events(mut self, events: EventBus) -> Self {
        self.settings.events = events;
        self
    }

    /// The manager. Nothing is read or started yet.
    pub fn build(self) -> ExternalPluginManager {
        ExternalPluginManager {
            inner: Arc::new(Inner {
                settings: Arc::new(self.settings),
                loaded: Mutex::default(),
                turns: Mutex::default(),
                logs: Mutex::default(),
            }),
        }
    }
}

impl ExternalPluginManager {
    /// A manager of the plugins in this directory, with the defaults.
    pub fn new(plugins_dir: impl Into<PathBuf>) -> ExternalPluginManager {
        ExternalPluginManager::builder(plugins_dir).build()
    }

    /// A manager of the plugins in this directory, with settings of your own.
    pub fn builder(plugins_dir: impl Into<PathBuf>) -> ManagerBuilder {
        ManagerBuilder {
            settings: Settings {
                plugins_dir: plugins_dir.into(),
                data_dir: None,
                inherit: Inherit::Basics,
                start_timeout: Duration::from_secs(60),
                shutdown_grace: Duration::from_secs(2),
                drain_timeout: Duration::from_secs(30),
                deadlines: CallDeadlines::default(),
                restart_policy: RestartPolicy::default(),
                events: EventBus::default(),
                callbacks: CallbackServer::default(),
                observers: CallObservers::default(),
            },
        }
    }

    /// The directory that holds the plugins.
    pub fn plugins_dir(&self) -> &Path {
        &self.inner.settings.plugins_dir
    }

    /// How long calls to plugins may take.
    pub fn deadlines(&self) -> CallDeadlines {
        self.inner.settings.deadlines
    }

    /// How long a plugin may take to start.
    pub fn start_timeout(&self) -> Duration {
        self.inner.settings.start_timeout
    }

    /// How long running calls get at a reload or unload.
    pub fn drain_timeout(&self) -> Duration {
        self.inner.settings.drain_timeout
    }

    /// How crashes are treated.
    pub fn restart_policy(&self) -> RestartPolicy {
        self.inner.settings.restart_policy
    }

    /// The names of the variables of this process's environment that a plugin gets.
    pub fn environment_names(&self) -> Vec<String> {
        self.inner.settings.inherit.names()
    }

    /// What is in the directory, sorted by name: every subdirectory with a
    /// `plugin.json` and an entry of its own name, and for each whether it
    /// could be loaded. Starts nothing. A missing directory holds no plugins.
    ///
    /// # Errors
    ///
    /// When the directory cannot be read.
    pub fn discover_plugins(&self) -> Result<Vec<DiscoveredPlugin>, ManagerError> {
        discover::discover(&self.inner.settings.plugins_dir)
    }

    /// Starts a plugin, after the plugins that its `plugin.json` depends on.
    ///
    /// # Errors
    ///
    /// See [`ManagerError`]; nothing of the plugin is left running then, though
    /// a dependency that was loaded for it stays.
    ///
    /// # Cancellation
    ///
    /// Dropping the future kills what it started.
    pub async fn load_plugin(
        &self,
        name: &str,
    ) -> Result<Arc<ExternalPluginAdapter>, ManagerError> {
        let name = parse(name)?;
        self.load(name, BTreeSet::new()).await
    }

    fn load(
        &self,
        name: PluginName,
        mut needed_by: BTreeSet<PluginName>,
    ) -> Pin<Box<dyn Future<Output = Result<Arc<ExternalPluginAdapter>, ManagerError>> + Send + '_>>
    {
        Box::pin(async move {
            let manifest = discover::inspect(&self.inner.settings.plugins_dir, &name)?.manifest;
            needed_by.insert(name.clone());
            self.load_dependencies(&name, &manifest, &needed_by).await?;
            let (_turn, turns) = self.turn(&name).await?;
            if let Some(entry) = self.entry(&name) {
                // One that failed for good is as good as not loaded.
                if matches!(entry.status().state, PluginState::Failed { .. }) {
                    return entry.reload().await;
                }
                return Err(ManagerError::AlreadyLoaded {
                    plugin: name.to_string(),
                });
            }
            let settings = Arc::clone(&self.inner.settings);
            let log = self.log_of(&name);
            let callbacks = PluginCallbacks::new(name.as_str(), settings.callbacks.clone());
            let candidate = entry::start(&settings, &name, &log, &callbacks).await?;
            let entry = Entry::new(name.clone(), settings, log, candidate, callbacks, turns);
            let adapter = entry.adapter();
            self.loaded().insert(name, entry);
            Ok(adapter)
        })
    }

    async fn load_dependencies(
        &self,
        name: &PluginName,
        manifest: &PluginManifest,
        needed_by: &BTreeSet<PluginName>,
    ) -> Result<(), ManagerError> {
        let refuse = |dependency: String| ManagerError::Dependency {
            plugin: name.to_string(),
            dependency,
        };
        let dependencies =
            manifest
                .checked_dependencies()
                .map_err(|error| ManagerError::Manifest {
                    plugin: name.to_string(),
                    error,
                })?;
        for (dependency, constraint) in dependencies {
            if needed_by.contains(&dependency) {
                return Err(refuse(format!("{dependency}, which needs it in turn")));
            }
            let adapter = match self.entry(&dependency) {
                Some(entry) => entry.adapter(),
                None => match self.load(dependency.clone(), needed_by.clone()).await {
                    Ok(adapter) => adapter,
                    // Somebody else was quicker.
                    Err(ManagerError::AlreadyLoaded { .. }) => match self.entry(&dependency) {
                        Some(entry) => entry.adapter(),
                        None => return Err(refuse(format!("{dependency}, which is going"))),
                    },
                    Err(error) => return Err(refuse(format!("{dependency}: {error}"))),
                },
            };
            let manifest = adapter.engine_manifest();
            let version = manifest.checked_version();
            if !version.is_ok_and(|version| constraint.matches(&version)) {
                let text = format!(
                    "{dependency} {constraint}, and {} is there",
                    manifest.version
                );
                return Err(refuse(text));
            }
        }
        Ok(())
    }

    /// Ends a plugin: running calls finish within the drain timeout, what the
    /// plugin made for the host is stopped and destroyed, then its process.
    ///
    /// # Errors
    ///
    /// When it is not loaded, or another loaded plugin depends on it.
    pub async fn unload_plugin(&self, name: &str) -> Result<(), ManagerError> {
        let name = parse(name)?;
        let (_turn, _) = self.turn(&name).await?;
        let entry = {
            let mut loaded = self.loaded();
            let by: Vec<String> = loaded
                .values()
                .filter(|entry| {
                    let manifest = entry.adapter().engine_manifest();
                    manifest
                        .dependencies
                        .iter()
                        .any(|dependency| name == *dependency.name)
                })
                .map(|entry| entry.status().name)
                .collect();
            if !by.is_empty() {
                return Err(ManagerError::InUse {
                    plugin: name.to_string(),
                    by,
                });
            }
            loaded.remove(&name)
        };
        let Some(entry) = entry else {
            return Err(ManagerError::NotLoaded {
                plugin: name.to_string(),
            });
        };
        entry.unload().await;
        Ok(())
    }

    /// Starts a new process of a plugin, moves over what is in use, then ends
    /// the old one. A plugin that is not loaded is loaded.
    ///
    /// # Errors
    ///
    /// As for loading; the old process goes on serving then.
    pub async fn reload_plugin(
        &self,
        name: &str,
    ) -> Result<Arc<ExternalPluginAdapter>, ManagerError> {
        let name = parse(name)?;
        {
            let (_turn, _) = self.turn(&name).await?;
            if let Some(entry) = self.entry(&name) {
                return entry.reload().await;
            }
        }
        self.load(name, BTreeSet::new()).await
    }

    /// Whether a plugin is loaded. One that crashed and is being restarted is;
    /// one that has failed for good is not.
    pub fn is_loaded(&self, name: &str) -> bool {
        self.status(name)
            .is_some_and(|status| !matches!(status.state, PluginState::Failed { .. }))
    }

    /// The names of the loaded plugins, sorted; those that failed are not among
    /// them.
    pub fn loaded_plugins(&self) -> Vec<String> {
        let entries: Vec<_> = self.loaded().values().cloned().collect();
        let running = entries.iter().map(|entry| entry.status());
        running
            .filter(|status| !matches!(status.state, PluginState::Failed { .. }))
            .map(|status| status.name)
            .collect()
    }

    /// What there is to know about a plugin that was loaded.
    pub fn status(&self, name: &str) -> Option<PluginStatus> {
        let entry = self.loaded().get(name).cloned();
        entry.map(|entry| entry.status())
    }

    /// All plugins that were loaded, also those that failed, sorted by name.
    pub fn statuses(&self) -> Vec<PluginStatus> {
        let entries: Vec<_> = self.loaded().values().cloned().collect();
        entries.iter().map(|entry| entry.status()).collect()
    }

    /// What the engine sees of a loaded plugin.
    pub fn adapter(&self, name: &str) -> Option<Arc<ExternalPluginAdapter>> {
        let entry = self.loaded().get(name).cloned();
        entry.map(|entry| entry.adapter())
    }

    /// Tells somebody of each call to a step or a service that ends, for as long as it is
    /// there. The operation is the step's type, or the module's type and the method.
    pub fn observe_calls(&self, observer: &Arc<dyn CallObserver>) {
        self.inner.settings.observers.add(observer);
    }

    /// What a plugin said, over all its processes; also one that did not start.
    pub fn log(&self, name: &str) -> Option<PluginLog> {
        if let Some(entry) = self.loaded().get(name) {
            return Some(entry.log().clone());
        }
        self.inner
            .logs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .cloned()
    }

    /// Follows what happens to plugins from now on.
    pub fn events(&self) -> EventStream {
        self.inner.settings.events.subscribe()
    }

    /// Ends all plugins at once, as [`unload_plugin`](Self::unload_plugin)
    /// does, and returns when they are gone. The manager stays usable.
    pub async fn shutdown(&self) {
        let entries = std::mem::take(&mut *self.loaded());
        let ends: Vec<_> = entries
            .into_values()
            .map(|entry| {
                tokio::spawn(async move {
                    // A load or reload that is under way ends first.
                    let turn = entry.turn().acquire_owned().await;
                    entry.unload().await;
                    drop(turn);
                })
            })
            .collect();
        for end in ends {
            let _ = end.await;
        }
    }

    fn loaded(&self) -> std::sync::MutexGuard<'_, BTreeMap<PluginName, Arc<Entry>>> {
        // Held for moments, and nothing under it can panic half-way.
        self.inner
            .loaded
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn entry(&self, name: &PluginName) -> Option<Arc<Entry>> {
        self.loaded().get(name).cloned()
    }

    fn log_of(&self, name: &PluginName) -> PluginLog {
        let mut logs = self
            .inner
            .logs
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        logs.entry(name.clone())
            .or_insert_with(|| PluginLog::new(name.as_str()))
            .clone()
    }

    /// Waits for this caller's turn with a plugin, first come first served.
    async fn turn(
        &self,
        name: &PluginName,
    ) -> Result<(OwnedSemaphorePermit, Arc<Semaphore>), ManagerError> {
        let turns = {
            let mut turns = self
                .inner
                .turns
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let turn = turns
                .entry(name.clone())
                .or_insert_with(|| Arc::new(Semaphore::new(1)));
            Arc::clone(turn)
        };
        let settings = &self.inner.settings;
        let wait = settings.start_timeout + settings.drain_timeout;
        match tokio::time::timeout(wait, Arc::clone(&turns).acquire_owned()).await {
            Ok(Ok(turn)) => Ok((turn, turns)),
            _ => Err(ManagerError::Busy {
                plugin: name.to_string(),
            }),
        }
    }
}

fn parse(name: &str) -> Result<PluginName, ManagerError> {
    PluginName::parse(name).map_err(|error| ManagerError::InvalidName {
        name: name.to_owned(),
        error,
    })
}

impl std::fmt::Debug for ExternalPluginManager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExternalPluginManager")
            .field("plugins_dir", &self.inner.settings.plugins_dir)
            .field("loaded", &self.loaded_plugins())
            .finish_non_exhaustive()
    }
}
