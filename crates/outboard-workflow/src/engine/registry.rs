//! Which types exist, which plugin brought each, and what makes instances of them.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use outboard_contracts::{
    manifest::{CapabilityRole, PluginManifest},
    schema::ModuleSchema,
};

use super::{
    EngineError, EnginePlugin, ModuleFactory, StepFactory, TriggerFactory, TypeKind, WiringHook,
    WorkflowHandlerFactory,
    capability::{CapabilityRegistry, Contract, InterfaceId},
    guard, suggest,
};

/// Trigger types that the engine itself has.
pub const BUILTIN_TRIGGERS: [&str; 2] = ["http", "schedule"];
/// Who owns them, in error messages.
pub const BUILTIN_OWNER: &str = "outboard";

/// The types, capabilities, schemas and hooks of all registered plugins.
///
/// A plugin registers wholly or not at all, and unregisters wholly. Readers see the
/// state before or after a change, never one in between.
#[derive(Default)]
pub struct TypeRegistry {
    /// Replaced as a whole by every change; so no reader ever waits for a plugin.
    content: RwLock<Arc<Content>>,
}

/// A factory and the plugin that brought it.
pub struct Registered<F: ?Sized> {
    /// The plugin's name.
    pub plugin: String,
    /// Makes instances.
    pub factory: Arc<F>,
}

impl<F: ?Sized> Clone for Registered<F> {
    fn clone(&self) -> Self {
        Self {
            plugin: self.plugin.clone(),
            factory: Arc::clone(&self.factory),
        }
    }
}

impl<F: ?Sized> std::fmt::Debug for Registered<F> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Registered")
            .field("plugin", &self.plugin)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Default)]
struct Content {
    /// In the order in which they came, which is the order of hooks of equal priority.
    plugins: Vec<PluginManifest>,
    modules: BTreeMap<String, Registered<dyn ModuleFactory>>,
    steps: BTreeMap<String, Registered<dyn StepFactory>>,
    triggers: BTreeMap<String, Registered<dyn TriggerFactory>>,
    workflows: BTreeMap<String, Registered<dyn WorkflowHandlerFactory>>,
    schemas: BTreeMap<String, (String, ModuleSchema)>,
    hooks: Vec<(String, WiringHook)>,
    capabilities: CapabilityRegistry,
}

/// Everything that a plugin brings, asked once.
struct Contribution {
    manifest: PluginManifest,
    contracts: Vec<Contract>,
    modules: BTreeMap<String, Arc<dyn ModuleFactory>>,
    steps: BTreeMap<String, Arc<dyn StepFactory>>,
    triggers: BTreeMap<String, Arc<dyn TriggerFactory>>,
    workflows: BTreeMap<String, Arc<dyn WorkflowHandlerFactory>>,
    schemas: Vec<ModuleSchema>,
    hooks: Vec<WiringHook>,
}

/// The names of all types that exist, for checking a workflow file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownTypes {
    /// Module types.
    pub modules: Vec<String>,
    /// Step types.
    pub steps: Vec<String>,
    /// Trigger types, with the builtin ones.
    pub triggers: Vec<String>,
}

impl TypeRegistry {
    /// An empty registry.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers everything that a plugin brings.
    ///
    /// # Errors
    ///
    /// The manifest is invalid, the plugin is registered, it claims a type that
    /// another one has, or it contradicts a capability. Nothing is registered then.
    pub fn register(&self, plugin: &dyn EnginePlugin) -> Result<(), EngineError> {
        let contribution = Contribution::ask(plugin)?;
        self.change(|content| content.add(contribution))
    }

    /// Forgets everything that a plugin brought.
    ///
    /// # Errors
    ///
    /// No such plugin is registered.
    pub fn unregister(&self, plugin: &str) -> Result<(), EngineError> {
        self.change(|content| content.remove(plugin))
    }

