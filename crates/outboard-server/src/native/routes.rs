//! `/api/v1/admin/plugins…`, with the original's paths and answers.
//!
//! | route | answers |
//! |---|---|
//! | `GET /api/v1/admin/plugins` | all plugins, a bare array |
//! | `POST /api/v1/admin/plugins/{name}/enable`, `…/disable` | `{"name","enabled"}`, or `{"error"}` |
//! | `/api/v1/admin/plugins/{name}/…` | the plugin's own routes, without the prefix |

use axum::{
    Extension, Router,
    body::Body,
    extract::State,
    response::{IntoResponse as _, Response},
    routing::any,
};
use bytes::Bytes;
use http::{Method, Request, Uri, request::Parts, uri::PathAndQuery};

use super::NativePlugins;
use crate::{http::Problem, security::Principal};

pub(super) const PREFIX: &str = "/api/v1/admin/plugins";

pub(crate) fn routes<S>(plugins: NativePlugins) -> Router<S> {
    Router::new()
        .route(PREFIX, any(handle))
        .route(&format!("{PREFIX}/"), any(handle))
        .route(&format!("{PREFIX}/{{*rest}}"), any(handle))
        .with_state(plugins)
}

async fn handle(
    State(plugins): State<NativePlugins>,
    Extension(principal): Extension<Principal>,
    mut parts: Parts,
    body: Bytes,
) -> Response {
    let target = parts.uri.path_and_query().map_or("", PathAndQuery::as_str);
    let rest = target.strip_prefix(PREFIX).unwrap_or_default();
    let rest = if rest.starts_with('/') {
        rest.to_owned()
    } else {
        format!("/{rest}")
    };
    let Ok(uri) = rest.parse::<Uri>() else {
        return Problem::bad_request("the path is malformed").into_response();
    };
    parts.uri = uri;
    let changes = parts.method == Method::POST;
    let request = Request::from_parts(parts, body);
    let response = plugins
        .manager()
        .handle_for(request, |page| principal.sees_page(page))
        .await;
    if changes {
        plugins.tell().await;
    }
    response.map(Body::from)
}
