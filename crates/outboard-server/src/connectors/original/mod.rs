//! The original's routes, for its clients: the same paths, JSON and plain texts.
//!
//! | route | answers |
//! |---|---|
//! | `GET /manager/api/plugins` | `{"installed":[…],"available":[…],"registry_error":"…","is_admin":true}` |
//! | `POST /manager/api/plugins/install` `{"name":KEY}` | `{"ok":true,"installed":KEY}` |
//! | `POST /manager/api/plugins/{key}/update` | `{"ok":true,"updated":KEY,"version":"…"}` |
//! | `POST /manager/api/plugins/{key}/enable`, `…/disable` | `{"ok":true,"key":KEY,"enabled":…}` |
//! | `POST /manager/api/plugins/{key}/remove` | `{"ok":true,"removed":KEY}` |
//!
//! Failures are `text/plain`. Statuses are the original's where it has one: 400 for a body
//! that cannot be read and for what no catalog has, 404 for what is not installed; where
//! it answers 500 to the rest, ours say more. Enabling and disabling what is not installed
//! is 404, too.
//!
//! An installation and an update tell their progress to those who accept
//! `text/event-stream`: `{"phase":"downloading","pct":42}`, with -1 for unknown, then
//! `{"phase":"done",…}` with the fields above or `{"phase":"error","error":"…"}`.

mod answers;
pub(super) mod describe;

