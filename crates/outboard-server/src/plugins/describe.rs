//! The routes of plugins, as the document of the API describes them.

use http::Method;
use serde_json::{Value, json};

use super::{
    PREFIX, PluginInfo,
    details::Details,
    envelope::{ActionDone, schema_of_ok},
    logs::{Ended, Line, Recent},
};
use crate::openapi::{Failures, Operation, schema_of};

const TAG: &str = "plugins";
/// A plugin's name.
pub(crate) const NAME: &str = "^[a-z]([a-z0-9-]{0,62}[a-z0-9])?$";

fn named(operation: Operation) -> Operation {
    let schema = json!({ "type": "string", "pattern": NAME });
    operation.path("name", schema, "The plugin's name.", "store-plugin")
}

/// What the flags in queries take.
pub(crate) fn flag() -> Value {
    json!({ "type": "string", "enum": ["1", "true", "0", "false"] })
}

fn change(word: &str, action: &'static str, id: &str, summary: &'static str) -> Operation {
    let path = format!("{PREFIX}/{{name}}/{word}");
    named(Operation::new(Method::POST, path, id, TAG, summary))
        .answers(
            200,
            "It is done.",
            schema_of_ok::<ActionDone<'static>>,
            json!({ "status": "ok", "data": { "action": action, "name": "store-plugin" } }),
        )
        .fails_as(Failures::Envelope)
        .fails(400, &["invalid_name"])
        .fails(404, &["not_found"])
        .fails(
            409,
            &[
                "already_loaded",
                "not_loaded",
                "in_use",
                "busy",
                "type_conflict",
            ],
        )
        .fails(422, &["manifest", "binary", "dependency"])
        .fails(502, &["misbehaved"])
}

pub(crate) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            Method::GET,
            PREFIX,
            "listPlugins",
            TAG,
            "What is in the plugins directory, and whether it runs",
        )
        .answers(
            200,
            "Sorted by name.",
            schema_of_ok::<Vec<PluginInfo>>,
            json!({ "status": "ok", "data": [{ "name": "store-plugin", "loaded": true }] }),
        )
        .fails_as(Failures::Envelope),
        Operation::new(
            Method::GET,
            format!("{PREFIX}/loaded"),
            "listLoadedPlugins",
            TAG,
            "Names of the plugins that run",
        )
        .answers(
            200,
            "Sorted.",
            schema_of_ok::<Vec<String>>,
            json!({ "status": "ok", "data": ["store-plugin"] }),
        )
        .fails_as(Failures::Envelope),
        change(
            "load",
            "loaded",
            "loadPlugin",
            "Starts a plugin, and before it those that it needs",
        ),
        change("unload", "unloaded", "unloadPlugin", "Ends a plugin").query(
            "force",
            flag(),
            "Whether to end it even if it is in use.",
        ),
        change(
            "reload",
            "reloaded",
            "reloadPlugin",
            "Replaces a plugin's process by one of what is on disk now",
        ),
        named(Operation::new(
            Method::GET,
            format!("{PREFIX}/{{name}}"),
            "getPlugin",
            TAG,
            "Everything about one plugin",
        ))
        .answers(
            200,
            "As it is at this moment.",
            schema_of::<Details>,
            details(),
        )
        .fails(400, &["invalid_name"])
        .fails(404, &["not_found"]),
        named(Operation::new(
            Method::GET,
            format!("{PREFIX}/{{name}}/logs"),
            "getPluginLogs",
            TAG,
            "What a plugin said",
        ))
        .about("The last lines of all its processes since the server started. 500 are kept.")
        .query(
            "lines",
            json!({ "type": "integer", "minimum": 0, "default": 100 }),
            "How many of the last lines.",
        )
        .query(
            "follow",
            flag(),
            "Whether to go on with new lines as they come, as events.",
        )
        .answers(
            200,
            "The lines, oldest first; with `follow` a stream that goes on.",
            schema_of::<Recent<'static>>,
            json!({ "name": "store-plugin", "lines": [line()] }),
        )
        .streams(
            "",
            &[
                ("line", schema_of::<Line>),
                ("exit", schema_of::<Ended>),
                ("lost", crate::events::lost_schema),
            ],
            "event: line\ndata: {\"at\":\"2026-11-24T01:43:59.679Z\",\"pid\":26117,\
             \"source\":\"stderr\",\"level\":\"info\",\"message\":\"the store is open\"}\n\n",
        )
        .fails(400, &["invalid_name"])
        .fails(404, &["not_found"])
        .fails(409, &["not_loaded"]),
    ]
}

fn line() -> Value {
    json!({
        "at": "2026-11-24T01:43:55.960Z", "pid": 26037, "source": "stderr", "level": "info",
        "message": "the store is open", "module": "store_plugin::store",
        "fields": { "store": "stock" },
    })
}

fn details() -> Value {
    json!({
        "name": "store-plugin", "loaded": true, "state": "ready", "pid": 26117,
        "since": "2026-11-24T01:43:59.688Z", "restarts": 0, "calls": 0,
        "last_exit": {
            "pid": 26037, "cause": "exit status 0", "code": 0, "signal": null, "requested": true,
            "forced": false, "uptime_ms": 3789, "last_lines": ["the store is open"],
        },
        "loadable": true,
        "manifest": {
            "name": "store-plugin", "version": "0.1.0", "author": "The Outboard authors",
            "description": "A key-value store on SQLite", "license": "MIT",
            "moduleTypes": ["kv.sqlite"], "stepTypes": ["step.kv_delete", "step.kv_put"],
        },
        "deadlines": { "describe_ms": 10000, "lifecycle_ms": 30000, "invoke_ms": 30000 },
        "transport": "mutual_tls", "callbacks": true,
    })
}
