//! The server's side of the bridge between a frame and the API.
//!
//! ```text
//! POST /ui/frames/{ticket}/call      {"method":"GET","path":"/api/v1/runs?limit=10"}
//! 200                                {"status":200,"headers":{"content-type":"…"},"body":{…}}
//! POST /ui/frames/{ticket}/renew
//! 200                                {"expires_in":900,"current":true}
//! ```
//!
//! What the route answered is inside, also when that is a failure. What is refused here is
//! a problem of its own, so that the page can tell the two apart.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Extension, Json, Router,
    body::{Body, to_bytes},
    extract::{ConnectInfo, Path, Request, State, rejection::JsonRejection},
    response::{IntoResponse, Response},
};
use http::{Extensions, HeaderValue, Method, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tower_service::Service as _;

use super::{
    Frames,
    grant::granted,
    tickets::{LIFETIME, MAX_CALLS, Ticket},
};
use crate::{
    http::{Problem, RequestId},
    security::{AuditNote, Principal},
};

/// Largest body that a frame sends, and largest answer that it gets, in bytes.
pub(super) const MAX_BODY: usize = 1024 * 1024;
/// How long a call may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// What answers the calls: the API below access, which is decided here.
#[derive(Clone)]
pub(super) struct Api(pub(super) Router);

/// What a frame asks for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Call {
    method: String,
    path: String,
    #[serde(default)]
    body: Option<Value>,
}

/// What a route answered.
#[derive(Debug, Serialize)]
pub(super) struct Answered {
    status: u16,
    headers: BTreeMap<&'static str, String>,
    body: Value,
}

/// How long a frame lives on, and whether it shows what the plugin is now.
#[derive(Debug, Serialize)]
pub(super) struct Renewed {
    expires_in: u64,
    current: bool,
}

pub(super) async fn renew(
    State(frames): State<Frames>,
    Extension(principal): Extension<Principal>,
    Path(ticket): Path<String>,
) -> Result<Response, Problem> {
    let found = frames.find_own(&ticket, &principal)?;
    frames.tickets().renew(&ticket, tokio::time::Instant::now());
    let now = frames.plugins.get(&found.entry.manifest.name);
    let renewed = Renewed {
        expires_in: LIFETIME.as_secs(),
        current: now.is_some_and(|entry| Arc::ptr_eq(&entry, &found.entry)),
    };
    Ok(noted(Json(renewed), NOTHING_TO_SAY))
}

pub(super) async fn call(
    State(frames): State<Frames>,
    Extension(Api(api)): Extension<Api>,
    Extension(principal): Extension<Principal>,
    request_id: Option<Extension<RequestId>>,
    address: Option<Extension<ConnectInfo<SocketAddr>>>,
    Path(ticket): Path<String>,
    call: Result<Json<Call>, JsonRejection>,
) -> Result<Response, Problem> {
    let found = frames.find_own(&ticket, &principal)?;
    let Json(call) = call.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large("what the page sends"),
        _ => Problem::new(StatusCode::BAD_REQUEST, "bad_input", rejection.body_text())
            .with_hint(r#"send {"method","path","body"}"#),
    })?;
    let mut extensions = Extensions::new();
    extensions.insert(principal.clone());
    if let Some(Extension(id)) = request_id {
        extensions.insert(id);
    }
    if let Some(Extension(address)) = address {
        extensions.insert(address);
    }
    let answered = match request(&call, &found, &principal) {
        Ok(mut request) => {
            *request.extensions_mut() = extensions;
            answer(api, request, &found).await
        }
        Err(problem) => Err(problem),
    };
    let note = note(&call, &found, &answered);
    Ok(match answered {
        Ok(answered) => noted(Json(answered), note),
        Err(problem) => noted(problem, note),
    })
}

/// What is asked of the API. Nothing else of the page's own request goes along: neither
/// its cookie nor its headers.
fn request(call: &Call, ticket: &Ticket, principal: &Principal) -> Result<Request, Problem> {
    let method: Method = match call.method.as_str() {
        method @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE") => {
            method.parse().unwrap_or_default()
        }
        _ => return Err(Problem::bad_request("this method is none of the API's")),
    };
    let uri = granted(&method, &call.path, &ticket.entry.manifest, principal)?;
    let body = match &call.body {
        None => Vec::new(),
        Some(value) => serde_json::to_vec(value)
            .map_err(|error| Problem::bad_request(format!("the body is unusable: {error}")))?,
    };
    if body.len() > MAX_BODY {
        return Err(too_large("what the page sends"));
    }
    let mut request = Request::new(Body::from(body));
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    let headers = request.headers_mut();
    let json = HeaderValue::from_static("application/json");
    headers.insert(header::ACCEPT, json.clone());
    if call.body.is_some() {
        headers.insert(header::CONTENT_TYPE, json);
    }
    Ok(request)
}

