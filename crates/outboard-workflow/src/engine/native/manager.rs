//! The manager of native plugins.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use outboard_contracts::{PluginName, ui::UiPageDef, version};
use tokio::{sync::Notify, time::Instant};

use super::{MemoryStateStore, PluginState, PluginStateStore};
use crate::engine::{
    EngineError, NativePlugin, PluginContext, PluginDependency, RouteTable, guard, order,
};

/// Registers, enables and disables plugins. Clones are the same manager.
///
/// No lock is held while a plugin's code runs. Two callers that change the same
/// plugin take turns; queries never wait.
#[derive(Clone)]
pub struct PluginManager {
    shared: Arc<Shared>,
}

struct Shared {
    entries: Mutex<Entries>,
    /// Woken after every transition.
    changed: Notify,
    context: Mutex<PluginContext>,
    store: Arc<dyn PluginStateStore>,
    deadline: Duration,
}

#[derive(Default)]
pub(super) struct Entries {
    pub(super) by_name: BTreeMap<String, Entry>,
}

pub(super) struct Entry {
    plugin: Arc<dyn NativePlugin>,
    pub(super) phase: Phase,
    routes: Arc<RouteTable>,
    enabled_at: Option<Timestamp>,
    disabled_at: Option<Timestamp>,
    /// Whether it is to be enabled as soon as what it needs is there.
    pub(super) wanted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Disabled,
    Enabling,
    Enabled,
    Disabling,
}

/// What is kept of a plugin that is disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remember {
    /// Somebody wants it so: it stays disabled.
    Disabled,
    /// It only has to go now: it comes back when it can.
    Enabled,
}

/// How a [`PluginManager`] is made.
pub struct PluginManagerBuilder {
    store: Arc<dyn PluginStateStore>,
    context: PluginContext,
    deadline: Duration,
}

/// What a manager says about a plugin.
#[derive(Clone, Debug, PartialEq)]
pub struct PluginInfo {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it is for.
    pub description: String,
    /// Whether it is enabled.
    pub enabled: bool,
    /// Its pages in the admin UI.
    pub ui_pages: Vec<UiPageDef>,
    /// What it depends on.
    pub dependencies: Vec<PluginDependency>,
    /// When it was enabled last.
    pub enabled_at: Option<Timestamp>,
    /// When it was disabled last.
    pub disabled_at: Option<Timestamp>,
}

impl PluginManagerBuilder {
    /// Where it is kept which plugins are enabled. Default: in memory.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn PluginStateStore>) -> Self {
        self.store = store;
        self
    }

    /// What plugins get when they are enabled.
    #[must_use]
    pub fn context(mut self, context: PluginContext) -> Self {
        self.context = context;
        self
    }

    /// How long a callback of a plugin may take, and how long a caller waits for
    /// another's transition. Default: 60 seconds.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// The manager, without plugins.
    pub fn build(self) -> PluginManager {
        PluginManager {
            shared: Arc::new(Shared {
                entries: Mutex::default(),
                changed: Notify::new(),
                context: Mutex::new(self.context),
                store: self.store,
                deadline: self.deadline,
            }),
        }
    }
}

impl Default for PluginManager {
    fn default() -> Self {
        Self::builder().build()
    }
}

impl PluginManager {
    /// Starts making a manager.
    pub fn builder() -> PluginManagerBuilder {
        PluginManagerBuilder {
            store: Arc::new(MemoryStateStore::default()),
            context: PluginContext::default(),
            deadline: Duration::from_secs(60),
        }
    }

    /// Sets what plugins get when they are enabled from now on.
    pub fn set_context(&self, context: PluginContext) {
        *self
            .shared
            .context
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = context;
    }

