//! Every plugin of both families as one list: what it is, what its process does, and
//! how its calls went in the last hour.
//!
//! ```json
//! {"plugins":[{"family":"workflow","name":"kv","title":"kv","state":"ready",
//!   "condition":"well","enabled":true,"version":"1.0.0","pid":4711,
//!   "memory_bytes":9437184,"uptime_ms":60000,"restarts":0,"in_flight":0,
//!   "calls_last_hour":12,"errors_last_hour":1}]}
//! ```
//!
//! Nothing is started for it. What catalogs have is looked up by [`Updates`], at most
//! once in a while and never while somebody waits.

mod describe;
mod row;
mod updates;

use axum::{
    Json,
    extract::{Query, State},
};
use outboard_connector::host::{ConnectorHost, ListQuery};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[cfg(test)]
pub(crate) use self::row::Trouble;
pub(crate) use self::{
    describe::operation,
    row::{Condition, Family, PluginRow, of_connector},
    updates::Updates,
};
use crate::{
    http::Problem,
    plugins::{blocking, status_of_manager},
    server::AppState,
};

#[derive(Debug, Default, Deserialize)]
pub(crate) struct ListParameters {
    #[serde(default)]
    family: Option<String>,
}

/// The answer of `GET /api/v1/plugins`.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct PluginList {
    plugins: Vec<PluginRow>,
}

/// `GET /api/v1/plugins?family=`
pub(crate) async fn list(
    State(state): State<AppState>,
    Query(parameters): Query<ListParameters>,
) -> Result<Json<PluginList>, Problem> {
    let family = match parameters.family.as_deref() {
        None => None,
        Some(word) => Some(Family::named(word).ok_or_else(|| {
            Problem::bad_request(format!("there is no family {word:?}"))
                .with_hint("family is workflow or connector")
        })?),
    };
    let mut plugins = all(&state).await?;
    plugins.retain(|row| family.is_none_or(|family| row.family == family));
    Ok(Json(PluginList { plugins }))
}

/// Every plugin, workflow plugins first, each family sorted by name.
///
/// # Errors
///
/// The plugins directory cannot be read.
pub(crate) async fn all(state: &AppState) -> Result<Vec<PluginRow>, Problem> {
    let mut rows = workflow(state).await?;
    if let Some(host) = &state.connectors {
        rows.extend(connectors(state, host).await?);
    }
    for row in &mut rows {
        let (calls, errors) = state.stats.last_hour(row.family, &row.name);
        row.calls_last_hour = calls;
        row.errors_last_hour = errors;
    }
    Ok(rows)
}

async fn workflow(state: &AppState) -> Result<Vec<PluginRow>, Problem> {
    let control = state.plugins.clone();
    let rows = blocking(move || {
        let manager = control.manager();
        let mut rows: Vec<_> = manager
            .discover_plugins()?
            .into_iter()
            .map(|plugin| {
                let status = manager.status(&plugin.name);
                row::of_workflow(plugin, status, &|text| control.without_paths(text))
            })
            .collect();
        // One that runs may have lost its directory meanwhile.
        for status in manager.statuses() {
            if rows.iter().all(|row: &PluginRow| row.name != status.name) {
                rows.push(row::without_directory(status));
            }
        }
        rows.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(rows)
    });
    rows.await
        .map_err(|error: outboard_workflow::external::ManagerError| {
            let (status, kind) = status_of_manager(error.kind());
            Problem::new(status, kind, error.to_string())
        })
}

async fn connectors(state: &AppState, host: &ConnectorHost) -> Result<Vec<PluginRow>, Problem> {
    let known = state.updates.known(host).await;
    let asked = host.clone();
    let found = blocking(move || asked.statuses(ListQuery::default())).await;
    let rows = found.into_iter().map(|(summary, process)| {
        let update = known.update_of(&summary.key, &summary.version);
        row::of_connector(summary, process, update)
    });
    Ok(rows.collect())
}
