//! `GET /ui/calls/{id}`: one call of a connector.

use std::time::Duration;

use askama::Template;
use axum::extract::{Path, State};
use outboard_connector::host::HistoryEntry;

use super::super::{
    format::{Moment, bytes, duration},
    page::{Ui, UiResult},
    state::Mark,
};
use crate::{connectors::problem_of_host, http::Problem, security::Permission, server::AppState};

#[derive(Template)]
#[template(path = "runs/call.html")]
struct CallPage {
    call: HistoryEntry,
    mark: Mark,
    at: Option<Moment>,
    took: String,
    size: String,
    /// The pipeline that called, if one did.
    pipeline: Option<String>,
    installed: bool,
    again: bool,
}

pub(super) async fn call(
    State(state): State<AppState>,
    Path(id): Path<String>,
    ui: Ui,
) -> UiResult {
    let missing = || Problem::not_found("this server has no connectors, so it made no calls");
    let host = state.connectors.as_ref().ok_or_else(missing)?;
    let call = host
        .recorded_call(&id)
        .await
        .map_err(|error| problem_of_host(&error))?;
    let described = host.describe(&call.connector).await.ok();
    let again = ui.may(&Permission::OPERATIONS_CALL)
        && described.as_ref().is_some_and(|described| {
            let mut operations = described.operations_list.iter();
            operations.any(|one| one.operation.key == call.operation)
        });
    let title = format!("Call of {}", call.operation);
    let body = CallPage {
        mark: Mark::of(&call.outcome),
        at: Moment::parse(&call.started_at, ui.now),
        took: duration(Duration::from_millis(call.duration_ms)),
        size: bytes(call.result_bytes),
        pipeline: call.caller.strip_prefix("pipeline ").map(str::to_owned),
        installed: described.is_some(),
        again,
        call,
    };
    ui.page(&title, "runs", &body)
}
