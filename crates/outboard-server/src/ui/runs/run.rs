//! `GET /ui/runs/{id}`: what happened in one run, step by step.

use std::time::Duration;

use askama::Template;
use axum::extract::{Path, State};
use outboard_workflow::engine::pipeline::{RunError, RunResult, StepRecord};

use super::{
    super::{
        format::{Moment, duration},
        page::{Ui, UiResult},
        state::Mark,
    },
    value::Shown,
    waterfall::{Bar, WIDTH, whole},
};
use crate::{http::Problem, security::Permission, server::AppState};

#[derive(Template)]
#[template(path = "runs/run.html")]
struct RunPage {
    id: String,
    path: String,
    pipeline: String,
    mark: Mark,
    goes_on: bool,
    trigger: String,
    at: Moment,
    took: String,
    whole: String,
    width: u32,
    error: Option<Failure>,
    steps: Vec<Step>,
    undone: Vec<Step>,
    input: Shown,
    output: Shown,
    again: bool,
}

/// Why something failed.
struct Failure {
    kind: String,
    message: String,
    step: String,
}

struct Step {
    /// Unique on the page.
    id: String,
    name: String,
    step_type: String,
    plugin: Option<String>,
    /// Whether the plugin has a page.
    linked: bool,
    version: String,
    mark: Mark,
    took: String,
    bar: Bar,
    input: Option<Shown>,
    output: Shown,
    error: Option<Failure>,
}

impl Failure {
    fn of(error: RunError) -> Failure {
        // A word, or an object with one word for one word.
        let kind = serde_json::to_value(error.kind).unwrap_or_default();
        let kind = match &kind {
            serde_json::Value::String(word) => word.clone(),
            serde_json::Value::Object(map) => map
                .iter()
                .map(|(of, word)| format!("{of} {}", word.as_str().unwrap_or_default()))
                .collect(),
            _ => String::new(),
        };
        Failure {
            kind: kind.replace('_', " "),
            message: error.message,
            step: error.step.unwrap_or_default(),
        }
    }
}

pub(super) async fn run(State(state): State<AppState>, Path(id): Path<String>, ui: Ui) -> UiResult {
    let run = state.engine.run_by_id(&id).ok_or_else(|| {
        Problem::not_found(format!("there is no run {id:?}, or it is forgotten"))
            .with_hint("the last 1,000 runs are remembered, until the server stops")
    })?;
    // The engine's own steps, and calls of connectors, come from no plugin with a page.
    let has_page = |plugin: &str| state.plugins.manager().status(plugin).is_some();
    let knows = |pipeline: &str| {
        let pipelines = state.engine.pipelines();
        pipelines.iter().any(|one| one.name == pipeline)
    };
    let again = ui.may(&Permission::PIPELINES_RUN) && knows(&run.pipeline);
    let title = format!("Run of {}", run.pipeline);
    ui.page(&title, "runs", &page(&ui, run, &has_page, again))
}

fn page(ui: &Ui, run: RunResult, has_page: &dyn Fn(&str) -> bool, again: bool) -> RunPage {
    let all = run.steps.iter().chain(&run.compensations);
    let whole = whole(run.duration, all.map(|step| (step.offset, step.duration)));
    let shown = |prefix: &str, steps: Vec<StepRecord>| -> Vec<Step> {
        let numbered = steps.into_iter().enumerate();
        numbered
            .map(|(index, record)| step(format!("{prefix}{index}"), record, whole, has_page))
            .collect()
    };
    RunPage {
        mark: Mark::of(run.status.as_str()),
        goes_on: !run.status.is_final(),
        at: Moment::new(run.started_at, ui.now),
        took: duration(run.duration),
        whole: duration(whole),
        width: WIDTH,
        error: run.error.map(Failure::of),
        steps: shown("step-", run.steps),
        undone: shown("undone-", run.compensations),
        input: Shown::of(&run.input),
        output: Shown::of(&run.output),
        path: ui.path.clone(),
        id: run.id,
        pipeline: run.pipeline,
        trigger: run.trigger,
        again,
    }
}

fn step(id: String, record: StepRecord, whole: Duration, has_page: &dyn Fn(&str) -> bool) -> Step {
    Step {
        id,
        linked: record.plugin.as_deref().is_some_and(has_page),
        mark: Mark::of(record.status.as_str()),
        took: duration(record.duration),
        bar: Bar::new(record.offset, record.duration, whole),
        input: record.input.as_ref().map(Shown::of),
        output: Shown::of(&record.output),
        error: record.error.map(Failure::of),
        name: record.name,
        step_type: record.step_type,
        plugin: record.plugin,
        version: record.plugin_version.unwrap_or_default(),
    }
}
