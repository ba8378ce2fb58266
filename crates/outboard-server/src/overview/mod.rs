//! What needs somebody: everything that is wrong, with why and what to do, worst first.
//!
//! ```json
//! {"problems":[{"severity":"bad","kind":"failed","family":"workflow","name":"kv",
//!   "what":"kv","why":"has failed: …","remedy":"see its log, …","link":"/ui/plugins/workflow/kv"}]}
//! ```
//!
//! [`judge`] decides from what was gathered; gathering asks everybody once and
//! waits for no catalog.

mod describe;
mod judge;

use axum::{Json, extract::State};
use outboard_connector::host::{ConnectorHost, InstanceView};
use schemars::JsonSchema;
use serde::Serialize;

use self::judge::{Gathered, judge};
pub(crate) use self::{
    describe::operation,
    judge::{Problem, Severity},
};
use crate::{
    processes::{self, Condition, Family, PluginRow},
    server::AppState,
};

/// The answer of `GET /api/v1/problems`.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct ProblemList {
    problems: Vec<Problem>,
}

/// `GET /api/v1/problems`
pub(crate) async fn list(State(state): State<AppState>) -> Json<ProblemList> {
    let problems = problems(&state).await;
    Json(ProblemList { problems })
}

/// Everything that is wrong now, worst first.
pub(crate) async fn problems(state: &AppState) -> Vec<Problem> {
    let mut gathered = Gathered {
        missing: state.engine.missing(),
        pages: pages(state).await,
        events_lost: state.events.ring().lost(),
        audit_lost: state.access.audit_lost(),
        ..Gathered::default()
    };
    match processes::all(state).await {
        Ok(rows) => gathered.rows = rows,
        Err(problem) => gathered.unreadable = Some(problem.detail),
    }
    if let Some(host) = &state.connectors {
        let known = state.updates.known(host).await;
        gathered.catalogs.clone_from(&known.warnings);
        gathered.history_lost = host.history_lost();
        match host.check().await {
            Ok(()) => gathered.instances = instances(host, &gathered.rows).await,
            Err(error) => gathered.database = Some(error.to_string()),
        }
    }
    judge(gathered)
}

/// UI plugins that are there and cannot be shown as they are.
async fn pages(state: &AppState) -> Vec<(String, String)> {
    // Where the directory cannot be read, the list of plugins says so.
    let on_disk = state.ui_plugins.discover_plugins().await;
    let wrong = state.ui_plugins.troubles(&on_disk.unwrap_or_default());
    wrong.into_iter().collect()
}

/// The instances of what could be called.
async fn instances(host: &ConnectorHost, rows: &[PluginRow]) -> Vec<InstanceView> {
    let callable = rows
        .iter()
        .filter(|row| row.family == Family::Connector && row.condition != Condition::Bad);
    let mut all = Vec::new();
    for row in callable {
        match host.instances(&row.name).await {
            Ok(instances) => all.extend(instances),
            // It was removed meanwhile.
            Err(error) => tracing::debug!(%error, "instances could not be looked at"),
        }
    }
    all
}