    /// Exchanges what the plugin of the same name brought, in one step: there is no
    /// moment at which its types are unknown.
    ///
    /// # Errors
    ///
    /// As [`TypeRegistry::register`], or the plugin is not registered. The old
    /// registration stays then.
    pub fn replace(&self, plugin: &dyn EnginePlugin) -> Result<(), EngineError> {
        let contribution = Contribution::ask(plugin)?;
        self.change(|content| {
            let name = contribution.manifest.name.clone();
            let place = content
                .plugins
                .iter()
                .position(|plugin| plugin.name == name);
            content.remove(&name)?;
            content.add(contribution)?;
            if let Some(manifest) = content.plugins.pop() {
                content
                    .plugins
                    .insert(place.unwrap_or(content.plugins.len()), manifest);
            }
            Ok(())
        })
    }

    /// The manifests of all registered plugins, in the order in which they came.
    pub fn plugins(&self) -> Vec<PluginManifest> {
        self.content().plugins.clone()
    }

    /// What makes modules of a type.
    ///
    /// # Errors
    ///
    /// [`EngineError::UnknownType`], with the nearest name.
    pub fn module(&self, module_type: &str) -> Result<Registered<dyn ModuleFactory>, EngineError> {
        find(&self.content().modules, TypeKind::Module, module_type)
    }

    /// What makes steps of a type.
    ///
    /// # Errors
    ///
    /// [`EngineError::UnknownType`], with the nearest name.
    pub fn step(&self, step_type: &str) -> Result<Registered<dyn StepFactory>, EngineError> {
        find(&self.content().steps, TypeKind::Step, step_type)
    }

    /// The plugin that has a step type now, and its version.
    pub(crate) fn plugin_of_step(&self, step_type: &str) -> Option<(String, String)> {
        let content = self.content();
        let plugin = &content.steps.get(step_type)?.plugin;
        let manifest = content.plugins.iter().find(|one| one.name == *plugin);
        let version = manifest.map(|manifest| manifest.version.clone());
        Some((plugin.clone(), version.unwrap_or_default()))
    }

    /// What makes triggers of a type.
    ///
    /// # Errors
    ///
    /// [`EngineError::UnknownType`], with the nearest name.
    pub fn trigger(
        &self,
        trigger_type: &str,
    ) -> Result<Registered<dyn TriggerFactory>, EngineError> {
        find(&self.content().triggers, TypeKind::Trigger, trigger_type)
    }

    /// What makes handlers of a workflow type.
    ///
    /// # Errors
    ///
    /// [`EngineError::UnknownType`], with the nearest name.
    pub fn workflow_handler(
        &self,
        workflow_type: &str,
    ) -> Result<Registered<dyn WorkflowHandlerFactory>, EngineError> {
        find(&self.content().workflows, TypeKind::Workflow, workflow_type)
    }

    /// All types of a kind, and which plugin brought each.
    pub fn types(&self, kind: TypeKind) -> BTreeMap<String, String> {
        fn owners<F: ?Sized>(types: &BTreeMap<String, Registered<F>>) -> BTreeMap<String, String> {
            types
                .iter()
                .map(|(name, entry)| (name.clone(), entry.plugin.clone()))
                .collect()
        }
        let content = self.content();
        match kind {
            TypeKind::Module => owners(&content.modules),
            TypeKind::Step => owners(&content.steps),
            TypeKind::Trigger => owners(&content.triggers),
            TypeKind::Workflow => owners(&content.workflows),
        }
    }

    /// The names of all types, as the check of a workflow file wants them.
    pub fn known_types(&self) -> KnownTypes {
        let content = self.content();
        KnownTypes {
            modules: content.modules.keys().cloned().collect(),
            steps: content.steps.keys().cloned().collect(),
            triggers: content
                .triggers
                .keys()
                .cloned()
                .chain(BUILTIN_TRIGGERS.map(str::to_owned))
                .collect(),
        }
    }

    /// The schema of a module type, if its plugin gave one.
    pub fn schema(&self, module_type: &str) -> Option<ModuleSchema> {
        self.content()
            .schemas
            .get(module_type)
            .map(|(_, schema)| schema.clone())
    }

