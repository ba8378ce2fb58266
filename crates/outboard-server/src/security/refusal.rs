//! How a request is turned away: in the originals' words on their routes, and as a problem
//! on ours, of which a page is made where somebody looks at one. Whoever has not signed
//! in is brought to the sign-in instead.

use axum::{
    body::Body,
    extract::Request,
    response::{Html, IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{
    http::{Problem, escape},
    plugins,
    ui::{is_local, redirect},
};

/// Where people sign in.
pub(super) const SIGN_IN: &str = "/ui/sign-in";
/// Where they come to when nobody says where.
pub(super) const HOME: &str = "/ui/";
/// Longest path that people are brought back to, in bytes.
const MAX_NEXT: usize = 1000;
/// What a path may have as it is inside of a query.
const IN_QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.');

const HX_REQUEST: HeaderName = HeaderName::from_static("hx-request");
const HX_REDIRECT: HeaderName = HeaderName::from_static("hx-redirect");
const HX_CURRENT_URL: HeaderName = HeaderName::from_static("hx-current-url");

/// A request, as far as its refusal depends on it.
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) uri: Uri,
    /// The page in whose place something is fetched by a script, if it is.
    of_page: Option<String>,
    by_script: bool,
    wants_events: bool,
    /// Whether somebody followed a link of another site. Browsers leave out our cookie then.
    from_elsewhere: bool,
}

impl Asked {
    pub(super) fn of(request: &Request) -> Asked {
        let headers = request.headers();
        let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        Asked {
            method: request.method().clone(),
            uri: request.uri().clone(),
            of_page: text(&HX_CURRENT_URL).and_then(path_of),
            by_script: headers.contains_key(&HX_REQUEST),
            wants_events: accepts_events(headers),
            from_elsewhere: text(&HeaderName::from_static("sec-fetch-site")) == Some("cross-site"),
        }
    }
}

fn accepts_events(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT);
    accept.is_some_and(|accept| accept.as_bytes().starts_with(b"text/event-stream"))
}

/// The path and query of a URL that a script says it is on.
fn path_of(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    Some(uri.path_and_query()?.as_str().to_owned())
}

/// The answer, with what to send where a token is asked for.
pub(super) fn answer(problem: &Problem, asked: &Asked) -> Response {
    let path = asked.uri.path();
    let nobody = problem.status == StatusCode::UNAUTHORIZED;
    if nobody && is_page(path) && !asked.wants_events {
        return sign_in(asked);
    }
    let mut response = plugins::refusal(problem, &asked.method, path);
    if nobody {
        let bearer = HeaderValue::from_static("Bearer");
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, bearer);
    }
    response
}

/// Whether people look at it: what they load into the page is not.
fn is_page(path: &str) -> bool {
    let Some(rest) = path.strip_prefix("/ui") else {
        return false;
    };
    let assets = ["/assets/", "/frames/"];
    (rest.is_empty() || rest.starts_with('/')) && !assets.iter().any(|part| rest.starts_with(part))
}

fn sign_in(asked: &Asked) -> Response {
    let target = asked
        .uri
        .path_and_query()
        .map_or(HOME, |target| target.as_str());
    let next = match asked.method {
        _ if asked.by_script => asked.of_page.as_deref().unwrap_or(HOME),
        Method::GET | Method::HEAD => target,
        // What was to be done is lost; doing it unasked would be worse.
        _ => HOME,
    };
    // A link of another site: the browser comes once more, from a page of ours, and then
    // with its cookie.
    if asked.from_elsewhere && local(Some(next)) == next {
        return again(next);
    }
    let target = match local(Some(next)) {
        HOME => SIGN_IN.to_owned(),
        next => format!("{SIGN_IN}?next={}", utf8_percent_encode(next, IN_QUERY)),
    };
    if !asked.by_script {
        return redirect(&target);
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    if let Ok(target) = HeaderValue::from_str(&target) {
        response.headers_mut().insert(HX_REDIRECT, target);
    }
    response
}

/// A page that loads another one of ours, so that the browser asks for it as from here.
fn again(path: &str) -> Response {
    let page = Html(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Outboard</title>\
         <p><a href=\"{path}\">Go on to Outboard</a></p></html>",
        path = escape(path)
    ));
    let mut response = page.into_response();
    if let Ok(value) = HeaderValue::from_str(&format!("0; url={path}")) {
        response.headers_mut().insert(header::REFRESH, value);
    }
    response
}

/// Where to go after signing in: a page of ours, whatever was asked for.
pub(super) fn local(next: Option<&str>) -> &str {
    let goes_back = |next: &&str| {
        let path = next.split(['?', '#']).next().unwrap_or_default();
        let goes_up = path.split('/').any(|part| matches!(part, "." | ".."));
        let fits = next.len() <= MAX_NEXT && is_local(next);
        fits && !goes_up && !path.starts_with("/ui/sign-")
    };
    next.filter(goes_back).unwrap_or(HOME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_brought_back_to_pages_of_ours_and_nowhere_else() {
        for next in [
            "/ui/",
            "/ui/runs?state=failed&q=a%20b",
            "/ui/plugins/workflow/kv",
        ] {
            assert_eq!(local(Some(next)), next);
        }
        let long = format!("/ui/{}", "x".repeat(1000));
        for next in [
            "",
            "/",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example/ui/",
            "javascript:alert(1)",
            "/ui/..//evil.example",
            "/ui/../../evil",
            "/ui//evil.example",
            "/ui/\\evil",
            "/ui/a b",
            "/ui/\r\nset-cookie: a=b",
            "/ui/sign-in?next=/ui/",
            "/ui/sign-out",
            "/uix",
            "/api/v1/tokens",
            long.as_str(),
        ] {
            assert_eq!(local(Some(next)), HOME, "{next}");
        }
        assert_eq!(local(None), HOME);
    }
}
