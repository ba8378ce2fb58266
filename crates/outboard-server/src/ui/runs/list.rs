//! `GET /ui/runs`: what happened when? Runs of pipelines and calls of connectors, newest
//! first, in one table.
//!
//! The two lie in different places, so a page takes as many of each as it may hold, puts
//! them in order and keeps the newest. The cursor says how far each of the two has come:
//! `RUN~CALL`, either of which may be empty.

use std::time::Duration;

use askama::Template;
use axum::extract::{Query, State};
use jiff::Timestamp;
use outboard_connector::host::{HistoryEntry, HistoryQuery};
use outboard_workflow::engine::pipeline::RunSummary;
use serde::Deserialize;

use super::super::{
    format::{Moment, duration},
    page::{Ui, UiResult},
    state::Mark,
};
use crate::{connectors::problem_of_host, http::Problem, server::AppState};

/// How many rows a page has.
const PAGE: usize = 50;
/// The longest error that a row shows, in characters; the rest is on its own page.
const MAX_ERROR: usize = 160;

/// The outcomes that one can ask for: the word, whether calls have it, whether runs have it.
const OUTCOMES: &[(&str, bool, bool)] = &[
    ("failed", true, true),
    ("running", false, true),
    ("succeeded", true, true),
    ("cancelled", true, true),
    ("timed out", true, true),
    ("operation error", true, false),
    ("transport error", true, false),
    ("unavailable", true, false),
    ("too large", true, false),
    ("refused", true, false),
];

#[derive(Template)]
#[template(path = "runs/list.html")]
struct RunsPage {
    path: String,
    query: RunsQuery,
    sources: Vec<Source>,
    outcomes: Vec<&'static str>,
    rows: Vec<Row>,
    next: Option<String>,
    /// What could not be read, if something could not.
    partial: Option<Problem>,
    first_pipeline: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RunsQuery {
    q: String,
    of: String,
    outcome: String,
    caller: String,
    cursor: String,
}

impl RunsQuery {
    fn is_filtered(&self) -> bool {
        [&self.q, &self.of, &self.outcome, &self.caller]
            .iter()
            .any(|text| !text.is_empty())
    }

    fn outcome(&self) -> Option<&(&'static str, bool, bool)> {
        OUTCOMES.iter().find(|(word, ..)| *word == self.outcome)
    }

    /// The page that goes on at a cursor.
    fn at(&self, cursor: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (key, value) in [
            ("q", self.q.as_str()),
            ("of", &self.of),
            ("outcome", &self.outcome),
            ("caller", &self.caller),
            ("cursor", cursor),
        ] {
            if !value.is_empty() {
                query.append_pair(key, value);
            }
        }
        format!("/ui/runs?{}", query.finish())
    }

    /// Whether it asks for a run like that.
    fn wants(&self, run: &RunSummary) -> bool {
        let of = match self.of.split_once(':') {
            Some(("pipeline", name)) => run.pipeline == name,
            _ => self.of.is_empty(),
        };
        let status = run.status.as_str();
        let outcome = match self.outcome.as_str() {
            "" => true,
            "failed" => matches!(status, "failed" | "timed_out"),
            word => word.replace(' ', "_") == status,
        };
        let text = format!(
            "{} {} {} {}",
            run.pipeline,
            run.id,
            run.trigger,
            run.error.as_deref().unwrap_or_default()
        );
        of && outcome
            && (self.caller.is_empty() || self.caller == run.trigger)
            && text.to_lowercase().contains(&self.q.to_lowercase())
    }