    /// Registers a plugin; it stays disabled.
    ///
    /// # Errors
    ///
    /// Its name or version is unusable, or the name is taken.
    pub fn register(&self, plugin: Arc<dyn NativePlugin>) -> Result<(), EngineError> {
        let (name, version) = guard::call_now(
            || "a plugin's name".to_owned(),
            || Ok((plugin.name().to_owned(), plugin.version().into_owned())),
        )?;
        // DIFFERENCE: the original refuses only an empty name. The name is part of
        // URLs, so here it must be a plugin name, and the version a version.
        let invalid = |reason: String| EngineError::InvalidPlugin {
            plugin: name.clone(),
            reason,
        };
        PluginName::parse(&name).map_err(|error| invalid(error.to_string()))?;
        version::parse(&version).map_err(|error| invalid(error.to_string()))?;
        let mut entries = self.entries();
        if entries.by_name.contains_key(&name) {
            return Err(EngineError::AlreadyRegistered { plugin: name });
        }
        entries.by_name.insert(
            name,
            Entry {
                plugin,
                phase: Phase::Disabled,
                routes: Arc::default(),
                enabled_at: None,
                disabled_at: None,
                wanted: false,
            },
        );
        Ok(())
    }

    /// Forgets a plugin.
    ///
    /// # Errors
    ///
    /// It is not registered, or not disabled.
    pub fn unregister(&self, name: &str) -> Result<(), EngineError> {
        let mut entries = self.entries();
        match entries.by_name.get(name).map(|entry| entry.phase) {
            None => Err(EngineError::NotRegistered {
                plugin: name.to_owned(),
            }),
            Some(Phase::Disabled) => {
                entries.by_name.remove(name);
                Ok(())
            }
            Some(_) => Err(EngineError::State {
                what: format!("plugin {name:?}"),
                reason: "it is enabled; disable it first".to_owned(),
            }),
        }
    }

    /// Puts another object in the place of a registered plugin of the same name,
    /// without a callback: the plugin stays enabled or disabled.
    pub(crate) fn exchange(&self, plugin: Arc<dyn NativePlugin>) -> Result<(), EngineError> {
        let name = plugin.name().to_owned();
        let routes = routes_of(&name, &*plugin)?;
        let mut entries = self.entries();
        let entry = entries
            .by_name
            .get_mut(&name)
            .ok_or_else(|| EngineError::NotRegistered {
                plugin: name.clone(),
            })?;
        entry.plugin = plugin;
        if entry.phase == Phase::Enabled {
            entry.routes = Arc::new(routes);
        }
        Ok(())
    }

    /// Enables a plugin and, before it, everything that it depends on. What is
    /// enabled already is left alone.
    ///
    /// # Errors
    ///
    /// The plugin or a dependency is missing, has the wrong version or depends on
    /// itself in a circle, or a callback failed. Dependencies that were enabled
    /// before the failure stay enabled.
    pub async fn enable(&self, name: &str) -> Result<(), EngineError> {
        let order = self.enable_order(name)?;
        for plugin in order {
            self.enable_one(&plugin).await?;
        }
        Ok(())
    }

    /// Disables everything that depends on a plugin, and then the plugin. What is
    /// disabled already is left alone. Errors of callbacks are logged.
    ///
    /// # Errors
    ///
    /// The plugin is not registered, or another transition of it did not end in time.
    pub async fn disable(&self, name: &str) -> Result<(), EngineError> {
        for plugin in self.disable_order(name)? {
            self.disable_one(&plugin, Remember::Disabled).await?;
        }
        Ok(())
    }

    /// Disables all plugins, dependents first.
    pub async fn disable_all(&self) {
        let names: Vec<String> = self.entries().by_name.keys().cloned().collect();
        for name in names {
            if let Err(error) = self.disable(&name).await {
                tracing::warn!(plugin = name, %error, "a plugin could not be disabled");
            }
        }
    }

