//! Modules: made, initialized and started in the order of their needs, and undone
//! in reverse; a failure half-way undoes what was done. Some may go while the others
//! run, and come back.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use outboard_contracts::value::Map;

use crate::engine::{
    Application, EngineError, Module, TypeRegistry, guard, order, suggest,
    workflow_file::ModuleDefinition,
};

/// The modules that run.
#[derive(Default)]
pub(super) struct Modules(Mutex<State>);

#[derive(Default)]
struct State {
    /// In the order in which they were started: what needs another comes later.
    running: Vec<Running>,
    /// Which modules each one needs, as far as it is known; also of those that went.
    needs: BTreeMap<String, Vec<String>>,
}

#[derive(Clone)]
struct Running {
    module: Arc<dyn Module>,
    name: String,
    plugin: String,
    /// The modules that it needs, by name.
    needs: Vec<String>,
    started: bool,
}

impl Modules {
    /// Makes and starts modules beside those that run: all of them or, on an error,
    /// none.
    pub(super) async fn add(
        &self,
        definitions: &[ModuleDefinition],
        registry: &TypeRegistry,
        application: &Application,
        extra: &Map,
        limit: Duration,
    ) -> Result<(), EngineError> {
        let present = self.lock().running.clone();
        let mut made = Vec::new();
        let outcome = build(
            definitions,
            &present,
            registry,
            application,
            extra,
            limit,
            &mut made,
        )
        .await;
        if let Err(error) = outcome {
            undo(&mut made, application, limit).await;
            return Err(error);
        }
        let mut state = self.lock();
        for running in made {
            state
                .needs
                .insert(running.name.clone(), running.needs.clone());
            state.running.push(running);
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.lock()
            .running
            .iter()
            .map(|running| running.name.clone())
            .collect()
    }

    pub(super) fn of_plugin(&self, plugin: &str) -> Vec<String> {
        let state = self.lock();
        let of_plugin = state
            .running
            .iter()
            .filter(|running| running.plugin == plugin);
        of_plugin.map(|running| running.name.clone()).collect()
    }

    /// Which modules a module is known to need.
    pub(super) fn needs_of(&self, name: &str) -> Vec<String> {
        self.lock().needs.get(name).cloned().unwrap_or_default()
    }

    /// Ends the modules of a plugin, and those that need one of them: they could not
    /// go on without it.
    pub(super) async fn remove_of_plugin(
        &self,
        plugin: &str,
        application: &Application,
        limit: Duration,
    ) {
        let of_plugin = self.of_plugin(plugin);
        self.remove(of_plugin, application, limit).await;
    }

    /// Ends the modules of these names, and those that need one of them.
    pub(super) async fn remove(
        &self,
        names: Vec<String>,
        application: &Application,
        limit: Duration,
    ) {
        let mut going: BTreeSet<String> = names.into_iter().collect();
        let mut removed: Vec<_> = self
            .lock()
            .running
            .extract_if(.., |running| {
                // Those that it needs were looked at before it.
                let goes = going.contains(&running.name)
                    || running.needs.iter().any(|need| going.contains(need));
                if goes {
                    going.insert(running.name.clone());
                }
                goes
            })
            .collect();
        undo(&mut removed, application, limit).await;
    }

    pub(super) async fn stop(&self, application: &Application, limit: Duration) {
        let mut all = std::mem::take(&mut self.lock().running);
        undo(&mut all, application, limit).await;
    }
}

async fn build(
    definitions: &[ModuleDefinition],
    present: &[Running],
    registry: &TypeRegistry,
    application: &Application,
    extra: &Map,
    limit: Duration,
    made: &mut Vec<Running>,
) -> Result<(), EngineError> {
    for definition in definitions {
        let registered = registry
            .module(&definition.module_type)
            .map_err(|error| error.during("create module", &definition.name))?;
        let mut config = definition.config.clone();
        for (key, value) in extra {
            config.entry(key.clone()).or_insert_with(|| value.clone());
        }
        let name = &definition.name;
        let module = guard::call(
            || format!("creating module {name:?}"),
            Some(limit),
            registered.factory.create(name, config),
        )
        .await?;
        made.push(Running {
            module,
            name: name.clone(),
            plugin: registered.plugin,
            needs: Vec::new(),
            started: false,
        });
    }
    sort(definitions, present, made)?;
    for running in made.iter() {
        let (module, name) = (&running.module, &running.name);
        guard::call_now(
            || format!("registering the config of module {name:?}"),
            || module.register_config(application),
        )?;
        for service in module.requires_services() {
            if !application.has_service(&service) {
                let missing = EngineError::NotFound {
                    what: "service",
                    name: service,
                    nearest: None,
                };
                return Err(missing.during("init module", name));
            }
        }
        guard::call(
            || format!("initializing module {name:?}"),
            Some(limit),
            module.init(application),
        )
        .await?;
        application.add(name, module)?;
        for service in module.provides_services() {
            if service != *name {
                application.add(&service, module)?;
            }
        }
    }
    for hook in registry.wiring_hooks() {
        guard::call_now(
            || format!("wiring hook {:?}", hook.name),
            || (hook.hook)(application),
        )?;
    }
    for running in made.iter_mut() {
        let name = &running.name;
        guard::call(
            || format!("starting module {name:?}"),
            Some(limit),
            running.module.start(),
        )
        .await?;
        running.started = true;
    }
    Ok(())
}

/// Puts every module after those it needs: by name, or by the service it requires.
/// What runs already comes before all of them.
fn sort(
    definitions: &[ModuleDefinition],
    present: &[Running],
    made: &mut Vec<Running>,
) -> Result<(), EngineError> {
    /// Who is meant by a name: one that runs, or one of those to be put in order.
    #[derive(Clone)]
    enum Provider {
        Present(String),
        Made(usize),
    }
    let mut by_name = BTreeMap::new();
    let running = present.iter().map(|running| {
        let provider = Provider::Present(running.name.clone());
        (running, provider)
    });
    let new = made
        .iter()
        .enumerate()
        .map(|(index, running)| (running, Provider::Made(index)));
    for (running, provider) in running.chain(new) {
        for service in running.module.provides_services() {
            by_name.entry(service).or_insert_with(|| provider.clone());
        }
        by_name.insert(running.name.clone(), provider);
    }
    let mut needs = Vec::new();
    let mut names = Vec::new();
    for (definition, running) in definitions.iter().zip(made.iter()) {
        let mut providers = Vec::new();
        let by_file = definition.depends_on.iter().cloned();
        for name in by_file.chain(running.module.dependencies()) {
            let Some(provider) = by_name.get(&name) else {
                let nearest = suggest::nearest(&name, by_name.keys().map(String::as_str));
                let missing = EngineError::NotFound {
                    what: "module",
                    name,
                    nearest,
                };
                return Err(missing.during("start module", &running.name));
            };
            providers.push(provider);
        }
        let services = running.module.requires_services();
        providers.extend(services.iter().filter_map(|service| by_name.get(service)));
        let mut indices = Vec::new();
        let mut needed = Vec::new();
        for provider in providers {
            match provider {
                Provider::Present(name) => needed.push(name.clone()),
                Provider::Made(index) => {
                    indices.push(*index);
                    needed.push(made[*index].name.clone());
                }
            }
        }
        needs.push(indices);
        names.push(needed);
    }
    for (running, names) in made.iter_mut().zip(names) {
        running.needs = names;
    }
    let sorted =
        order::topological(made.len(), |index| needs[index].clone()).map_err(|circle| {
            EngineError::DependencyCycle {
                path: circle
                    .into_iter()
                    .map(|index| made[index].name.clone())
                    .collect(),
            }
        })?;
    *made = sorted
        .into_iter()
        .map(|index| made[index].clone())
        .collect();
    Ok(())
}

/// Stops what was started and destroys all, last first. Whatever fails is told and
/// does not keep the others from their end.
async fn undo(modules: &mut Vec<Running>, application: &Application, limit: Duration) {
    for running in modules.iter().rev() {
        let name = &running.name;
        application.remove_module(&running.module);
        if running.started {
            let stop = running.module.stop();
            if let Err(error) =
                guard::call(|| format!("stopping module {name:?}"), Some(limit), stop).await
            {
                tracing::warn!(module = name, %error, "a module did not stop");
            }
        }
    }
    for running in modules.drain(..).rev() {
        let name = &running.name;
        let destroy = running.module.destroy();
        if let Err(error) = guard::call(
            || format!("destroying module {name:?}"),
            Some(limit),
            destroy,
        )
        .await
        {
            tracing::warn!(module = name, %error, "a module could not be destroyed");
        }
    }
}
