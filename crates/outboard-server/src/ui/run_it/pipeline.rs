//! Running a pipeline: its input as JSON, and what came of the run, step by step.

use askama::Template;
use axum::{
    Form,
    extract::{Path, State},
    response::IntoResponse as _,
};
use http::{HeaderMap, StatusCode};
use outboard_workflow::engine::{
    Engine, PipelineInfo, RunEvent, nearest,
    pipeline::{RunResult, RunStatus},
};
use serde_json::{Map, Value};
use tokio::sync::{broadcast, mpsc, oneshot};

use super::{
    outcome::{Failure, Outcome, Shown, base, took},
    stream::{self, Progress},
};
use crate::{
    connectors::wants_events,
    http::Problem,
    security::Permission,
    server::AppState,
    ui::{
        commands::{cli_of_run, curl_of_run, in_path},
        form::{Submitted, json},
        format::duration,
        page::{Ui, UiResult, render},
        state::Mark,
    },
    workflow::problem_of_engine,
};

#[derive(Template)]
#[template(path = "run/pipeline.html", blocks = ["run"])]
struct RunPipeline {
    name: String,
    description: String,
    steps: Vec<(String, String)>,
    triggers: Vec<String>,
    timeout: Option<String>,
    inputs: Vec<String>,
    action: String,
    input: String,
    input_error: Option<String>,
    outcome: Option<Outcome>,
    done_steps: Vec<DoneStep>,
    curl: String,
    cli: String,
    may_run: bool,
    csrf: String,
}

/// A step that ran.
struct DoneStep {
    mark: Mark,
    name: String,
    step_type: String,
    took: String,
    error: String,
    undone: bool,
}

/// A pipeline, and what a form of it said.
struct Asked {
    pipeline: PipelineInfo,
    base: String,
    form: Option<Submitted>,
}

impl Asked {
    fn find(
        engine: &Engine,
        name: &str,
        headers: &HeaderMap,
        form: Option<Submitted>,
    ) -> Result<Asked, Problem> {
        let mut pipelines = engine.pipelines();
        let Some(place) = pipelines.iter().position(|pipeline| pipeline.name == name) else {
            let word: String = name.chars().take(100).collect();
            let problem = Problem::not_found(format!("there is no pipeline {word:?}"));
            let known = pipelines.iter().map(|pipeline| pipeline.name.as_str());
            return Err(match (nearest(&word, known), pipelines.is_empty()) {
                (Some(near), _) => problem.with_hint(format!("did you mean {near:?}?")),
                (None, true) => problem.with_hint(
                    "no workflow runs; `outboard serve --workflow FILE.yaml` runs the pipelines \
                     of a file",
                ),
                (None, false) => {
                    let names: Vec<_> = pipelines.iter().map(|one| one.name.as_str()).collect();
                    problem.with_hint(format!("there are {}", names.join(", ")))
                }
            });
        };
        Ok(Asked {
            pipeline: pipelines.swap_remove(place),
            base: base(headers),
            form,
        })
    }

    /// The text of the editor: what was typed, or the fields that the steps look up.
    fn text(&self) -> String {
        if let Some(form) = &self.form {
            return form.get("input").unwrap_or_default().to_owned();
        }
        let fields = self.pipeline.inputs.iter();
        let fields: Map<String, Value> = fields
            .map(|field| (field.clone(), Value::from("")))
            .collect();
        serde_json::to_string_pretty(&fields).unwrap_or_default()
    }

    fn input(&self) -> Result<Map<String, Value>, String> {
        let text = self.text();
        if text.trim().is_empty() {
            return Ok(Map::new());
        }
        match json(&text)? {
            Value::Object(object) => Ok(object),
            // As the API does it.
            other => Ok(Map::from_iter([("body".to_owned(), other)])),
        }
    }

    fn page(&self, ui: &Ui, outcome: Option<Outcome>, run: Option<&RunResult>) -> RunPipeline {
        let pipeline = &self.pipeline;
        let input = self.input();
        let for_commands = Value::Object(input.clone().unwrap_or_default());
        RunPipeline {
            curl: curl_of_run(&self.base, &pipeline.name, &for_commands),
            cli: cli_of_run(&pipeline.name, &for_commands),
            name: pipeline.name.clone(),
            description: pipeline.description.clone(),
            steps: pipeline
                .steps
                .iter()
                .map(|step| (step.name.clone(), step.step_type.clone()))
                .collect(),
            triggers: pipeline.triggers.clone(),
            timeout: pipeline
                .timeout_ms
                .map(|timeout| duration(std::time::Duration::from_millis(timeout))),
            inputs: pipeline.inputs.clone(),
            action: format!("/ui/run/pipeline/{}", in_path(&pipeline.name)),
            input: self.text(),
            input_error: self.form.as_ref().and_then(|_| input.err()),
            outcome,
            done_steps: run.map_or_else(Vec::new, done_steps),
            may_run: ui.may(&Permission::PIPELINES_RUN),
            csrf: ui.csrf.clone(),
        }
    }

