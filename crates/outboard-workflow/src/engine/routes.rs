//! HTTP routes of a plugin, without an HTTP framework.

use std::{collections::BTreeMap, future::Future, pin::Pin, sync::Arc};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};

use super::guard;

/// What answers a request.
pub type RouteHandler =
    dyn Fn(Request<Bytes>) -> Pin<Box<dyn Future<Output = Response<Bytes>> + Send>> + Send + Sync;

/// A plugin's routes: method and path to handler.
///
/// Paths begin with `/` and are relative to the prefix that the host gives the
/// plugin. A path that ends in `/` answers for everything below it; the longest
/// match wins.
#[derive(Clone, Default)]
pub struct RouteTable {
    routes: BTreeMap<String, BTreeMap<String, Arc<RouteHandler>>>,
}

impl RouteTable {
    /// Adds a handler. A later one for the same method and path replaces it.
    pub fn route<F, R>(&mut self, method: Method, path: &str, handler: F) -> &mut Self
    where
        F: Fn(Request<Bytes>) -> R + Send + Sync + 'static,
        R: Future<Output = Response<Bytes>> + Send + 'static,
    {
        let path = if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("/{path}")
        };
        let boxed: Arc<RouteHandler> = Arc::new(move |request| Box::pin(handler(request)));
        self.routes
            .entry(path)
            .or_default()
            .insert(method.to_string(), boxed);
        self
    }

    /// Adds a handler for `GET`, which also answers `HEAD`.
    pub fn get<F, R>(&mut self, path: &str, handler: F) -> &mut Self
    where
        F: Fn(Request<Bytes>) -> R + Send + Sync + 'static,
        R: Future<Output = Response<Bytes>> + Send + 'static,
    {
        self.route(Method::GET, path, handler)
    }

    /// Whether there is no route at all.
    pub fn is_empty(&self) -> bool {
        self.routes.is_empty()
    }

    /// Answers a request whose path is relative to the plugin's prefix: 404 for an
    /// unknown path, 405 with `Allow` for a known one, 500 where a handler panics.
    pub async fn dispatch(&self, request: Request<Bytes>) -> Response<Bytes> {
        let Some(methods) = self.find(request.uri().path()) else {
            return text_response(StatusCode::NOT_FOUND, "no such route\n");
        };
        let method = request.method().as_str();
        let handler = methods
            .get(method)
            .or_else(|| (method == "HEAD").then(|| methods.get("GET")).flatten())
            .cloned();
        let Some(handler) = handler else {
            let allowed: Vec<&str> = methods.keys().map(String::as_str).collect();
            let mut response =
                text_response(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
            if let Ok(value) = allowed.join(", ").parse() {
                response.headers_mut().insert(header::ALLOW, value);
            }
            return response;
        };
        let head = method == "HEAD";
        let path = request.uri().path().to_owned();
        // The handler runs inside the guarded future, so its own panic is caught too.
        match guard::catch_panic(async move { handler(request).await }).await {
            Ok(mut response) => {
                if head {
                    *response.body_mut() = Bytes::new();
                }
                response
            }
            Err(message) => {
                tracing::error!(path, message, "a plugin's HTTP handler panicked");
                text_response(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "the plugin's handler failed\n",
                )
            }
        }
    }

    fn find(&self, path: &str) -> Option<&BTreeMap<String, Arc<RouteHandler>>> {
        self.routes.get(path).or_else(|| {
            self.routes
                .iter()
                .filter(|(route, _)| route.ends_with('/') && path.starts_with(route.as_str()))
                .max_by_key(|(route, _)| route.len())
                .map(|(_, methods)| methods)
        })
    }
}

impl std::fmt::Debug for RouteTable {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.routes.keys()).finish()
    }
}

/// A plain text response.
pub(crate) fn text_response(status: StatusCode, text: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(text.as_bytes()));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}

/// A JSON response; the body ends with a newline.
pub(crate) fn json_response(status: StatusCode, value: &impl serde::Serialize) -> Response<Bytes> {
    match serde_json::to_vec(value) {
        Ok(mut body) => {
            body.push(b'\n');
            let mut response = Response::new(Bytes::from(body));
            *response.status_mut() = status;
            response.headers_mut().insert(
                header::CONTENT_TYPE,
                header::HeaderValue::from_static("application/json"),
            );
            response
        }
        Err(_) => text_response(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the answer cannot be written as JSON\n",
        ),
    }
}
