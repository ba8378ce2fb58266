//! The seven routes of the seed's handler of UI plugins.

use axum::{
    Extension, Router,
    extract::{Path, Request, State, rejection::PathRejection},
    middleware,
    response::Response,
    routing::any,
};
use http::{HeaderValue, Method, StatusCode, header};

use super::{
    UiPluginError, UiPluginManager,
    sight::{items_for, manifest_for, refused},
};
use crate::{
    plugins::{PluginInfo, clean, envelope, not_found, wrong_method},
    security::Principal,
};

/// Where the routes begin.
pub(crate) const PREFIX: &str = "/api/v1/plugins/ui";

/// What the seed says of a plugin that is not loaded, whatever was asked.
const NOT_LOADED: &str = "UI plugin not found or not loaded";

/// What a browser may do with a file that is opened from here: show it, as a page of
/// nobody. Pages that work run in frames, which have their own policy.
const POLICY: &str =
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'";

/// The seed's HTTP handler of UI plugins: list, load, unload and reload them, and answer
/// with their files.
///
/// Paths, envelope, order and the text of 404 and 405 are the seed's. The statuses say
/// what happened, where the original answers 500 to every failure.
///
/// ```no_run
/// use outboard_server::{UiPluginHandler, UiPluginManager};
///
/// let manager = UiPluginManager::new("plugins");
/// let routes: axum::Router = UiPluginHandler::new(manager).router();
/// ```
///
/// It asks nobody for a token: what [`Server`](crate::Server) puts around it does. A
/// [`Principal`] among a request's extensions sees only the pages that are for it.
#[derive(Clone, Debug)]
pub struct UiPluginHandler {
    manager: UiPluginManager,
}

impl UiPluginHandler {
    /// A handler of the plugins of a manager.
    pub fn new(manager: UiPluginManager) -> UiPluginHandler {
        UiPluginHandler { manager }
    }

    /// Its routes, with the seed's 404 for all others.
    pub fn router<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        self.routes().fallback(not_found)
    }

    /// Its routes alone.
    pub(crate) fn routes<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        Router::new()
            .route(PREFIX, any(list))
            .route(&format!("{PREFIX}/available"), any(available))
            .route(&format!("{PREFIX}/{{name}}/manifest"), any(manifest))
            .route(&format!("{PREFIX}/{{name}}/load"), any(load))
            .route(&format!("{PREFIX}/{{name}}/unload"), any(unload))
            .route(&format!("{PREFIX}/{{name}}/reload"), any(reload))
            // Go's multiplexer sends the first one to the second.
            .route(&format!("{PREFIX}/{{name}}/assets"), any(not_found))
            .route(&format!("{PREFIX}/{{name}}/assets/"), any(assets))
            .route(&format!("{PREFIX}/{{name}}/assets/{{*path}}"), any(assets))
            .layer(middleware::from_fn(clean))
            .with_state(self.manager)
    }
}

async fn list(
    State(manager): State<UiPluginManager>,
    principal: Option<Extension<Principal>>,
    method: Method,
) -> Response {
    if !is_read(&method) {
        return wrong_method("GET, HEAD");
    }
    let principal = principal.as_deref();
    let entries = manager.entries();
    let infos = entries.iter().filter_map(|entry| {
        let mut info = entry.info();
        info.nav_items = items_for(entry, principal)?;
        Some(info)
    });
    envelope::ok(infos.collect::<Vec<_>>())
}

async fn available(State(manager): State<UiPluginManager>, method: Method) -> Response {
    if !is_read(&method) {
        return wrong_method("GET, HEAD");
    }
    match manager.discover_plugins().await {
        Ok(found) => {
            let info = found.into_iter().map(|plugin| PluginInfo {
                loaded: manager.is_loaded(&plugin.name),
                name: plugin.name,
            });
            envelope::ok(info.collect::<Vec<_>>())
        }
        Err(error) => failure(&manager, &error),
    }
}

async fn manifest(
    State(manager): State<UiPluginManager>,
    principal: Option<Extension<Principal>>,
    method: Method,
    name: Result<Path<String>, PathRejection>,
) -> Response {
    if !is_read(&method) {
        return wrong_method("GET, HEAD");
    }
    let entry = match name {
        Ok(Path(name)) => manager.get(&name),
        Err(_) => None,
    };
    let Some(entry) = entry else {
        return envelope::error(StatusCode::NOT_FOUND, NOT_LOADED);
    };
    match manifest_for(&entry, principal.as_deref()) {
        Some(manifest) => envelope::ok(&manifest),
        None => refused(&entry.manifest.name),
    }
}

