//! The events, as the document of the API describes them.

use outboard_workflow::engine::RunEvent;
use schemars::{Schema, SchemaGenerator, json_schema};

use super::data::PluginHappened;
use crate::{
    connectors::Happened,
    native::Changed,
    openapi::{SchemaOf, schema_of},
    security, ui_plugins,
};

/// How many events a reader missed, where that is known.
pub(crate) fn lost_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "properties": { "count": { "type": "integer", "minimum": 0 } },
        "additionalProperties": false,
    })
}

/// Names and data of all events.
pub(crate) fn described() -> Vec<(&'static str, SchemaOf)> {
    let of = |names: &[&'static str], schema: SchemaOf| {
        names.iter().map(|name| (*name, schema)).collect::<Vec<_>>()
    };
    let plugins = [
        "plugin.starting",
        "plugin.ready",
        "plugin.start_failed",
        "plugin.crashed",
        "plugin.restarting",
        "plugin.stopped",
        "plugin.failed",
        "plugin.other",
    ];
    let runs = [
        "run.started",
        "run.step_finished",
        "run.finished",
        "run.other",
    ];
    let connectors = [
        "connector.installed",
        "connector.updated",
        "connector.removed",
        "connector.enabled",
        "connector.disabled",
        "connector.problem",
        "connector.other",
    ];
    [
        of(&plugins, schema_of::<PluginHappened>),
        of(&runs, schema_of::<RunEvent>),
        of(&connectors, schema_of::<Happened<'static>>),
        of(
            &["native.enabled", "native.disabled"],
            schema_of::<Changed<'static>>,
        ),
        of(
            &["ui.loaded", "ui.reloaded", "ui.unloaded"],
            schema_of::<ui_plugins::Happened<'static>>,
        ),
        of(
            &[
                "access.signed_in",
                "access.signed_out",
                "access.token_created",
                "access.token_revoked",
            ],
            schema_of::<security::Happened<'static>>,
        ),
        of(&["lost"], lost_schema),
    ]
    .concat()
}
