//! `GET /ui/`: is everything well?

use askama::Template;
use axum::extract::State;
use outboard_connector::host::ListQuery;

use super::{
    chart,
    format::{Moment, duration},
    page::{Ui, UiResult},
    state::Mark,
};
use crate::{
    overview::{Problem, Severity, problems},
    processes::Family,
    security::Permission,
    server::AppState,
    stats::Which,
};

/// How many runs are shown.
const RUNS: usize = 8;

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    problems: Vec<Shown>,
    notes: Vec<Shown>,
    charts: Vec<Chart>,
    all_well: Mark,
    is_empty: bool,
    plugins_dir: String,
    counts: Vec<Count>,
    runs: Vec<Run>,
    first_pipeline: Option<String>,
}

/// A small picture, and its numbers in words.
struct Chart {
    title: &'static str,
    svg: String,
    words: String,
}

/// Something that is wrong.
struct Shown {
    mark: Mark,
    is_note: bool,
    what: String,
    why: String,
    remedy: String,
    href: String,
}

impl From<Problem> for Shown {
    fn from(problem: Problem) -> Shown {
        let tone = match problem.severity {
            Severity::Bad => "bad",
            Severity::Warning => "warn",
            Severity::Note => "idle",
        };
        Shown {
            mark: Mark {
                word: problem.severity.word().to_owned(),
                tone,
            },
            is_note: problem.severity == Severity::Note,
            what: problem.what,
            why: problem.why,
            remedy: problem.remedy,
            href: problem.link,
        }
    }
}

/// What somebody must be allowed to see to hear of a problem.
fn needed(problem: &Problem) -> Permission {
    match problem.family {
        Some(Family::Connector) => Permission::CONNECTORS_READ,
        _ => Permission::PLUGINS_READ,
    }
}

fn charts(state: &AppState) -> Vec<Chart> {
    let calls = state.stats.hour(&Which::default());
    let mut charts = vec![
        Chart {
            title: "Calls",
            svg: chart::bars("chart-calls", "calls", &calls),
            words: chart::counted("calls", &calls),
        },
        Chart {
            title: "Latency",
            svg: chart::latency("chart-latency", &calls),
            words: chart::took(&calls),
        },
    ];
    if !state.engine.pipelines().is_empty() {
        let runs = state.stats.hour_of_runs(None);
        charts.push(Chart {
            title: "Runs",
            svg: chart::bars("chart-runs", "runs", &runs),
            words: chart::counted("runs", &runs),
        });
    }
    charts
}

struct Count {
    number: String,
    label: &'static str,
    href: &'static str,
}

struct Run {
    id: String,
    mark: Mark,
    pipeline: String,
    trigger: String,
    took: String,
    at: Moment,
}

pub(super) async fn overview(State(state): State<AppState>, ui: Ui) -> UiResult {
    let manager = state.plugins.manager();
    let plugins = state.plugins.list().await.unwrap_or_default();
    let problems: Vec<Shown> = problems(&state)
        .await
        .into_iter()
        .filter(|problem| ui.may(&needed(problem)))
        .map(Shown::from)
        .collect();
    let connectors = match &state.connectors {
        Some(host) => host
            .list(ListQuery { kind: None })
            .await
            .unwrap_or_default(),
        None => Vec::new(),
    };
    let pipelines = state.engine.pipelines();
    let runs = if ui.may(&Permission::RUNS_READ) {
        state.engine.run_summaries()
    } else {
        Vec::new()
    };
    let loaded = plugins.iter().filter(|plugin| plugin.loaded).count();
    let count = |number: String, label, href| Count {
        number,
        label,
        href,
    };
    let counts = vec![
        count(
            format!("{loaded} of {}", plugins.len()),
            "plugins loaded",
            "/ui/plugins",
        ),
        count(connectors.len().to_string(), "connectors", "/ui/plugins"),
        count(pipelines.len().to_string(), "pipelines", "/ui/runs"),
        count(runs.len().to_string(), "runs remembered", "/ui/runs"),
    ];
    let charts = match ui.may(&Permission::RUNS_READ) {
        true => charts(&state),
        false => Vec::new(),
    };
    let (notes, problems) = problems.into_iter().partition(|shown| shown.is_note);
    let body = Overview {
        problems,
        notes,
        charts,
        all_well: Mark {
            word: "Everything is well".to_owned(),
            tone: "good",
        },
        is_empty: plugins.is_empty() && connectors.is_empty() && pipelines.is_empty(),
        plugins_dir: manager.plugins_dir().display().to_string(),
        counts,
        first_pipeline: pipelines.into_iter().next().map(|pipeline| pipeline.name),
        runs: runs
            .into_iter()
            .take(RUNS)
            .map(|run| Run {
                mark: Mark::of(run.status.as_str()),
                id: run.id,
                pipeline: run.pipeline,
                trigger: run.trigger,
                took: duration(run.duration),
                at: Moment::new(run.started_at, ui.now),
            })
            .collect(),
    };
    ui.page("Overview", "overview", &body)
}
