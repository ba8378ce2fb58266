//! Modules: made, initialized and started in the order of their needs, and undone
//! in reverse; a failure half-way undoes what was done.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use outboard_contracts::value::Map;

use crate::engine::{
    Application, EngineError, Module, TypeRegistry, guard, order, suggest,
    workflow_file::ModuleDefinition,
};

/// The modules that run, in the order in which they were started.
pub(super) struct Modules(Mutex<Vec<Running>>);

#[derive(Clone)]
struct Running {
    module: Arc<dyn Module>,
    name: String,
    plugin: String,
    started: bool,
}

impl Modules {
    pub(super) async fn start(
        definitions: &[ModuleDefinition],
        registry: &TypeRegistry,
        application: &Application,
        extra: &Map,
        limit: Duration,
    ) -> Result<Modules, EngineError> {
        let mut made = Vec::new();
        let outcome = build(definitions, registry, application, extra, limit, &mut made).await;
        match outcome {
            Ok(()) => Ok(Modules(Mutex::new(made))),
            Err(error) => {
                undo(&mut made, application, limit).await;
                Err(error)
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Running>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.lock()
            .iter()
            .map(|running| running.name.clone())
            .collect()
    }

    pub(super) fn of_plugin(&self, plugin: &str) -> Vec<String> {
        let modules = self.lock();
        let of_plugin = modules.iter().filter(|running| running.plugin == plugin);
        of_plugin.map(|running| running.name.clone()).collect()
    }

    pub(super) async fn remove_of_plugin(
        &self,
        plugin: &str,
        application: &Application,
        limit: Duration,
    ) {
        let mut removed: Vec<_> = self
            .lock()
            .extract_if(.., |running| running.plugin == plugin)
            .collect();
        undo(&mut removed, application, limit).await;
    }

    pub(super) async fn stop(&self, application: &Application, limit: Duration) {
        let mut all = std::mem::take(&mut *self.lock());
        undo(&mut all, application, limit).await;
    }
}

async fn build(
    definitions: &[ModuleDefinition],
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
            started: false,
        });
    }
    sort(definitions, made)?;
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
fn sort(definitions: &[ModuleDefinition], made: &mut Vec<Running>) -> Result<(), EngineError> {
    let mut by_name = BTreeMap::new();
    for (index, running) in made.iter().enumerate() {
        for service in running.module.provides_services() {
            by_name.entry(service).or_insert(index);
        }
        by_name.insert(running.name.clone(), index);
    }
    let mut needs = Vec::new();
    for (definition, running) in definitions.iter().zip(made.iter()) {
        let mut indices = Vec::new();
        let by_file = definition.depends_on.iter().cloned();
        for name in by_file.chain(running.module.dependencies()) {
            let Some(index) = by_name.get(&name) else {
                let nearest = suggest::nearest(&name, by_name.keys().map(String::as_str));
                let missing = EngineError::NotFound {
                    what: "module",
                    name,
                    nearest,
                };
                return Err(missing.during("start module", &running.name));
            };
            indices.push(*index);
        }
        let services = running.module.requires_services();
        indices.extend(services.iter().filter_map(|service| by_name.get(service)));
        needs.push(indices);
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
