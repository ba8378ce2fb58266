//! The five routes of the seed's HTTP handler.

use axum::{
    Router,
    body::Body,
    extract::{Path, Query, Request, State, rejection::PathRejection},
    middleware::{self, Next},
    response::Response,
    routing::any,
};
use http::{HeaderValue, Method, StatusCode, Uri, header};
use serde::Deserialize;

use super::{ControlError, PREFIX, PluginControl, envelope};
use crate::{http::escape, ui_plugins};

/// The seed's HTTP handler: list, load, unload and reload plugins.
///
/// Paths, envelope, order and the text of 404 and 405 are the seed's. The statuses
/// say what happened, where the original answers 500 to every failure, and a name is
/// checked before anything looks at the disk.
///
/// ```no_run
/// use outboard_server::PluginHandler;
/// use outboard_workflow::external::ExternalPluginManager;
///
/// let manager = ExternalPluginManager::new("plugins");
/// let routes: axum::Router = PluginHandler::new(manager).router();
/// ```
///
/// It asks nobody for a token and looks at no `Host`: what
/// [`Server`](crate::Server) puts around it does.
#[derive(Clone, Debug)]
pub struct PluginHandler {
    control: PluginControl,
}

impl PluginHandler {
    /// A handler of the plugins of a manager, or of a manager and its engine.
    pub fn new(control: impl Into<PluginControl>) -> PluginHandler {
        PluginHandler {
            control: control.into(),
        }
    }

    /// Its routes, with the seed's 404 for all others.
    pub fn router<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        self.routes().fallback(not_found)
    }

    /// Its routes alone.
    pub(crate) fn routes<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        Router::new()
            .route(PREFIX, any(list))
            .route(&format!("{PREFIX}/loaded"), any(loaded))
            .route(&format!("{PREFIX}/{{name}}/load"), any(load))
            .route(&format!("{PREFIX}/{{name}}/unload"), any(unload))
            .route(&format!("{PREFIX}/{{name}}/reload"), any(reload))
            .layer(middleware::from_fn(clean))
            .with_state(self.control)
    }
}

async fn list(State(control): State<PluginControl>, method: Method) -> Response {
    if !is_read(&method) {
        return wrong_method("GET, HEAD");
    }
    match control.list().await {
        Ok(plugins) => envelope::ok(plugins),
        Err(error) => failure(&control, &error),
    }
}

async fn loaded(State(control): State<PluginControl>, method: Method) -> Response {
    if !is_read(&method) {
        return wrong_method("GET, HEAD");
    }
    envelope::ok(control.manager().loaded_plugins())
}

async fn load(
    State(control): State<PluginControl>,
    method: Method,
    name: Result<Path<String>, PathRejection>,
) -> Response {
    if method != Method::POST {
        return wrong_method("POST");
    }
    let name = match named(name) {
        Ok(name) => name,
        Err(response) => return response,
    };
    done("loaded", &name, &control, control.load(&name).await)
}

#[derive(Deserialize)]
struct UnloadQuery {
    #[serde(default)]
    force: Option<String>,
}

async fn unload(
    State(control): State<PluginControl>,
    method: Method,
    Query(query): Query<UnloadQuery>,
    name: Result<Path<String>, PathRejection>,
) -> Response {
    if method != Method::POST {
        return wrong_method("POST");
    }
    let name = match named(name) {
        Ok(name) => name,
        Err(response) => return response,
    };
    let force = matches!(query.force.as_deref(), Some("1" | "true" | ""));
    done(
        "unloaded",
        &name,
        &control,
        control.unload(&name, force).await,
    )
}

async fn reload(
    State(control): State<PluginControl>,
    method: Method,
    name: Result<Path<String>, PathRejection>,
) -> Response {
    if method != Method::POST {
        return wrong_method("POST");
    }
    let name = match named(name) {
        Ok(name) => name,
        Err(response) => return response,
    };
    done("reloaded", &name, &control, control.reload(&name).await)
}

fn done(
    action: &'static str,
    name: &str,
    control: &PluginControl,
    outcome: Result<(), ControlError>,
) -> Response {
    match outcome {
        Ok(()) => envelope::ok(envelope::ActionDone { action, name }),
        Err(error) => failure(control, &error),
    }
}

/// The log says where on disk it happened; the answer does not.
fn failure(control: &PluginControl, error: &ControlError) -> Response {
    let status = error.status();
    tracing::info!(status = status.as_u16(), %error, "an operation on a plugin failed");
    envelope::error(status, &control.without_paths(&error.to_string()))
}

