//! The routes of the server itself: health, events and this document.

use http::Method;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::json;

use super::Operation;
use crate::events;

const TAG: &str = "server";

fn health(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "properties": { "status": { "const": "ok" } },
        "required": ["status"],
        "additionalProperties": false,
    })
}

fn document(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "description": "An OpenAPI document.",
        "type": "object",
        "properties": { "openapi": { "type": "string" } },
        "required": ["openapi", "info", "paths"],
        "additionalProperties": true,
    })
}

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            Method::GET,
            "/healthz",
            "getHealth",
            TAG,
            "Whether the process answers",
        )
        .about("Needs no token, and is answered also while the server stops.")
        .answers(200, "It does.", health, json!({ "status": "ok" })),
        Operation::new(
            Method::GET,
            "/readyz",
            "getReadiness",
            TAG,
            "Whether the server can do its work, and what is in the way",
        )
        .answers(
            200,
            "It can.",
            crate::readiness::ready_schema,
            json!({
                "status": "ok", "workflow": "running",
                "plugins": [{ "name": "store-plugin", "state": "ready" }],
            }),
        )
        .fails_with(
            503,
            crate::readiness::not_ready_schema,
            json!({
                "title": "Service Unavailable", "status": 503, "kind": "not_ready",
                "detail": "plugin \"store-plugin\" failed: it crashed too often",
                "workflow": "running",
                "plugins": [{ "name": "store-plugin", "state": "failed" }],
                "problems": [{
                    "kind": "plugin", "plugin": "store-plugin",
                    "detail": "plugin \"store-plugin\" failed: it crashed too often",
                }],
            }),
        ),
        Operation::new(
            Method::GET,
            "/api/v1/events",
            "followEvents",
            TAG,
            "Everything that happens, from now on",
        )
        .about(
            "A comment line every 15 seconds shows that a silent stream lives. The last 1,024 \
             events are remembered.",
        )
        .header(
            "Last-Event-ID",
            json!({ "type": "string" }),
            "The last event that was seen: what came after it is told first.",
        )
        .streams(
            "Events with ids.",
            &events::described(),
            "id: 341ddf4b-23\nevent: run.finished\ndata: {\"event\":\"finished\",\
             \"run\":\"786395a4-3e6e-4883-a3d5-d2f70f45401f\",\"pipeline\":\"hello\",\
             \"status\":\"succeeded\"}\n\n",
        ),
        Operation::new(
            Method::GET,
            "/metrics",
            "getMetrics",
            TAG,
            "The numbers of this server, for Prometheus",
        )
        .answers_text(
            200,
            "In the text format, version 0.0.4.",
            "text/plain",
            "# TYPE outboard_calls_total counter\n\
             outboard_calls_total{family=\"workflow\",plugin=\"kv\",operation=\"kv.get\",\
             outcome=\"ok\"} 12\n",
        ),
        Operation::new(
            Method::GET,
            "/openapi.json",
            "getApiDocument",
            TAG,
            "This document",
        )
        .answers(
            200,
            "OpenAPI 3.1.",
            document,
            json!({ "openapi": "3.1.0", "info": { "title": "Outboard" }, "paths": {} }),
        ),
    ]
}
