//! What changes which connectors and versions are installed.

use std::path::PathBuf;

use axum::{
    Json,
    extract::{Path, Query, State},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use outboard_connector::{
    download::Progress,
    host::{HostError, InstallFrom, InstallOptions, InstallOutcome, InstallProgress, Review},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    Family, body,
    failure::Failure,
    work::{self, Ours, progress, wants_events},
};
use crate::http::Problem;

/// Where a package comes from: exactly one of `name`, `url` and `path`; and how to
/// install it.
fn source(body: &[u8]) -> Result<(InstallFrom, InstallOptions), Failure> {
    let bad =
        |detail: &str| Failure::from(Problem::new(StatusCode::BAD_REQUEST, "bad_input", detail));
    let mut fields: Map<String, Value> = body::read(body)?;
    let mut sources = ["name", "url", "path"]
        .into_iter()
        .filter_map(|word| Some((word, fields.remove(word)?)))
        .filter(|(_, value)| !value.is_null());
    let one = "the body needs exactly one of \"name\", \"url\" and \"path\"";
    let (word, value) = sources.next().ok_or_else(|| bad(one))?;
    if sources.next().is_some() {
        return Err(bad(one));
    }
    drop(sources);
    let Value::String(text) = value else {
        return Err(bad(&format!("{word:?} must be a text")));
    };
    let from = match word {
        "name" => InstallFrom::Name(text),
        "url" => InstallFrom::Url(text),
        _ => {
            let path = PathBuf::from(text);
            if !path.is_absolute() {
                return Err(bad(
                    "\"path\" must be absolute: the server has a directory of its own",
                ));
            }
            InstallFrom::Path(path)
        }
    };
    let options = serde_json::to_vec(&fields).unwrap_or_default();
    Ok((from, body::read(&options)?))
}

/// Does the work, with its progress for those who want it.
async fn answer<W>(
    family: &Family,
    headers: &HeaderMap,
    work: impl FnOnce(Option<InstallProgress>) -> W,
) -> Result<Response, Failure>
where
    W: Future<Output = Result<InstallOutcome, HostError>> + Send + 'static,
{
    if !wants_events(headers) {
        return Ok(Json(work(None).await?).into_response());
    }
    let place = family.streams.take()?;
    let (tell, told) = progress::<Progress>();
    Ok(work::answer(place, work(Some(tell)), told, Ours { done: "done" }).await)
}

/// `POST /install`
pub(super) async fn install(
    State(family): State<Family>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Failure> {
    let (from, options) = source(&body)?;
    let host = family.host.clone();
    answer(&family, &headers, move |progress| async move {
        host.install(from, options, progress).await
    })
    .await
}

/// `POST /install/review`: what an installation would bring.
pub(super) async fn review(
    State(family): State<Family>,
    body: Bytes,
) -> Result<Json<Review>, Failure> {
    let (from, options) = source(&body)?;
    Ok(Json(family.host.review(from, options, None).await?))
}

/// `POST /{key}/update`
pub(super) async fn update(
    State(family): State<Family>,
    Path(key): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Failure> {
    family.check(&key).await?;
    let options: InstallOptions = body::read(&body)?;
    let host = family.host.clone();
    answer(&family, &headers, move |progress| async move {
        host.update(&key, options, progress).await
    })
    .await
}

#[derive(Debug, JsonSchema, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RollbackTo {
    #[serde(default)]
    version: Option<String>,
}

/// `POST /{key}/rollback`
pub(super) async fn rollback(
    State(family): State<Family>,
    Path(key): Path<String>,
    body: Bytes,
) -> Result<Json<InstallOutcome>, Failure> {
    family.check(&key).await?;
    let to: RollbackTo = body::read(&body)?;
    let outcome = family.host.rollback(&key, to.version.as_deref()).await?;
    Ok(Json(outcome))
}

#[derive(Debug, Deserialize)]
pub(super) struct RemoveParameters {
    #[serde(default)]
    purge: Option<String>,
}

/// `DELETE /{key}`
pub(super) async fn remove(
    State(family): State<Family>,
    Path(key): Path<String>,
    Query(parameters): Query<RemoveParameters>,
) -> Result<Json<InstallOutcome>, Failure> {
    family.check(&key).await?;
    let purge = matches!(parameters.purge.as_deref(), Some("1" | "true" | ""));
    Ok(Json(family.host.remove(&key, purge).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<(InstallFrom, InstallOptions), String> {
        source(body.as_bytes()).map_err(|failure| {
            assert_eq!(failure.0.kind, "bad_input");
            failure.0.detail
        })
    }

    #[test]
    fn a_package_comes_from_one_place_and_options_stand_beside_it() {
        let body = r#"{"name":"github","version":"1.2.0","allow_downgrade":true,"url":null}"#;
        let (from, options) = read(body).expect("a source");
        assert_eq!(from, InstallFrom::Name("github".to_owned()));
        assert_eq!(options.version.as_deref(), Some("1.2.0"));
        assert!(options.allow_downgrade && !options.allow_unsigned);
    }

    #[test]
    fn what_is_no_source_is_refused() {
        for body in [
            "",
            "{}",
            "[]",
            r#"{"name":"a","url":"https://x"}"#,
            r#"{"name":1}"#,
            r#"{"path":"dist/a"}"#,
            r#"{"name":"a","versoin":"1"}"#,
        ] {
            assert!(read(body).is_err(), "{body}");
        }
        assert!(
            read(r#"{"name":"a","versoin":"1"}"#).is_err_and(|detail| detail.contains("versoin"))
        );
    }
}
