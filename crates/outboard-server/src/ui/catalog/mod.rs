//! What could be installed, and installing it.
//!
//! | page | what |
//! |---|---|
//! | `GET /ui/catalog?q=` | what the catalogs have |
//! | `POST /ui/catalog/review` | a package, looked at: who signed it, what it changes |
//! | `POST /ui/catalog/install` | installs what was looked at |

mod card;
mod install;
mod list;
mod review;
mod source;

use axum::{
    Router,
    routing::{get, post},
};

use crate::{connectors::problem_of_host, http::Problem, server::AppState};

/// The routes of these pages.
pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/ui/catalog", get(list::list))
        .route("/ui/catalog/review", post(review::review))
        .route("/ui/catalog/install", post(install::install))
}

/// The host of the connectors, where there is one.
fn host(state: &AppState) -> Result<&outboard_connector::host::ConnectorHost, Problem> {
    let host = state.connectors.as_ref();
    host.ok_or_else(|| {
        Problem::not_found("this server has no connectors")
            .with_hint("it was started without them; see the log of its start")
    })
}

fn failed(error: outboard_connector::host::HostError) -> Problem {
    problem_of_host(&error)
}
