//! The HTTP face of the manager: list, enable, disable, and the plugins' own routes.
//!
//! ```text
//! GET  PREFIX/                     all plugins, a bare array
//! POST PREFIX/{name}/enable        {"name","enabled"}
//! POST PREFIX/{name}/disable       {"name","enabled"}
//! *    PREFIX/{name}/…             the plugin's routes, prefix stripped
//! ```

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header, uri::PathAndQuery};
use outboard_contracts::ui::UiPageDef;
use serde_json::{Value, json};

use super::{PluginInfo, PluginManager};
use crate::engine::{
    EngineError, EngineErrorKind,
    routes::{json_response, text_response},
};

impl PluginManager {
    /// Answers a request whose path begins after the prefix under which the manager
    /// is mounted: `/`, `/{name}/enable`, `/{name}/disable` or `/{name}/…`.
    pub async fn handle(&self, request: Request<Bytes>) -> Response<Bytes> {
        self.handle_for(request, |_| true).await
    }

    /// The same for somebody who may not see all pages: those for which `sees` says no
    /// are left out of the list, and the routes of a plugin of whose pages it sees none
    /// are refused with 403.
    pub async fn handle_for(
        &self,
        request: Request<Bytes>,
        sees: impl Fn(&UiPageDef) -> bool,
    ) -> Response<Bytes> {
        let path = request.uri().path().trim_start_matches('/');
        if path.is_empty() {
            return if matches!(*request.method(), Method::GET | Method::HEAD) {
                json_response(StatusCode::OK, &self.list(sees))
            } else {
                method_not_allowed("GET, HEAD")
            };
        }
        let (name, rest) = path.split_once('/').unwrap_or((path, ""));
        let name = name.to_owned();
        match rest {
            "enable" | "disable" => {
                if *request.method() != Method::POST {
                    return method_not_allowed("POST");
                }
                let enable = rest == "enable";
                let outcome = if enable {
                    self.enable(&name).await
                } else {
                    self.disable(&name).await
                };
                match outcome {
                    Ok(()) => {
                        json_response(StatusCode::OK, &json!({ "name": name, "enabled": enable }))
                    }
                    Err(error) => {
                        json_response(status(&error), &json!({ "error": error.to_string() }))
                    }
                }
            }
            _ => {
                let pages = self.get(&name).map(|plugin| plugin.ui_pages());
                let pages = pages.unwrap_or_default();
                if !pages.is_empty() && !pages.iter().any(sees) {
                    return text_response(
                        StatusCode::FORBIDDEN,
                        "the pages of this plugin need a role or permission that you have not\n",
                    );
                }
                self.dispatch(&name, request).await
            }
        }
    }

    /// Answers a request with the routes of an enabled plugin; the path begins with
    /// `/{name}`, which is stripped. 404 for a plugin that is unknown or disabled.
    async fn dispatch(&self, name: &str, mut request: Request<Bytes>) -> Response<Bytes> {
        let Some(routes) = self.routes(name) else {
            return text_response(StatusCode::NOT_FOUND, "no such plugin, or it is disabled\n");
        };
        let path = request.uri().path().trim_start_matches('/');
        let rest = &path[name.len().min(path.len())..];
        let mut stripped = if rest.is_empty() {
            "/".to_owned()
        } else {
            rest.to_owned()
        };
        if let Some(query) = request.uri().query() {
            stripped.push('?');
            stripped.push_str(query);
        }
        let Ok(path_and_query) = stripped.parse::<PathAndQuery>() else {
            return text_response(StatusCode::BAD_REQUEST, "the path is malformed\n");
        };
        *request.uri_mut() = Uri::from(path_and_query);
        routes.dispatch(request).await
    }

    fn list(&self, sees: impl Fn(&UiPageDef) -> bool) -> Vec<Value> {
        let mut plugins = self.plugins();
        for plugin in &mut plugins {
            plugin.ui_pages.retain(&sees);
        }
        plugins.iter().map(as_json).collect()
    }
}

fn as_json(plugin: &PluginInfo) -> Value {
    let dependencies: Vec<Value> = plugin
        .dependencies
        .iter()
        .map(
            |dependency| match (&dependency.constraint, dependency.min_version()) {
                (_, Some(minimum)) => json!({ "name": dependency.name, "minVersion": minimum }),
                (Some(constraint), None) => {
                    json!({ "name": dependency.name, "constraint": constraint.as_str() })
                }
                (None, None) => json!({ "name": dependency.name }),
            },
        )
        .collect();
    let mut value = json!({
        "name": plugin.name,
        "version": plugin.version,
        "description": plugin.description,
        "enabled": plugin.enabled,
        "uiPages": plugin.ui_pages,
        "dependencies": dependencies,
    });
    for (key, time) in [
        ("enabledAt", plugin.enabled_at),
        ("disabledAt", plugin.disabled_at),
    ] {
        if let Some(time) = time {
            value[key] = json!(time.to_string());
        }
    }
    value
}

// DIFFERENCE: the original answers 400 to every failure.
fn status(error: &EngineError) -> StatusCode {
    match error.kind() {
        EngineErrorKind::NotRegistered => StatusCode::NOT_FOUND,
        EngineErrorKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        EngineErrorKind::Panicked => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    }
}

fn method_not_allowed(allow: &'static str) -> Response<Bytes> {
    let mut response = text_response(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
    response
        .headers_mut()
        .insert(header::ALLOW, HeaderValue::from_static(allow));
    response
}
