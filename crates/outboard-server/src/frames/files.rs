//! `GET /ui/frames/{ticket}/…`: the files of a plugin, for one frame.

use axum::{
    body::Body,
    extract::{Path, State},
    response::Response,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};

use super::{Frames, policy::policy};
use crate::{
    http::{Problem, escape},
    ui_plugins::Snapshot,
};

/// What a page loads to speak with the server. It is under each ticket, so that a page
/// needs no other address than its own.
const CLIENT_NAME: &str = "outboard-frame.js";
const CLIENT: &str = include_str!("../../assets/outboard-frame.js");

/// The file with which a page of a plugin begins, below the ticket: its own, or the one
/// of all pages, which then looks at what is after the `#`.
pub(super) fn start(assets: &Snapshot, item: &str) -> Option<String> {
    let is_there = |path: &str| {
        let answer = assets.answer(path, &Method::HEAD, &HeaderMap::new());
        answer.status() == StatusCode::OK
    };
    [format!("{item}.html"), format!("{item}/"), String::new()]
        .into_iter()
        .find(|path| is_there(path))
}

pub(super) async fn file(
    State(frames): State<Frames>,
    Path(parts): Path<Vec<(String, String)>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let ticket = parts
        .first()
        .map(|(_, ticket)| ticket.as_str())
        .unwrap_or_default();
    let found = match frames.find(ticket) {
        Ok(found) => found,
        Err(problem) => return plain_page(&problem),
    };
    let Some(policy) = policy(ticket, &uri, &headers) else {
        return plain_page(&Problem::bad_request(
            "the request has no usable Host header",
        ));
    };
    // As it stands in the URL: the snapshot decodes it, once.
    let prefix = format!("/ui/frames/{ticket}/");
    let path = uri.path().strip_prefix(&prefix).unwrap_or_default();
    let mut response = match path {
        CLIENT_NAME => client(),
        path => found.entry.assets.answer(path, &method, &headers),
    };
    let headers = response.headers_mut();
    let value = HeaderValue::from_static;
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    // The frame's origin is nobody's, so its own scripts and fonts are foreign to it. The
    // ticket is the right to read them, and no cookie is looked at.
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, value("*"));
    let forever = headers
        .get(header::CACHE_CONTROL)
        .is_some_and(|caching| caching.as_bytes().ends_with(b"immutable"));
    if forever {
        // Nobody asks for this path again when the ticket is gone.
        let caching = value("private, max-age=900, immutable");
        headers.insert(header::CACHE_CONTROL, caching);
    }
    response
}

fn client() -> Response {
    let mut response = Response::new(Body::from(Bytes::from_static(CLIENT.as_bytes())));
    let headers = response.headers_mut();
    let value = HeaderValue::from_static;
    headers.insert(
        header::CONTENT_TYPE,
        value("text/javascript; charset=utf-8"),
    );
    headers.insert(header::CACHE_CONTROL, value("no-cache"));
    response
}

/// A failure as it can stand in a frame: without our layout, which no frame may show.
fn plain_page(problem: &Problem) -> Response {
    let hint = problem
        .hint
        .as_deref()
        .map_or_else(String::new, |hint| format!("<p>{}</p>", escape(hint)));
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\
         <style>:root{{color-scheme:light dark}}body{{font:14px/1.5 system-ui,sans-serif;\
         margin:24px}}</style><h1>{title}</h1><p>{detail}</p>{hint}<p><code>{kind}</code></p>\
         </html>",
        title = problem.status.canonical_reason().unwrap_or("Error"),
        detail = escape(&problem.detail),
        kind = problem.kind,
    );
    let mut response = Response::new(Body::from(html));
    *response.status_mut() = problem.status;
    let headers = response.headers_mut();
    let value = HeaderValue::from_static;
    headers.insert(header::CONTENT_TYPE, value("text/html; charset=utf-8"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        value("sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"),
    );
    response
}
