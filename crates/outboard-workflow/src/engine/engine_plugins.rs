//! Plugins that add types: registering one does nothing yet, enabling it makes its
//! types known.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use outboard_contracts::{ui::UiPageDef, version::Constraint};

use super::{
    EngineError, EnginePlugin, NativePlugin, PluginContext, PluginDependency, PluginManager,
    RouteTable, TypeRegistry,
};

/// Registers, enables and disables [`EnginePlugin`]s. Clones are the same manager.
///
/// It is a [`PluginManager`] whose plugins also register with a [`TypeRegistry`]:
/// all of a plugin's types exist while the plugin is enabled, and only then. What a
/// manifest says about dependencies counts as much as what the plugin itself says.
#[derive(Clone, Debug)]
pub struct EnginePluginManager {
    natives: PluginManager,
    registry: Arc<TypeRegistry>,
    plugins: Arc<Mutex<BTreeMap<String, PluginObject>>>,
}

/// A map of these can be printed.
struct PluginObject(Arc<dyn EnginePlugin>);

impl std::fmt::Debug for PluginObject {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0.version())
    }
}

impl EnginePluginManager {
    /// A manager that keeps plugins in `natives` and their types in `registry`.
    pub fn new(natives: PluginManager, registry: Arc<TypeRegistry>) -> Self {
        Self {
            natives,
            registry,
            plugins: Arc::default(),
        }
    }

    /// Registers a plugin; its types stay unknown until it is enabled.
    ///
    /// # Errors
    ///
    /// Its name or version is unusable, or the name is taken.
    pub fn register(&self, plugin: Arc<dyn EnginePlugin>) -> Result<(), EngineError> {
        let bridge = Bridge::new(Arc::clone(&plugin), Arc::clone(&self.registry))?;
        self.natives.register(Arc::new(bridge))?;
        self.plugins
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(plugin.name().to_owned(), PluginObject(plugin));
        Ok(())
    }

    /// Registers several plugins and enables each after what it depends on. One that
    /// fails does not stop the others.
    pub async fn load_all(
        &self,
        plugins: Vec<Arc<dyn EnginePlugin>>,
    ) -> Vec<(String, Result<(), EngineError>)> {
        let mut outcomes = Vec::new();
        for plugin in plugins {
            let name = plugin.name().to_owned();
            let registered = self.register(plugin);
            outcomes.push((name, registered));
        }
        for (name, outcome) in &mut outcomes {
            if outcome.is_ok() {
                *outcome = self.enable(name).await;
            }
        }
        outcomes
    }

    /// Enables a plugin after everything that it depends on. Enabling an enabled one
    /// does nothing.
    ///
    /// # Errors
    ///
    /// As [`PluginManager::enable`] and [`TypeRegistry::register`].
    pub async fn enable(&self, name: &str) -> Result<(), EngineError> {
        self.natives.enable(name).await
    }

    /// Disables a plugin after everything that depends on it; its types are gone.
    ///
    /// # Errors
    ///
    /// It is not registered, or not enabled.
    pub async fn disable(&self, name: &str) -> Result<(), EngineError> {
        if self.natives.get(name).is_some() && !self.natives.is_enabled(name) {
            return Err(EngineError::NotEnabled {
                plugin: name.to_owned(),
            });
        }
        self.natives.disable(name).await
    }

    /// Forgets a plugin that is disabled.
    ///
    /// # Errors
    ///
    /// It is not registered, or enabled.
    pub fn unregister(&self, name: &str) -> Result<(), EngineError> {
        self.natives.unregister(name)?;
        self.plugins
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(name);
        Ok(())
    }

    /// Puts another object in the place of the plugin of the same name, without
    /// calling `on_disable` or `on_enable`. Its types change in one step.
    ///
    /// # Errors
    ///
    /// It is not registered, or its types conflict; the old one stays then.
    pub fn replace(&self, plugin: Arc<dyn EnginePlugin>) -> Result<(), EngineError> {
        let name = plugin.name().to_owned();
        let bridge = Bridge::new(Arc::clone(&plugin), Arc::clone(&self.registry))?;
        if self.natives.get(&name).is_none() {
            return Err(EngineError::NotRegistered { plugin: name });
        }
        if self.natives.is_enabled(&name) {
            self.registry.replace(&*plugin)?;
        }
        self.natives.exchange(Arc::new(bridge))?;
        self.plugins
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name, PluginObject(plugin));
        Ok(())
    }

    /// A registered plugin.
    pub fn get(&self, name: &str) -> Option<Arc<dyn EnginePlugin>> {
        self.plugins
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .map(|plugin| Arc::clone(&plugin.0))
    }

    /// The names of all registered plugins, sorted.
    pub fn list(&self) -> Vec<String> {
        self.plugins
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .keys()
            .cloned()
            .collect()
    }

    /// Whether a plugin is enabled.
    pub fn is_enabled(&self, name: &str) -> bool {
        self.natives.is_enabled(name)
    }

    /// The manager underneath, with the plugins' routes and pages.
    pub fn natives(&self) -> &PluginManager {
        &self.natives
    }

    /// Where the types of the enabled plugins are.
    pub fn registry(&self) -> &Arc<TypeRegistry> {
        &self.registry
    }
}

/// An engine plugin as a native plugin: its types come and go with it.
struct Bridge {
    plugin: Arc<dyn EnginePlugin>,
    registry: Arc<TypeRegistry>,
    dependencies: Vec<PluginDependency>,
}

impl Bridge {
    fn new(
        plugin: Arc<dyn EnginePlugin>,
        registry: Arc<TypeRegistry>,
    ) -> Result<Self, EngineError> {
        let mut dependencies = plugin.dependencies();
        for dependency in plugin.engine_manifest().dependencies {
            let constraint = Constraint::parse(&dependency.constraint).map_err(|error| {
                EngineError::InvalidPlugin {
                    plugin: plugin.name().to_owned(),
                    reason: format!("dependency {:?}: {error}", dependency.name),
                }
            })?;
            let additional = PluginDependency::matching(dependency.name, constraint);
            if !dependencies.contains(&additional) {
                dependencies.push(additional);
            }
        }
        Ok(Self {
            plugin,
            registry,
            dependencies,
        })
    }
}

#[async_trait]
impl NativePlugin for Bridge {
    fn name(&self) -> &str {
        self.plugin.name()
    }

    fn version(&self) -> Cow<'_, str> {
        self.plugin.version()
    }

    fn description(&self) -> Cow<'_, str> {
        self.plugin.description()
    }

    fn dependencies(&self) -> Vec<PluginDependency> {
        self.dependencies.clone()
    }

    fn ui_pages(&self) -> Vec<UiPageDef> {
        self.plugin.ui_pages()
    }

    fn register_routes(&self, routes: &mut RouteTable) {
        self.plugin.register_routes(routes);
    }

    async fn on_enable(&self, context: &PluginContext) -> Result<(), EngineError> {
        self.registry.register(&*self.plugin)?;
        let mut registration = Registration(Some(self));
        self.plugin.on_enable(context).await?;
        registration.0 = None;
        Ok(())
    }

    async fn on_disable(&self, context: &PluginContext) -> Result<(), EngineError> {
        let _registration = Registration(Some(self));
        self.plugin.on_disable(context).await
    }
}

/// Takes a plugin's types away when it is dropped, however that comes about.
struct Registration<'a>(Option<&'a Bridge>);

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        if let Some(bridge) = self.0 {
            // It can only fail if the types are gone already.
            let _ = bridge.registry.unregister(bridge.plugin.name());
        }
    }
}