    /// Enables the plugins that the store says were enabled. Failures are logged and
    /// returned; the other plugins are enabled all the same.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub async fn restore_state(&self) -> Result<Vec<(String, EngineError)>, EngineError> {
        let states = self.shared.store.load()?;
        for (name, state) in &states {
            self.recall(name, state);
        }
        let mut failures = Vec::new();
        for (name, _) in states.into_iter().filter(|(_, state)| state.enabled) {
            if let Err(error) = self.enable(&name).await {
                // One that is registered later is enabled then, and one that is gone is
                // nobody's trouble.
                if matches!(error, EngineError::NotRegistered { .. }) {
                    tracing::debug!(plugin = name, "a plugin that was enabled is not here yet");
                } else {
                    tracing::warn!(plugin = name, %error, "a plugin could not be enabled again");
                }
                failures.push((name, error));
            }
        }
        Ok(failures)
    }

    /// All plugins, sorted by name.
    pub fn plugins(&self) -> Vec<PluginInfo> {
        let known: Vec<_> = self
            .entries()
            .by_name
            .iter()
            .map(|(name, entry)| {
                let enabled = entry.phase == Phase::Enabled;
                (
                    name.clone(),
                    Arc::clone(&entry.plugin),
                    enabled,
                    entry.enabled_at,
                    entry.disabled_at,
                )
            })
            .collect();
        known
            .into_iter()
            .map(
                |(name, plugin, enabled, enabled_at, disabled_at)| PluginInfo {
                    name,
                    version: plugin.version().into_owned(),
                    description: plugin.description().into_owned(),
                    enabled,
                    ui_pages: plugin.ui_pages(),
                    dependencies: plugin.dependencies(),
                    enabled_at,
                    disabled_at,
                },
            )
            .collect()
    }

    /// The names of the enabled plugins, sorted.
    pub fn enabled(&self) -> Vec<String> {
        self.entries()
            .by_name
            .iter()
            .filter(|(_, entry)| entry.phase == Phase::Enabled)
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// Whether a plugin is enabled.
    pub fn is_enabled(&self, name: &str) -> bool {
        self.entries()
            .by_name
            .get(name)
            .is_some_and(|entry| entry.phase == Phase::Enabled)
    }

    /// A registered plugin.
    pub fn get(&self, name: &str) -> Option<Arc<dyn NativePlugin>> {
        self.entries()
            .by_name
            .get(name)
            .map(|entry| Arc::clone(&entry.plugin))
    }

    /// The enabled plugins that depend on one, directly or not; dependents first.
    pub fn dependents(&self, name: &str) -> Vec<String> {
        let mut order = self.disable_order(name).unwrap_or_default();
        order.retain(|plugin| plugin != name);
        order
    }

    pub(super) fn routes(&self, name: &str) -> Option<Arc<RouteTable>> {
        let entries = self.entries();
        let entry = entries.by_name.get(name)?;
        (entry.phase == Phase::Enabled).then(|| Arc::clone(&entry.routes))
    }

    /// What the store keeps.
    pub(super) fn states(&self) -> Result<BTreeMap<String, PluginState>, EngineError> {
        self.shared.store.load()
    }

    /// Gives a registered plugin its times back, and whether it is wanted.
    pub(super) fn recall(&self, name: &str, state: &PluginState) {
        if let Some(entry) = self.entries().by_name.get_mut(name) {
            entry.enabled_at = state.enabled_at;
            entry.disabled_at = state.disabled_at;
            entry.wanted = state.enabled;
        }
    }

    pub(super) fn entries(&self) -> MutexGuard<'_, Entries> {
        self.shared
            .entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// What plugins say about themselves, asked without the lock.
    fn known(&self) -> Vec<(String, Arc<dyn NativePlugin>, Phase)> {
        self.entries()
            .by_name
            .iter()
            .map(|(name, entry)| (name.clone(), Arc::clone(&entry.plugin), entry.phase))
            .collect()
    }

    pub(super) fn enable_order(&self, name: &str) -> Result<Vec<String>, EngineError> {
        let known = self.known();
        let index = |wanted: &str| known.iter().position(|(name, _, _)| name == wanted);
        let target = index(name).ok_or_else(|| EngineError::NotRegistered {
            plugin: name.to_owned(),
        })?;
        // Only what the target needs is looked at: a plugin that nobody asked for
        // cannot get in the way of one that works.
        let mut edges: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let mut pending = vec![target];
        while let Some(item) = pending.pop() {
            if edges.contains_key(&item) {
                continue;
            }
            let (plugin, object, _) = &known[item];
            let mut needs = Vec::new();
            for dependency in object.dependencies() {
                let found =
                    index(&dependency.name).ok_or_else(|| EngineError::MissingDependency {
                        plugin: plugin.clone(),
                        dependency: dependency.name.clone(),
                    })?;
                check_version(plugin, &dependency, &known[found].1.version())?;
                needs.push(found);
                pending.push(found);
            }
            edges.insert(item, needs);
        }
        let items: Vec<usize> = edges.keys().copied().collect();
        let place = |item: usize| items.binary_search(&item).unwrap_or(0);
        let sorted = order::topological(items.len(), |position| {
            edges[&items[position]]
                .iter()
                .map(|item| place(*item))
                .collect()
        });
        match sorted {
            Ok(order) => Ok(order
                .into_iter()
                .map(|position| known[items[position]].0.clone())
                .collect()),
            Err(circle) => Err(EngineError::DependencyCycle {
                path: circle
                    .into_iter()
                    .map(|position| known[items[position]].0.clone())
                    .collect(),
            }),
        }
    }

    pub(super) fn disable_order(&self, name: &str) -> Result<Vec<String>, EngineError> {
        let known = self.known();
        if !known.iter().any(|(known, _, _)| known == name) {
            return Err(EngineError::NotRegistered {
                plugin: name.to_owned(),
            });
        }
        let needs: BTreeMap<&str, Vec<String>> = known
            .iter()
            .filter(|(_, _, phase)| *phase != Phase::Disabled)
            .map(|(name, plugin, _)| {
                (
                    name.as_str(),
                    plugin
                        .dependencies()
                        .into_iter()
                        .map(|dependency| dependency.name)
                        .collect(),
                )
            })
            .collect();
        // Depth first over who needs whom: a plugin comes after all that need it.
        let mut order = Vec::new();
        let mut seen = BTreeSet::new();
        let mut stack = vec![(name.to_owned(), false)];
        while let Some((plugin, dependents_done)) = stack.pop() {
            if dependents_done {
                order.push(plugin);
                continue;
            }
            if !seen.insert(plugin.clone()) {
                continue;
            }
            stack.push((plugin.clone(), true));
            for (dependent, needs) in &needs {
                if needs.contains(&plugin) && !seen.contains(*dependent) {
                    stack.push(((*dependent).to_owned(), false));
                }
            }
        }
        Ok(order)
    }

    /// Waits for its turn and marks the transition. `None`: there is nothing to do.
    async fn begin(
        &self,
        name: &str,
        from: Phase,
        through: Phase,
    ) -> Result<Option<Transition>, EngineError> {
        let until = Instant::now() + self.shared.deadline;
        loop {
            let mut changed = std::pin::pin!(self.shared.changed.notified());
            changed.as_mut().enable();
            {
                let mut entries = self.entries();
                let entry =
                    entries
                        .by_name
                        .get_mut(name)
                        .ok_or_else(|| EngineError::NotRegistered {
                            plugin: name.to_owned(),
                        })?;
                match entry.phase {
                    phase if phase == from => {
                        entry.phase = through;
                        return Ok(Some(Transition {
                            shared: Arc::clone(&self.shared),
                            name: name.to_owned(),
                            plugin: Arc::clone(&entry.plugin),
                            back_to: from,
                        }));
                    }
                    Phase::Enabled | Phase::Disabled => return Ok(None),
                    Phase::Enabling | Phase::Disabling => {}
                }
            }
            if tokio::time::timeout_at(until, changed).await.is_err() {
                return Err(EngineError::Timeout {
                    what: format!("another change of plugin {name:?}"),
                    after: self.shared.deadline,
                });
            }
        }
    }

    async fn enable_one(&self, name: &str) -> Result<(), EngineError> {
        let Some(mut transition) = self.begin(name, Phase::Disabled, Phase::Enabling).await? else {
            return Ok(());
        };
        let plugin = Arc::clone(&transition.plugin);
        let context = self.context();
        let refused = |error: EngineError| error.during("enable", name);
        let routes = routes_of(name, &*plugin).map_err(refused)?;
        guard::call(
            || format!("plugin {name:?}, on_enable"),
            Some(self.shared.deadline),
            async { plugin.on_enable(&context).await },
        )
        .await
        .map_err(refused)?;
        let state = transition.finish(Phase::Enabled, Some(routes));
        self.save(name, state);
        Ok(())
    }

    pub(super) async fn disable_one(
        &self,
        name: &str,
        remember: Remember,
    ) -> Result<(), EngineError> {
        let Some(mut transition) = self.begin(name, Phase::Enabled, Phase::Disabling).await? else {
            return Ok(());
        };
        // From here on there is no way back: whatever the callback says, and even if
        // the caller goes away, the plugin ends up disabled.
        transition.back_to = Phase::Disabled;
        let plugin = Arc::clone(&transition.plugin);
        let context = self.context();
        let outcome = guard::call(
            || format!("plugin {name:?}, on_disable"),
            Some(self.shared.deadline),
            async { plugin.on_disable(&context).await },
        )
        .await;
        if let Err(error) = outcome {
            tracing::warn!(plugin = name, %error, "a plugin failed while it was disabled");
        }
        match remember {
            Remember::Disabled => {
                let state = transition.finish(Phase::Disabled, None);
                self.save(name, state);
            }
            Remember::Enabled => transition.pause(),
        }
        Ok(())
    }

    fn context(&self) -> PluginContext {
        self.shared
            .context
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn save(&self, name: &str, state: Option<PluginState>) {
        if let Some(state) = state
            && let Err(error) = self.shared.store.save(name, &state)
        {
            tracing::warn!(plugin = name, %error, "a plugin's state could not be kept");
        }
    }
}

impl std::fmt::Debug for PluginManager {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("PluginManager")
            .field("enabled", &self.enabled())
            .finish_non_exhaustive()
    }
}

