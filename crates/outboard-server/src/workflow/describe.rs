//! The routes of pipelines and runs, as the document of the API describes them.

use http::Method;
use outboard_workflow::engine::{PipelineInfo, pipeline::RunResult};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::{Page, RunSummary};
use crate::openapi::{Operation, schema_of};

const TAG: &str = "pipelines";

/// What starts a run: an object as it is, anything else as its field `body`.
fn any_json(_: &mut SchemaGenerator) -> Schema {
    json_schema!({})
}

fn of_pipeline(operation: Operation) -> Operation {
    let schema = json!({ "type": "string" });
    operation
        .path("name", schema, "The pipeline's name.", "hello")
        .fails(404, &["not_found"])
}

pub(crate) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            Method::GET,
            "/api/v1/pipelines",
            "listPipelines",
            TAG,
            "The pipelines of the workflow file",
        )
        .paged("The value of `next`, to get the rest.")
        .answers(
            200,
            "In the order of the file.",
            schema_of::<Page<PipelineInfo>>,
            json!({ "items": [pipeline()], "next": null }),
        ),
        of_pipeline(Operation::new(
            Method::GET,
            "/api/v1/pipelines/{name}",
            "getPipeline",
            TAG,
            "One pipeline",
        ))
        .answers(200, "It.", schema_of::<PipelineInfo>, pipeline()),
        of_pipeline(Operation::new(
            Method::POST,
            "/api/v1/pipelines/{name}/run",
            "runPipeline",
            TAG,
            "Runs a pipeline and waits for its end",
        ))
        .about(
            "A run that fails is answered with 200 too: `status` and `error` say how it ended. A \
             client that goes away cancels its run, unless it sent an `Idempotency-Key`.",
        )
        .may_take(
            any_json,
            "What the run begins with: an object as it is, any other JSON as its field `body`.",
            json!({ "name": "world" }),
        )
        .answers(
            200,
            "The run, once it has ended.",
            schema_of::<RunResult>,
            run(),
        )
        .fails(400, &["bad_input"])
        .fails(409, &["wrong_state"]),
        Operation::new(
            Method::GET,
            "/api/v1/runs",
            "listRuns",
            TAG,
            "Runs, newest first",
        )
        .about("The last 1,000 runs are remembered, in memory: a restart forgets them.")
        .paged("The value of `next`, to get the rest. New runs do not shift it.")
        .answers(
            200,
            "Without their data.",
            schema_of::<Page<RunSummary>>,
            json!({
                "items": [{
                    "id": "66660dad-efe1-4e72-8be3-6a01168d6c9c", "pipeline": "hello",
                    "trigger": "http", "status": "succeeded",
                    "started_at": "2026-11-24T01:43:59.994403913Z", "duration_ms": 0.198,
                }],
                "next": "66660dad-efe1-4e72-8be3-6a01168d6c9c",
            }),
        ),
        Operation::new(
            Method::GET,
            "/api/v1/runs/{id}",
            "getRun",
            TAG,
            "One run with its steps, also while it goes on",
        )
        .path(
            "id",
            json!({ "type": "string" }),
            "The run's id.",
            "d24a3842-7e60-4104-9c51-df89b8b591f8",
        )
        .answers(200, "It.", schema_of::<RunResult>, run())
        .fails(404, &["not_found"]),
    ]
}

fn pipeline() -> Value {
    json!({
        "name": "hello", "on_error": "stop", "steps": [{ "name": "say", "type": "step.log" }],
        "triggers": ["http POST /hello"],
    })
}

fn run() -> Value {
    json!({
        "id": "d24a3842-7e60-4104-9c51-df89b8b591f8", "pipeline": "hello", "trigger": "manual",
        "status": "succeeded", "started_at": "2026-11-24T01:43:59.855735923Z",
        "duration_ms": 0.178,
        "input": { "name": "world" }, "output": { "message": "hello world" },
        "steps": [{
            "name": "say", "type": "step.log", "plugin": "builtin", "status": "succeeded",
            "offset_ms": 0.02, "duration_ms": 0.103, "input": { "message": "hello world" },
            "output": { "message": "hello world" },
        }],
    })
}
