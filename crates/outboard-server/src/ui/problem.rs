//! A failure as a page: what, why, what to do.

use askama::Template;
use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, Method, StatusCode, Uri, header};

use super::page::Ui;
use crate::{
    http::Problem,
    security::{CsrfToken, Principal},
};

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage<'a> {
    title: &'a str,
    detail: &'a str,
    hint: Option<&'a str>,
    status: u16,
    kind: &'a str,
    request_id: &'a str,
}

/// Whether a failure of this request is shown as a page: it is for one, by a person.
pub(crate) fn is_page(uri: &Uri, headers: &HeaderMap) -> bool {
    let path = uri.path();
    let is_ours = path == "/" || path == "/ui" || path.starts_with("/ui/");
    let accepts = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok());
    is_ours && accepts.is_some_and(|accepts| accepts.contains("text/html"))
}

/// The page of a problem.
pub(crate) fn problem_page(ui: &Ui, problem: &Problem) -> Response {
    let title = match problem.status {
        StatusCode::NOT_FOUND => "Not here",
        StatusCode::FORBIDDEN => "Not allowed",
        StatusCode::UNAUTHORIZED => "Sign in first",
        StatusCode::CONFLICT => "Not now",
        StatusCode::METHOD_NOT_ALLOWED => "Not like this",
        status if status.is_server_error() => "It did not work",
        _ => "Not understood",
    };
    let body = ProblemPage {
        title,
        detail: &problem.detail,
        hint: problem.hint.as_deref(),
        status: problem.status.as_u16(),
        kind: &problem.kind,
        request_id: ui.request_id(),
    };
    ui.page_with_status(problem.status, title, "", &body)
        .unwrap_or_else(Problem::into_response)
}

/// Shows problems as pages, where a person asked for a page. It stands outside the guard,
/// which says in the answer who asked.
pub(crate) async fn as_pages(request: Request, next: Next) -> Response {
    let page = is_page(request.uri(), request.headers()) && request.method() != Method::HEAD;
    let ui = page.then(|| Ui::of(request.uri(), request.headers(), request.extensions()));
    let mut response = next.run(request).await;
    let problem = response.extensions_mut().remove::<Problem>();
    let (Some(ui), Some(problem)) = (ui, problem) else {
        return response;
    };
    let extensions = response.extensions();
    let principal = extensions.get::<Principal>().cloned();
    let csrf = extensions.get::<CsrfToken>().cloned();
    let mut page = problem_page(&ui.seen_by(principal, csrf), &problem);
    // What else was said beside the body: when to try again, which methods there are.
    for name in [header::RETRY_AFTER, header::ALLOW, header::SET_COOKIE] {
        for value in response.headers().get_all(&name) {
            page.headers_mut().append(name.clone(), value.clone());
        }
    }
    page
}
