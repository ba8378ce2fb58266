//! What is installed and what catalogs have: lists, descriptions, switches, and what a
//! connector says of itself.

use axum::{
    Json,
    extract::{Path, Query, State},
};
use outboard_connector::host::{Description, ListQuery, SearchAnswer, Summary};
use outboard_contracts::connector::Kind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Family, failure::Failure, page::PageQuery};
use crate::http::Problem;

/// How many lines of a log come if nobody says how many.
const DEFAULT_LINES: usize = 100;

#[derive(Debug, Deserialize)]
pub(super) struct ListParameters {
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    tag: Option<String>,
    #[serde(default)]
    q: Option<String>,
    #[serde(default)]
    limit: Option<usize>,
    #[serde(default)]
    cursor: Option<String>,
}

#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "ConnectorPage")]
pub(super) struct SummaryPage {
    connectors: Vec<Summary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Which kind a list is of; `None` for all.
fn kind_of_list(own: Option<Kind>, asked: Option<&str>) -> Result<Option<Kind>, Problem> {
    let unknown = |word: &str, known: &str| {
        Problem::bad_request(format!("there is no kind {word:?} here"))
            .with_hint(format!("kind is {known}"))
    };
    match (own, asked) {
        (Some(own), None) => Ok(Some(own)),
        (Some(own), Some(word)) if word == own.as_str() => Ok(Some(own)),
        (Some(own), Some(word)) => Err(unknown(word, own.as_str())),
        (None, None) => Ok(Some(Kind::Connector)),
        (None, Some("all")) => Ok(None),
        (None, Some(word)) => Kind::named(word)
            .map(Some)
            .ok_or_else(|| unknown(word, "connector, tool, job or all")),
    }
}

/// `GET` of the prefix itself
pub(super) async fn list(
    State(family): State<Family>,
    Query(parameters): Query<ListParameters>,
) -> Result<Json<SummaryPage>, Failure> {
    let kind = kind_of_list(family.kind, parameters.kind.as_deref())?;
    let mut found = family.host.list(ListQuery { kind }).await?;
    if let Some(tag) = &parameters.tag {
        found.retain(|summary| {
            summary
                .tags
                .iter()
                .any(|word| word.eq_ignore_ascii_case(tag))
        });
    }
    if let Some(query) = &parameters.q {
        let query = query.to_lowercase();
        found.retain(|summary| {
            [&summary.key, &summary.name, &summary.description]
                .iter()
                .any(|text| text.to_lowercase().contains(&query))
        });
    }
    let page = PageQuery::new(parameters.limit, parameters.cursor);
    let (connectors, next_cursor) = page.of(found, |summary| &summary.key);
    Ok(Json(SummaryPage {
        connectors,
        next_cursor,
    }))
}

#[derive(Debug, Deserialize)]
pub(super) struct SearchParameters {
    #[serde(default)]
    q: String,
}

/// `GET /catalog`
pub(super) async fn catalog(
    State(family): State<Family>,
    Query(parameters): Query<SearchParameters>,
) -> Result<Json<SearchAnswer>, Failure> {
    Ok(Json(family.host.search(&parameters.q).await?))
}

/// `GET /{key}`
pub(super) async fn describe(
    State(family): State<Family>,
    Path(key): Path<String>,
) -> Result<Json<Description>, Failure> {
    family.check(&key).await?;
    Ok(Json(family.host.describe(&key).await?))
}

/// `POST /{key}/enable`
pub(super) async fn enable(
    State(family): State<Family>,
    Path(key): Path<String>,
) -> Result<Json<Summary>, Failure> {
    family.check(&key).await?;
    Ok(Json(family.host.set_enabled(&key, true).await?))
}

/// `POST /{key}/disable`
pub(super) async fn disable(
    State(family): State<Family>,
    Path(key): Path<String>,
) -> Result<Json<Summary>, Failure> {
    family.check(&key).await?;
    Ok(Json(family.host.set_enabled(&key, false).await?))
}

/// `POST /{key}/verify`
pub(super) async fn verify(
    State(family): State<Family>,
    Path(key): Path<String>,
) -> Result<Json<Summary>, Failure> {
    family.check(&key).await?;
    Ok(Json(family.host.verify(&key).await?))
}

#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "ConnectorHealth")]
pub(super) struct Health {
    healthy: bool,
    detail: String,
}

/// `GET /{key}/health`
pub(super) async fn health(
    State(family): State<Family>,
    Path(key): Path<String>,
) -> Result<Json<Health>, Failure> {
    family.check(&key).await?;
    let (healthy, detail) = family.host.health(&key).await?;
    Ok(Json(Health { healthy, detail }))
}

#[derive(Debug, Deserialize)]
pub(super) struct OfInstance {
    #[serde(default)]
    instance: Option<String>,
}

#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "ConnectorPermissions")]
pub(super) struct Permissions {
    operations: Vec<Permission>,
}

#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "OperationPermission")]
struct Permission {
    key: String,
    ok: bool,
    reason: String,
}

/// `GET /{key}/permissions`
pub(super) async fn permissions(
    State(family): State<Family>,
    Path(key): Path<String>,
    Query(of): Query<OfInstance>,
) -> Result<Json<Permissions>, Failure> {
    family.check(&key).await?;
    let found = family
        .host
        .permissions(&key, of.instance.as_deref())
        .await?;
    let operations = found
        .into_iter()
        .map(|(key, ok, reason)| Permission { key, ok, reason })
        .collect();
    Ok(Json(Permissions { operations }))
}

#[derive(Debug, Deserialize)]
pub(super) struct LogParameters {
    #[serde(default)]
    lines: Option<usize>,
}

#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "ConnectorLog")]
pub(super) struct Log {
    key: String,
    #[schemars(schema_with = "super::describe::log_lines")]
    lines: Vec<Value>,
}

/// `GET /{key}/logs`
pub(super) async fn logs(
    State(family): State<Family>,
    Path(key): Path<String>,
    Query(parameters): Query<LogParameters>,
) -> Result<Json<Log>, Failure> {
    family.check(&key).await?;
    let most = parameters.lines.unwrap_or(DEFAULT_LINES);
    let lines = family.host.logs(&key, most).await?;
    Ok(Json(Log { key, lines }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_list_is_of_its_kind() {
        let ok = |own, asked| kind_of_list(own, asked).map_err(|problem| problem.detail);
        assert_eq!(ok(None, None), Ok(Some(Kind::Connector)));
        assert_eq!(ok(None, Some("all")), Ok(None));
        assert_eq!(ok(None, Some("job")), Ok(Some(Kind::Job)));
        assert_eq!(ok(Some(Kind::Tool), None), Ok(Some(Kind::Tool)));
        assert_eq!(ok(Some(Kind::Tool), Some("tool")), Ok(Some(Kind::Tool)));
        assert!(ok(Some(Kind::Tool), Some("all")).is_err());
        assert!(ok(None, Some("Connector")).is_err());
    }
}
