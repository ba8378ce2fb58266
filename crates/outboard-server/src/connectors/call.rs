//! Calling an operation, and the calls that were made.

use axum::{
    Extension, Json,
    extract::{Path, Query, Request, State},
    response::{IntoResponse as _, Response},
};
use outboard_connector::host::{CallRequest, Caller, HistoryPage, HistoryQuery};

use outboard_go_plugin::trace;

use super::{
    Family, body,
    failure::Failure,
    work::{self, Ours, progress, wants_events},
};
use crate::http::RequestId;

/// Largest body of a call, in bytes.
const MAX_CALL_BODY: usize = 64 * 1024 * 1024;

/// `POST /{key}/operations/{operation}`
pub(super) async fn execute(
    State(family): State<Family>,
    Path((key, operation)): Path<(String, String)>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    request: Request,
) -> Result<Response, Failure> {
    family.check(&key).await?;
    let streamed = wants_events(request.headers());
    let held = family.bodies.read(request, MAX_CALL_BODY).await?;
    let call: CallRequest = body::read(&held.bytes)?;
    // What came of the body has its size, more or less, until the call has ended.
    let large = held.place;
    let caller = Caller {
        name: "http".to_owned(),
        request_id,
    };
    if !streamed {
        let answer = family
            .host
            .call(&key, &operation, call, caller, None)
            .await?;
        drop(large);
        return Ok(Json(answer).into_response());
    }
    let place = family.streams.take()?;
    let (tell, told) = progress();
    let host = family.host;
    // It goes on while the answer is read, which is after this request.
    let work = trace::with_current(async move {
        let _large = large;
        host.call(&key, &operation, call, caller, Some(tell)).await
    });
    Ok(work::answer(place, work, told, Ours { done: "result" }).await)
}

/// `GET /history`
pub(super) async fn history(
    State(family): State<Family>,
    Query(query): Query<HistoryQuery>,
) -> Result<Json<HistoryPage>, Failure> {
    Ok(Json(family.host.history(query).await?))
}
