//! A plugin in another process, seen by the engine as any other plugin.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use outboard_contracts::manifest::CapabilityRole;

use super::{
    PluginClient, RemoteModule, RemoteStep,
    client::Description,
    link::{Link, Session},
};
use crate::engine::{
    EngineError, EnginePlugin, Map, Module, ModuleFactory, ModuleSchema, NativePlugin,
    PipelineStep, PluginContext, PluginDependency, PluginManifest, RouteTable, StepFactory,
    TriggerFactory, UiPageDef, WiringHook, WorkflowHandlerFactory,
    capability::{Contract, InterfaceId},
};

/// Implements [`EnginePlugin`] for a plugin in a process of its own.
///
/// What the plugin says about itself is asked once, when it is loaded. Its
/// `plugin.json`, where there is one, decides its name, and gives what the
/// protocol cannot carry: dependencies, capabilities, licence and tags.
pub struct ExternalPluginAdapter {
    manifest: PluginManifest,
    schemas: Vec<ModuleSchema>,
    link: Arc<Link>,
}

impl ExternalPluginAdapter {
    /// An adapter for a connected plugin that somebody else looks after. It
    /// has no `plugin.json`, so its manifest is what the plugin says.
    ///
    /// # Errors
    ///
    /// When the plugin does not answer the questions about itself.
    pub async fn new(
        name: &str,
        client: PluginClient,
    ) -> Result<ExternalPluginAdapter, EngineError> {
        let description = client.describe().await?;
        let link = Link::new(name, Arc::new(Session::new(client, None)));
        let manifest = PluginManifest {
            name: if description.name.is_empty() {
                name.to_owned()
            } else {
                description.name.clone()
            },
            ..PluginManifest::default()
        };
        Ok(ExternalPluginAdapter::from_parts(
            manifest,
            description,
            link,
        ))
    }

    pub(crate) fn from_parts(
        disk: PluginManifest,
        said: Description,
        link: Arc<Link>,
    ) -> ExternalPluginAdapter {
        let or = |said: String, disk: String| if said.is_empty() { disk } else { said };
        let manifest = PluginManifest {
            version: or(said.version, disk.version),
            author: or(said.author, disk.author),
            description: or(said.description, disk.description),
            module_types: said.module_types,
            step_types: said.step_types,
            trigger_types: said.trigger_types,
            ..disk
        };
        ExternalPluginAdapter {
            manifest,
            schemas: said.schemas,
            link,
        }
    }
}

#[async_trait]
impl NativePlugin for ExternalPluginAdapter {
    fn name(&self) -> &str {
        &self.manifest.name
    }

    fn version(&self) -> &str {
        &self.manifest.version
    }

    fn description(&self) -> &str {
        &self.manifest.description
    }

    /// The dependencies in `plugin.json`, by name; their constraints are in
    /// [`engine_manifest`](EnginePlugin::engine_manifest).
    fn dependencies(&self) -> Vec<PluginDependency> {
        let names = self
            .manifest
            .dependencies
            .iter()
            .map(|dependency| &dependency.name);
        names.map(PluginDependency::any).collect()
    }

    /// None: pages come from a `ui.json`, not over this protocol.
    fn ui_pages(&self) -> Vec<UiPageDef> {
        Vec::new()
    }

    /// None: the protocol carries no HTTP.
    fn register_routes(&self, _: &mut RouteTable) {}

    /// Nothing to do: a loaded plugin runs.
    async fn on_enable(&self, _: &PluginContext) -> Result<(), EngineError> {
        Ok(())
    }

    /// Nothing to do: unloading ends the process.
    async fn on_disable(&self, _: &PluginContext) -> Result<(), EngineError> {
        Ok(())
    }
}

impl EnginePlugin for ExternalPluginAdapter {
    fn engine_manifest(&self) -> PluginManifest {
        self.manifest.clone()
    }

    /// A contract for each capability that `plugin.json` says it provides.
    fn capabilities(&self) -> Vec<Contract> {
        let provided = self
            .manifest
            .capabilities
            .iter()
            .filter(|capability| capability.role() == Some(CapabilityRole::Provider));
        provided
            .map(|capability| Contract::new(&capability.name, "", InterfaceId::Unspecified))
            .collect()
    }

    fn module_factories(&self) -> BTreeMap<String, Arc<dyn ModuleFactory>> {
        let factory = |module_type: &String| {
            let (link, module_type) = (Arc::clone(&self.link), module_type.clone());
            let key = module_type.clone();
            (
                key,
                Arc::new(Factory {
                    link,
                    remote_type: module_type,
                }) as Arc<dyn ModuleFactory>,
            )
        };
        self.manifest.module_types.iter().map(factory).collect()
    }

    fn step_factories(&self) -> BTreeMap<String, Arc<dyn StepFactory>> {
        let factory = |step_type: &String| {
            let (link, step_type) = (Arc::clone(&self.link), step_type.clone());
            let key = step_type.clone();
            (
                key,
                Arc::new(Factory {
                    link,
                    remote_type: step_type,
                }) as Arc<dyn StepFactory>,
            )
        };
        self.manifest.step_types.iter().map(factory).collect()
    }

    /// None yet: a plugin's trigger needs a way to call its host.
    fn trigger_factories(&self) -> BTreeMap<String, Arc<dyn TriggerFactory>> {
        BTreeMap::new()
    }

    /// None: the protocol carries no workflow handlers.
    fn workflow_handlers(&self) -> BTreeMap<String, Arc<dyn WorkflowHandlerFactory>> {
        BTreeMap::new()
    }

    fn module_schemas(&self) -> Vec<ModuleSchema> {
        self.schemas.clone()
    }

    /// None: the protocol carries no hooks.
    fn wiring_hooks(&self) -> Vec<WiringHook> {
        Vec::new()
    }
}

/// Makes remote objects of one type.
struct Factory {
    link: Arc<Link>,
    remote_type: String,
}

#[async_trait]
impl ModuleFactory for Factory {
    async fn create(&self, name: &str, config: Map) -> Result<Arc<dyn Module>, EngineError> {
        let module = RemoteModule::create(&self.link, &self.remote_type, name, config).await?;
        Ok(module)
    }
}

#[async_trait]
impl StepFactory for Factory {
    async fn create(&self, name: &str, config: Map) -> Result<Arc<dyn PipelineStep>, EngineError> {
        let step = RemoteStep::create(&self.link, &self.remote_type, name, config).await?;
        Ok(step)
    }
}

impl std::fmt::Debug for ExternalPluginAdapter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExternalPluginAdapter")
            .field("name", &self.manifest.name)
            .field("version", &self.manifest.version)
            .field("link", &self.link)
            .finish_non_exhaustive()
    }
}
