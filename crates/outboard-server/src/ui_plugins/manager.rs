//! The manager of UI plugins.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use outboard_contracts::{PluginName, ui::UiPageDef};

use super::{
    AssetLimits, DiscoveredUiPlugin, Snapshot, UiPluginChange, UiPluginChangeKind, UiPluginEntry,
    UiPluginError, UiPluginErrorKind, UiPluginInfo, UiPluginNativePlugin, UiPluginObserver, disk,
};
use crate::plugins::{PluginControl, Turns, blocking, finished};

/// Loads, unloads and reloads UI plugins of a directory.
///
/// Looking never waits. Changes of one plugin wait for each other, and a caller who
/// goes away does not stop one half-way. Cloning shares it.
///
/// ```no_run
/// # async fn example() -> Result<(), outboard_server::UiPluginError> {
/// use outboard_server::UiPluginManager;
///
/// let manager = UiPluginManager::new("plugins");
/// manager.load_plugin("reports").await?;
/// assert!(manager.is_loaded("reports"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct UiPluginManager {
    shared: Arc<Shared>,
}

/// Why a load or a reload failed, to show until one succeeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UiPluginProblem {
    /// What callers branch on.
    pub kind: UiPluginErrorKind,
    /// For people, without paths of this machine.
    pub detail: String,
}

struct Shared {
    directory: PathBuf,
    limits: AssetLimits,
    /// The programs that plugins may have beside their pages.
    programs: Option<PluginControl>,
    loaded: RwLock<BTreeMap<String, Arc<UiPluginEntry>>>,
    /// Why the last load of a plugin that is there failed.
    problems: Mutex<BTreeMap<String, UiPluginProblem>>,
    observers: Mutex<Vec<Arc<dyn UiPluginObserver>>>,
    turns: Turns,
    generations: AtomicU64,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("UiPluginManager")
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

impl UiPluginManager {
    /// A manager of the UI plugins in a directory, none of which is loaded yet.
    pub fn new(directory: impl Into<PathBuf>) -> UiPluginManager {
        UiPluginManager::make(directory.into(), None, AssetLimits::default())
    }

    /// A manager that also replaces the program of a plugin, if it runs, when the plugin
    /// is reloaded. The directory is that of the programs.
    pub fn with_programs(programs: PluginControl) -> UiPluginManager {
        let directory = programs.manager().plugins_dir().to_owned();
        UiPluginManager::make(directory, Some(programs), AssetLimits::default())
    }

    /// The same manager with other limits, before anything is loaded.
    #[must_use]
    pub fn with_limits(self, limits: AssetLimits) -> UiPluginManager {
        UiPluginManager::make(
            self.shared.directory.clone(),
            self.shared.programs.clone(),
            limits,
        )
    }

    fn make(
        directory: PathBuf,
        programs: Option<PluginControl>,
        limits: AssetLimits,
    ) -> UiPluginManager {
        UiPluginManager {
            shared: Arc::new(Shared {
                directory,
                limits,
                programs,
                loaded: RwLock::default(),
                problems: Mutex::default(),
                observers: Mutex::default(),
                turns: Turns::default(),
                generations: AtomicU64::new(0),
            }),
        }
    }

    /// The directory whose subdirectories are the plugins.
    pub fn plugins_dir(&self) -> &Path {
        &self.shared.directory
    }

    /// Tells `observer` of every change from now on.
    pub fn observe(&self, observer: Arc<dyn UiPluginObserver>) {
        lock(&self.shared.observers).push(observer);
    }

    /// Every subdirectory with a `ui.json`, sorted, and whether it could be loaded.
    ///
    /// # Errors
    ///
    /// The directory cannot be read.
    pub async fn discover_plugins(&self) -> Result<Vec<DiscoveredUiPlugin>, UiPluginError> {
        let directory = self.shared.directory.clone();
        let found = blocking(move || disk::discover(&directory)).await?;
        // What is gone has no problems any more.
        lock(&self.shared.problems)
            .retain(|name, _| found.iter().any(|plugin| plugin.name == *name));
        Ok(found)
    }

