//! Pipelines and runs over HTTP, and the requests that start pipelines.
//!
//! | route | answers |
//! |---|---|
//! | `GET /api/v1/pipelines?limit=&cursor=` | pipelines; `next` is the cursor of the rest |
//! | `GET /api/v1/pipelines/{name}` | one pipeline |
//! | `POST /api/v1/pipelines/{name}/run` | the run, once it has ended; its `status` says how |
//! | `GET /api/v1/runs?limit=&cursor=` | runs, newest first; `next` is the cursor of the rest |
//! | `GET /api/v1/runs/{id}` | one run with its steps |
//! | what the workflow's HTTP triggers say | the run's output, or why it failed |

mod describe;
mod problem;

use axum::{
    Json, Router,
    body::to_bytes,
    extract::{Path, Query, Request, State},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, Uri, header};
use outboard_workflow::engine::{
    Engine, HttpMatch, Map, PipelineInfo, RunEvent,
    pipeline::{self, RunResult, RunStatus},
    trigger_data,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::{self, error::RecvError};

pub(crate) use self::{describe::operations, problem::problem_of_engine};
use crate::{events::Events, http::Problem, server::AppState};

/// How many items a page has if nobody says how many, and how many it may have.
const PAGE: usize = 50;
const MAX_PAGE: usize = 500;
/// Largest body of a request that starts a pipeline, in bytes.
const MAX_BODY: usize = 8 * 1024 * 1024;

pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/api/v1/pipelines", get(pipelines))
        .route("/api/v1/pipelines/{name}", get(pipeline))
        .route("/api/v1/pipelines/{name}/run", post(run))
        .route("/api/v1/runs", get(runs))
        .route("/api/v1/runs/{id}", get(run_by_id))
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "PageOf{T}")]
struct Page<T> {
    items: Vec<T>,
    next: Option<String>,
}

impl PageQuery {
    /// A page of a list. A cursor is the id of the last item of the page before, so that
    /// new items do not shift the rest.
    fn page<T>(
        &self,
        items: Vec<T>,
        what: &'static str,
        id: impl Fn(&T) -> &str,
    ) -> Result<Page<T>, Problem> {
        let limit = self.limit.unwrap_or(PAGE).clamp(1, MAX_PAGE);
        let from = match &self.cursor {
            None => 0,
            Some(cursor) => match items.iter().position(|item| id(item) == cursor) {
                Some(index) => index + 1,
                None => {
                    let detail = format!("the cursor is of a {what} that is forgotten");
                    return Err(
                        Problem::bad_request(detail).with_hint("begin again without a cursor")
                    );
                }
            },
        };
        let more = items.len() > from.saturating_add(limit);
        let items: Vec<T> = items.into_iter().skip(from).take(limit).collect();
        let next = items
            .last()
            .filter(|_| more)
            .map(|last| id(last).to_owned());
        Ok(Page { items, next })
    }
}

