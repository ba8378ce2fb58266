//! What a plugin is to the engine: the traits that a plugin in this process and the
//! adapter of one in another process both implement.

use std::{borrow::Cow, collections::BTreeMap, path::PathBuf, sync::Arc};

use async_trait::async_trait;
use outboard_contracts::{
    manifest::PluginManifest, schema::ModuleSchema, ui::UiPageDef, version::Constraint,
};

use super::{
    Application, EngineError, RouteTable,
    capability::Contract,
    factory::{ModuleFactory, StepFactory, TriggerFactory, WorkflowHandlerFactory},
};

/// A plugin that can be registered, enabled and disabled, and that may have HTTP
/// routes and pages in the admin UI.
///
/// The queries are cheap and never block: they answer from what the plugin knows
/// already. Whatever needs I/O was done before the plugin was handed over. The
/// engine calls no method while it holds a lock, so a callback may call back into
/// the manager that called it, except to change the plugin that is in transition.
#[async_trait]
pub trait NativePlugin: Send + Sync {
    /// Unique among the plugins of one manager, and a valid
    /// [`PluginName`](outboard_contracts::PluginName): it becomes a segment of URLs.
    fn name(&self) -> &str;

    /// A semantic version. It may change while the plugin is registered, as what is read
    /// through from elsewhere does.
    fn version(&self) -> Cow<'_, str>;

    /// What it is for, in a sentence.
    fn description(&self) -> Cow<'_, str>;

    /// Plugins that must be enabled before this one.
    fn dependencies(&self) -> Vec<PluginDependency> {
        Vec::new()
    }

    /// Its pages in the admin UI.
    fn ui_pages(&self) -> Vec<UiPageDef> {
        Vec::new()
    }

    /// Adds its HTTP routes. Paths are relative to the plugin's own prefix.
    fn register_routes(&self, _routes: &mut RouteTable) {}

    /// Called when the plugin is enabled, after everything it depends on.
    ///
    /// # Errors
    ///
    /// The plugin stays disabled.
    async fn on_enable(&self, _context: &PluginContext) -> Result<(), EngineError> {
        Ok(())
    }

    /// Called when the plugin is disabled, after everything that depends on it.
    ///
    /// # Errors
    ///
    /// They are logged; the plugin is disabled all the same.
    async fn on_disable(&self, _context: &PluginContext) -> Result<(), EngineError> {
        Ok(())
    }
}

/// A plugin that adds types to the engine.
///
/// The engine calls each accessor once per load and keeps what it got; all of it
/// is registered, or nothing is.
pub trait EnginePlugin: NativePlugin {
    /// The manifest by which the engine orders and checks plugins. Its name is
    /// [`NativePlugin::name`].
    fn engine_manifest(&self) -> PluginManifest;

    /// Contracts of capabilities that this plugin defines. Which capabilities it
    /// *provides* is in its manifest.
    fn capabilities(&self) -> Vec<Contract> {
        Vec::new()
    }

    /// Module types, and what makes a module of each.
    fn module_factories(&self) -> BTreeMap<String, Arc<dyn ModuleFactory>> {
        BTreeMap::new()
    }

    /// Step types, and what makes a step of each.
    fn step_factories(&self) -> BTreeMap<String, Arc<dyn StepFactory>> {
        BTreeMap::new()
    }

    /// Trigger types, and what makes a trigger of each.
    fn trigger_factories(&self) -> BTreeMap<String, Arc<dyn TriggerFactory>> {
        BTreeMap::new()
    }

    /// Workflow types, and what makes a handler of each.
    fn workflow_handlers(&self) -> BTreeMap<String, Arc<dyn WorkflowHandlerFactory>> {
        BTreeMap::new()
    }

    /// Schemas of its module types.
    fn module_schemas(&self) -> Vec<ModuleSchema> {
        Vec::new()
    }

    /// Functions that the engine calls between making modules and starting them.
    fn wiring_hooks(&self) -> Vec<WiringHook> {
        Vec::new()
    }
}

/// Another plugin that must be there, and in which version.
#[derive(Clone, Debug, PartialEq)]
pub struct PluginDependency {
    /// Its name.
    pub name: String,
    /// Which versions will do; `None` for any.
    pub constraint: Option<Constraint>,
}

impl PluginDependency {
    /// Any version of `name`.
    pub fn any(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            constraint: None,
        }
    }

    /// The versions of `name` that `constraint` matches.
    pub fn matching(name: impl Into<String>, constraint: Constraint) -> Self {
        Self {
            name: name.into(),
            constraint: Some(constraint),
        }
    }

    /// The version `minimum` of `name`, or a later one.
    ///
    /// # Errors
    ///
    /// `minimum` is no semantic version.
    pub fn at_least(name: impl Into<String>, minimum: &str) -> Result<Self, EngineError> {
        let name = name.into();
        match Constraint::parse(&format!(">={minimum}")) {
            Ok(constraint) => Ok(Self {
                name,
                constraint: Some(constraint),
            }),
            Err(reason) => Err(EngineError::InvalidPlugin {
                plugin: name,
                reason: reason.to_string(),
            }),
        }
    }

    /// The lowest version that will do, if that is how the dependency was given.
    pub fn min_version(&self) -> Option<&str> {
        self.constraint
            .as_ref()?
            .as_str()
            .strip_prefix(">=")
            .map(str::trim)
    }
}

/// What a plugin gets to work with when it is enabled.
#[derive(Clone, Debug, Default)]
pub struct PluginContext {
    /// Services of the modules that run.
    pub application: Application,
    /// Where the plugin may write; a directory of its own. `None` in a host that
    /// keeps nothing.
    pub data_dir: Option<PathBuf>,
}

/// A function that the engine calls after all modules were made and before the
/// first is started, and again whenever modules come back that had gone with their
/// plugin.
#[derive(Clone)]
pub struct WiringHook {
    /// For logs and errors.
    pub name: String,
    /// Higher runs earlier. Hooks of equal priority run in the order in which their
    /// plugins were loaded.
    pub priority: i64,
    /// The function. An error stops the start of the engine.
    pub hook: Arc<WiringFunction>,
}

/// The function of a [`WiringHook`].
pub type WiringFunction = dyn Fn(&Application) -> Result<(), EngineError> + Send + Sync;

impl std::fmt::Debug for WiringHook {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("WiringHook")
            .field("name", &self.name)
            .field("priority", &self.priority)
            .finish_non_exhaustive()
    }
}
