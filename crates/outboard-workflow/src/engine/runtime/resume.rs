//! What a workflow that runs misses because a plugin went, and bringing it back.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError},
};

use serde::Serialize;

use super::{Active, Engine, PipelineEntry, State, detached};
use crate::engine::{
    EngineError, TypeKind, TypeRegistry,
    registry::BUILTIN_OWNER,
    workflow_file::{ModuleDefinition, TriggerDefinition},
};

/// What the engine does with a workflow at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum WorkflowState {
    /// None runs.
    None,
    /// One is being started or stopped.
    Changing,
    /// One runs.
    Running,
}

/// A part of the workflow that does not run, though its file says that it should.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// `module "stock"`, `pipeline "restock"` or `trigger "inbox"`.
    pub what: String,
    /// The plugin that it needs, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
    /// Why it does not run, and what to do.
    pub reason: String,
}

impl Engine {
    /// Whether a workflow runs.
    pub fn workflow_state(&self) -> WorkflowState {
        match &*self.state() {
            State::Idle => WorkflowState::None,
            State::Changing | State::Starting(_) => WorkflowState::Changing,
            State::Active(_) => WorkflowState::Running,
        }
    }

    /// The plugins that the workflow uses and that are there, sorted.
    pub fn plugins_in_use(&self) -> Vec<String> {
        let Some(active) = self.active() else {
            return Vec::new();
        };
        let used = active.used_types();
        let plugins: BTreeSet<String> = used
            .into_iter()
            .filter_map(|(kind, name)| owner(&self.inner.registry, kind, &name))
            .filter(|plugin| plugin != BUILTIN_OWNER)
            .collect();
        plugins.into_iter().collect()
    }

    /// What the workflow misses: modules, triggers and pipelines whose plugin was
    /// unloaded. Empty where nothing is missing or no workflow runs.
    pub fn missing(&self) -> Vec<Missing> {
        let active = match &*self.state() {
            State::Active(active) => Arc::clone(active),
            _ => return Vec::new(),
        };
        let modules = active.missing_modules();
        let modules = modules
            .iter()
            .map(|module| self.missing_module(&active, module));
        let triggers = active.missing_triggers();
        let triggers = triggers.iter().filter_map(|trigger| match trigger {
            TriggerDefinition::Plugin {
                name, trigger_type, ..
            } => Some(active.missing_type(
                &self.inner.registry,
                format!("trigger {name:?}"),
                TypeKind::Trigger,
                trigger_type,
            )),
            _ => None,
        });
        let pipelines = active
            .pipelines
            .iter()
            .filter_map(|entry| self.missing_for(&active, entry));
        modules.chain(triggers).chain(pipelines).collect()
    }

    /// Makes and starts again what the workflow misses and what can be made now:
    /// modules in the order of their needs, steps, then triggers. Where a plugin is
    /// still away, what needs it stays away too.
    ///
    /// Does nothing where nothing is missing or no workflow runs. A caller who goes
    /// away does not stop it half-way.
    ///
    /// # Errors
    ///
    /// Something does not start. Nothing of what was missing is left running then, and
    /// it can be tried again.
    pub async fn resume(&self) -> Result<(), EngineError> {
        let engine = self.clone();
        detached(async move { engine.bring_back().await }).await?
    }

    async fn bring_back(&self) -> Result<(), EngineError> {
        let active = match &*self.state() {
            State::Active(active) => Arc::clone(active),
            // What is being started begins with all that is there.
            _ => return Ok(()),
        };
        // It never closes.
        let _turn = active.turn.acquire().await;
        if *active.closing.borrow() {
            return Ok(());
        }
        let registry = &self.inner.registry;
        let application = &self.inner.application;
        let limit = self.inner.settings.lifecycle_timeout;
        let modules = active.modules_to_make(registry);
        active
            .modules
            .add(&modules, registry, application, &active.extra, limit)
            .await?;
        let mut started = Vec::new();
        let outcome = self.bring_back_runs(&active, &mut started).await;
        if let Err(error) = outcome {
            active.triggers.stop_named(&started).await;
            let names = modules.into_iter().map(|module| module.name).collect();
            active.modules.remove(names, application, limit).await;
            return Err(error);
        }
        active.note_owners(registry);
        Ok(())
    }

    async fn bring_back_runs(
        &self,
        active: &Active,
        started: &mut Vec<String>,
    ) -> Result<(), EngineError> {
        for entry in &active.pipelines {
            entry
                .pipeline
                .prepare_known()
                .await
                .map_err(|error| error.during("start pipeline", &entry.info.name))?;
        }
        for trigger in active.missing_triggers() {
            let TriggerDefinition::Plugin {
                name,
                trigger_type,
                pipeline,
                config,
            } = &trigger
            else {
                continue;
            };
            if self.inner.registry.trigger(trigger_type).is_ok() {
                started.push(name.clone());
                active
                    .triggers
                    .start_one(self, name, trigger_type, pipeline, config)
                    .await?;
            }
        }
        Ok(())
    }

