//! The list of all plugins, as the document of the API describes it.

use http::Method;
use serde_json::json;

use super::PluginList;
use crate::openapi::{Operation, schema_of};

pub(crate) fn operation() -> Operation {
    Operation::new(
        Method::GET,
        "/api/v1/plugins",
        "listAllPlugins",
        "plugins",
        "Plugins of both families, with what their processes do",
    )
    .about("Workflow plugins first, each family sorted by name. Nothing is started for it.")
    .query(
        "family",
        json!({ "type": "string", "enum": ["workflow", "connector"] }),
        "Of this family alone.",
    )
    .answers(
        200,
        "As they are at this moment.",
        schema_of::<PluginList>,
        json!({ "plugins": [{
            "family": "connector", "name": "weather", "title": "Weather", "kind": "connector",
            "description": "Forecasts from the weather service", "state": "idle",
            "condition": "well", "enabled": true, "version": "0.1.0", "pid": 13130,
            "memory_bytes": 10760192, "uptime_ms": 60000, "restarts": 0, "in_flight": 0,
            "calls_last_hour": 12, "errors_last_hour": 1,
            "pool": { "waiting": 0, "leaving": 0, "starts": 1 },
        }] }),
    )
}
