//! The page of one plugin or connector: what it does, what it has done, how it is.
//!
//! ```text
//! /ui/plugins/workflow/{name}[/{tab}]     overview types settings log runs process
//! /ui/plugins/connector/{key}[/{tab}]     overview operations settings log runs process
//! POST …/{verb}                           load unload reload; enable disable update …
//! POST …/connector/{key}/instances…       config values, and signing in
//! GET  …/log/stream                       new lines, as Server-Sent Events
//! ```
//!
//! Each tab is a template of its own inside the page's; [`head`] is the part above them,
//! with the state, what is wrong, and what can be done.

mod actions;
mod connector;
mod head;
mod instances;
mod log;
mod operations;
mod process;
mod runs;
mod workflow;

use askama::Template;
use axum::{
    Router,
    routing::{get, post},
};

use self::head::{Head, Tab};
pub(super) use self::{
    actions::{bad, no_verb},
    connector::{describe, failed, host_of},
};
use super::page::{Ui, UiResult, render};
use crate::server::AppState;

pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/ui/plugins/workflow/{name}", get(workflow::overview))
        .route(
            "/ui/plugins/workflow/{name}/{tab}",
            get(workflow::tab).post(actions::of_workflow),
        )
        .route(
            "/ui/plugins/workflow/{name}/log/stream",
            get(log::of_workflow),
        )
        .route("/ui/plugins/connector/{name}", get(connector::overview))
        .route(
            "/ui/plugins/connector/{name}/{tab}",
            get(connector::tab).post(actions::of_connector),
        )
        .route(
            "/ui/plugins/connector/{name}/log/stream",
            get(log::of_connector),
        )
        .route(
            "/ui/plugins/connector/{name}/instances",
            get(instances::list).post(instances::create),
        )
        .route(
            "/ui/plugins/connector/{name}/instances/{instance}",
            post(instances::save),
        )
        .route(
            "/ui/plugins/connector/{name}/instances/{instance}/{verb}",
            post(instances::change),
        )
}

#[derive(Template)]
#[template(path = "plugin/page.html")]
struct PluginPage<'a> {
    head: &'a Head,
    tabs: &'a [Tab],
    /// Which topics make the tab ask again; empty where it holds what somebody types.
    live: &'static str,
    path: &'a str,
    content: String,
}

/// The page with the content of one of its tabs.
fn page(
    ui: &Ui,
    head: &Head,
    tabs: &[Tab],
    live: &'static str,
    content: &impl Template,
) -> UiResult {
    let current = tabs.iter().find(|tab| tab.current);
    let title = match current {
        Some(tab) if !tab.first => format!("{} · {}", head.name, tab.label),
        _ => head.name.clone(),
    };
    let body = PluginPage {
        head,
        tabs,
        live,
        path: &ui.path,
        content: render(content)?,
    };
    ui.page(&title, "plugins", &body)
}

/// What tabs ask again for when something happens to plugins.
const LIVE: &str = "live:plugins from:body, live:connectors from:body, live:stats from:body";
/// The same for what runs.
const LIVE_RUNS: &str =
    "live:runs from:body, live:calls from:body, live:plugins from:body, live:connectors from:body";