async fn answer(api: Router, request: Request, ticket: &Ticket) -> Result<Answered, Problem> {
    let _place = Arc::clone(&ticket.calls).try_acquire_owned().map_err(|_| {
        let detail = format!("{MAX_CALLS} calls of this frame are worked on already");
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_calls", detail)
            .with_hint("wait for the answers to some of them")
    })?;
    let answered = tokio::time::timeout(DEADLINE, ask(api, request)).await;
    answered.unwrap_or_else(|_| {
        let detail = format!("the call was not answered within {DEADLINE:?}");
        Err(Problem::new(StatusCode::GATEWAY_TIMEOUT, "timeout", detail))
    })
}

/// What the audit log says: what was changed, and the first thing that was refused to a
/// frame. A page that keeps asking must not push everybody else's lines out.
fn note(call: &Call, ticket: &Ticket, answered: &Result<Answered, Problem>) -> AuditNote {
    let read = matches!(call.method.as_str(), "GET" | "HEAD");
    let status = match answered {
        Ok(_) if read => return NOTHING_TO_SAY,
        Err(_) if !ticket.is_first_refusal() => return NOTHING_TO_SAY,
        Ok(answered) => answered.status,
        Err(problem) => problem.status.as_u16(),
    };
    let of_a_text = |text: &str| text.chars().take(200).collect::<String>();
    let (method, path) = (of_a_text(&call.method), of_a_text(&call.path));
    // A query may hold anything.
    let path = path.split('?').next().unwrap_or_default();
    AuditNote {
        action: Some("page_call"),
        target: Some(format!("{method} {path}")),
        detail: Some(format!(
            "by the page {}/{}, answered {status}",
            ticket.entry.manifest.name, ticket.item
        )),
        ..AuditNote::default()
    }
}

/// Of what changes nothing.
const NOTHING_TO_SAY: AuditNote = AuditNote {
    status: None,
    principal: None,
    action: None,
    target: None,
    detail: None,
    is_known: true,
};

fn noted(answer: impl IntoResponse, note: AuditNote) -> Response {
    let mut response = answer.into_response();
    response.extensions_mut().insert(note);
    response
}

async fn ask(mut api: Router, request: Request) -> Result<Answered, Problem> {
    let response = match api.as_service().call(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    carried(response).await
}

/// An answer as it goes to the page.
async fn carried(response: Response) -> Result<Answered, Problem> {
    let (head, body) = response.into_parts();
    let kind = head
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    if kind.starts_with("text/event-stream") {
        let detail = "a page cannot follow a stream through its frame";
        return Err(
            Problem::new(StatusCode::NOT_ACCEPTABLE, "not_carried", detail)
                .with_hint("ask for what the stream tells about again from time to time"),
        );
    }
    let bytes = to_bytes(body, MAX_BODY)
        .await
        .map_err(|_| too_large("the answer"))?;
    let is_json =
        kind.starts_with("application/json") || kind.starts_with("application/problem+json");
    let body = match serde_json::from_slice(&bytes) {
        Ok(value) if is_json => value,
        _ if bytes.is_empty() => Value::Null,
        _ => Value::String(String::from_utf8(bytes.into()).map_err(|_| {
            let detail = "the answer is no text";
            Problem::new(StatusCode::NOT_ACCEPTABLE, "not_carried", detail)
        })?),
    };
    // What a page has a use for.
    let names = [
        ("content-type", header::CONTENT_TYPE),
        ("retry-after", header::RETRY_AFTER),
        ("allow", header::ALLOW),
    ];
    let headers = names.into_iter().filter_map(|(word, name)| {
        let value = head.headers.get(name)?.to_str().ok()?;
        Some((word, value.to_owned()))
    });
    Ok(Answered {
        status: head.status.as_u16(),
        headers: headers.collect(),
        body,
    })
}

fn too_large(what: &str) -> Problem {
    let detail = format!("{what} is larger than {MAX_BODY} bytes");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
        .with_hint("ask for less at once")
}
