//! `Idempotency-Key`: a changing request that is sent twice is done once, and answered
//! twice.
//!
//! | the key | and the request | answers |
//! |---|---|---|
//! | is new | | does it, also if its sender goes away |
//! | is being worked on | is the same | waits for the end, then the same answer |
//! | was done | is the same | the same answer, with `Idempotency-Replayed: true` |
//! | was used | is another | 422 `idempotency_conflict` |
//!
//! Each caller has keys of its own. The same request has the same method, path, query and body. An answer 503 is not
//! remembered: it says that nothing was done.

mod memory;

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    body::{Body, HttpBody as _, to_bytes},
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts};
use outboard_go_plugin::trace;
use tracing::Instrument as _;

use self::memory::{Answer, Bounds, Look, Memory};
use super::Problem;
use crate::{plugins, security::Principal};

/// The header of a request that carries the key.
const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The header of an answer that was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Longest key, in bytes.
const MAX_KEY: usize = 255;
/// Largest body of a request with a key, in bytes. Larger ones are possible without a key.
const MAX_BODY: usize = 8 * 1024 * 1024;

/// The keys that were used. Cloning shares them.
#[derive(Clone, Debug)]
pub(crate) struct Idempotency(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    memory: Mutex<Memory>,
    bounds: Bounds,
    /// Two keyed hashes of 64 bits tell requests apart.
    hashes: [RandomState; 2],
}

impl Idempotency {
    /// As many requests with a key may be worked on at once as requests at all.
    pub(crate) fn new(max_requests: usize) -> Idempotency {
        let bounds = Bounds {
            running: max_requests,
            answers: 1024,
            bytes: 16 * 1024 * 1024,
            answer_bytes: 1024 * 1024,
            keep: Duration::from_secs(24 * 60 * 60),
        };
        Idempotency(Arc::new(Shared {
            memory: Mutex::new(Memory::new(bounds)),
            bounds,
            hashes: [RandomState::new(), RandomState::new()],
        }))
    }

    /// Does a changing request with a key once.
    pub(crate) async fn once(
        State(keys): State<Idempotency>,
        request: Request,
        next: Next,
    ) -> Response {
        if !changes(request.method()) {
            return next.run(request).await;
        }
        let (parts, body) = request.into_parts();
        let refuse = |problem: &Problem| plugins::refusal(problem, &parts.method, parts.uri.path());
        let key = match key(&parts.headers) {
            // Nobody gets an answer that was somebody else's.
            Ok(Some(key)) => match parts.extensions.get::<Principal>() {
                Some(principal) => format!("{} {key}", principal.id),
                None => key,
            },
            Ok(None) => return next.run(Request::from_parts(parts, body)).await,
            Err(problem) => return refuse(&problem),
        };
        let Ok(body) = to_bytes(body, MAX_BODY).await else {
            let detail = format!("the body has more than {MAX_BODY} bytes, or did not arrive");
            let problem = Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail);
            return refuse(
                &problem
                    .with_hint("only calls of connectors may be larger, and only without a key"),
            );
        };
        let fingerprint = keys.fingerprint(&parts, &body);
        loop {
            let look = keys.memory().look(&key, fingerprint, Instant::now());
            match look {
                Look::New => break,
                Look::Done(answer) => return again(&answer, &parts),
                Look::Running(mut end) => {
                    // It closes when the other one has ended, which has a deadline.
                    let _ = end.changed().await;
                }
                Look::Conflict => {
                    let detail = "this Idempotency-Key was used for another request";
                    let problem = Problem::new(
                        StatusCode::UNPROCESSABLE_ENTITY,
                        "idempotency_conflict",
                        detail,
                    );
                    return refuse(&problem.with_hint("make a new key for each new request"));
                }
                Look::Full => {
                    let detail = "too many requests with an Idempotency-Key are being worked on";
                    let problem =
                        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", detail);
                    return refuse(&problem.with_hint("try again later"));
                }
            }
        }
        let begun = Begun {
            keys: keys.clone(),
            key,
            answer: None,
        };
        // On a task of its own: a sender that goes away and asks again later finds it
        // done. It has the deadline of every request.
        let work = async move {
            let response = next.run(Request::from_parts(parts, Body::from(body))).await;
            begun.end(response).await
        };
        match tokio::spawn(trace::with_current(work.in_current_span())).await {
            Ok(response) => response,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // Only the end of the runtime cancels it.
                Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            },
        }
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.0.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fingerprint(&self, parts: &Parts, body: &[u8]) -> u128 {
        let target = parts.uri.path_and_query().map(|target| target.as_str());
        let request = (parts.method.as_str(), target, body);
        let [one, other] = &self.0.hashes;
        (u128::from(one.hash_one(request)) << 64) | u128::from(other.hash_one(request))
    }
}

/// A request that is being worked on; forgotten if it is dropped before its end.
struct Begun {
    keys: Idempotency,
    key: String,
    answer: Option<Answer>,
}

impl Begun {
    /// Remembers the answer and passes it on.
    async fn end(mut self, response: Response) -> Response {
        if response.status() == StatusCode::SERVICE_UNAVAILABLE {
            return response;
        }
        let (head, body) = response.into_parts();
        let most = self.keys.0.bounds.answer_bytes;
        let length = body.size_hint().exact();
        let fits = length.is_some_and(|length| length <= most as u64);
        let (kept, body) = if fits {
            match to_bytes(body, most).await {
                Ok(bytes) => (Some(bytes.clone()), Body::from(bytes)),
                Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            }
        } else {
            (None, body)
        };
        self.answer = Some(Answer {
            status: head.status,
            headers: head.headers.clone(),
            body: kept,
        });
        Response::from_parts(head, body)
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let answer = self.answer.take();
        self.keys.memory().finish(&self.key, answer, Instant::now());
    }
}

fn changes(method: &Method) -> bool {
    !method.is_safe()
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut keys = headers.get_all(&KEY).iter();
    let Some(key) = keys.next() else {
        return Ok(None);
    };
    let printable = |key: &&str| key.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    let usable = key
        .to_str()
        .ok()
        .filter(|key| (1..=MAX_KEY).contains(&key.len()) && keys.next().is_none())
        .filter(printable);
    usable.map(|key| Some(key.to_owned())).ok_or_else(|| {
        Problem::bad_request(format!(
            "the request needs one Idempotency-Key of 1 to {MAX_KEY} printable ASCII characters"
        ))
    })
}

/// An answer that was given before.
fn again(answer: &Answer, parts: &Parts) -> Response {
    let Some(body) = &answer.body else {
        let detail = format!(
            "the request was done before, with status {}; its answer was too long to be kept",
            answer.status.as_u16()
        );
        let problem = Problem::new(StatusCode::CONFLICT, "answer_not_kept", detail)
            .with_hint("look at what it changed, such as GET /api/v1/runs");
        return plugins::refusal(&problem, &parts.method, parts.uri.path());
    };
    let mut response = Response::new(Body::from(body.clone()));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers.clone();
    let headers = response.headers_mut();
    headers.remove(header::DATE);
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    response
}
