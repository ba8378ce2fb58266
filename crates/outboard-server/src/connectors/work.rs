//! Work whose progress is told while it goes on: calls and installations, as
//! Server-Sent Events.
//!
//! ```text
//! event: progress
//! data: {"progress":3,"total":10,"message":"page 3"}
//!
//! event: result
//! data: {"result":…,"duration_ms":12,"version":"1.0.0","request_id":"…"}
//! ```
//!
//! The work is a part of the answer: a client that goes away drops it, which cancels it.

use std::{convert::Infallible, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use axum::response::{
    IntoResponse as _, Response, Sse,
    sse::{Event, KeepAlive},
};
use futures_util::{FutureExt as _, Stream, StreamExt as _, stream};
use http::{HeaderMap, StatusCode, header};
use outboard_connector::host::{HostError, HostErrorKind};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tracing::Instrument as _;

use super::failure::{Failure, problem_of_host};
use crate::http::Problem;

/// Progress that a client has not taken yet; what comes beyond it is left out.
const UNTAKEN: usize = 64;
/// How long an answer waits for its first event: a failure until then has a status of
/// its own, a later one is an event.
const FIRST: Duration = Duration::from_millis(500);
/// How often a silent stream shows that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How many answers are streamed at once. Cloning shares it.
#[derive(Clone, Debug)]
pub(super) struct Streams {
    places: Arc<Semaphore>,
    most: usize,
}

impl Streams {
    pub(super) fn new(most: usize) -> Streams {
        Streams {
            places: Arc::new(Semaphore::new(most)),
            most,
        }
    }

    pub(super) fn take(&self) -> Result<OwnedSemaphorePermit, Failure> {
        Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            let detail = format!("{} answers are being streamed already", self.most);
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", detail)
                .with_hint("try again later, or raise the setting max_requests")
                .into()
        })
    }
}

/// Whether a client wants to hear how far the work is.
pub(crate) fn wants_events(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).into_iter();
    accepted
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|range| range.split(';').next())
        .any(|range| range.trim().eq_ignore_ascii_case("text/event-stream"))
}

/// What tells progress, and where it arrives.
pub(super) fn progress<P: Send + 'static>() -> (Arc<dyn Fn(P) + Send + Sync>, mpsc::Receiver<P>) {
    let (sender, receiver) = mpsc::channel(UNTAKEN);
    let tell = move |progress: P| {
        // A client that is too slow misses some of it, and never the end.
        let _ = sender.try_send(progress);
    };
    (Arc::new(tell), receiver)
}

/// What happens to a piece of work.
#[derive(Debug)]
pub(super) enum Told<P, T> {
    Progress(P),
    Done(T),
    Failed(HostError),
}

/// How an answer tells what happens.
pub(super) trait Words<P, T>: Send + 'static {
    /// An event; `None` for what is not worth one.
    fn event(&mut self, told: Told<P, T>) -> Option<Event>;
    /// An answer of its own, for a failure before the first event.
    fn failure(&self, error: &HostError) -> Response;
}

/// Our words: `progress`, the given name, `error` with a problem document.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ours {
    pub(super) done: &'static str,
}

impl<P: Serialize, T: Serialize> Words<P, T> for Ours {
    fn event(&mut self, told: Told<P, T>) -> Option<Event> {
        let (name, data) = match told {
            Told::Progress(progress) => ("progress", serde_json::to_string(&progress)),
            Told::Done(done) => (self.done, serde_json::to_string(&done)),
            Told::Failed(error) => ("error", Ok(problem_of_host(&error).to_json())),
        };
        let (name, data) = match data {
            Ok(data) => (name, one_line(data)),
            Err(error) => {
                let error = HostError::new(HostErrorKind::Internal, error);
                ("error", problem_of_host(&error).to_json())
            }
        };
        Some(Event::default().event(name).data(data))
    }

    fn failure(&self, error: &HostError) -> Response {
        Failure(problem_of_host(error)).into_response()
    }
}

/// JSON on one line: a connector's own result may have line ends between its tokens, and
/// nowhere else, while a line end would end the event's data.
fn one_line(mut json: String) -> String {
    if json.contains(['\n', '\r']) {
        json = json.replace(['\n', '\r'], " ");
    }
    json
}

/// Answers with what happens to `work`, as it happens.
pub(super) async fn answer<P: Clone + PartialEq + Send + 'static, T: Send + 'static>(
    place: OwnedSemaphorePermit,
    work: impl Future<Output = Result<T, HostError>> + Send + 'static,
    progress: mpsc::Receiver<P>,
    mut words: impl Words<P, T>,
) -> Response {
    let mut happens = Box::pin(happening(place, work, progress));
    let first = match tokio::time::timeout(FIRST, happens.next()).await {
        Ok(Some(Told::Failed(error))) => return words.failure(&error),
        Ok(first) => first,
        Err(_) => None,
    };
    let events = stream::iter(first)
        .chain(happens)
        .filter_map(move |told| std::future::ready(words.event(told)));
    Sse::new(events.map(Ok::<_, Infallible>))
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response()
}

