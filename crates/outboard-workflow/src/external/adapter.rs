//! A plugin in another process, seen by the engine as any other plugin.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use outboard_contracts::manifest::CapabilityRole;

use super::{
    PluginClient, RemoteModule, RemoteStep, RemoteTrigger,
    client::Description,
    link::{Link, Session},
};
use crate::engine::{
    EngineError, EnginePlugin, Map, Module, ModuleFactory, ModuleSchema, NativePlugin,
    PipelineStep, PluginContext, PluginDependency, PluginManifest, RouteTable, StepFactory,
    Trigger, TriggerFactory, UiPageDef, WiringHook, WorkflowHandlerFactory,
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
    /// Whether it can call its host, so that its triggers can fire.
    has_callbacks: bool,
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
        let link = Link::unobserved(name, Arc::new(Session::new(client, None)));
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
            false,
        ))
    }

    pub(crate) fn from_parts(
        disk: PluginManifest,
        said: Description,
        link: Arc<Link>,
        has_callbacks: bool,
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
            has_callbacks,
        }
    }
}

#[async_trait]
impl NativePlugin for ExternalPluginAdapter {
    fn name(&self) -> &str {
        &self.manifest.name
    }

    fn version(&self) -> Cow<'_, str> {
        self.manifest.version.as_str().into()
    }

    fn description(&self) -> Cow<'_, str> {
        self.manifest.description.as_str().into()
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

    /// None where the plugin cannot call its host: its triggers could not fire.
    fn trigger_factories(&self) -> BTreeMap<String, Arc<dyn TriggerFactory>> {
        let types = self.manifest.trigger_types.iter();
        let factory = |trigger_type: &String| {
            let factory = Factory {
                link: Arc::clone(&self.link),
                remote_type: trigger_type.clone(),
            };
            (
                trigger_type.clone(),
                Arc::new(factory) as Arc<dyn TriggerFactory>,
            )
        };
        types.filter(|_| self.has_callbacks).map(factory).collect()
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

#[async_trait]
impl TriggerFactory for Factory {
    /// Its counterpart is made when it is configured.
    async fn create(&self, name: &str, _: Map) -> Result<Arc<dyn Trigger>, EngineError> {
        Ok(RemoteTrigger::new(&self.link, &self.remote_type, name))
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