    /// All schemas, by type.
    pub fn schemas(&self) -> Vec<ModuleSchema> {
        self.content()
            .schemas
            .values()
            .map(|(_, schema)| schema.clone())
            .collect()
    }

    /// All wiring hooks in the order in which they run: higher priority first, then
    /// the order in which their plugins came.
    pub fn wiring_hooks(&self) -> Vec<WiringHook> {
        let content = self.content();
        let place = |owner: &str| {
            content
                .plugins
                .iter()
                .position(|plugin| plugin.name == owner)
        };
        let mut hooks: Vec<&(String, WiringHook)> = content.hooks.iter().collect();
        hooks.sort_by_key(|(owner, hook)| (std::cmp::Reverse(hook.priority), place(owner)));
        hooks.into_iter().map(|(_, hook)| hook.clone()).collect()
    }

    /// The capabilities as they are now. Later changes do not show in it.
    pub fn capabilities(&self) -> CapabilityRegistry {
        self.content().capabilities.clone()
    }

    /// What plugins need and nobody provides: plugin and capability.
    pub fn unmet_capabilities(&self) -> Vec<(String, String)> {
        let content = self.content();
        let mut unmet = Vec::new();
        for manifest in &content.plugins {
            for capability in &manifest.capabilities {
                if capability.role() == Some(CapabilityRole::Consumer)
                    && !content.capabilities.has_provider(&capability.name)
                {
                    unmet.push((manifest.name.clone(), capability.name.clone()));
                }
            }
        }
        unmet
    }

    fn content(&self) -> Arc<Content> {
        Arc::clone(&self.content.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change(
        &self,
        change: impl FnOnce(&mut Content) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        let mut current = self.content.write().unwrap_or_else(PoisonError::into_inner);
        let mut next = Content::clone(&current);
        change(&mut next)?;
        *current = Arc::new(next);
        Ok(())
    }
}

impl std::fmt::Debug for TypeRegistry {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_tuple("TypeRegistry")
            .field(&self.known_types())
            .finish()
    }
}

impl Contribution {
    fn ask(plugin: &dyn EnginePlugin) -> Result<Self, EngineError> {
        let name = guard::call_now(
            || "a plugin's name".to_owned(),
            || Ok(plugin.name().to_owned()),
        )?;
        let contribution = guard::call_now(
            || format!("plugin {name:?}, asked what it brings"),
            || {
                Ok(Self {
                    manifest: plugin.engine_manifest(),
                    contracts: plugin.capabilities(),
                    modules: plugin.module_factories(),
                    steps: plugin.step_factories(),
                    triggers: plugin.trigger_factories(),
                    workflows: plugin.workflow_handlers(),
                    schemas: plugin.module_schemas(),
                    hooks: plugin.wiring_hooks(),
                })
            },
        )?;
        let invalid = |reason: String| EngineError::InvalidPlugin {
            plugin: name.clone(),
            reason,
        };
        contribution
            .manifest
            .validate()
            .map_err(|error| invalid(error.to_string()))?;
        if contribution.manifest.name != name {
            return Err(invalid(format!(
                "its manifest has another name, {:?}",
                contribution.manifest.name
            )));
        }
        for (kind, empty) in [
            (TypeKind::Module, contribution.modules.contains_key("")),
            (TypeKind::Step, contribution.steps.contains_key("")),
            (TypeKind::Trigger, contribution.triggers.contains_key("")),
            (TypeKind::Workflow, contribution.workflows.contains_key("")),
        ] {
            if empty {
                return Err(invalid(format!("it brings a {kind} type without a name")));
            }
        }
        Ok(contribution)
    }
}

impl Content {
    fn add(&mut self, contribution: Contribution) -> Result<(), EngineError> {
        let Contribution {
            manifest,
            contracts,
            modules,
            steps,
            triggers,
            workflows,
            schemas,
            hooks,
        } = contribution;
        let name = manifest.name.clone();
        if self.plugins.iter().any(|plugin| plugin.name == name) {
            return Err(EngineError::AlreadyRegistered { plugin: name });
        }
        for contract in contracts {
            self.capabilities.register_contract(&name, contract)?;
        }
        for capability in &manifest.capabilities {
            if capability.role() == Some(CapabilityRole::Provider) {
                // DIFFERENCE: in the original, a plugin in another process can never
                // provide a capability, because it cannot carry a contract.
                let interface = InterfaceId::Unspecified;
                self.capabilities.register_contract(
                    &name,
                    Contract::new(capability.name.as_str(), "", interface.clone()),
                )?;
                self.capabilities.register_provider(
                    &capability.name,
                    &name,
                    capability.priority,
                    interface,
                )?;
            }
        }
        insert(&mut self.modules, TypeKind::Module, &name, modules)?;
        insert(&mut self.steps, TypeKind::Step, &name, steps)?;
        for builtin in BUILTIN_TRIGGERS {
            if triggers.contains_key(builtin) {
                return Err(EngineError::TypeConflict {
                    kind: TypeKind::Trigger,
                    type_name: builtin.to_owned(),
                    plugin: name,
                    owner: BUILTIN_OWNER.to_owned(),
                });
            }
        }
        insert(&mut self.triggers, TypeKind::Trigger, &name, triggers)?;
        insert(&mut self.workflows, TypeKind::Workflow, &name, workflows)?;
        for schema in schemas {
            let owner = self
                .schemas
                .get(&schema.module_type)
                .map(|(owner, _)| owner)
                .or_else(|| {
                    self.modules
                        .get(&schema.module_type)
                        .map(|entry| &entry.plugin)
                });
            if let Some(owner) = owner.filter(|owner| **owner != name) {
                return Err(EngineError::TypeConflict {
                    kind: TypeKind::Module,
                    type_name: schema.module_type,
                    plugin: name,
                    owner: owner.clone(),
                });
            }
            self.schemas
                .insert(schema.module_type.clone(), (name.clone(), schema));
        }
        self.hooks
            .extend(hooks.into_iter().map(|hook| (name.clone(), hook)));
        self.plugins.push(manifest);
        Ok(())
    }

