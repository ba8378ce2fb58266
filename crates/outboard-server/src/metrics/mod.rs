//! `GET /metrics`: the numbers of this server in the text format of Prometheus.
//!
//! ```text
//! # HELP outboard_calls_total Calls to plugins that have ended, by how they ended.
//! # TYPE outboard_calls_total counter
//! outboard_calls_total{family="workflow",plugin="kv",operation="kv.get",outcome="ok"} 12
//! ```
//!
//! Most of it is asked for at the moment it is read; only calls, runs and requests are
//! counted as they end. Labels are names that are known, so there are only so many.

mod gather;
mod requests;
mod text;

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::header;

pub(crate) use self::requests::Requests;
use crate::server::AppState;

/// The type of the text format.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(crate) async fn metrics(State(state): State<AppState>) -> Response {
    let text = gather::gather(&state).await;
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response()
}