    /// What it asks of the calls; `None` if no call is like that.
    fn of_calls(&self, before: &str) -> Option<HistoryQuery> {
        let key = match self.of.split_once(':') {
            Some(("connector", key)) => Some(key.to_owned()),
            Some(_) => return None,
            None => None,
        };
        if !self.outcome.is_empty() && self.outcome().is_none_or(|(_, of_calls, _)| !of_calls) {
            return None;
        }
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Some(HistoryQuery {
            key,
            outcome: some(match self.outcome.as_str() {
                "succeeded" => "ok",
                "timed out" => "deadline",
                word => word,
            })
            .map(|word| word.replace(' ', "_")),
            caller: some(&self.caller),
            q: some(&self.q),
            cursor: some(before),
            limit: Some(PAGE),
            ..HistoryQuery::default()
        })
    }
}

/// A pipeline or a connector that one can choose.
struct Source {
    value: String,
    name: String,
    kind: &'static str,
}

/// One row.
struct Row {
    started_at: Timestamp,
    /// Its part of the cursor.
    cursor: Position,
    href: String,
    mark: Mark,
    name: String,
    operation: Option<String>,
    kind: &'static str,
    caller: String,
    took: String,
    at: Moment,
    error: Option<String>,
}

enum Position {
    Run(String),
    Call(String),
}

pub(super) async fn list(
    State(state): State<AppState>,
    Query(query): Query<RunsQuery>,
    ui: Ui,
) -> UiResult {
    let (run_cursor, call_cursor) = query.cursor.split_once('~').unwrap_or_default();
    let mut runs = state.engine.run_summaries();
    if !run_cursor.is_empty() {
        let at = runs.iter().position(|run| run.id == run_cursor);
        let at = at.ok_or_else(|| {
            Problem::bad_request("this page begins after a run that is forgotten")
                .with_hint("begin again at /ui/runs")
        })?;
        runs.drain(..=at);
    }
    let runs = runs.into_iter().filter(|run| query.wants(run));
    // One more says whether there is another page.
    let mut rows: Vec<Row> = runs
        .take(PAGE + 1)
        .map(|run| row_of_run(run, &ui))
        .collect();
    let mut more = rows.len() > PAGE;

    let mut partial = None;
    let mut sources = pipelines(&state);
    if let Some(host) = &state.connectors {
        match host.list(Default::default()).await {
            Ok(connectors) => sources.extend(connectors.into_iter().map(|connector| Source {
                value: format!("connector:{}", connector.key),
                name: connector.key,
                kind: "connector",
            })),
            Err(error) => partial = Some(problem_of_host(&error)),
        }
        if let Some(calls) = query.of_calls(call_cursor) {
            match host.history(calls).await {
                Ok(page) => {
                    more |= page.next_cursor.is_some();
                    rows.extend(page.calls.into_iter().map(|call| row_of_call(call, &ui)));
                }
                Err(error) => partial = Some(problem_of_host(&error)),
            }
        }
    }
    // Runs come before calls of the same moment, on each page alike.
    rows.sort_by_key(|row| std::cmp::Reverse(row.started_at));
    more |= rows.len() > PAGE;
    rows.truncate(PAGE);
    let next = more.then(|| query.at(&cursor(&rows, run_cursor, call_cursor)));
    let body = RunsPage {
        path: ui.path.clone(),
        sources,
        outcomes: OUTCOMES.iter().map(|(word, ..)| *word).collect(),
        rows,
        next,
        partial,
        first_pipeline: state
            .engine
            .pipelines()
            .into_iter()
            .next()
            .map(|one| one.name),
        query,
    };
    ui.page("Runs", "runs", &body)
}

/// Where the page after these rows begins.
fn cursor(rows: &[Row], run: &str, call: &str) -> String {
    let mut at = (run, call);
    for row in rows {
        match &row.cursor {
            Position::Run(id) => at.0 = id,
            Position::Call(id) => at.1 = id,
        }
    }
    format!("{}~{}", at.0, at.1)
}

fn pipelines(state: &AppState) -> Vec<Source> {
    let pipelines = state.engine.pipelines().into_iter();
    pipelines
        .map(|pipeline| Source {
            value: format!("pipeline:{}", pipeline.name),
            name: pipeline.name,
            kind: "pipeline",
        })
        .collect()
}

fn row_of_run(run: RunSummary, ui: &Ui) -> Row {
    Row {
        started_at: run.started_at,
        href: format!("/ui/runs/{}", run.id),
        mark: Mark::of(run.status.as_str()),
        name: run.pipeline,
        operation: None,
        kind: "pipeline",
        caller: run.trigger,
        took: duration(run.duration),
        at: Moment::new(run.started_at, ui.now),
        error: run.error.as_deref().map(shortened),
        cursor: Position::Run(run.id),
    }
}

fn row_of_call(call: HistoryEntry, ui: &Ui) -> Row {
    // The host writes what can be read; a moment that cannot is the oldest.
    let started_at = call.started_at.parse().unwrap_or(Timestamp::UNIX_EPOCH);
    Row {
        started_at,
        href: format!("/ui/calls/{}", call.id),
        mark: Mark::of(&call.outcome),
        name: call.connector,
        operation: Some(call.operation),
        kind: "connector",
        caller: call.caller,
        took: duration(Duration::from_millis(call.duration_ms)),
        at: Moment::new(started_at, ui.now),
        error: call.error.as_deref().map(shortened),
        cursor: Position::Call(call.id),
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_ERROR) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}…", &text[..at]),
    }
}

