//! The tab with what a plugin or a connector has done.

use std::time::Duration;

use askama::Template;
use outboard_connector::host::HistoryQuery;
use outboard_workflow::engine::TypeKind;

use super::connector::{Connector, failed};
use crate::{
    http::Problem,
    server::AppState,
    ui::{
        commands::in_path,
        format::{Moment, duration},
        page::Ui,
        state::Mark,
    },
};

/// How many are shown.
const SHOWN: usize = 50;

#[derive(Template)]
#[template(path = "plugin/runs.html")]
pub(super) struct Runs {
    /// What a line is called.
    what: &'static str,
    rows: Vec<Row>,
    all: String,
    empty: &'static str,
}

struct Row {
    mark: Mark,
    name: String,
    href: String,
    detail: String,
    by: String,
    took: String,
    at: Option<Moment>,
    error: String,
    version: String,
}

/// The runs of pipelines with steps of the plugin.
pub(super) fn of_workflow(state: &AppState, ui: &Ui, name: &str) -> Runs {
    let owners = state.engine.registry().types(TypeKind::Step);
    let pipelines: Vec<String> = state
        .engine
        .pipelines()
        .into_iter()
        .filter(|pipeline| {
            let mut steps = pipeline.steps.iter();
            steps.any(|step| {
                owners
                    .get(&step.step_type)
                    .is_some_and(|owner| owner == name)
            })
        })
        .map(|pipeline| pipeline.name)
        .collect();
    let runs = state.engine.runs().into_iter();
    let rows = runs
        .filter(|run| pipelines.contains(&run.pipeline))
        .take(SHOWN)
        .map(|run| Row {
            mark: Mark::of(run.status.as_str()),
            href: format!("/ui/runs/{}", in_path(&run.id)),
            name: run.pipeline,
            detail: String::new(),
            by: run.trigger,
            took: duration(run.duration),
            at: Some(Moment::new(run.started_at, ui.now)),
            error: run.error.map(|error| error.message).unwrap_or_default(),
            version: String::new(),
        });
    Runs {
        what: "Pipeline",
        rows: rows.collect(),
        all: "/ui/runs".to_owned(),
        empty: match pipelines.is_empty() {
            true => "No pipeline of the workflow has a step of this plugin.",
            false => "None of its pipelines has run since the server was started.",
        },
    }
}

/// The calls of a connector.
pub(super) async fn of_connector(ui: &Ui, connector: &Connector) -> Result<Runs, Problem> {
    let key = &connector.description.summary.key;
    let query = HistoryQuery {
        key: Some(key.clone()),
        limit: Some(SHOWN),
        ..HistoryQuery::default()
    };
    let page = connector.host.history(query).await;
    let page = page.map_err(|error| failed(&error))?;
    let rows = page.calls.into_iter().map(|call| Row {
        mark: Mark::of(&call.outcome),
        href: format!("/ui/calls/{}", in_path(&call.id)),
        name: call.operation,
        detail: call.instance,
        by: call.caller,
        took: duration(Duration::from_millis(call.duration_ms)),
        at: Moment::parse(&call.started_at, ui.now),
        error: call.error.unwrap_or_default(),
        version: call.version,
    });
    Ok(Runs {
        what: "Operation",
        rows: rows.collect(),
        all: format!("/ui/runs?key={}", in_path(key)),
        empty: "It was not called yet. Run one of its operations.",
    })
}
