//! A run whose page is asked for as a stream: its progress, then the page's part.
//!
//! The run is a part of the answer: a reader that goes away drops it, which cancels it.

use std::{panic::AssertUnwindSafe, pin::Pin};

use axum::response::{Response, sse::Event};
use futures_util::{FutureExt as _, stream};
use serde::Serialize;
use tokio::sync::mpsc;
use tracing::Instrument as _;

use crate::{events::Events, http::Problem};

/// Progress that a reader has not taken yet; what comes beyond it is left out.
const UNTAKEN: usize = 64;

/// How far a run is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Progress {
    /// How much is done.
    pub(super) done: i64,
    /// Of how much; 0: unknown.
    pub(super) total: i64,
    /// In words.
    pub(super) text: String,
}

/// What tells progress, and where it arrives.
pub(super) fn progress() -> (mpsc::Sender<Progress>, mpsc::Receiver<Progress>) {
    mpsc::channel(UNTAKEN)
}

type Work = Pin<Box<dyn Future<Output = Result<String, Problem>> + Send>>;

/// Answers with the progress of `work`, and with the HTML that it ends with.
pub(super) fn answer(
    events: &Events,
    work: impl Future<Output = Result<String, Problem>> + Send + 'static,
    told: mpsc::Receiver<Progress>,
) -> Response {
    // A panic here would be one of the connection, not of the request.
    let work = AssertUnwindSafe(work.in_current_span()).catch_unwind();
    let work: Work = Box::pin(work.map(|ended| {
        ended.unwrap_or_else(|_| {
            tracing::error!("a run from a page panicked");
            Err(Problem::internal(
                &"the server failed; its log says more under this request id",
            ))
        })
    }));
    let happening = stream::unfold(Some((work, told)), |going_on| async move {
        let (mut work, mut told) = going_on?;
        tokio::select! {
            biased;
            Some(progress) = told.recv() => {
                let event = Event::default().event("progress").json_data(&progress);
                Some((event.unwrap_or_default(), Some((work, told))))
            }
            ended = &mut work => {
                let event = match ended {
                    Ok(html) => Event::default().event("page").data(html.replace('\r', "\n")),
                    Err(problem) => Event::default().event("failed").data(problem.detail),
                };
                Some((event, None))
            }
        }
    });
    events.stream(happening)
}
