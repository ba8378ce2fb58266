//! The API that is called.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Json, Router,
    body::Body,
    extract::{Query, Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{any, get},
};
use outboard_sdk::{Value, json};

#[derive(Clone, Default)]
struct Counters {
    requests: Arc<AtomicUsize>,
    tries: Arc<AtomicUsize>,
    always_busy: Arc<AtomicUsize>,
}

pub(crate) struct Api {
    pub(crate) url: String,
    counters: Counters,
    serving: tokio::task::JoinHandle<()>,
}

impl Api {
    pub(crate) async fn start() -> Api {
        let counters = Counters::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = router(counters.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Api {
            url,
            counters,
            serving,
        }
    }

    pub(crate) fn requests(&self) -> usize {
        self.counters.requests.load(Ordering::SeqCst)
    }

    pub(crate) fn tries(&self) -> usize {
        self.counters.tries.load(Ordering::SeqCst)
    }

    pub(crate) fn always_busy_tries(&self) -> usize {
        self.counters.always_busy.load(Ordering::SeqCst)
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn router(counters: Counters) -> Router {
    Router::new()
        .route("/api/echo", any(echo))
        .route(
            "/api/text",
            get(|| async {
                (
                    [(header::SET_COOKIE, "a=1")],
                    axum::response::AppendHeaders([(header::SET_COOKIE, "b=2")]),
                    "grüße",
                )
            }),
        )
        .route("/api/bytes", get(|| async { vec![0xff_u8, 0x00, 0x80] }))
        .route(
            "/api/problem",
            get(|| async {
                (
                    [(
                        header::CONTENT_TYPE,
                        "application/problem+json; charset=utf-8",
                    )],
                    r#"{"title":"none"}"#,
                )
            }),
        )
        .route(
            "/api/not-json",
            get(|| async { ([(header::CONTENT_TYPE, "application/json")], "{oops") }),
        )
        .route("/api/denied", get(denied))
        .route("/api/busy", any(busy))
        .route("/api/always-busy", get(always_busy))
        .route(
            "/api/come-back",
            get(|| async {
                (
                    StatusCode::SERVICE_UNAVAILABLE,
                    [(header::RETRY_AFTER, "3600")],
                )
            }),
        )
        .route(
            "/api/never",
            get(|| async { std::future::pending::<()>().await }),
        )
        .route("/api/drip", get(drip))
        .route("/api/large", get(|| async { "x".repeat(65 * 1024) }))
        .route("/api/redirect", any(redirect))
        .layer(middleware::from_fn_with_state(counters.clone(), count))
        .with_state(counters)
}

async fn count(State(counters): State<Counters>, request: Request, next: Next) -> Response {
    counters.requests.fetch_add(1, Ordering::SeqCst);
    next.run(request).await
}

async fn echo(method: Method, request: Request) -> Json<Value> {
    let (parts, body) = request.into_parts();
    let uri = parts.uri;
    let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in &parts.headers {
        headers
            .entry(name.to_string())
            .or_default()
            .push(value.to_str().unwrap().to_owned());
    }
    let body = axum::body::to_bytes(body, 1024 * 1024).await.unwrap();
    Json(json!({
        "method": method.as_str(), "path": uri.path(), "query": uri.query(), "headers": headers,
        "body": String::from_utf8_lossy(&body),
    }))
}

async fn denied(headers: HeaderMap) -> (StatusCode, String) {
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let token = token
        .and_then(|value| value.strip_prefix("Bearer "))
        .unwrap_or("none");
    (StatusCode::FORBIDDEN, format!("token\n  {token} may not"))
}

async fn busy(State(counters): State<Counters>) -> Response {
    match counters.tries.fetch_add(1, Ordering::SeqCst) + 1 {
        1 => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        2 => (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "0")]).into_response(),
        3 => Json(json!({ "tries": 3 })).into_response(),
        _ => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn always_busy(
    State(counters): State<Counters>,
) -> (StatusCode, [(header::HeaderName, &'static str); 1]) {
    counters.always_busy.fetch_add(1, Ordering::SeqCst);
    (
        StatusCode::SERVICE_UNAVAILABLE,
        [(header::RETRY_AFTER, "0")],
    )
}

/// A body that begins and does not end.
async fn drip() -> Body {
    struct Endless(bool);

    impl axum::body::HttpBody for Endless {
        type Data = axum::body::Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<http_body::Frame<Self::Data>, Self::Error>>> {
            if std::mem::replace(&mut self.0, true) {
                return std::task::Poll::Pending;
            }
            let data = axum::body::Bytes::from_static(b"x");
            std::task::Poll::Ready(Some(Ok(http_body::Frame::data(data))))
        }
    }

    Body::new(Endless(false))
}

async fn redirect(Query(query): Query<BTreeMap<String, String>>) -> Response {
    let status = StatusCode::from_u16(query["status"].parse().unwrap()).unwrap();
    let own = "/api/redirect?status=302".to_owned();
    let to = query.get("to").unwrap_or(&own).clone();
    (status, [(header::LOCATION, to)]).into_response()
}
