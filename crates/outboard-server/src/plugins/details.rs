//! `GET /api/v1/plugins/external/{name}`: all there is to know about one plugin.

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use outboard_contracts::PluginManifest;
use outboard_workflow::external::{DiscoveredPlugin, PluginState, PluginStatus};
use schemars::JsonSchema;
use serde::Serialize;

use super::{PluginControl, control::blocking, status_of_manager};
use crate::{
    events::{Exit, millis, timestamp},
    http::Problem,
};

/// One plugin at one moment.
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "PluginDetails")]
pub(crate) struct Details {
    name: String,
    loaded: bool,
    /// `ready`, `restarting`, `failed`, `stopping`, or `stopped` if it is not loaded.
    state: &'static str,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    /// Since when it is in this state.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    restarts: u32,
    /// Calls that it answers right now.
    calls: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_exit: Option<Exit>,
    /// Whether what is on disk can be loaded, and if not, why.
    loadable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Unloadable>,
    #[serde(skip_serializing_if = "Option::is_none")]
    manifest: Option<PluginManifest>,
    deadlines: Deadlines,
    /// `mutual_tls`, or `plaintext` where the plugin speaks no TLS and its socket is
    /// protected by its directory alone. Only while it has a process.
    #[serde(skip_serializing_if = "Option::is_none")]
    transport: Option<&'static str>,
    /// Whether it can call the host. Only while it has a process.
    #[serde(skip_serializing_if = "Option::is_none")]
    callbacks: Option<bool>,
}

#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "PluginProblem")]
struct Unloadable {
    kind: &'static str,
    detail: String,
}

#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "PluginDeadlines")]
struct Deadlines {
    describe_ms: u64,
    lifecycle_ms: u64,
    invoke_ms: u64,
}

pub(crate) async fn details(
    State(control): State<PluginControl>,
    Path(name): Path<String>,
) -> Result<Json<Details>, Problem> {
    let manager = control.manager();
    let found = find(&control, &name).await?;
    let status = manager.status(&name);
    if found.is_none() && status.is_none() {
        return Err(unknown(&name));
    }
    let problem = match &found {
        Some(plugin) => plugin.manifest.as_ref().err().map(|error| Unloadable {
            kind: status_of_manager(error.kind()).1,
            detail: control.without_paths(&error.to_string()),
        }),
        None => Some(Unloadable {
            kind: "not_found",
            detail: "its directory is gone".to_owned(),
        }),
    };
    let deadlines = manager.deadlines();
    let mut details = Details {
        loaded: manager.is_loaded(&name),
        name,
        state: "stopped",
        reason: None,
        pid: None,
        since: None,
        restarts: 0,
        calls: 0,
        last_exit: None,
        loadable: problem.is_none(),
        problem,
        manifest: found.and_then(|plugin| plugin.manifest.ok()),
        deadlines: Deadlines {
            describe_ms: millis(deadlines.describe),
            lifecycle_ms: millis(deadlines.lifecycle),
            invoke_ms: millis(deadlines.invoke),
        },
        transport: None,
        callbacks: None,
    };
    if let Some(status) = status {
        details.take(status);
    }
    Ok(Json(details))
}

impl Details {
    /// What runs counts for more than what is on disk.
    fn take(&mut self, status: PluginStatus) {
        self.state = status.state.as_str();
        if let PluginState::Failed { reason } = status.state {
            self.reason = Some(reason);
        }
        self.pid = status.pid;
        self.since = Some(timestamp(status.since));
        self.restarts = status.restarts;
        self.calls = status.calls;
        self.transport = status.encrypted.map(|encrypted| match encrypted {
            true => "mutual_tls",
            false => "plaintext",
        });
        self.callbacks = status.pid.map(|_| status.callbacks);
        self.last_exit = status.last_exit.as_ref().map(Exit::from);
        self.manifest = Some(status.manifest);
    }
}

/// The plugin on disk. A name that is none is refused before the disk is looked at.
pub(super) async fn find(
    control: &PluginControl,
    name: &str,
) -> Result<Option<DiscoveredPlugin>, Problem> {
    outboard_contracts::PluginName::parse(name).map_err(|error| {
        let detail = format!("{name:?} is no plugin name: {error}");
        Problem::new(StatusCode::BAD_REQUEST, "invalid_name", detail)
    })?;
    let manager = control.manager().clone();
    let found = blocking(move || manager.discover_plugins())
        .await
        .map_err(|error| {
            let (status, kind) = status_of_manager(error.kind());
            Problem::new(status, kind, error.to_string())
        })?;
    Ok(found.into_iter().find(|plugin| plugin.name == name))
}

pub(super) fn unknown(name: &str) -> Problem {
    Problem::not_found(format!("there is no plugin {name:?}"))
        .with_hint("see GET /api/v1/plugins/external for those that are there")
}