/// A segment that cannot be decoded is no name either.
// The error is the answer, made once for a request that ends with it.
#[allow(clippy::result_large_err)]
fn named(name: Result<Path<String>, PathRejection>) -> Result<String, Response> {
    match name {
        Ok(Path(name)) => Ok(name),
        Err(_) => Err(envelope::error(
            StatusCode::BAD_REQUEST,
            "the plugin's name is not UTF-8",
        )),
    }
}

fn is_read(method: &Method) -> bool {
    method == Method::GET || method == Method::HEAD
}

/// Whether the answer to this request has the seed's envelope.
pub(crate) fn is_seed_route(method: &Method, path: &str) -> bool {
    let Some(rest) = path.strip_prefix(PREFIX) else {
        return false;
    };
    match rest {
        "" | "/loaded" => true,
        _ => {
            let action = rest.rsplit('/').next().unwrap_or_default();
            method == Method::POST && matches!(action, "load" | "unload" | "reload")
        }
    }
}

/// Whether a path is the seed's to answer, if no other route does.
pub(crate) fn is_under_seed_routes(path: &str) -> bool {
    ui_plugins::is_under_seed_routes(path)
        || path
            .strip_prefix(PREFIX)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// 405 as Go's multiplexer says it.
pub(crate) fn wrong_method(allow: &'static str) -> Response {
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed\n");
    response
        .headers_mut()
        .insert(header::ALLOW, HeaderValue::from_static(allow));
    response
}

/// Answers a path that is not clean before a route can take an empty segment for a name,
/// or `..` for a file.
pub(crate) async fn clean(request: Request, next: Next) -> Response {
    if clean_path(request.uri().path()) != request.uri().path() {
        return not_found(request.method().clone(), request.uri().clone()).await;
    }
    next.run(request).await
}

/// What Go's multiplexer answers where no route is: a redirect to the clean path if
/// the path is not clean or lacks the slash of its route, else 404.
pub(crate) async fn not_found(method: Method, uri: Uri) -> Response {
    let mut clean = clean_path(uri.path());
    if ui_plugins::lacks_slash(&clean) {
        clean.push('/');
    }
    if clean != uri.path() {
        let query = uri
            .query()
            .map_or_else(String::new, |query| format!("?{query}"));
        if let Ok(location) = HeaderValue::try_from(format!("{clean}{query}")) {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
            if method == Method::GET || method == Method::HEAD {
                let html = HeaderValue::from_static("text/html; charset=utf-8");
                response.headers_mut().insert(header::CONTENT_TYPE, html);
            }
            if method == Method::GET {
                let to = escape(&format!("{clean}{query}"));
                let link = format!("<a href=\"{to}\">Temporary Redirect</a>.\n\n");
                *response.body_mut() = Body::from(link);
            }
            response.headers_mut().insert(header::LOCATION, location);
            return response;
        }
    }
    text(StatusCode::NOT_FOUND, "404 page not found\n")
}

/// Without empty segments, `.` and `..`. Begins with exactly one `/`, so it never
/// names another host.
fn clean_path(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            other => segments.push(other),
        }
    }
    let mut clean = format!("/{}", segments.join("/"));
    if path.ends_with('/') && clean.len() > 1 {
        clean.push('/');
    }
    clean
}

fn text(status: StatusCode, text: &'static str) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, plain);
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clean_path_stays_on_this_host() {
        assert_eq!(clean_path("/api//load"), "/api/load");
        assert_eq!(clean_path("//evil.example/x"), "/evil.example/x");
        assert_eq!(clean_path("/a/../../b/"), "/b/");
        assert_eq!(clean_path("/a/./b"), "/a/b");
        assert_eq!(clean_path("/"), "/");
        assert_eq!(clean_path("/a/b/"), "/a/b/");
    }

    #[test]
    fn the_seed_answers_for_its_own_routes_only() {
        for (method, path, ours) in [
            (Method::GET, "", true),
            (Method::GET, "/loaded", true),
            (Method::POST, "/kv/load", true),
            (Method::POST, "/..%2Fx/unload", true),
            (Method::GET, "/kv", false),
            (Method::GET, "/kv/logs", false),
        ] {
            assert_eq!(
                is_seed_route(&method, &format!("{PREFIX}{path}")),
                ours,
                "{path}"
            );
        }
        assert!(!is_seed_route(&Method::GET, "/api/v1/runs"));
        assert!(is_under_seed_routes("/api/v1/plugins/external/a/b"));
        assert!(!is_under_seed_routes("/api/v1/plugins/externals"));
    }
}