fn happening<P: Clone + PartialEq + Send + 'static, T: Send + 'static>(
    place: OwnedSemaphorePermit,
    work: impl Future<Output = Result<T, HostError>> + Send + 'static,
    progress: mpsc::Receiver<P>,
) -> impl Stream<Item = Told<P, T>> + Send {
    // A panic here would be one of the connection, not of the request.
    let work = AssertUnwindSafe(work.in_current_span()).catch_unwind();
    let begun = Some((Box::pin(work), progress, place));
    stream::unfold(begun, |going_on| async move {
        let (mut work, mut progress, place) = going_on?;
        let outcome = tokio::select! {
            biased;
            Some(told) = progress.recv() => {
                return Some((vec![Told::Progress(told)], Some((work, progress, place))));
            }
            outcome = &mut work => outcome,
        };
        let mut told: Vec<Told<P, T>> = Vec::new();
        while let Ok(last) = progress.try_recv() {
            told.push(Told::Progress(last));
        }
        told.push(match outcome {
            Ok(Ok(done)) => Told::Done(done),
            Ok(Err(error)) => Told::Failed(error),
            Err(_) => {
                tracing::error!("what a route works on panicked");
                let text = "the server failed to answer; its log says more under this request id";
                Told::Failed(HostError::new(HostErrorKind::Internal, text))
            }
        });
        Some((told, None))
    })
    .flat_map(stream::iter)
    .scan(None, |last, told| {
        // What was said already is not news.
        let again = match &told {
            Told::Progress(progress) if last.as_ref() == Some(progress) => true,
            Told::Progress(progress) => {
                *last = Some(progress.clone());
                false
            }
            _ => false,
        };
        std::future::ready(Some((!again).then_some(told)))
    })
    .filter_map(std::future::ready)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;
    use http::HeaderValue;

    async fn text(response: Response) -> (u16, String) {
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 1 << 20)
            .await
            .expect("a body");
        (status, String::from_utf8(body.to_vec()).expect("a text"))
    }

    fn place() -> OwnedSemaphorePermit {
        Streams::new(1)
            .take()
            .map_err(|failure| failure.0.detail)
            .expect("a place")
    }

    const WORDS: Ours = Ours { done: "result" };

    #[test]
    fn events_are_sent_to_those_who_accept_them() {
        for (accept, wants) in [
            ("text/event-stream", true),
            ("application/json, Text/Event-Stream;q=0.9", true),
            ("*/*", false),
            ("text/event-streams", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(wants_events(&headers), wants, "{accept}");
        }
        assert!(!wants_events(&HeaderMap::new()));
    }

    #[tokio::test]
    async fn progress_comes_before_the_result_and_in_its_order() {
        let (tell, told) = progress::<u32>();
        let work = async move {
            tell(1);
            tokio::task::yield_now().await;
            tell(2);
            Ok("done\n\r")
        };
        let (status, text) = text(answer(place(), work, told, WORDS).await).await;
        assert_eq!(status, 200);
        assert_eq!(
            text,
            "event: progress\ndata: 1\n\nevent: progress\ndata: 2\n\nevent: result\ndata: \"done\\n\\r\"\n\n"
        );
    }

    #[test]
    fn a_result_with_line_ends_stays_one_event() {
        let json = one_line("{\r\n \"a\": \"b\\n\"\n}".to_owned());
        assert_eq!(json, "{   \"a\": \"b\\n\" }");
    }

    #[tokio::test]
    async fn a_failure_at_once_has_its_status_and_a_later_one_is_an_event() {
        let fail = || Err::<(), _>(HostError::new(HostErrorKind::NotFound, "no"));
        let (_, told) = progress::<u32>();
        let (status, body) = text(answer(place(), async move { fail() }, told, WORDS).await).await;
        assert_eq!(status, 404);
        assert!(body.contains(r#""kind":"not_found""#), "{body}");

        let (tell, told) = progress::<u32>();
        let work = async move {
            tell(1);
            fail()
        };
        let (status, body) = text(answer(place(), work, told, WORDS).await).await;
        assert_eq!(status, 200);
        assert!(body.ends_with("event: error\ndata: {\"title\":\"Not Found\",\"status\":404,\"kind\":\"not_found\",\"detail\":\"no\"}\n\n"), "{body}");
    }

    #[tokio::test]
    async fn a_client_that_goes_away_drops_the_work_and_frees_its_place() {
        let streams = Streams::new(1);
        let place = streams
            .take()
            .map_err(|failure| failure.0.detail)
            .expect("a place");
        let (dropped, is_dropped) = tokio::sync::oneshot::channel::<()>();
        let (tell, told) = progress::<u32>();
        let work = async move {
            let _dropped = dropped;
            tell(1);
            std::future::pending::<Result<(), HostError>>().await
        };
        let response = answer(place, work, told, WORDS).await;
        assert_eq!(
            streams
                .take()
                .map_err(|failure| failure.0.kind.into_owned())
                .err()
                .as_deref(),
            Some("overloaded")
        );
        drop(response);
        assert!(is_dropped.await.is_err(), "its end is gone with the work");
        assert!(streams.take().is_ok(), "the place is free");
    }

    #[tokio::test]
    async fn a_panic_is_an_answer_as_well() {
        let (_, told) = progress::<u32>();
        let work = async { if true { panic!("secret") } else { Ok(()) } };
        let (status, body) = text(answer(place(), work, told, WORDS).await).await;
        assert_eq!(status, 500);
        assert!(!body.contains("secret"), "{body}");
    }

    #[tokio::test]
    async fn a_slow_client_misses_progress_and_not_the_end() {
        let (tell, told) = progress::<usize>();
        let work = async move {
            (0..10 * UNTAKEN).for_each(|number| tell(number));
            Ok(7)
        };
        let (_, body) = text(answer(place(), work, told, WORDS).await).await;
        assert_eq!(body.matches("event: progress").count(), UNTAKEN);
        assert!(body.ends_with("event: result\ndata: 7\n\n"), "{body}");
    }
}
