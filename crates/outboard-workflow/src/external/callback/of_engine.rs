//! What plugins may do in an engine besides what is their own.

use std::sync::Arc;

use outboard_contracts::manifest::CapabilityRole;
use serde_json::Value;

use super::{CallbackServer, ServiceLookupFunc, TriggerFunc, may_not_trigger};
use crate::engine::{Engine, Map};

impl CallbackServer {
    /// A server that lets plugins do what the engine's workflow file allows each:
    ///
    /// ```yaml
    /// plugins:
    ///   clock:
    ///     may_trigger: [restock]     # pipelines
    ///     may_look_up: [stock]       # services
    /// ```
    ///
    /// Besides, a plugin may ask for what its `plugin.json` says that it consumes.
    /// The engine is not kept alive by it.
    pub fn of_engine(engine: &Engine) -> CallbackServer {
        let weak = engine.downgrade();
        let on_trigger: TriggerFunc = Arc::new(move |call| {
            let engine = weak.upgrade();
            Box::pin(async move {
                let engine = engine.ok_or_else(|| "the engine is gone".to_owned())?;
                let name = call.trigger_type.as_str();
                // The original names a pipeline so where it stands among workflows.
                let pipeline = name.strip_prefix("pipeline:").unwrap_or(name);
                let rights = engine.rights_of(&call.plugin);
                if !rights.may_trigger.iter().any(|allowed| allowed == pipeline) {
                    return Err(may_not_trigger(&call.plugin, name));
                }
                let metadata = Map::from_iter([("action".to_owned(), Value::from(call.action))]);
                let trigger = format!("plugin {}", call.plugin);
                let run = engine.spawn_run(pipeline, &trigger, call.data, metadata);
                run.await.map(drop).map_err(|error| error.to_string())
            })
        });
        let weak = engine.downgrade();
        let lookup: ServiceLookupFunc = Arc::new(move |query| {
            weak.upgrade()
                .is_some_and(|engine| has(&engine, query.plugin, query.service))
        });
        CallbackServer::new(Some(on_trigger), Some(lookup))
    }
}

fn has(engine: &Engine, plugin: &str, service: &str) -> bool {
    let allowed = engine.rights_of(plugin).may_look_up;
    if allowed.iter().any(|allowed| allowed == service) {
        return engine.application().has_service(service);
    }
    let plugins = engine.registry().plugins();
    let consumes = plugins
        .iter()
        .filter(|manifest| manifest.name == plugin)
        .flat_map(|manifest| &manifest.capabilities)
        .any(|capability| {
            capability.name == service && capability.role() == Some(CapabilityRole::Consumer)
        });
    consumes
        && (engine.application().has_service(service)
            || engine.registry().capabilities().has_provider(service))
}
