//! The request id, in every answer, in the log, and in a caller's own log if it sent one;
//! and the trace that the request belongs to.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use axum::{extract::Request, middleware::Next, response::Response};
use http::{HeaderMap, HeaderName, HeaderValue};
use outboard_go_plugin::trace::{self, TraceContext};
use tracing::Instrument as _;

use crate::security::loggable;

/// The header that carries it.
const HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// Longest id that is taken from a caller.
const MAX_LENGTH: usize = 64;

/// The id of the request at hand; an extension of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestId(pub(crate) String);

/// Gives a request its id, logs its end, and puts the id into the answer.
pub(crate) async fn identify(mut request: Request, next: Next) -> Response {
    let sent = request
        .headers()
        .get(&HEADER)
        .and_then(|value| value.to_str().ok());
    let id = match sent {
        Some(sent) if is_usable(sent) => sent.to_owned(),
        _ => fresh(),
    };
    let trace = trace_of(request.headers());
    let span = tracing::info_span!(
        "request",
        request_id = id,
        trace_id = trace.trace_id(),
        method = %request.method(),
        path = %loggable(request.uri().path()),
    );
    request.extensions_mut().insert(RequestId(id.clone()));
    let began = Instant::now();
    let work = async move {
        let mut response = next.run(request).await;
        if let Ok(value) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(HEADER, value);
        }
        let status = response.status();
        let elapsed = began.elapsed();
        if status.is_server_error() {
            tracing::warn!(status = status.as_u16(), ?elapsed, "answered");
        } else {
            tracing::debug!(status = status.as_u16(), ?elapsed, "answered");
        }
        response
    };
    trace::scope(Some(trace), work.instrument(span)).await
}

/// The trace that a request's sender belongs to, with an id of our own in it. A new one
/// where it says none, or not in the way of the standard.
fn trace_of(headers: &HeaderMap) -> TraceContext {
    let mut parents = headers.get_all(trace::TRACEPARENT).iter();
    let (Some(parent), None) = (parents.next(), parents.next()) else {
        return TraceContext::begin();
    };
    let states: Vec<&str> = headers
        .get_all(trace::TRACESTATE)
        .iter()
        .filter_map(|state| state.to_str().ok())
        .collect();
    let parent = parent.to_str().ok();
    let caller = parent.and_then(|parent| TraceContext::parse(parent, Some(&states.join(","))));
    caller.map_or_else(TraceContext::begin, |caller| caller.child())
}

/// Whether a caller's id can stand in a log line and a header as it is.
fn is_usable(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !id.is_empty() && id.len() <= MAX_LENGTH && id.bytes().all(plain)
}

/// A new id: unique over restarts, short enough to read out.
fn fresh() -> String {
    let mut bytes = [0_u8; 8];
    if getrandom::fill(&mut bytes).is_err() {
        // It only has to be told apart from its neighbours.
        static NEXT: AtomicU64 = AtomicU64::new(0);
        bytes = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    }
    format!("{:016x}", u64::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_goes_on_with_its_senders_trace_or_begins_one() {
        const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let mut headers = HeaderMap::new();
        assert!(!trace_of(&headers).is_sampled());
        headers.insert("traceparent", HeaderValue::from_static(PARENT));
        headers.append("tracestate", HeaderValue::from_static("a=1"));
        headers.append("tracestate", HeaderValue::from_static("b=2"));
        let trace = trace_of(&headers);
        assert_eq!(trace.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_ne!(trace.span_id(), "00f067aa0ba902b7");
        assert_eq!(trace.tracestate(), Some("a=1,b=2"));
        headers.append("traceparent", HeaderValue::from_static(PARENT));
        let new = trace_of(&headers);
        assert_ne!(
            new.trace_id(),
            trace.trace_id(),
            "which of the two it is, nobody knows"
        );
        assert_eq!(new.tracestate(), None);
        headers.insert("traceparent", HeaderValue::from_static("00-\"}"));
        assert_ne!(trace_of(&headers).trace_id(), trace.trace_id());
    }

    #[test]
    fn an_id_that_could_forge_a_log_line_is_not_taken() {
        assert!(is_usable("abc-1.2_Z"));
        for id in ["", "a b", "a\"b", "ü", &"x".repeat(65)] {
            assert!(!is_usable(id), "{id}");
        }
        assert_ne!(fresh(), fresh());
        assert!(is_usable(&fresh()));
    }
}