async fn pipelines(
    State(engine): State<Engine>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<PipelineInfo>>, Problem> {
    let page = query.page(engine.pipelines(), "pipeline", |pipeline| &pipeline.name)?;
    Ok(Json(page))
}

async fn pipeline(
    State(engine): State<Engine>,
    Path(name): Path<String>,
) -> Result<Json<PipelineInfo>, Problem> {
    let found = engine
        .pipelines()
        .into_iter()
        .find(|pipeline| pipeline.name == name);
    found.map(Json).ok_or_else(|| {
        Problem::not_found(format!("there is no pipeline {name:?}"))
            .with_hint("see GET /api/v1/pipelines")
    })
}

async fn run(
    State(engine): State<Engine>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Json<RunResult>, Problem> {
    let input = trigger_data(&body).map_err(|error| problem_of_engine(&error))?;
    let run = engine.run(&name, "manual", input).await;
    run.map(Json).map_err(|error| problem_of_engine(&error))
}

#[derive(Deserialize)]
struct PageQuery {
    #[serde(default)]
    limit: Option<usize>,
    #[serde(default)]
    cursor: Option<String>,
}

/// A run without its data, for lists.
#[derive(JsonSchema, Serialize)]
struct RunSummary {
    id: String,
    pipeline: String,
    trigger: String,
    status: RunStatus,
    started_at: String,
    duration_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl From<pipeline::RunSummary> for RunSummary {
    fn from(run: pipeline::RunSummary) -> RunSummary {
        RunSummary {
            id: run.id,
            pipeline: run.pipeline,
            trigger: run.trigger,
            status: run.status,
            started_at: run.started_at.to_string(),
            duration_ms: run.duration.as_micros() as f64 / 1000.0,
            error: run.error,
        }
    }
}

async fn runs(
    State(engine): State<Engine>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<RunSummary>>, Problem> {
    let Page { items, next } = query.page(engine.run_summaries(), "run", |run| &run.id)?;
    let items = items.into_iter().map(RunSummary::from).collect();
    Ok(Json(Page { items, next }))
}

async fn run_by_id(
    State(engine): State<Engine>,
    Path(id): Path<String>,
) -> Result<Json<RunResult>, Problem> {
    engine.run_by_id(&id).map(Json).ok_or_else(|| {
        Problem::not_found(format!("there is no run {id:?}, or it is forgotten"))
            .with_hint("see GET /api/v1/runs")
    })
}

/// A request that is for an HTTP trigger.
pub(crate) enum Triggered {
    Pipeline(String),
    WrongMethod(Vec<String>),
}

/// What a request starts, if it starts anything.
pub(crate) fn trigger(engine: &Engine, method: &Method, uri: &Uri) -> Option<Triggered> {
    match engine.http_table().find(method, uri.path()) {
        HttpMatch::Pipeline(pipeline) => Some(Triggered::Pipeline(pipeline)),
        HttpMatch::MethodNotAllowed(methods) => Some(Triggered::WrongMethod(methods)),
        HttpMatch::NotFound => None,
    }
}

#[derive(Serialize)]
struct Answer {
    run_id: String,
    status: RunStatus,
    output: Map,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Triggered {
    pub(crate) async fn answer(self, state: AppState, request: Request) -> Response {
        let pipeline = match self {
            Triggered::Pipeline(pipeline) => pipeline,
            Triggered::WrongMethod(methods) => {
                let allow = methods.join(", ");
                let detail = format!("this path takes {allow}");
                let status = StatusCode::METHOD_NOT_ALLOWED;
                let mut response =
                    Problem::new(status, "method_not_allowed", detail).into_response();
                if let Ok(allow) = HeaderValue::from_str(&allow) {
                    response.headers_mut().insert(header::ALLOW, allow);
                }
                return response;
            }
        };
        let Ok(body) = to_bytes(request.into_body(), MAX_BODY).await else {
            let detail = format!("the body has more than {MAX_BODY} bytes, or did not arrive");
            let status = StatusCode::PAYLOAD_TOO_LARGE;
            return Problem::new(status, "too_large", detail).into_response();
        };
        let input = match trigger_data(&body) {
            Ok(input) => input,
            Err(error) => return problem_of_engine(&error).into_response(),
        };
        match state.engine.run(&pipeline, "http", input).await {
            Err(error) => problem_of_engine(&error).into_response(),
            Ok(run) => {
                let status = match &run.error {
                    None => StatusCode::OK,
                    Some(error) => problem_of_engine(&error.error).status,
                };
                let answer = Answer {
                    run_id: run.id,
                    status: run.status,
                    output: run.output,
                    error: run.error.map(|error| error.message),
                };
                (status, Json(answer)).into_response()
            }
        }
    }
}

/// Remembers what happens to runs, until the engine is gone.
pub(crate) async fn record_runs(events: Events, mut runs: broadcast::Receiver<RunEvent>) {
    loop {
        match runs.recv().await {
            Ok(event) => {
                let name = match &event {
                    RunEvent::Started { .. } => "run.started",
                    RunEvent::StepFinished { .. } => "run.step_finished",
                    RunEvent::Finished { .. } => "run.finished",
                    _ => "run.other",
                };
                events.ring().push(name, &event);
            }
            Err(RecvError::Lagged(count)) => {
                events.ring().miss(count);
                events
                    .ring()
                    .push("lost", &serde_json::json!({ "count": count }));
            }
            Err(RecvError::Closed) => return,
        }
    }
}
