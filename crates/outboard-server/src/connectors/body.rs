//! Bodies of requests: JSON within limits, and few large ones at once.

use std::sync::Arc;

use axum::{body::to_bytes, extract::Request};
use bytes::Bytes;
use http::{StatusCode, header};
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::failure::Failure;
use crate::http::Problem;

/// Largest body that counts as a small one, in bytes.
const SMALL: usize = 8 * 1024 * 1024;
/// How many larger ones are held at once.
const LARGE_AT_ONCE: usize = 4;

/// The places of large bodies. Cloning shares them.
#[derive(Clone, Debug)]
pub(super) struct Bodies(Arc<Semaphore>);

impl Default for Bodies {
    fn default() -> Bodies {
        Bodies(Arc::new(Semaphore::new(LARGE_AT_ONCE)))
    }
}

/// A body, and its place if it is a large one.
pub(super) struct Held {
    pub(super) bytes: Bytes,
    /// Kept until what came of the body is gone, too.
    pub(super) place: Option<OwnedSemaphorePermit>,
}

impl Bodies {
    /// A body of at most `most` bytes. Only one whose length is known beforehand may be
    /// larger than 8 MiB.
    pub(super) async fn read(&self, request: Request, most: usize) -> Result<Held, Failure> {
        let length = request.headers().get(header::CONTENT_LENGTH);
        let length: Option<usize> = length
            .and_then(|length| length.to_str().ok())
            .and_then(|length| length.parse().ok());
        let too_large =
            |detail: String| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail);
        let (limit, place) = match length {
            Some(length) if length > most => {
                let detail = format!("the body has {length} bytes, and {most} is the most");
                return Err(too_large(detail).into());
            }
            Some(length) if length > SMALL => {
                let Ok(place) = Arc::clone(&self.0).try_acquire_owned() else {
                    let detail = format!(
                        "{LARGE_AT_ONCE} bodies over {SMALL} bytes are being worked on already"
                    );
                    let status = StatusCode::SERVICE_UNAVAILABLE;
                    return Err(Problem::new(status, "overloaded", detail)
                        .with_hint("try again later")
                        .into());
                };
                (most, Some(place))
            }
            _ => (SMALL.min(most), None),
        };
        match to_bytes(request.into_body(), limit).await {
            Ok(bytes) => Ok(Held { bytes, place }),
            Err(_) => {
                let problem = too_large(format!(
                    "the body has more than {limit} bytes, or did not arrive"
                ));
                Err(match length {
                    None if most > limit => problem.with_hint(
                        "send a Content-Length: only then a body may be larger than that",
                    ),
                    _ => problem,
                }
                .into())
            }
        }
    }
}

/// Reads an object of JSON; an empty body is an empty object.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    let bad =
        |detail: String| Failure::from(Problem::new(StatusCode::BAD_REQUEST, "bad_input", detail));
    let body = match body.trim_ascii_start() {
        b"" => b"{}",
        body => body,
    };
    // A list would be read as the fields in their order.
    if body[0] != b'{' {
        return Err(bad("the body must be a JSON object".to_owned()));
    }
    serde_json::from_slice(body).map_err(|error| {
        bad(format!(
            "the body cannot be read: {}",
            without_values(&error)
        ))
    })
}

/// What is wrong, without the value that is: it may be a secret in the wrong place.
fn without_values(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if !error.is_data() || !text.starts_with("invalid ") {
        return text;
    }
    match text.rsplit_once("expected ") {
        Some((_, expected)) => format!("a value is of the wrong kind; expected {expected}"),
        None => format!("a value is of the wrong kind, at line {}", error.line()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use outboard_connector::host::CallRequest;

    fn detail(body: &str) -> String {
        let failure = read::<CallRequest>(body.as_bytes()).expect_err("bad input");
        assert_eq!(failure.0.kind, "bad_input");
        failure.0.detail
    }

    #[test]
    fn an_empty_body_asks_for_the_defaults() {
        assert_eq!(
            read::<CallRequest>(b" \n").expect("a request"),
            CallRequest::default()
        );
    }

    #[test]
    fn what_cannot_be_read_is_told_without_its_values() {
        assert!(detail("{").contains("EOF"), "{}", detail("{"));
        assert!(detail("[]").contains("object"));
        assert!(detail(r#"{"inptu":1}"#).contains("unknown field `inptu`"));
        let told = detail(r#"{"timeout_ms":"hunter2"}"#);
        assert!(
            told.contains("expected u64") && !told.contains("hunter2"),
            "{told}"
        );
        let told = detail(r#"{"confirm":"hunter2, expected hunter2"}"#);
        assert!(
            told.contains("expected a boolean") && !told.contains("hunter2"),
            "{told}"
        );
    }

    fn request(length: Option<usize>, body: Vec<u8>) -> Request {
        let mut request = Request::new(Body::from(body));
        if let Some(length) = length {
            request
                .headers_mut()
                .insert(header::CONTENT_LENGTH, length.into());
        }
        request
    }

    #[tokio::test]
    async fn few_large_bodies_are_held_at_once() {
        let bodies = Bodies::default();
        let large = || request(Some(SMALL + 1), vec![b' '; SMALL + 1]);
        let mut held = Vec::new();
        for _ in 0..LARGE_AT_ONCE {
            held.push(bodies.read(large(), 2 * SMALL).await.expect("a place"));
        }
        let failure = bodies
            .read(large(), 2 * SMALL)
            .await
            .err()
            .expect("no place");
        assert_eq!(
            (failure.0.status.as_u16(), &*failure.0.kind),
            (503, "overloaded")
        );
        bodies
            .read(request(Some(3), b"{ }".to_vec()), 2 * SMALL)
            .await
            .map_err(|failure| failure.0.detail)
            .expect("a small one");
        held.pop();
        bodies
            .read(large(), 2 * SMALL)
            .await
            .map_err(|failure| failure.0.detail)
            .expect("a place again");
    }

    #[tokio::test]
    async fn too_much_is_refused_before_it_is_read_and_a_length_is_asked_for() {
        let bodies = Bodies::default();
        let failure = bodies
            .read(request(Some(2 * SMALL + 1), Vec::new()), 2 * SMALL)
            .await;
        assert_eq!(
            failure.err().map(|failure| failure.0.status.as_u16()),
            Some(413)
        );
        let failure = bodies
            .read(request(None, vec![b' '; SMALL + 1]), 2 * SMALL)
            .await;
        let problem = failure.err().expect("too large").0;
        assert_eq!(problem.status.as_u16(), 413);
        assert!(
            problem
                .hint
                .is_some_and(|hint| hint.contains("Content-Length"))
        );
    }
}
