//! Limits and safety nets around the routes.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use futures_util::FutureExt as _;
use http::{HeaderValue, StatusCode, header};
use tokio::sync::{Semaphore, watch};

use super::Problem;
use crate::plugins;

/// How many requests are worked on at once.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    requests: Arc<Semaphore>,
    most: usize,
}

impl Limits {
    pub(crate) fn new(most: usize) -> Limits {
        Limits {
            requests: Arc::new(Semaphore::new(most)),
            most,
        }
    }

    /// Turns a request away where there are too many, rather than let all of them
    /// wait.
    pub(crate) async fn admit(
        State(limits): State<Limits>,
        request: Request,
        next: Next,
    ) -> Response {
        // Whether the server lives can always be asked.
        if request.uri().path() == "/healthz" {
            return next.run(request).await;
        }
        let Ok(_permit) = limits.requests.try_acquire() else {
            let detail = format!("the server works on {} requests already", limits.most);
            let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", detail)
                .with_hint("try again later, or raise the setting max_requests");
            let mut response = problem.into_response();
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            return response;
        };
        next.run(request).await
    }
}

/// Turns requests away that come after the server began to stop. Whether it lives and
/// whether it is ready can still be asked.
pub(crate) async fn refuse_while_stopping(
    State(stopping): State<watch::Receiver<bool>>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    if !*stopping.borrow() || matches!(path, "/healthz" | "/readyz") {
        return next.run(request).await;
    }
    let detail = "the server is stopping and takes no new work";
    let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", detail)
        .with_hint("ask the next one, or try again when it is back");
    plugins::refusal(&problem, request.method(), path)
}

/// Ends a request that takes longer than `limit` until it begins to answer.
pub(crate) async fn deadline(
    State(limit): State<Duration>,
    request: Request,
    next: Next,
) -> Response {
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let detail = format!("there was no answer within {limit:?}");
            Problem::new(StatusCode::GATEWAY_TIMEOUT, "timeout", detail).into_response()
        }
    }
}

/// A panic in a route fails that request and nothing else. Every answer says that
/// it is what it claims to be, and that nobody shall keep or frame it.
pub(crate) async fn harden(request: Request, next: Next) -> Response {
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let mut response = answered.unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_default();
        tracing::error!(panic = text, "a route panicked");
        let detail = "the server failed to answer; its log says more under this request id";
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail).into_response()
    });
    let headers = response.headers_mut();
    let value = HeaderValue::from_static;
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, value("nosniff"));
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(value("no-store"));
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(value(
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        ));
    headers
        .entry(header::REFERRER_POLICY)
        .or_insert(value("no-referrer"));
    response
}
