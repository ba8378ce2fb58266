//! What a plugin offers, as traits.

use async_trait::async_trait;
use outboard_contracts::{schema::ModuleSchema, ui::UiManifest, value::Map};

use super::{Engine, Manifest, ModuleInstance, StepInstance, TriggerCallback, TriggerInstance};
use crate::Error;

/// A plugin: who it is, and which of the optional parts it has.
///
/// [`Plugin`](super::Plugin) implements it for the usual case. Implement it
/// yourself where making a module or a step has to wait for something, or where the
/// types are known only when the program runs.
///
/// ```
/// use outboard_sdk::workflow::{Manifest, ModuleInstance, ModuleProvider, PluginProvider};
/// use outboard_sdk::{Error, Map, async_trait};
///
/// struct Kitchen;
/// struct Oven;
///
/// impl ModuleInstance for Oven {}
///
/// impl PluginProvider for Kitchen {
///     fn manifest(&self) -> Manifest {
///         Manifest::new("kitchen", "1.0.0").author("me").description("It cooks")
///     }
///     fn modules(&self) -> Option<&dyn ModuleProvider> {
///         Some(self)
///     }
/// }
///
/// #[async_trait]
/// impl ModuleProvider for Kitchen {
///     fn module_types(&self) -> Vec<String> {
///         vec!["kitchen.oven".into()]
///     }
///     async fn create_module(
///         &self, module_type: &str, name: &str, config: Map,
///     ) -> Result<Box<dyn ModuleInstance>, Error> {
///         Ok(Box::new(Oven))
///     }
/// }
/// ```
pub trait PluginProvider: Send + Sync + 'static {
    /// Who the plugin is.
    fn manifest(&self) -> Manifest;

    /// The part that makes modules. None unless overridden.
    fn modules(&self) -> Option<&dyn ModuleProvider> {
        None
    }

    /// The part that makes steps. None unless overridden.
    fn steps(&self) -> Option<&dyn StepProvider> {
        None
    }

    /// The part that makes triggers. None unless overridden.
    fn triggers(&self) -> Option<&dyn TriggerProvider> {
        None
    }

    /// The handle of the engine that this provider keeps and its modules and steps
    /// make calls with; see [`Engine`]. It is asked for once, at the start. None
    /// unless overridden: then only triggers call the engine.
    fn engine(&self) -> Option<&Engine> {
        None
    }

    /// The part that describes module types. None unless overridden.
    fn schemas(&self) -> Option<&dyn SchemaProvider> {
        None
    }

    /// The pages that the plugin adds to the admin UI. None unless overridden.
    ///
    /// When the plugin starts, [`serve`](super::serve) writes them as `ui.json` where the
    /// plugin is installed, beside its `plugin.json`, unless there is such a file. Their
    /// HTML, scripts and styles are files in `assets` there.
    fn ui_manifest(&self) -> Option<UiManifest> {
        None
    }
}

/// Makes modules.
#[async_trait]
pub trait ModuleProvider: Send + Sync {
    /// The types that [`create_module`](Self::create_module) knows.
    fn module_types(&self) -> Vec<String>;

    /// Makes a module. It should only look at its config here; opening files and
    /// connections belongs into [`ModuleInstance::init`] or [`ModuleInstance::start`].
    ///
    /// # Errors
    ///
    /// For a type that is not known and a config that cannot work. The text reaches the host.
    async fn create_module(
        &self,
        module_type: &str,
        name: &str,
        config: Map,
    ) -> Result<Box<dyn ModuleInstance>, Error>;
}

/// Makes steps.
#[async_trait]
pub trait StepProvider: Send + Sync {
    /// The types that [`create_step`](Self::create_step) knows.
    fn step_types(&self) -> Vec<String>;

    /// Makes a step.
    ///
    /// # Errors
    ///
    /// For a type that is not known and a config that cannot work. The text reaches the host.
    async fn create_step(
        &self,
        step_type: &str,
        name: &str,
        config: Map,
    ) -> Result<Box<dyn StepInstance>, Error>;
}

/// Makes triggers.
#[async_trait]
pub trait TriggerProvider: Send + Sync {
    /// The types that [`create_trigger`](Self::create_trigger) knows.
    fn trigger_types(&self) -> Vec<String>;

    /// Makes a trigger, which fires through `callback`. It is asked only for types
    /// that [`trigger_types`](Self::trigger_types) lists.
    ///
    /// # Errors
    ///
    /// For a config that cannot work. The text reaches the host.
    async fn create_trigger(
        &self,
        trigger_type: &str,
        name: &str,
        config: Map,
        callback: TriggerCallback,
    ) -> Result<Box<dyn TriggerInstance>, Error>;
}

/// Describes module types, for editors and validation.
pub trait SchemaProvider: Send + Sync {
    /// One schema for each type that has one.
    fn module_schemas(&self) -> Vec<ModuleSchema>;
}
