//! `GET /readyz`: whether the server can do its work, and if not, all that is in the
//! way. `/healthz` says only that the process answers.
//!
//! ```json
//! {"status":"ok","workflow":"running","plugins":[{"name":"kv","state":"ready"}]}
//! ```

use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::{HeaderValue, StatusCode, header};
use outboard_connector::host::{ConnectorHost, ListQuery};
use outboard_workflow::{
    engine::WorkflowState,
    external::{PluginState, PluginStatus},
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::json;
use tokio::sync::watch;

use crate::{plugins::blocking, processes, server::AppState};

/// What the server needs to know about itself.
#[derive(Clone, Debug)]
pub(crate) struct Readiness {
    /// Whether a workflow is to be started before the server is ready.
    pub(crate) expects_workflow: bool,
    /// Becomes true when the server stops.
    pub(crate) stopping: watch::Receiver<bool>,
}

/// One thing that is in the way.
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "NotReadyBecause")]
struct Obstacle {
    /// `stopping`, `workflow`, `plugin`, `database` or `missing`.
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    plugin: Option<String>,
    detail: String,
}

#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "NeededPlugin")]
struct Needed {
    name: String,
    state: &'static str,
}

/// What `/readyz` answers when nothing is in the way.
pub(crate) fn ready_schema(generator: &mut SchemaGenerator) -> Schema {
    let workflow = generator.subschema_for::<WorkflowState>();
    let plugins = generator.subschema_for::<Vec<Needed>>();
    let connectors = plugins.clone();
    json_schema!({
        "type": "object",
        "properties": {
            "status": { "const": "ok" },
            "workflow": workflow,
            "plugins": plugins,
            "connectors": connectors,
        },
        "required": ["status", "workflow", "plugins"],
    })
}

/// What `/readyz` answers when something is in the way.
pub(crate) fn not_ready_schema(generator: &mut SchemaGenerator) -> Schema {
    let workflow = generator.subschema_for::<WorkflowState>();
    let plugins = generator.subschema_for::<Vec<Needed>>();
    let connectors = plugins.clone();
    let problems = generator.subschema_for::<Vec<Obstacle>>();
    json_schema!({
        "type": "object",
        "properties": {
            "title": { "type": "string" },
            "status": { "const": 503 },
            "kind": { "const": "not_ready" },
            "detail": { "type": "string" },
            "workflow": workflow,
            "plugins": plugins,
            "connectors": connectors,
            "problems": problems,
        },
        "required": ["title", "status", "kind", "detail", "workflow", "plugins", "problems"],
    })
}

/// Whether the server can do its work.
#[derive(Debug)]
pub(crate) struct Report {
    workflow: WorkflowState,
    plugins: Vec<Needed>,
    connectors: Option<Vec<Needed>>,
    obstacles: Vec<Obstacle>,
}

impl Report {
    /// As it is now.
    pub(crate) async fn of(state: &AppState) -> Report {
        let mut obstacles = Vec::new();
        if *state.readiness.stopping.borrow() {
            obstacles.push(Obstacle {
                kind: "stopping",
                plugin: None,
                detail: "the server is stopping".to_owned(),
            });
        }
        let workflow = state.engine.workflow_state();
        let in_the_way = match workflow {
            WorkflowState::None if state.readiness.expects_workflow => {
                Some("its plugins are being started, or it was stopped")
            }
            WorkflowState::Changing => Some("it is being started or stopped"),
            _ => None,
        };
        obstacles.extend(in_the_way.map(|why| Obstacle {
            kind: "workflow",
            plugin: None,
            detail: format!("the workflow does not run: {why}"),
        }));
        let mut plugins = Vec::new();
        for name in state.engine.plugins_in_use() {
            // Without a status it is one in this process, which is always there.
            let Some(status) = state.plugins.manager().status(&name) else {
                continue;
            };
            obstacles.extend(in_the_way_of(&name, &status));
            plugins.push(Needed {
                state: status.state.as_str(),
                name,
            });
        }
        let missing = state.engine.missing().into_iter();
        obstacles.extend(missing.map(|missing| Obstacle {
            kind: "missing",
            detail: format!("{} does not run: {}", missing.what, missing.reason),
            plugin: missing.plugin,
        }));
        let connectors = match &state.connectors {
            None => None,
            Some(host) => {
                if let Err(error) = host.check().await {
                    obstacles.push(Obstacle {
                        kind: "database",
                        plugin: None,
                        detail: format!("the database of connectors cannot be used: {error}"),
                    });
                }
                Some(of_connectors(host).await)
            }
        };
        Report {
            workflow,
            plugins,
            connectors,
            obstacles,
        }
    }

    /// Whether nothing is in the way.
    pub(crate) fn is_ready(&self) -> bool {
        self.obstacles.is_empty()
    }

    /// What is in the way, in words.
    pub(crate) fn details(&self) -> Vec<String> {
        let obstacles = self.obstacles.iter();
        obstacles.map(|obstacle| obstacle.detail.clone()).collect()
    }
}

pub(crate) async fn readyz(State(state): State<AppState>) -> Response {
    let report = Report::of(&state).await;
    let (is_ready, details) = (report.is_ready(), report.details().join("; "));
    let Report {
        workflow,
        plugins,
        connectors,
        obstacles,
    } = report;
    if is_ready {
        let mut ready = json!({ "status": "ok", "workflow": workflow, "plugins": plugins });
        add(&mut ready, connectors);
        return Json(ready).into_response();
    }
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let mut document = json!({
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "kind": "not_ready",
        "detail": details,
        "workflow": workflow,
        "plugins": plugins,
        "problems": obstacles,
    });
    add(&mut document, connectors);
    let mut response = (status, Json(document)).into_response();
    let kind = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// What is installed, and how it stands: `unusable` is in nobody's way but its callers'.
async fn of_connectors(host: &ConnectorHost) -> Vec<Needed> {
    let asked = host.clone();
    let found = blocking(move || asked.statuses(ListQuery::default())).await;
    let states = found.into_iter().map(|(summary, process)| {
        let row = processes::of_connector(summary, process, None);
        Needed {
            name: row.name,
            state: row.state,
        }
    });
    states.collect()
}

/// Adds the connectors where the server has some.
fn add(document: &mut serde_json::Value, connectors: Option<Vec<Needed>>) {
    if let (Some(connectors), Some(document)) = (connectors, document.as_object_mut()) {
        document.insert("connectors".to_owned(), json!(connectors));
    }
}

fn in_the_way_of(name: &str, status: &PluginStatus) -> Option<Obstacle> {
    let why = match &status.state {
        PluginState::Ready => return None,
        PluginState::Restarting { attempt } => {
            format!("crashed and is being started again, attempt {attempt}")
        }
        PluginState::Failed { reason } => format!("failed: {reason}"),
        PluginState::Stopping => "is being stopped".to_owned(),
        other => format!("is {}", other.as_str()),
    };
    Some(Obstacle {
        kind: "plugin",
        plugin: Some(name.to_owned()),
        detail: format!("plugin {name:?} {why}"),
    })
}
