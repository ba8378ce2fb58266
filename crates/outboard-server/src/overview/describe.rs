//! The list of what needs somebody, as the document of the API describes it.

use http::Method;
use serde_json::json;

use super::ProblemList;
use crate::openapi::{Operation, schema_of};

pub(crate) fn operation() -> Operation {
    Operation::new(
        Method::GET,
        "/api/v1/problems",
        "listProblems",
        "server",
        "What needs somebody, with why and what to do",
    )
    .answers(
        200,
        "Worst first.",
        schema_of::<ProblemList>,
        json!({ "problems": [{
            "severity": "bad", "kind": "failed", "family": "workflow", "name": "kv", "what": "kv",
            "why": "has failed: it crashed too often", "remedy": "see its log, then reload it",
            "link": "/ui/plugins/workflow/kv",
        }] }),
    )
}