    /// What keeps a pipeline from running: a step whose type is gone, or a module of a
    /// plugin of its steps that is not back.
    pub(super) fn missing_for(&self, active: &Active, entry: &PipelineEntry) -> Option<Missing> {
        let what = || format!("pipeline {:?}", entry.info.name);
        let registry = &self.inner.registry;
        let mut plugins = BTreeSet::new();
        for (_, step_type, plugin) in entry.pipeline.parts() {
            match plugin {
                Some(plugin) => plugins.insert(plugin),
                None => {
                    return Some(active.missing_type(registry, what(), TypeKind::Step, step_type));
                }
            };
        }
        let missing = active
            .missing_modules()
            .into_iter()
            .map(|module| self.missing_module(active, &module))
            .find(|missing| {
                missing
                    .plugin
                    .as_ref()
                    .is_some_and(|plugin| plugins.contains(plugin))
            })?;
        Some(Missing {
            what: what(),
            reason: format!("{} does not run: {}", missing.what, missing.reason),
            plugin: missing.plugin,
        })
    }

    fn missing_module(&self, active: &Active, module: &ModuleDefinition) -> Missing {
        let what = format!("module {:?}", module.name);
        let registry = &self.inner.registry;
        let running = active.modules.names();
        let needs = active.modules.needs_of(&module.name);
        let needed = needs.into_iter().find(|need| !running.contains(need));
        let mut missing =
            active.missing_type(registry, what, TypeKind::Module, &module.module_type);
        if let Some(needed) = needed
            && registry.module(&module.module_type).is_ok()
        {
            missing.reason = format!("it needs the module {needed:?}, which does not run");
        }
        missing
    }
}

impl Active {
    /// Every type that the file uses.
    fn used_types(&self) -> Vec<(TypeKind, String)> {
        let used = self.workflow.used_types();
        let of =
            |kind: TypeKind, names: Vec<String>| names.into_iter().map(move |name| (kind, name));
        of(TypeKind::Module, used.modules)
            .chain(of(TypeKind::Step, used.steps))
            .chain(of(TypeKind::Trigger, used.triggers))
            .collect()
    }

    /// Remembers whose the types are, for the time when they are gone.
    pub(super) fn note_owners(&self, registry: &TypeRegistry) {
        let found: Vec<_> = self
            .used_types()
            .into_iter()
            .filter_map(|(kind, name)| {
                let plugin = owner(registry, kind, &name)?;
                Some(((kind, name), plugin))
            })
            .collect();
        self.owners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(found);
    }

    fn missing_modules(&self) -> Vec<ModuleDefinition> {
        let running = self.modules.names();
        let modules = self.workflow.modules.iter();
        modules
            .filter(|module| !running.contains(&module.name))
            .cloned()
            .collect()
    }

    fn missing_triggers(&self) -> Vec<TriggerDefinition> {
        let triggers = self.workflow.triggers.iter();
        triggers
            .filter(|trigger| match trigger {
                TriggerDefinition::Plugin { name, .. } => !self.triggers.is_started(name),
                _ => false,
            })
            .cloned()
            .collect()
    }

    /// The missing modules whose type is there, without those that need one that
    /// cannot be made.
    fn modules_to_make(&self, registry: &TypeRegistry) -> Vec<ModuleDefinition> {
        let mut candidates = self.missing_modules();
        candidates.retain(|module| registry.module(&module.module_type).is_ok());
        let running = self.modules.names();
        loop {
            let names: BTreeSet<String> = candidates
                .iter()
                .map(|module| module.name.clone())
                .collect();
            let before = candidates.len();
            candidates.retain(|module| {
                let needs = self.modules.needs_of(&module.name);
                needs
                    .iter()
                    .all(|need| running.contains(need) || names.contains(need))
            });
            if candidates.len() == before {
                return candidates;
            }
        }
    }

    /// Something that does not run for want of a type, or of a start.
    fn missing_type(
        &self,
        registry: &TypeRegistry,
        what: String,
        kind: TypeKind,
        type_name: &str,
    ) -> Missing {
        if let Some(plugin) = owner(registry, kind, type_name) {
            return Missing {
                what,
                reason: format!("it was not started again with its plugin {plugin:?}; reload it"),
                plugin: Some(plugin),
            };
        }
        let key = (kind, type_name.to_owned());
        let owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        let plugin = owners.get(&key).cloned();
        let reason = match &plugin {
            Some(plugin) => {
                format!(
                    "its plugin {plugin:?}, of {kind} type {type_name:?}, is not loaded; load it"
                )
            }
            None => format!("no plugin has the {kind} type {type_name:?}; load the one that has"),
        };
        Missing {
            what,
            plugin,
            reason,
        }
    }
}

/// Whose a type is now.
fn owner(registry: &TypeRegistry, kind: TypeKind, name: &str) -> Option<String> {
    match kind {
        TypeKind::Module => registry.module(name).ok().map(|found| found.plugin),
        TypeKind::Step => registry.step(name).ok().map(|found| found.plugin),
        TypeKind::Trigger => registry.trigger(name).ok().map(|found| found.plugin),
        TypeKind::Workflow => None,
    }
}