#[cfg(test)]
mod tests {
    use outboard_workflow::engine::pipeline::RunStatus;

    use super::*;

    fn summary(pipeline: &str, status: RunStatus) -> RunSummary {
        RunSummary {
            id: "r1".to_owned(),
            pipeline: pipeline.to_owned(),
            trigger: "http".to_owned(),
            status,
            started_at: Timestamp::UNIX_EPOCH,
            duration: Duration::ZERO,
            error: Some("No such file".to_owned()),
        }
    }

    fn query(of: &str, outcome: &str, caller: &str, q: &str) -> RunsQuery {
        RunsQuery {
            q: q.to_owned(),
            of: of.to_owned(),
            outcome: outcome.to_owned(),
            caller: caller.to_owned(),
            cursor: String::new(),
        }
    }

    #[test]
    fn runs_are_chosen_by_pipeline_outcome_caller_and_text() {
        let run = summary("restock", RunStatus::TimedOut);
        for (query, wants) in [
            (query("", "", "", ""), true),
            (query("pipeline:restock", "failed", "http", "FILE"), true),
            (query("", "timed out", "", "r1"), true),
            (query("pipeline:hello", "", "", ""), false),
            (query("connector:restock", "", "", ""), false),
            (query("", "succeeded", "", ""), false),
            (query("", "", "cli", ""), false),
            (query("", "", "", "nothing like it"), false),
        ] {
            assert_eq!(query.wants(&run), wants, "{query:?}");
        }
    }

    #[test]
    fn calls_are_asked_for_in_the_words_of_their_history() {
        let asked = query("connector:weather", "timed out", "cli", "Bern").of_calls("7");
        let asked = asked.expect("a query");
        assert_eq!(asked.key.as_deref(), Some("weather"));
        assert_eq!(asked.outcome.as_deref(), Some("deadline"));
        assert_eq!(asked.cursor.as_deref(), Some("7"));
        let error = query("", "operation error", "", "").of_calls("");
        let error = error.expect("a query");
        assert_eq!(error.outcome.as_deref(), Some("operation_error"));
        assert_eq!((error.cursor, error.q), (None, None));
        assert_eq!(query("pipeline:a", "", "", "").of_calls(""), None);
        assert_eq!(query("", "running", "", "").of_calls(""), None);
        assert_eq!(query("", "no such word", "", "").of_calls(""), None);
    }

    #[test]
    fn the_next_page_keeps_the_filters_and_escapes_them() {
        let query = query("connector:a", "", "", "a&b=<c>");
        assert_eq!(
            query.at("r1~9"),
            "/ui/runs?q=a%26b%3D%3Cc%3E&of=connector%3Aa&cursor=r1%7E9"
        );
    }

    #[test]
    fn long_errors_are_cut_between_characters() {
        let long = "ü".repeat(MAX_ERROR + 1);
        assert_eq!(shortened(&long).chars().count(), MAX_ERROR + 1);
        assert_eq!(shortened("short"), "short");
    }
}