async fn load(
    State(manager): State<UiPluginManager>,
    method: Method,
    name: Result<Path<String>, PathRejection>,
) -> Response {
    if method != Method::POST {
        return wrong_method("POST");
    }
    let Ok(Path(name)) = name else {
        return no_name();
    };
    let outcome = manager.load_plugin(&name).await;
    done("loaded", &name, &manager, outcome.map(drop))
}

async fn unload(
    State(manager): State<UiPluginManager>,
    method: Method,
    name: Result<Path<String>, PathRejection>,
) -> Response {
    if method != Method::POST {
        return wrong_method("POST");
    }
    let Ok(Path(name)) = name else {
        return no_name();
    };
    let outcome = manager.unload_plugin(&name).await;
    done("unloaded", &name, &manager, outcome)
}

async fn reload(
    State(manager): State<UiPluginManager>,
    method: Method,
    name: Result<Path<String>, PathRejection>,
) -> Response {
    if method != Method::POST {
        return wrong_method("POST");
    }
    let Ok(Path(name)) = name else {
        return no_name();
    };
    let outcome = manager.reload_plugin(&name).await;
    done("reloaded", &name, &manager, outcome.map(drop))
}

async fn assets(State(manager): State<UiPluginManager>, request: Request) -> Response {
    let found =
        asset_path(request.uri().path()).and_then(|(name, path)| Some((manager.get(name)?, path)));
    let Some((entry, path)) = found else {
        return envelope::error(StatusCode::NOT_FOUND, NOT_LOADED);
    };
    if items_for(&entry, request.extensions().get()).is_none() {
        return refused(&entry.manifest.name);
    }
    let mut response = entry
        .assets
        .answer(path, request.method(), request.headers());
    response.headers_mut().insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    );
    response
}

/// The plugin's name and what follows `assets/`, as they stand in the URL. A name with
/// an escape in it is no name of a plugin.
fn asset_path(path: &str) -> Option<(&str, &str)> {
    path.strip_prefix(PREFIX)?
        .strip_prefix('/')?
        .split_once("/assets/")
}

fn done(
    action: &'static str,
    name: &str,
    manager: &UiPluginManager,
    outcome: Result<(), UiPluginError>,
) -> Response {
    match outcome {
        Ok(()) => envelope::ok(envelope::ActionDone { action, name }),
        Err(error) => failure(manager, &error),
    }
}

/// The log says where on disk it happened; the answer does not.
fn failure(manager: &UiPluginManager, error: &UiPluginError) -> Response {
    let status = error.status();
    tracing::info!(status = status.as_u16(), %error, "an operation on a UI plugin failed");
    envelope::error(status, &manager.without_paths(&error.to_string()))
}

/// A segment that cannot be decoded is no name either.
fn no_name() -> Response {
    envelope::error(StatusCode::BAD_REQUEST, "the plugin's name is not UTF-8")
}

fn is_read(method: &Method) -> bool {
    method == Method::GET || method == Method::HEAD
}

/// Whether the answer to this request has the seed's envelope.
pub(crate) fn is_seed_route(path: &str) -> bool {
    let Some(rest) = path.strip_prefix(PREFIX) else {
        return false;
    };
    match rest.strip_prefix('/') {
        None => rest.is_empty(),
        // One segment is a page of ours.
        Some(rest) => rest == "available" || rest.contains('/'),
    }
}

/// Whether a path is the seed's to answer, if no other route does.
pub(crate) fn is_under_seed_routes(path: &str) -> bool {
    path.strip_prefix(PREFIX)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a path is that of a plugin's files but for the slash at its end.
pub(crate) fn lacks_slash(path: &str) -> bool {
    let rest = path
        .strip_prefix(PREFIX)
        .and_then(|rest| rest.strip_prefix('/'));
    rest.and_then(|rest| rest.split_once('/'))
        .is_some_and(|(_, rest)| rest == "assets")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_an_asset_is_what_follows_the_first_assets() {
        for (path, expected) in [
            ("a/assets/", Some(("a", ""))),
            ("a/assets/x/y.js", Some(("a", "x/y.js"))),
            ("a/assets/assets/%2e", Some(("a", "assets/%2e"))),
            ("a/assets", None),
            ("a", None),
        ] {
            assert_eq!(asset_path(&format!("{PREFIX}/{path}")), expected, "{path}");
        }
        assert_eq!(asset_path("/api/v1/plugins/external/a/assets/x"), None);
    }

    #[test]
    fn the_seed_answers_below_its_own_path_only() {
        assert!(is_seed_route(PREFIX) && is_seed_route("/api/v1/plugins/ui/a/assets/x"));
        assert!(is_seed_route("/api/v1/plugins/ui/available"));
        assert!(!is_seed_route("/api/v1/plugins/ui/a") && !is_seed_route("/api/v1/plugins/uix"));
        assert!(is_under_seed_routes("/api/v1/plugins/ui/a"));
    }
}
