//! `GET /ui/`: is everything well?

use askama::Template;
use axum::extract::State;
use outboard_connector::host::ListQuery;
use outboard_workflow::external::PluginState;

use super::{
    format::{Moment, duration},
    page::{Ui, UiResult},
    state::Mark,
};
use crate::{security::Permission, server::AppState};

/// How many runs are shown.
const RUNS: usize = 8;

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    problems: Vec<Shown>,
    all_well: Mark,
    is_empty: bool,
    plugins_dir: String,
    counts: Vec<Count>,
    runs: Vec<Run>,
    first_pipeline: Option<String>,
}

/// Something that is wrong.
struct Shown {
    what: String,
    why: String,
    remedy: String,
    href: String,
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
    let mut problems = Vec::new();
    for plugin in &plugins {
        if let Some(PluginState::Failed { reason }) =
            manager.status(&plugin.name).map(|status| status.state)
        {
            problems.push(Shown {
                what: plugin.name.clone(),
                why: format!("has failed: {reason}"),
                remedy: "see its log, mend it, and reload it".to_owned(),
                href: format!("/ui/plugins/workflow/{}", plugin.name),
            });
        }
    }
    let connectors = match &state.connectors {
        Some(host) => host
            .list(ListQuery { kind: None })
            .await
            .unwrap_or_default(),
        None => Vec::new(),
    };
    for connector in &connectors {
        if let Some(problem) = &connector.problem {
            problems.push(Shown {
                what: connector.key.clone(),
                why: problem.detail.clone(),
                remedy: "install it again, or remove it".to_owned(),
                href: format!("/ui/plugins/connector/{}", connector.key),
            });
        }
    }
    let pipelines = state.engine.pipelines();
    let runs = if ui.may(&Permission::RUNS_READ) {
        state.engine.runs()
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
    let body = Overview {
        problems,
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
