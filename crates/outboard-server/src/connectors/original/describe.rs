//! The original's routes, as the document of the API describes them.

use http::Method;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Value, json};

use super::{
    Named, ORIGINAL,
    answers::{Broken, Listing, Outcome, Step, Switched},
};
use crate::{
    connectors::describe::KEY,
    openapi::{Failures, Operation, schema_of},
};

const TAG: &str = "manager";

fn described(method: Method, path: &str, id: &str, summary: &'static str) -> Operation {
    Operation::new(method, format!("{ORIGINAL}{path}"), id, TAG, summary)
        .fails_as(Failures::Text)
        .fails(404, &["not_found"])
        .fails(500, &["state"])
}

fn of_one(path: &str, id: &str, summary: &'static str) -> Operation {
    let schema = json!({ "type": "string", "pattern": KEY });
    described(Method::POST, &format!("/{{key}}{path}"), id, summary)
        .path("key", schema, "The connector's key.", "weather")
        .fails(400, &["invalid_name"])
        .fails(404, &["not_found"])
        .fails(409, &["conflict"])
}

/// An event without a name: progress, the end, or a failure.
fn told(generator: &mut SchemaGenerator) -> Schema {
    schemars::json_schema!({ "anyOf": [
        generator.subschema_for::<Step>(),
        generator.subschema_for::<Outcome>(),
        generator.subschema_for::<Broken<'static>>(),
    ] })
}

fn tells(operation: Operation) -> Operation {
    operation
        .streams(
            "",
            &[("message", told)],
            "data: {\"phase\":\"downloading\",\"pct\":42}\n\n\
             data: {\"phase\":\"done\",\"ok\":true,\"installed\":\"weather\"}\n\n",
        )
        .about("With `Accept: text/event-stream` it tells its progress.")
        .fails(403, &["refused"])
        .fails(409, &["conflict"])
        .fails(422, &["unusable"])
        .fails(502, &["download", "misbehaved"])
        .fails(504, &["deadline"])
}

fn switch(path: &str, id: &str, summary: &'static str, enabled: bool) -> Operation {
    of_one(path, id, summary).answers(
        200,
        "It is done.",
        schema_of::<Switched<'static>>,
        json!({ "ok": true, "key": "weather", "enabled": enabled }),
    )
}

/// What `remove` answers.
fn removed(_: &mut SchemaGenerator) -> Schema {
    schemars::json_schema!({
        "type": "object",
        "properties": { "ok": { "const": true }, "removed": { "type": "string" } },
        "required": ["ok", "removed"],
        "additionalProperties": false,
    })
}

pub(in crate::connectors) fn operations() -> Vec<Operation> {
    vec![
        described(
            Method::GET,
            "",
            "managerList",
            "Installed and available connectors",
        )
        .answers(
            200,
            "Both lists.",
            schema_of::<Listing>,
            json!({ "installed": [entry()], "available": [], "is_admin": true }),
        ),
        tells(described(
            Method::POST,
            "/install",
            "managerInstall",
            "Installs a connector",
        ))
        .takes(
            schema_of::<Named>,
            "Which one.",
            json!({ "name": "weather" }),
        )
        .answers(
            200,
            "It is installed.",
            schema_of::<Outcome>,
            json!({ "ok": true, "installed": "weather" }),
        ),
        tells(of_one("/update", "managerUpdate", "Updates a connector")).answers(
            200,
            "It is updated.",
            schema_of::<Outcome>,
            json!({ "ok": true, "updated": "weather", "version": "0.2.0" }),
        ),
        switch(
            "/enable",
            "managerEnable",
            "Lets a connector be called",
            true,
        ),
        switch(
            "/disable",
            "managerDisable",
            "Lets a connector be called no more",
            false,
        ),
        of_one("/remove", "managerRemove", "Removes a connector").answers(
            200,
            "It is gone.",
            removed,
            json!({ "ok": true, "removed": "weather" }),
        ),
    ]
}

fn entry() -> Value {
    json!({
        "key": "weather", "name": "Weather", "description": "Forecasts from the weather service",
        "version": "0.1.0", "installed": true, "enabled": true, "arch_ok": true, "host": "",
        "os_arch": null, "category": "Weather", "signed": "none", "update_available": true,
        "latest_version": "0.2.0",
    })
}
