//! Runs of pipelines and calls of connectors: the history, and a page for each.

mod call;
mod list;
mod run;
mod value;
mod waterfall;

use axum::{Router, routing::get};

use crate::server::AppState;

/// The routes of these pages.
pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/ui/runs", get(list::list))
        .route("/ui/runs/{id}", get(run::run))
        .route("/ui/calls/{id}", get(call::call))
}
