//! `GET /ui/plugins`: what is here, and in which state? Both families in one table.

use std::time::Duration;

use askama::Template;
use axum::extract::{Query, State};
use serde::Deserialize;

use super::{
    brought,
    format::{bytes, count, duration},
    page::{Ui, UiResult},
    state::Mark,
};
use crate::{
    processes::{self, Family, PluginRow},
    security::Permission,
    server::AppState,
};

#[derive(Template)]
#[template(path = "plugins.html")]
struct Plugins {
    q: String,
    path: String,
    csrf: String,
    plugins_dir: String,
    rows: Vec<Row>,
    brought: Vec<brought::Row>,
}

struct Row {
    family: &'static str,
    name: String,
    title: String,
    href: String,
    kind: String,
    mark: Mark,
    why: Option<String>,
    version: String,
    update: Option<String>,
    pid: String,
    memory: String,
    calls: String,
    errors: String,
    restarts: String,
    uptime: String,
    action: Option<Action>,
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
    let mut rows = processes::all(&state).await?;
    if !ui.may(&Permission::CONNECTORS_READ) {
        rows.retain(|row| row.family == Family::Workflow);
    }
    let words: Vec<String> = query.q.split_whitespace().map(str::to_lowercase).collect();
    rows.retain(|row| {
        let text = format!(
            "{} {} {} {} {}",
            row.name, row.title, row.kind, row.state, row.version
        );
        let text = text.to_lowercase();
        words.iter().all(|word| text.contains(word))
    });
    let mut pages = brought::rows(&state, &ui).await?;
    pages.retain(|row| {
        let text = format!("{} {}", row.name, row.mark.word).to_lowercase();
        words.iter().all(|word| text.contains(word))
    });
    let body = Plugins {
        brought: pages,
        q: query.q,
        path: ui.path.clone(),
        csrf: ui.csrf.clone(),
        plugins_dir: state.plugins.manager().plugins_dir().display().to_string(),
        rows: rows.into_iter().map(|row| shown(&ui, row)).collect(),
    };
    ui.page("Plugins", "plugins", &body)
}

fn shown(ui: &Ui, row: PluginRow) -> Row {
    let family = row.family.as_str();
    let href = format!("/ui/plugins/{family}/{}", row.name);
    // A number that says nothing is left out, so that those that do stand out.
    let unless_zero = |number: u64| match number {
        0 => String::new(),
        number => count(number),
    };
    Row {
        action: action(ui, &row).map(|(label, verb)| Action {
            label,
            href: format!("{href}/{verb}"),
        }),
        family,
        href,
        mark: Mark::of(row.state),
        why: row.problem.map(|problem| problem.detail),
        kind: match row.kind.as_str() {
            "workflow" => "plugin".to_owned(),
            _ => row.kind,
        },
        title: match row.title == row.name {
            true => String::new(),
            false => row.title,
        },
        name: row.name,
        version: row.version,
        update: row.update,
        pid: row.pid.map_or_else(String::new, |pid| pid.to_string()),
        memory: row.memory_bytes.map_or_else(String::new, bytes),
        calls: unless_zero(row.calls_last_hour),
        errors: unless_zero(row.errors_last_hour),
        restarts: unless_zero(row.restarts),
        uptime: row
            .uptime_ms
            .map_or_else(String::new, |up| duration(Duration::from_millis(up))),
    }
}

/// What one does with it most likely: its word, and the last segment of its path.
fn action(ui: &Ui, row: &PluginRow) -> Option<(&'static str, &'static str)> {
    match row.family {
        Family::Workflow if !ui.may(&Permission::PLUGINS_MANAGE) => None,
        Family::Workflow if row.enabled => Some(("Reload", "reload")),
        Family::Workflow if row.state == "unusable" => None,
        Family::Workflow => Some(("Load", "load")),
        Family::Connector if !ui.may(&Permission::CONNECTORS_MANAGE) => None,
        Family::Connector if row.enabled => Some(("Disable", "disable")),
        Family::Connector => Some(("Enable", "enable")),
    }
}
