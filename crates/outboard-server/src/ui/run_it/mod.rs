//! Running an operation or a pipeline from a page: does it work?
//!
//! ```text
//! GET  /ui/run/operation/{key}/{operation}   the form that its input asks for
//! POST                                       runs it, and shows the result below the form
//! GET  /ui/run/pipeline/{name}, POST         the same for a pipeline
//! GET  /ui/run/results/{id}                  a result whole, as JSON, for a while
//! ```
//!
//! Without a script a POST answers with the whole page once it is done. A script asks for
//! `text/event-stream` instead: `progress` as it comes, then `page` with the page's part
//! `#run`. What was typed stays in the form, but for secrets.

mod operation;
mod outcome;
mod pipeline;
mod results;
mod stream;

use axum::{Router, routing::get};

use crate::server::AppState;

pub(crate) use self::results::Results;

pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route(
            "/ui/run/operation/{key}/{operation}",
            get(operation::form).post(operation::run),
        )
        .route(
            "/ui/run/pipeline/{name}",
            get(pipeline::form).post(pipeline::run),
        )
        .route("/ui/run/results/{id}", get(results::raw))
}