/// A plugin on its way from one phase to another. Dropped before it is finished, it
/// puts the plugin back.
struct Transition {
    shared: Arc<Shared>,
    name: String,
    plugin: Arc<dyn NativePlugin>,
    back_to: Phase,
}

impl Transition {
    fn finish(&mut self, phase: Phase, routes: Option<RouteTable>) -> Option<PluginState> {
        self.back_to = phase;
        let mut entries = self
            .shared
            .entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let entry = entries.by_name.get_mut(&self.name)?;
        entry.phase = phase;
        entry.wanted = phase == Phase::Enabled;
        entry.routes = Arc::new(routes.unwrap_or_default());
        let now = Some(Timestamp::now());
        match phase {
            Phase::Enabled => entry.enabled_at = now,
            _ => entry.disabled_at = now,
        }
        Some(PluginState {
            enabled: phase == Phase::Enabled,
            version: entry.plugin.version().into_owned(),
            enabled_at: entry.enabled_at,
            disabled_at: entry.disabled_at,
        })
    }

    /// Ends up disabled, and wanted as before.
    fn pause(&mut self) {
        let mut entries = self
            .shared
            .entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.by_name.get_mut(&self.name) {
            entry.routes = Arc::default();
        }
    }
}

impl Drop for Transition {
    fn drop(&mut self) {
        {
            let mut entries = self
                .shared
                .entries
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if let Some(entry) = entries.by_name.get_mut(&self.name) {
                entry.phase = self.back_to;
            }
        }
        self.shared.changed.notify_waiters();
    }
}

fn routes_of(name: &str, plugin: &dyn NativePlugin) -> Result<RouteTable, EngineError> {
    guard::call_now(
        || format!("plugin {name:?}, register_routes"),
        || {
            let mut routes = RouteTable::default();
            plugin.register_routes(&mut routes);
            Ok(routes)
        },
    )
}

fn check_version(
    plugin: &str,
    dependency: &PluginDependency,
    found: &str,
) -> Result<(), EngineError> {
    let Some(constraint) = &dependency.constraint else {
        return Ok(());
    };
    // Registered plugins have valid versions; anything else does not match.
    if version::parse(found).is_ok_and(|version| constraint.matches(&version)) {
        return Ok(());
    }
    Err(EngineError::DependencyMismatch {
        plugin: plugin.to_owned(),
        dependency: dependency.name.clone(),
        found: found.to_owned(),
        required: constraint.as_str().to_owned(),
    })
}