    fn title(&self) -> String {
        format!("Run {}", self.pipeline.name)
    }
}

fn done_steps(run: &RunResult) -> Vec<DoneStep> {
    let steps = run.steps.iter().map(|step| (step, false));
    let undone = run.compensations.iter().map(|step| (step, true));
    steps
        .chain(undone)
        .map(|(step, undone)| DoneStep {
            mark: Mark::of(step.status.as_str()),
            name: step.name.clone(),
            step_type: step.step_type.clone(),
            took: duration(step.duration),
            error: step
                .error
                .as_ref()
                .map_or_else(String::new, |error| error.message.clone()),
            undone,
        })
        .collect()
}

/// `GET /ui/run/pipeline/{name}`
pub(super) async fn form(
    State(state): State<AppState>,
    Path(name): Path<String>,
    headers: HeaderMap,
    ui: Ui,
) -> UiResult {
    let asked = Asked::find(&state.engine, &name, &headers, None)?;
    let page = asked.page(&ui, None, None);
    ui.page(&asked.title(), "runs", &page)
}

/// `POST /ui/run/pipeline/{name}`
pub(super) async fn run(
    State(state): State<AppState>,
    Path(name): Path<String>,
    headers: HeaderMap,
    ui: Ui,
    Form(pairs): Form<Vec<(String, String)>>,
) -> UiResult {
    let form = Some(Submitted::new(pairs));
    let asked = Asked::find(&state.engine, &name, &headers, form)?;
    if !wants_events(&headers) {
        let (status, page) = done(&state, &ui, &asked, None).await;
        let shown = ui.page(&asked.title(), "runs", &page)?;
        return Ok((status, shown).into_response());
    }
    let (tell, told) = stream::progress();
    let events = state.events.clone();
    let work = async move {
        let (_, page) = done(&state, &ui, &asked, Some(tell)).await;
        render(&page.as_run())
    };
    Ok(stream::answer(&events, work, told))
}

/// Runs it, if the input can be read, and makes the page that says what came of it.
async fn done(
    state: &AppState,
    ui: &Ui,
    asked: &Asked,
    tell: Option<mpsc::Sender<Progress>>,
) -> (StatusCode, RunPipeline) {
    let Ok(input) = asked.input() else {
        let page = asked.page(ui, None, None);
        return (StatusCode::UNPROCESSABLE_ENTITY, page);
    };
    let name = &asked.pipeline.name;
    let (begun, id) = oneshot::channel();
    let happens = state.engine.run_events();
    let run = state.engine.run_telling(name, "manual", input, begun);
    let run = match tell {
        None => run.await,
        Some(tell) => {
            let following = follow(id, happens, asked.pipeline.steps.len(), tell);
            tokio::pin!(run);
            tokio::select! {
                run = &mut run => run,
                // It only tells; the run goes on when there is nothing more to tell.
                () = following => run.await,
            }
        }
    };
    match run {
        Ok(run) => {
            let outcome = outcome(state, ui, &run);
            (StatusCode::OK, asked.page(ui, Some(outcome), Some(&run)))
        }
        Err(error) => {
            let problem = problem_of_engine(&error);
            let outcome = Outcome {
                mark: Mark {
                    word: "did not begin".to_owned(),
                    tone: "bad",
                },
                facts: Vec::new(),
                more: None,
                failure: Some(Failure::new(&problem)),
                result: None,
            };
            (problem.status, asked.page(ui, Some(outcome), None))
        }
    }
}

/// Tells each step of a run as it ends.
async fn follow(
    id: oneshot::Receiver<String>,
    mut happens: broadcast::Receiver<RunEvent>,
    steps: usize,
    tell: mpsc::Sender<Progress>,
) {
    let Ok(id) = id.await else { return };
    let mut done = 0;
    loop {
        match happens.recv().await {
            Ok(RunEvent::StepFinished {
                run, step, status, ..
            }) if run == id => {
                done += 1;
                let _ = tell.try_send(Progress {
                    done,
                    total: i64::try_from(steps).unwrap_or(0),
                    text: format!("{step}: {}", status.as_str().replace('_', " ")),
                });
            }
            Ok(RunEvent::Finished { run, .. }) if run == id => return,
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}

fn outcome(state: &AppState, ui: &Ui, run: &RunResult) -> Outcome {
    let failure = run.error.as_ref().map(|error| {
        let problem = problem_of_engine(&error.error);
        Failure {
            detail: error.message.clone(),
            hint: problem.hint,
            code: problem.kind.to_string(),
        }
    });
    let output = serde_json::to_string(&run.output).unwrap_or_default();
    let has_output = !run.output.is_empty() || run.status == RunStatus::Succeeded;
    Outcome {
        mark: Mark::of(run.status.as_str()),
        facts: vec![took(run.duration)],
        more: Some((
            format!("/ui/runs/{}", in_path(&run.id)),
            "This run, step by step",
        )),
        failure,
        result: has_output.then(|| Shown::new(state, ui, &output)),
    }
}
