//! Instances: a connector with one set of config values. Secrets go in and never out.

use axum::{
    Json,
    extract::{Path, Query, State},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use outboard_connector::host::{InstanceChange, InstanceView};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Family, body, failure::Failure, page::PageQuery};

#[derive(Debug, JsonSchema, Serialize)]
pub(super) struct InstancePage {
    instances: Vec<InstanceView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// `GET /{key}/instances`
pub(super) async fn list(
    State(family): State<Family>,
    Path(key): Path<String>,
    Query(page): Query<PageQuery>,
) -> Result<Json<InstancePage>, Failure> {
    family.check(&key).await?;
    let found = family.host.instances(&key).await?;
    let (instances, next_cursor) = page.of(found, |instance| &instance.name);
    Ok(Json(InstancePage {
        instances,
        next_cursor,
    }))
}

/// `POST /{key}/instances`
pub(super) async fn create(
    State(family): State<Family>,
    Path(key): Path<String>,
    body: Bytes,
) -> Result<Response, Failure> {
    family.check(&key).await?;
    let change: InstanceChange = body::read(&body)?;
    let made = family.host.create_instance(&key, change).await?;
    let location = format!("{}/{key}/instances/{}", family.prefix, made.id);
    let mut response = (StatusCode::CREATED, Json(made)).into_response();
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// `GET /{key}/instances/{instance}`
pub(super) async fn get(
    State(family): State<Family>,
    Path((key, instance)): Path<(String, String)>,
) -> Result<Json<InstanceView>, Failure> {
    family.check(&key).await?;
    Ok(Json(family.host.instance(&key, &instance).await?))
}

/// `PATCH /{key}/instances/{instance}`
pub(super) async fn update(
    State(family): State<Family>,
    Path((key, instance)): Path<(String, String)>,
    body: Bytes,
) -> Result<Json<InstanceView>, Failure> {
    family.check(&key).await?;
    let change: InstanceChange = body::read(&body)?;
    let changed = family.host.update_instance(&key, &instance, change).await?;
    Ok(Json(changed))
}

/// `DELETE /{key}/instances/{instance}`
pub(super) async fn delete(
    State(family): State<Family>,
    Path((key, instance)): Path<(String, String)>,
) -> Result<StatusCode, Failure> {
    family.check(&key).await?;
    family.host.delete_instance(&key, &instance).await?;
    Ok(StatusCode::NO_CONTENT)
}