use axum::{
    Extension, Router,
    extract::{DefaultBodyLimit, Path, State, rejection::BytesRejection},
    response::Response,
    routing::{any, get, post},
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use outboard_connector::{
    download::Progress,
    host::{
        ConnectorHost, HostError, InstallFrom, InstallOptions, InstallOutcome, InstallProgress,
        ListQuery,
    },
};
use outboard_contracts::connector::validate_key;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use self::answers::{Done, Missing, Switched, TheirWords, failed, listing, ok, text, with_hint};
use super::work::{self, Streams, progress, wants_events};
use crate::{
    http::Problem,
    security::{Permission, Principal},
};

/// Where the routes begin.
const ORIGINAL: &str = "/manager/api/plugins";
/// Largest body, in bytes: it has a key in it and nothing else.
const MAX_BODY: usize = 64 * 1024;

#[derive(Clone)]
struct Manager {
    host: ConnectorHost,
    streams: Streams,
}

/// The routes over a host.
pub(super) fn routes(host: ConnectorHost, streams: Streams) -> Router {
    Router::new()
        .route(ORIGINAL, get(list))
        .route(&format!("{ORIGINAL}/install"), post(install))
        .route(&format!("{ORIGINAL}/{{key}}/update"), post(update))
        .route(&format!("{ORIGINAL}/{{key}}/enable"), post(enable))
        .route(&format!("{ORIGINAL}/{{key}}/disable"), post(disable))
        .route(&format!("{ORIGINAL}/{{key}}/remove"), post(remove))
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(Manager { host, streams })
}

async fn wrong_method() -> Response {
    text(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
}

/// The routes of a server that has no connectors.
pub(super) fn absent() -> Router {
    let absent = || async { text(StatusCode::NOT_FOUND, "this server has no connectors") };
    Router::new()
        .route(ORIGINAL, any(absent))
        .route(&format!("{ORIGINAL}/{{*rest}}"), any(absent))
}

/// Whether a path is answered in the original's way.
pub(crate) fn is_original_route(path: &str) -> bool {
    path.strip_prefix(ORIGINAL)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A refusal before any route is asked, as the original would say it.
pub(crate) fn refusal(problem: &Problem) -> Response {
    text(
        problem.status,
        &with_hint(&problem.detail, problem.hint.as_deref()),
    )
}

async fn list(
    State(Manager { host, .. }): State<Manager>,
    Extension(principal): Extension<Principal>,
) -> Response {
    let installed = match host.list(ListQuery { kind: None }).await {
        Ok(installed) => installed,
        Err(error) => return failed(&error, Missing::Here),
    };
    // What is installed can be told without the catalogs.
    let (available, registry_error) = match host.search("").await {
        Ok(found) => (found.available, found.warnings.join("; ")),
        Err(error) => (Vec::new(), error.to_string()),
    };
    // Clients of the original show what changes something to those alone.
    let mut listing = listing(installed, available, registry_error);
    listing.is_admin = principal.may(&Permission::CONNECTORS_MANAGE);
    ok(&listing)
}

#[derive(JsonSchema, Deserialize)]
#[schemars(rename = "WickInstall")]
struct Named {
    name: String,
}

async fn install(
    State(manager): State<Manager>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(rejection) => {
            return text(
                rejection.status(),
                &format!("the body has more than {MAX_BODY} bytes, or did not arrive"),
            );
        }
    };
    let Ok(Named { name }) = serde_json::from_slice(&body) else {
        return text(StatusCode::BAD_REQUEST, "the body must be {\"name\":KEY}");
    };
    if let Err(error) = validate_key(&name) {
        return text(StatusCode::BAD_REQUEST, &error.to_string());
    }
    let host = manager.host.clone();
    manager
        .answer(&headers, Done::Installed, move |progress| async move {
            let from = InstallFrom::Name(name);
            host.install(from, InstallOptions::default(), progress)
                .await
        })
        .await
}

async fn update(
    State(manager): State<Manager>,
    Path(key): Path<String>,
    headers: HeaderMap,
) -> Response {
    if let Err(response) = manager.find(&key).await {
        return response;
    }
    let host = manager.host.clone();
    manager
        .answer(&headers, Done::Updated, move |progress| async move {
            host.update(&key, InstallOptions::default(), progress).await
        })
        .await
}

async fn enable(State(manager): State<Manager>, Path(key): Path<String>) -> Response {
    manager.set_enabled(&key, true).await
}

async fn disable(State(manager): State<Manager>, Path(key): Path<String>) -> Response {
    manager.set_enabled(&key, false).await
}

async fn remove(State(manager): State<Manager>, Path(key): Path<String>) -> Response {
    if let Err(response) = manager.find(&key).await {
        return response;
    }
    match manager.host.remove(&key, false).await {
        Ok(_) => ok(&json!({ "ok": true, "removed": key })),
        Err(error) => failed(&error, Missing::Here),
    }
}

impl Manager {
    /// Refuses what is not installed.
    // The error is the answer, made once for a request that ends with it.
    #[allow(clippy::result_large_err)]
    async fn find(&self, key: &str) -> Result<(), Response> {
        validate_key(key).map_err(|error| text(StatusCode::BAD_REQUEST, &error.to_string()))?;
        let installed = self.host.list(ListQuery { kind: None }).await;
        let installed = installed.map_err(|error| failed(&error, Missing::Here))?;
        if installed.iter().any(|summary| summary.key == key) {
            return Ok(());
        }
        let detail = format!("plugin {key:?} is not installed");
        Err(text(StatusCode::NOT_FOUND, &detail))
    }

    async fn set_enabled(&self, key: &str, enabled: bool) -> Response {
        if let Err(response) = self.find(key).await {
            return response;
        }
        match self.host.set_enabled(key, enabled).await {
            Ok(_) => ok(&Switched {
                ok: true,
                key,
                enabled,
            }),
            Err(error) => failed(&error, Missing::Here),
        }
    }

    async fn answer<W>(
        &self,
        headers: &HeaderMap,
        done: Done,
        work: impl FnOnce(Option<InstallProgress>) -> W,
    ) -> Response
    where
        W: Future<Output = Result<InstallOutcome, HostError>> + Send + 'static,
    {
        if !wants_events(headers) {
            return match work(None).await {
                Ok(outcome) => ok(&done.of(outcome)),
                Err(error) => failed(&error, Missing::InCatalogs),
            };
        }
        let place = match self.streams.take() {
            Ok(place) => place,
            Err(failure) => return refusal(&failure.0),
        };
        let (tell, told) = progress::<Progress>();
        let words = TheirWords::of(done);
        work::answer(place, work(Some(tell)), told, words).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_below_the_originals_path_is_answered_its_way() {
        assert!(is_original_route("/manager/api/plugins"));
        assert!(is_original_route("/manager/api/plugins/a/update"));
        assert!(!is_original_route("/manager/api/pluginsx"));
        assert!(!is_original_route("/api/v1/connectors"));
    }
}
