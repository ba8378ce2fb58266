//! The admin UI: pages made by the server, which a script keeps live.
//!
//! A handler takes [`Ui`], renders a template of its own, and gives it to [`Ui::page`],
//! which puts the layout around it. Parts of a page that change have an `id` and ask for
//! the same page again when their topic changes:
//!
//! ```html
//! <section id="problems" hx-get="/ui/" hx-select="#problems" hx-swap="outerHTML"
//!          hx-trigger="live:plugins from:body, live:connectors from:body">
//! ```
//!
//! What changes something is a form that posts, and the answer is a redirect with a line
//! about what was done ([`Ui::done`]). So each page works without its script.

mod api;
mod assets;
mod brought;
mod catalog;
pub(crate) mod chart;
mod commands;
mod form;
mod format;
mod frames;
mod json;
mod live;
mod navigation;
mod overview;
mod page;
mod plugin;
mod plugins;
mod problem;
mod run_it;
mod runs;
mod settings;
mod state;

use axum::{
    Router,
    response::Redirect,
    routing::{get, post},
};

use crate::server::AppState;

pub(crate) use self::{
    format::ticked,
    page::{Ui, UiResult, is_local, redirect},
    problem::as_pages,
    run_it::Results,
};

/// The routes of the pages.
pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/", get(|| async { Redirect::to("/ui/") }))
        .route("/ui", get(|| async { Redirect::to("/ui/") }))
        .route("/ui/", get(overview::overview))
        .route("/ui/plugins", get(plugins::plugins))
        .route("/ui/plugins/ui/{name}/{verb}", post(brought::change))
        .route("/ui/api", get(api::api))
        .route("/ui/pages/{plugin}/{item}", get(frames::frame))
        .merge(plugin::routes())
        .merge(run_it::routes())
        .merge(runs::routes())
        .merge(catalog::routes())
        .merge(settings::routes())
        .route("/ui/theme", post(page::set_theme))
        .route("/ui/live", get(live::live))
        .route("/ui/assets/{file}", get(assets::asset))
}
