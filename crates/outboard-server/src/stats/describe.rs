//! The numbers of the last hour, as the document of the API describes them.

use http::Method;
use serde_json::json;

use super::route::Answer;
use crate::openapi::{Operation, schema_of};

pub(crate) fn operation() -> Operation {
    let text = || json!({ "type": "string" });
    Operation::new(
        Method::GET,
        "/api/v1/stats",
        "getStats",
        "server",
        "How calls went in the last hour, minute by minute",
    )
    .about("Of calls, or of the runs of pipelines.")
    .query(
        "of",
        json!({ "type": "string", "enum": ["calls", "runs"] }),
        "Of what; of runs if a pipeline is named, else of calls.",
    )
    .query("pipeline", text(), "Runs of this pipeline alone.")
    .query(
        "family",
        json!({ "type": "string", "enum": ["workflow", "connector"] }),
        "Of this family of plugins alone.",
    )
    .query("plugin", text(), "Of this plugin alone.")
    .query("operation", text(), "Of this operation alone.")
    .answers(
        200,
        "60 minutes, oldest first.",
        schema_of::<Answer>,
        json!({
            "from": "2026-01-01T00:00:00Z", "to": "2026-01-01T01:00:00Z", "calls": 12, "errors": 1,
            "minutes": [{
                "at": "2026-01-01T00:00:00Z", "calls": 12, "errors": 1, "p50_ms": 3.5,
                "p95_ms": 9.0, "max_ms": 11.2,
            }],
        }),
    )
}
