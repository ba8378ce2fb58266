//! The routes of UI plugins, as the document of the API describes them.

use http::Method;
use outboard_contracts::ui::UiManifest;
use serde_json::{Value, json};

use super::{UiPluginInfo, details::Details, handler::PREFIX};
use crate::{
    openapi::{Failures, Operation, schema_of},
    plugins::{ActionDone, NAME, PluginInfo, schema_of_ok},
};

const TAG: &str = "UI plugins";

fn named(operation: Operation) -> Operation {
    let schema = json!({ "type": "string", "pattern": NAME });
    operation.path("name", schema, "The UI plugin's name.", "reports")
}

fn change(word: &str, action: &'static str, id: &str, summary: &'static str) -> Operation {
    let path = format!("{PREFIX}/{{name}}/{word}");
    named(Operation::new(Method::POST, path, id, TAG, summary))
        .answers(
            200,
            "It is done.",
            schema_of_ok::<ActionDone<'static>>,
            json!({ "status": "ok", "data": { "action": action, "name": "reports" } }),
        )
        .fails_as(Failures::Envelope)
        .fails(400, &["invalid_name"])
        .fails(404, &["not_found"])
        .fails(409, &["not_loaded", "changing", "in_use"])
        .fails(422, &["manifest", "assets", "program"])
        .fails(502, &["program"])
}

pub(crate) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            Method::GET,
            PREFIX,
            "listUiPlugins",
            TAG,
            "UI plugins that are loaded",
        )
        .answers(
            200,
            "Sorted by name.",
            schema_of_ok::<Vec<UiPluginInfo>>,
            json!({ "status": "ok", "data": [{
                    "name": "reports", "version": "1.0.0", "description": "Reports about runs",
                    "navItems": [page()], "loaded": true,
                }] }),
        )
        .fails_as(Failures::Envelope),
        Operation::new(
            Method::GET,
            format!("{PREFIX}/available"),
            "listAvailableUiPlugins",
            TAG,
            "UI plugins in the plugins directory",
        )
        .answers(
            200,
            "Sorted by name.",
            schema_of_ok::<Vec<PluginInfo>>,
            json!({ "status": "ok", "data": [{ "name": "reports", "loaded": true }] }),
        )
        .fails_as(Failures::Envelope),
        named(Operation::new(
            Method::GET,
            format!("{PREFIX}/{{name}}/manifest"),
            "getUiPluginManifest",
            TAG,
            "What a UI plugin's ui.json says",
        ))
        .answers(
            200,
            "Of what is loaded.",
            schema_of_ok::<UiManifest>,
            json!({ "status": "ok", "data": manifest() }),
        )
        .fails_as(Failures::Envelope)
        .fails(404, &["not_loaded"]),
        change("load", "loaded", "loadUiPlugin", "Loads a UI plugin"),
        change(
            "unload",
            "unloaded",
            "unloadUiPlugin",
            "Unloads a UI plugin",
        ),
        change(
            "reload",
            "reloaded",
            "reloadUiPlugin",
            "Takes new files, and a new program if there is one, as one",
        ),
        named(Operation::new(
            Method::GET,
            format!("{PREFIX}/{{name}}/assets/{{path}}"),
            "getUiPluginAsset",
            TAG,
            "A file of a UI plugin",
        ))
        .about("The path may have more segments. A directory is answered with its index.html.")
        .path(
            "path",
            json!({ "type": "string" }),
            "Where the file is below the plugin's directory of files.",
            "index.html",
        )
        .header("Range", json!({ "type": "string" }), "Which bytes.")
        .header(
            "If-None-Match",
            json!({ "type": "string" }),
            "The `ETag` that is known.",
        )
        .answers_file(200, "The file.")
        .with_header("ETag", "Of these bytes.")
        .answers_file(206, "The bytes that were asked for.")
        .answers_nothing(301, "It is found below another path.")
        .with_header("Location", "The path.")
        .answers_nothing(304, "It is the one that is known.")
        .fails_as(Failures::File)
        .fails(404, &["not_found"])
        .fails(412, &["precondition_failed"])
        .fails(416, &["range_not_satisfiable"]),
        named(Operation::new(
            Method::GET,
            format!("{PREFIX}/{{name}}"),
            "getUiPlugin",
            TAG,
            "Everything about one UI plugin",
        ))
        .answers(
            200,
            "As it is at this moment.",
            schema_of::<Details>,
            json!({
                "name": "reports", "loaded": true, "loadable": true, "manifest": manifest(),
                "assets": { "generation": 3, "files": 5, "bytes": 12345 },
                "loaded_at": "2026-11-25T06:59:58.415Z", "has_program": false,
            }),
        )
        .fails(400, &["invalid_name"])
        .fails(404, &["not_found"]),
    ]
}

fn page() -> Value {
    json!({ "id": "reports", "label": "Reports", "icon": "📊", "category": "global", "order": 10 })
}

fn manifest() -> Value {
    json!({
        "name": "reports", "version": "1.0.0", "description": "Reports about runs",
        "navItems": [page()], "assetDir": "assets", "permissions": ["runs.read"],
    })
}