    /// Loads a plugin, or another generation of one that is loaded. Its program, if it
    /// has one, is left alone.
    ///
    /// # Errors
    ///
    /// Its name, its manifest or its files are unusable. What was loaded stays.
    pub async fn load_plugin(&self, name: &str) -> Result<Arc<UiPluginEntry>, UiPluginError> {
        self.take_in(name, false).await
    }

    /// Loads a plugin anew, and replaces its program if that runs. It may also be one
    /// that is not loaded.
    ///
    /// The new manifest and files are read and checked first, then the program is
    /// replaced, then the new manifest and files take the place of the old ones as one.
    ///
    /// # Errors
    ///
    /// Manifest, files or program are unusable; the error says which. What was loaded
    /// serves on.
    pub async fn reload_plugin(&self, name: &str) -> Result<Arc<UiPluginEntry>, UiPluginError> {
        self.take_in(name, true).await
    }

    /// Loads every plugin that is there. One that cannot be loaded does not keep the
    /// others from it.
    ///
    /// # Errors
    ///
    /// The directory cannot be read.
    pub async fn load_all(&self) -> Result<Vec<(String, UiPluginError)>, UiPluginError> {
        let mut failed = Vec::new();
        for plugin in self.discover_plugins().await? {
            if let Err(error) = self.load_plugin(&plugin.name).await {
                failed.push((plugin.name, error));
            }
        }
        Ok(failed)
    }

    async fn take_in(
        &self,
        name: &str,
        with_program: bool,
    ) -> Result<Arc<UiPluginEntry>, UiPluginError> {
        let name = disk::checked(name)?;
        let manager = self.clone();
        finished(tokio::spawn(async move {
            let _turn = manager.shared.turns.take(name.as_str()).await;
            let outcome = manager.take_in_turn(&name, with_program).await;
            manager.remember(&name, outcome.as_ref().err());
            outcome
        }))
        .await
    }

    async fn take_in_turn(
        &self,
        name: &PluginName,
        with_program: bool,
    ) -> Result<Arc<UiPluginEntry>, UiPluginError> {
        let before = self.get(name.as_str());
        let generation = self.shared.generations.fetch_add(1, Ordering::Relaxed) + 1;
        let read = {
            let (shared, name) = (Arc::clone(&self.shared), name.clone());
            blocking(move || {
                let before = before.as_ref().map(|entry| &*entry.assets);
                disk::read_plugin(&shared.directory, &name, &shared.limits, before, generation)
            })
            .await?
        };
        if with_program {
            self.replace_program(name).await?;
        }
        let entry = Arc::new(UiPluginEntry {
            manifest: read.manifest,
            assets: Arc::new(read.assets),
            dependencies: read.dependencies,
            has_program: read.has_program,
            loaded_at: SystemTime::now(),
        });
        let old = self
            .shared
            .loaded
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name.to_string(), Arc::clone(&entry));
        let kind = match old {
            Some(_) => UiPluginChangeKind::Reloaded,
            None => UiPluginChangeKind::Loaded,
        };
        self.tell(kind, &entry).await;
        Ok(entry)
    }

    async fn replace_program(&self, name: &PluginName) -> Result<(), UiPluginError> {
        let Some(programs) = &self.shared.programs else {
            return Ok(());
        };
        // One that is not loaded is nobody's wish to start.
        if programs.manager().status(name.as_str()).is_none() {
            return Ok(());
        }
        programs
            .reload(name.as_str())
            .await
            .map_err(|error| UiPluginError::Program {
                plugin: name.to_string(),
                error: Box::new(error),
            })
    }

    /// Lets a plugin go. Its program, if it has one, is left alone.
    ///
    /// # Errors
    ///
    /// It is not loaded.
    pub async fn unload_plugin(&self, name: &str) -> Result<(), UiPluginError> {
        let name = disk::checked(name)?;
        let manager = self.clone();
        finished(tokio::spawn(async move {
            let _turn = manager.shared.turns.take(name.as_str()).await;
            let old = manager
                .shared
                .loaded
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(name.as_str());
            let Some(entry) = old else {
                return Err(UiPluginError::NotLoaded {
                    plugin: name.to_string(),
                });
            };
            manager.remember(&name, None);
            manager.tell(UiPluginChangeKind::Unloaded, &entry).await;
            Ok(())
        }))
        .await
    }