    fn remove(&mut self, plugin: &str) -> Result<(), EngineError> {
        let before = self.plugins.len();
        self.plugins.retain(|manifest| manifest.name != plugin);
        if self.plugins.len() == before {
            return Err(EngineError::NotRegistered {
                plugin: plugin.to_owned(),
            });
        }
        self.modules.retain(|_, entry| entry.plugin != plugin);
        self.steps.retain(|_, entry| entry.plugin != plugin);
        self.triggers.retain(|_, entry| entry.plugin != plugin);
        self.workflows.retain(|_, entry| entry.plugin != plugin);
        self.schemas.retain(|_, (owner, _)| owner != plugin);
        self.hooks.retain(|(owner, _)| owner != plugin);
        self.capabilities.unregister(plugin);
        Ok(())
    }
}

fn insert<F: ?Sized>(
    types: &mut BTreeMap<String, Registered<F>>,
    kind: TypeKind,
    plugin: &str,
    additions: BTreeMap<String, Arc<F>>,
) -> Result<(), EngineError> {
    for (type_name, factory) in additions {
        if let Some(existing) = types.get(&type_name) {
            return Err(EngineError::TypeConflict {
                kind,
                type_name,
                plugin: plugin.to_owned(),
                owner: existing.plugin.clone(),
            });
        }
        types.insert(
            type_name,
            Registered {
                plugin: plugin.to_owned(),
                factory,
            },
        );
    }
    Ok(())
}

fn find<F: ?Sized>(
    types: &BTreeMap<String, Registered<F>>,
    kind: TypeKind,
    type_name: &str,
) -> Result<Registered<F>, EngineError> {
    types
        .get(type_name)
        .cloned()
        .ok_or_else(|| EngineError::UnknownType {
            kind,
            type_name: type_name.to_owned(),
            nearest: suggest::nearest(type_name, types.keys().map(String::as_str)),
        })
}
