//! A provider that is put together from closures.

use std::{collections::BTreeMap, fmt};

use async_trait::async_trait;
use outboard_contracts::{schema::ModuleSchema, ui::UiManifest, value::Map};

use super::{
    Engine, Manifest, ModuleInstance, ModuleProvider, PluginProvider, SchemaProvider, StepInstance,
    StepProvider, TriggerCallback, TriggerInstance, TriggerProvider,
};
use crate::Error;

type Factory<T> = Box<dyn Fn(&str, Map) -> Result<Box<T>, Error> + Send + Sync>;

type TriggerFactory = Box<
    dyn Fn(&str, Map, TriggerCallback) -> Result<Box<dyn TriggerInstance>, Error> + Send + Sync,
>;

/// A plugin whose modules, steps and triggers are made by one closure for each type.
///
/// The closures get the name and the config. They must not block; where making
/// something has to wait, implement [`PluginProvider`] instead.
///
/// ```
/// use outboard_sdk::workflow::{Manifest, ModuleInstance, Plugin, from_map};
///
/// #[derive(serde::Deserialize)]
/// struct Oven {
///     degrees: u16,
/// }
///
/// impl ModuleInstance for Oven {}
///
/// let plugin = Plugin::new(Manifest::new("kitchen", "1.0.0"))
///     .module("kitchen.oven", |_name, config| from_map::<Oven>(&config));
/// ```
pub struct Plugin {
    manifest: Manifest,
    modules: BTreeMap<String, Factory<dyn ModuleInstance>>,
    steps: BTreeMap<String, Factory<dyn StepInstance>>,
    triggers: BTreeMap<String, TriggerFactory>,
    schemas: Vec<ModuleSchema>,
    ui: Option<UiManifest>,
    engine: Engine,
}

impl Plugin {
    /// A plugin that has nothing yet.
    pub fn new(manifest: Manifest) -> Self {
        Self {
            manifest,
            modules: BTreeMap::new(),
            steps: BTreeMap::new(),
            triggers: BTreeMap::new(),
            schemas: Vec::new(),
            ui: None,
            engine: Engine::new(),
        }
    }

    /// The engine that will run the plugin, for modules and steps to call.
    pub fn engine(&self) -> Engine {
        self.engine.clone()
    }

    /// Adds a module type. A second one of the same name takes the first one's place.
    #[must_use]
    pub fn module<M: ModuleInstance>(
        mut self,
        module_type: impl Into<String>,
        create: impl Fn(&str, Map) -> Result<M, Error> + Send + Sync + 'static,
    ) -> Self {
        let create: Factory<dyn ModuleInstance> =
            Box::new(move |name, config| Ok(Box::new(create(name, config)?)));
        self.modules.insert(module_type.into(), create);
        self
    }

    /// Adds a step type. A second one of the same name takes the first one's place.
    #[must_use]
    pub fn step<S: StepInstance>(
        mut self,
        step_type: impl Into<String>,
        create: impl Fn(&str, Map) -> Result<S, Error> + Send + Sync + 'static,
    ) -> Self {
        let create: Factory<dyn StepInstance> =
            Box::new(move |name, config| Ok(Box::new(create(name, config)?)));
        self.steps.insert(step_type.into(), create);
        self
    }

    /// Adds a trigger type. A second one of the same name takes the first one's place.
    /// The closure also gets what its trigger fires through.
    #[must_use]
    pub fn trigger<T: TriggerInstance>(
        mut self,
        trigger_type: impl Into<String>,
        create: impl Fn(&str, Map, TriggerCallback) -> Result<T, Error> + Send + Sync + 'static,
    ) -> Self {
        let create: TriggerFactory =
            Box::new(move |name, config, callback| Ok(Box::new(create(name, config, callback)?)));
        self.triggers.insert(trigger_type.into(), create);
        self
    }

    /// Adds pages to the admin UI, as [`PluginProvider::ui_manifest`] explains.
    #[must_use]
    pub fn ui(mut self, ui: UiManifest) -> Self {
        self.ui = Some(ui);
        self
    }

    /// Describes a module type.
    #[must_use]
    pub fn schema(mut self, schema: ModuleSchema) -> Self {
        self.schemas.push(schema);
        self
    }
}

impl PluginProvider for Plugin {
    fn manifest(&self) -> Manifest {
        self.manifest.clone()
    }

    fn modules(&self) -> Option<&dyn ModuleProvider> {
        (!self.modules.is_empty()).then_some(self)
    }

    fn steps(&self) -> Option<&dyn StepProvider> {
        (!self.steps.is_empty()).then_some(self)
    }

    fn triggers(&self) -> Option<&dyn TriggerProvider> {
        (!self.triggers.is_empty()).then_some(self)
    }

    fn engine(&self) -> Option<&Engine> {
        // Where nobody has asked for it, nobody will.
        self.engine.is_shared().then_some(&self.engine)
    }

    fn schemas(&self) -> Option<&dyn SchemaProvider> {
        Some(self)
    }

    fn ui_manifest(&self) -> Option<UiManifest> {
        self.ui.clone()
    }
}

#[async_trait]
impl ModuleProvider for Plugin {
    fn module_types(&self) -> Vec<String> {
        self.modules.keys().cloned().collect()
    }

    async fn create_module(
        &self,
        module_type: &str,
        name: &str,
        config: Map,
    ) -> Result<Box<dyn ModuleInstance>, Error> {
        let create = self.modules.get(module_type);
        create.ok_or_else(|| unknown("module", module_type, &self.modules))?(name, config)
    }
}

#[async_trait]
impl StepProvider for Plugin {
    fn step_types(&self) -> Vec<String> {
        self.steps.keys().cloned().collect()
    }

    async fn create_step(
        &self,
        step_type: &str,
        name: &str,
        config: Map,
    ) -> Result<Box<dyn StepInstance>, Error> {
        let create = self.steps.get(step_type);
        create.ok_or_else(|| unknown("step", step_type, &self.steps))?(name, config)
    }
}

#[async_trait]
impl TriggerProvider for Plugin {
    fn trigger_types(&self) -> Vec<String> {
        self.triggers.keys().cloned().collect()
    }

    async fn create_trigger(
        &self,
        trigger_type: &str,
        name: &str,
        config: Map,
        callback: TriggerCallback,
    ) -> Result<Box<dyn TriggerInstance>, Error> {
        let create = self.triggers.get(trigger_type);
        create.ok_or_else(|| unknown("trigger", trigger_type, &self.triggers))?(
            name, config, callback,
        )
    }
}

impl SchemaProvider for Plugin {
    fn module_schemas(&self) -> Vec<ModuleSchema> {
        self.schemas.clone()
    }
}

fn unknown<T>(what: &str, given: &str, known: &BTreeMap<String, T>) -> Error {
    let known: Vec<_> = known.keys().map(String::as_str).collect();
    Error::new(format!(
        "unknown {what} type {given:?}; this plugin has {}",
        known.join(", ")
    ))
}

impl fmt::Debug for Plugin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Plugin")
            .field("manifest", &self.manifest)
            .field("modules", &self.modules.keys())
            .field("steps", &self.steps.keys())
            .field("triggers", &self.triggers.keys())
            .finish_non_exhaustive()
    }
}
