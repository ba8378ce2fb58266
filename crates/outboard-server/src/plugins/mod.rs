//! Plugins in processes of their own, over HTTP: the seed's routes in the seed's
//! envelope, and ours for what the seed cannot say.
//!
//! | route | whose |
//! |---|---|
//! | `GET /api/v1/plugins/external` | the seed's |
//! | `GET /api/v1/plugins/external/loaded` | the seed's |
//! | `POST /api/v1/plugins/external/{name}/load`, `…/unload`, `…/reload` | the seed's; `unload?force=1` is ours |
//! | `GET /api/v1/plugins/external/{name}` | ours: state, manifest, last exit |
//! | `GET /api/v1/plugins/external/{name}/logs` | ours: what it said, `?follow=1` live |

mod control;
mod describe;
mod details;
pub(crate) mod envelope;
mod error;
mod handler;
mod logs;
mod turns;

use axum::response::{IntoResponse as _, Response};

use crate::{connectors, http::Problem, ui_plugins};

pub use self::{
    control::PluginControl, envelope::PluginInfo, error::ControlError, handler::PluginHandler,
};
pub(crate) use self::{
    control::{blocking, finished, without_paths},
    describe::{NAME, flag, operations},
    details::details,
    envelope::{ActionDone, ErrorEnvelope, as_go_writes, schema_of_ok},
    error::{status_of_manager, to_problem},
    handler::{clean, is_under_seed_routes, not_found, wrong_method},
    logs::logs,
    turns::Turns,
};

/// A refusal before any route is asked: the routes of the two originals say it in their
/// words, all others in ours.
pub(crate) fn refusal(problem: &Problem, method: &http::Method, path: &str) -> Response {
    if connectors::is_original_route(path) {
        return connectors::refusal(problem);
    }
    if !handler::is_seed_route(method, path) && !ui_plugins::is_seed_route(path) {
        return problem.clone().into_response();
    }
    let hint = problem
        .hint
        .as_deref()
        .map_or_else(String::new, |hint| format!("; {hint}"));
    envelope::error(problem.status, &format!("{}{hint}", problem.detail))
}

/// Where the seed's routes begin.
pub(crate) const PREFIX: &str = "/api/v1/plugins/external";
