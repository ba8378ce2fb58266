//! `GET /ui/plugins`: what is here, and in which state? Both families in one table.

use askama::Template;
use axum::extract::{Query, State};
use outboard_connector::host::{ListQuery, Summary};
use outboard_workflow::external::{DiscoveredPlugin, PluginState};
use serde::Deserialize;

use super::{
    page::{Ui, UiResult},
    state::Mark,
};
use crate::{http::Problem, security::Permission, server::AppState};

#[derive(Template)]
#[template(path = "plugins.html")]
struct Plugins {
    q: String,
    path: String,
    csrf: String,
    plugins_dir: String,
    rows: Vec<Row>,
}

struct Row {
    family: &'static str,
    name: String,
    href: String,
    kind: String,
    mark: Mark,
    why: Option<String>,
    version: String,
    update: Option<String>,
    pid: String,
    memory: String,
    restarts: String,
    uptime: String,
    actions: Vec<Action>,
}

struct Action {
    label: &'static str,
    href: String,
}

#[derive(Deserialize)]
pub(super) struct PluginsQuery {
    #[serde(default)]
    q: String,
}

pub(super) async fn plugins(
    State(state): State<AppState>,
    Query(query): Query<PluginsQuery>,
    ui: Ui,
) -> UiResult {
    let manager = state.plugins.manager().clone();
    let plugins_dir = manager.plugins_dir().display().to_string();
    let found = tokio::task::spawn_blocking(move || manager.discover_plugins())
        .await
        .map_err(|error| Problem::internal(&error))?
        .map_err(|error| Problem::internal(&error))?;
    let mut rows: Vec<Row> = found
        .iter()
        .map(|plugin| of_plugin(&state, &ui, plugin))
        .collect();
    if let (Some(host), true) = (&state.connectors, ui.may(&Permission::CONNECTORS_READ)) {
        let connectors = host.list(ListQuery { kind: None }).await;
        let connectors = connectors.map_err(|error| Problem::internal(&error))?;
        rows.extend(
            connectors
                .into_iter()
                .map(|summary| of_connector(&ui, summary)),
        );
    }
    let words: Vec<String> = query.q.split_whitespace().map(str::to_lowercase).collect();
    rows.retain(|row| {
        let text = format!(
            "{} {} {} {}",
            row.name, row.kind, row.mark.word, row.version
        );
        words.iter().all(|word| text.to_lowercase().contains(word))
    });
    let body = Plugins {
        q: query.q,
        path: ui.path.clone(),
        csrf: ui.csrf.clone(),
        plugins_dir,
        rows,
    };
    ui.page("Plugins", "plugins", &body)
}

fn of_plugin(state: &AppState, ui: &Ui, plugin: &DiscoveredPlugin) -> Row {
    let status = state.plugins.manager().status(&plugin.name);
    let href = format!("/ui/plugins/workflow/{}", plugin.name);
    let (word, why) = match (&status, &plugin.manifest) {
        (Some(status), _) => {
            let why = match &status.state {
                PluginState::Failed { reason } => Some(reason.clone()),
                _ => None,
            };
            (status.state.as_str(), why)
        }
        (None, Ok(_)) => ("not loaded", None),
        (None, Err(error)) => (
            "unusable",
            Some(state.plugins.without_paths(&error.to_string())),
        ),
    };
    let action = |label, verb| Action {
        label,
        href: format!("{href}/{verb}"),
    };
    let actions = match (&status, ui.may(&Permission::PLUGINS_MANAGE)) {
        (_, false) => Vec::new(),
        (None, true) if plugin.manifest.is_err() => Vec::new(),
        (None, true) => vec![action("Load", "load")],
        (Some(_), true) => vec![action("Reload", "reload")],
    };
    Row {
        family: "workflow",
        name: plugin.name.clone(),
        kind: "plugin".to_owned(),
        mark: Mark::of(word),
        why,
        version: match &plugin.manifest {
            Ok(manifest) => manifest.version.clone(),
            Err(_) => String::new(),
        },
        update: None,
        pid: status
            .as_ref()
            .and_then(|status| status.pid)
            .map_or_else(String::new, |pid| pid.to_string()),
        memory: String::new(),
        restarts: status
            .as_ref()
            .map_or_else(String::new, |status| status.restarts.to_string()),
        uptime: String::new(),
        actions,
        href,
    }
}

fn of_connector(ui: &Ui, summary: Summary) -> Row {
    let href = format!("/ui/plugins/connector/{}", summary.key);
    let word = match (&summary.problem, summary.enabled) {
        (Some(_), _) => "unusable",
        (None, false) => "disabled",
        (None, true) => summary.state.as_str(),
    };
    let (label, verb) = match summary.enabled {
        true => ("Disable", "disable"),
        false => ("Enable", "enable"),
    };
    let action = Action {
        label,
        href: format!("{href}/{verb}"),
    };
    Row {
        family: "connector",
        href,
        mark: Mark::of(word),
        why: summary.problem.map(|problem| problem.detail),
        name: summary.key,
        kind: summary.kind,
        version: summary.version,
        update: None,
        pid: summary.pid.map_or_else(String::new, |pid| pid.to_string()),
        memory: String::new(),
        restarts: String::new(),
        uptime: String::new(),
        actions: match ui.may(&Permission::CONNECTORS_MANAGE) {
            true => vec![action],
            false => Vec::new(),
        },
    }
}
