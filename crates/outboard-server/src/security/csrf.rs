//! Whether a changing request of a browser's session comes from a page of ours: it has the
//! session's CSRF token, which no other site can read.
//!
//! ```text
//! X-CSRF-Token: qv0K…                                     sent by scripts
//! application/x-www-form-urlencoded: csrf=qv0K…&name=…    sent by forms without one
//! ```

use std::time::Duration;

use axum::{
    body::{Body, to_bytes},
    extract::Request,
};
use http::{HeaderMap, HeaderName, StatusCode, header};
use subtle::ConstantTimeEq as _;

use crate::http::Problem;

const HEADER: HeaderName = HeaderName::from_static("x-csrf-token");
const FIELD: &str = "csrf";
/// Largest form that is looked into, in bytes. Larger ones bring the header.
const MAX_FORM: usize = 1024 * 1024;
/// How long a form may take to arrive.
const FORM_TIMEOUT: Duration = Duration::from_secs(30);

/// The CSRF token of the session that a request comes from, for the forms of the page
/// that it is answered with; an extension of every request of a session.
#[derive(Clone, Debug)]
pub(crate) struct CsrfToken(pub(crate) String);

/// The request with what was read of it, if it is one of our pages'.
pub(super) async fn check(request: Request, expected: &str) -> Result<Request, Problem> {
    if let Some(sent) = request.headers().get(&HEADER) {
        return match is(sent.as_bytes(), expected) {
            true => Ok(request),
            false => Err(wrong("its X-CSRF-Token is not the one of this session")),
        };
    }
    if !is_form(request.headers()) {
        return Err(wrong("it has no X-CSRF-Token"));
    }
    let (parts, body) = request.into_parts();
    let Ok(read) = tokio::time::timeout(FORM_TIMEOUT, to_bytes(body, MAX_FORM)).await else {
        let detail = format!("the form did not arrive within {FORM_TIMEOUT:?}");
        return Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "timeout", detail));
    };
    let Ok(bytes) = read else {
        let detail = format!("the form has more than {MAX_FORM} bytes, or did not arrive");
        return Err(
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
                .with_hint("send X-CSRF-Token as a header to send more"),
        );
    };
    let mut sent = form_urlencoded::parse(&bytes).filter(|(name, _)| name == FIELD);
    let field = sent.next();
    let right = match &field {
        Some((_, value)) => is(value.as_bytes(), expected),
        None => return Err(wrong("its form has no field csrf")),
    };
    drop(field);
    match right {
        true => Ok(Request::from_parts(parts, Body::from(bytes))),
        false => Err(wrong("its field csrf is not the one of this session")),
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let kind = kind.and_then(|value| value.split(';').next());
    kind.is_some_and(|kind| {
        kind.trim()
            .eq_ignore_ascii_case("application/x-www-form-urlencoded")
    })
}

fn is(sent: &[u8], expected: &str) -> bool {
    sent.ct_eq(expected.as_bytes()).into()
}

fn wrong(why: &str) -> Problem {
    let detail = format!("this does not come from a page of this session: {why}");
    Problem::new(StatusCode::FORBIDDEN, "csrf", detail)
        .with_hint("load the page again; programs send a token instead of a cookie")
}