    /// A loaded plugin. What is returned stays as it is, whatever is loaded later.
    pub fn get(&self, name: &str) -> Option<Arc<UiPluginEntry>> {
        let loaded = self.loaded();
        loaded.get(name).cloned()
    }

    /// Whether a plugin is loaded.
    pub fn is_loaded(&self, name: &str) -> bool {
        self.loaded().contains_key(name)
    }

    /// The names of all loaded plugins, sorted.
    pub fn loaded_plugins(&self) -> Vec<String> {
        self.loaded().keys().cloned().collect()
    }

    /// All loaded plugins, sorted by name.
    pub fn entries(&self) -> Vec<Arc<UiPluginEntry>> {
        self.loaded().values().cloned().collect()
    }

    /// The short form of all loaded plugins, sorted by name.
    pub fn all_ui_plugin_infos(&self) -> Vec<UiPluginInfo> {
        self.loaded().values().map(|entry| entry.info()).collect()
    }

    /// The pages of a loaded plugin, sorted by category, order and label. `None` if it is
    /// not loaded.
    pub fn ui_pages(&self, name: &str) -> Option<Vec<UiPageDef>> {
        self.get(name).map(|entry| entry.pages())
    }

    /// The files of a loaded plugin, of one generation, to answer requests with.
    pub fn serve_assets(&self, name: &str) -> Option<Arc<Snapshot>> {
        self.get(name).map(|entry| Arc::clone(&entry.assets))
    }

    /// A loaded plugin for a manager of native plugins. `None` if it is not loaded.
    pub fn as_native_plugin(&self, name: &str) -> Option<Arc<UiPluginNativePlugin>> {
        self.is_loaded(name)
            .then(|| Arc::new(UiPluginNativePlugin::new(self.clone(), name)))
    }

    /// Why the last load or reload of each plugin failed, by name. A later success
    /// clears it.
    pub fn problems(&self) -> BTreeMap<String, UiPluginProblem> {
        lock(&self.shared.problems).clone()
    }

    /// What is wrong with UI plugins, by name, without paths of this machine: why the last
    /// load failed, else what makes what is on disk unusable.
    pub(crate) fn troubles(&self, on_disk: &[DiscoveredUiPlugin]) -> BTreeMap<String, String> {
        let problems = self.problems().into_iter();
        let mut wrong: BTreeMap<String, String> = problems
            .map(|(name, problem)| (name, problem.detail))
            .collect();
        for plugin in on_disk {
            if let Err(error) = &plugin.manifest {
                let why = || self.without_paths(&error.to_string());
                wrong.entry(plugin.name.clone()).or_insert_with(why);
            }
        }
        wrong
    }

    /// A text for whoever asks over HTTP: files are named from the plugins directory on,
    /// and where that is stays with us.
    pub(crate) fn without_paths(&self, text: &str) -> String {
        crate::plugins::without_paths(&self.shared.directory, text)
    }

    /// Only what is a directory there is remembered, so that nobody fills the memory with
    /// names.
    fn remember(&self, name: &PluginName, error: Option<&UiPluginError>) {
        let mut problems = lock(&self.shared.problems);
        match error {
            None | Some(UiPluginError::NotFound { .. }) => {
                problems.remove(name.as_str());
            }
            Some(error) => {
                let problem = UiPluginProblem {
                    kind: error.kind(),
                    detail: self.without_paths(&error.to_string()),
                };
                problems.insert(name.to_string(), problem);
            }
        }
    }

    async fn tell(&self, kind: UiPluginChangeKind, entry: &UiPluginEntry) {
        let change = UiPluginChange {
            kind,
            name: entry.manifest.name.clone(),
            version: entry.manifest.version.clone(),
            generation: entry.assets.generation(),
        };
        let observers = lock(&self.shared.observers).clone();
        for observer in observers {
            observer.changed(&change).await;
        }
    }

    fn loaded(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<String, Arc<UiPluginEntry>>> {
        self.shared
            .loaded
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
