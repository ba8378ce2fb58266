//! What came of a run, as its page shows it.

use std::time::{Duration, Instant};

use crate::{
    http::Problem,
    server::AppState,
    ui::{
        format::{bytes, duration},
        json::{Pretty, Table, pretty, tables},
        page::Ui,
        state::Mark,
    },
};

/// What came of a run.
pub(super) struct Outcome {
    pub(super) mark: Mark,
    /// Facts beside the word: how long, which version.
    pub(super) facts: Vec<(&'static str, String)>,
    /// A page with more about it.
    pub(super) more: Option<(String, &'static str)>,
    pub(super) failure: Option<Failure>,
    pub(super) result: Option<Shown>,
}

/// Why it failed.
pub(super) struct Failure {
    pub(super) detail: String,
    pub(super) hint: Option<String>,
    /// What programs branch on.
    pub(super) code: String,
}

impl Failure {
    pub(super) fn new(problem: &Problem) -> Failure {
        Failure {
            detail: problem.detail.clone(),
            hint: problem.hint.clone(),
            code: problem
                .code
                .clone()
                .unwrap_or_else(|| problem.kind.to_string()),
        }
    }
}

/// A result as JSON and as tables.
pub(super) struct Shown {
    pub(super) tables: Vec<Table>,
    pub(super) text: String,
    pub(super) size: String,
    /// Whether `text` is not all of it.
    pub(super) is_cut: bool,
    /// Where all of it is, for a while.
    pub(super) raw: Option<String>,
}

impl Shown {
    pub(super) fn new(state: &AppState, ui: &Ui, json: &str) -> Shown {
        let Pretty { text, cut_of } = pretty(json);
        let kept = state.results.keep(&ui.principal.id, json, Instant::now());
        Shown {
            tables: tables(json),
            text,
            size: bytes(json.len() as u64),
            is_cut: cut_of.is_some(),
            raw: kept.map(|id| format!("/ui/run/results/{id}")),
        }
    }
}

/// How long it took, as a fact.
pub(super) fn took(took: Duration) -> (&'static str, String) {
    ("Took", duration(took))
}

/// Where the server is, as the one who asks found it.
pub(super) fn base(headers: &http::HeaderMap) -> String {
    let host = headers
        .get(http::header::HOST)
        .and_then(|host| host.to_str().ok());
    format!("http://{}", host.unwrap_or("127.0.0.1:7400"))
}
