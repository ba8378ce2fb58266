//! The routes of the plugins of this process, as the document of the API describes them.
//!
//! Below `/api/v1/admin/plugins/{name}/` is whatever a plugin answers itself; that is
//! its own to describe.

use http::Method;
use outboard_contracts::ui::UiPageDef;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::json;

use super::routes::PREFIX;
use crate::openapi::{Failures, Operation};

const TAG: &str = "plugins of the host";

fn list(generator: &mut SchemaGenerator) -> Schema {
    let text = || json!({ "type": "string" });
    let time = || json!({ "type": "string", "format": "date-time" });
    let dependency = json!({
        "type": "object",
        "properties": { "name": text(), "minVersion": text(), "constraint": text() },
        "required": ["name"],
    });
    let page = generator.subschema_for::<UiPageDef>();
    json_schema!({
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "name": text(), "version": text(), "description": text(),
                "enabled": { "type": "boolean" },
                "uiPages": { "type": "array", "items": page },
                "dependencies": { "type": "array", "items": dependency },
                "enabledAt": time(), "disabledAt": time(),
            },
            "required": ["name", "version", "description", "enabled", "uiPages", "dependencies"],
        },
    })
}

fn switched(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "properties": { "name": { "type": "string" }, "enabled": { "type": "boolean" } },
        "required": ["name", "enabled"],
    })
}

fn switch(word: &str, id: &str, summary: &'static str, enabled: bool) -> Operation {
    let path = format!("{PREFIX}/{{name}}/{word}");
    Operation::new(Method::POST, path, id, TAG, summary)
        .path(
            "name",
            json!({ "type": "string" }),
            "The plugin's name.",
            "reports",
        )
        .answers(
            200,
            "It is done.",
            switched,
            json!({ "name": "reports", "enabled": enabled }),
        )
        .fails_as(Failures::Error)
        .fails(404, &["not_found"])
}

pub(crate) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            Method::GET,
            PREFIX,
            "listHostPlugins",
            TAG,
            "Plugins of this process, enabled or not",
        )
        .about("Pages that the caller may not see are left out.")
        .answers(
            200,
            "A bare array, sorted by name.",
            list,
            json!([{
                "name": "reports", "version": "1.2.0", "description": "Reports about runs",
                "enabled": true, "enabledAt": "2026-11-25T06:59:58.415Z",
                "uiPages": [{ "id": "reports", "label": "Reports", "category": "global" }],
                "dependencies": [{ "name": "charts", "minVersion": "1.0.0" }],
            }]),
        ),
        switch(
            "enable",
            "enableHostPlugin",
            "Enables a plugin, and before it those that it needs",
            true,
        ),
        switch(
            "disable",
            "disableHostPlugin",
            "Disables a plugin, and before it those that need it",
            false,
        ),
    ]
}
