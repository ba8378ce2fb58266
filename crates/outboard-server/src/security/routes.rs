//! Access over HTTP.
//!
//! | route | what |
//! |---|---|
//! | `GET /api/v1/me` | who one is, and what one may |
//! | `GET`, `POST /api/v1/tokens`, `DELETE /api/v1/tokens/{id}` | tokens; by name, too |
//! | `GET /api/v1/audit?cursor=&limit=&principal=&action=` | who changed what, newest first |
//! | `/ui/sign-in…`, `/ui/sign-out`, `/api/v1/sign-in-links` | see [`sign_in`] |

use axum::{
    Extension, Json, Router,
    extract::{Path, Query, State, rejection::JsonRejection},
    response::{IntoResponse as _, Response},
    routing::{delete, get, post},
};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    AccessError, NewToken, Permission, Principal, Role, TokenInfo, TokenRequest, Via,
    audit::{self, AuditEntry, AuditNote, AuditQuery},
    sign_in, time_text,
};
use crate::{http::Problem, server::AppState};

pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/api/v1/me", get(me))
        .route("/api/v1/tokens", get(list).post(create))
        .route("/api/v1/tokens/{id}", delete(revoke))
        .route("/api/v1/audit", get(audit_log))
        .route("/api/v1/sign-in-links", post(sign_in::link))
        .route("/ui/sign-in", get(sign_in::form).post(sign_in::with_token))
        .route("/ui/sign-in/{code}", get(sign_in::with_link))
        .route("/ui/sign-out", post(sign_in::out))
}

/// Does work that blocks off the async threads. It is done to its end, also if nobody
/// waits for it any more.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, AccessError> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(Problem::from),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => Err(Problem::internal(&error)),
        },
    }
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "AccessEvent")]
pub(crate) struct Happened<'a> {
    at: String,
    /// A sentence for people.
    text: String,
    /// Who did it.
    principal: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
}

/// Tells those who follow the events.
pub(super) fn tell(state: &AppState, event: &'static str, who: &Principal, token: Option<&str>) {
    let what = match event {
        "access.signed_in" => "signed in",
        "access.signed_out" => "signed out",
        "access.token_created" => "made the token",
        _ => "revoked the token",
    };
    let text = match token {
        Some(token) => format!("{} {what} {token:?}", who.name),
        None => format!("{} {what}", who.name),
    };
    let happened = Happened {
        at: time_text(state.access.now()),
        text,
        principal: &who.id,
        token,
    };
    state.events.ring().push(event, &happened);
}

#[derive(JsonSchema, Serialize)]
pub(super) struct Me {
    id: String,
    name: String,
    role: Option<Role>,
    /// All that it may, by its role or because it was granted.
    permissions: Vec<Permission>,
    via: Via,
}

async fn me(Extension(principal): Extension<Principal>) -> Json<Me> {
    let known = Permission::KNOWN.iter().map(|(permission, _)| permission);
    let mut permissions: Vec<Permission> = known
        .filter(|permission| principal.may(permission))
        .cloned()
        .collect();
    for granted in &principal.permissions {
        if !permissions.contains(granted) {
            permissions.push(granted.clone());
        }
    }
    Json(Me {
        id: principal.id,
        name: principal.name,
        role: principal.role,
        permissions,
        via: principal.via,
    })
}

async fn list(State(state): State<AppState>) -> Json<Value> {
    Json(json!({ "tokens": state.access.tokens().list() }))
}

async fn create(
    State(state): State<AppState>,
    Extension(principal): Extension<Principal>,
    body: Result<Json<TokenRequest>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(request) = body.map_err(|rejection| of_json(&rejection))?;
    let (new, note) = create_token(&state, &principal, request).await?;
    let mut response = (StatusCode::CREATED, Json(new)).into_response();
    response.extensions_mut().insert(note);
    Ok(response)
}

/// Makes a token, and tells those who follow the events. The note is for the answer.
pub(crate) async fn create_token(
    state: &AppState,
    principal: &Principal,
    request: TokenRequest,
) -> Result<(NewToken, AuditNote), Problem> {
    let (access, maker) = (state.access.clone(), principal.clone());
    let new = blocking(move || access.tokens().create(&request, &maker, access.now())).await?;
    tell(
        state,
        "access.token_created",
        principal,
        Some(&new.info.name),
    );
    let note = AuditNote {
        action: Some("token.create"),
        target: Some(new.info.name.clone()),
        detail: Some(format!("{}, role {}", new.info.id, new.info.role)),
        ..AuditNote::default()
    };
    Ok((new, note))
}

async fn revoke(
    State(state): State<AppState>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (revoked, note) = revoke_token(&state, &principal, id).await?;
    let mut response = Json(json!({ "revoked": revoked })).into_response();
    response.extensions_mut().insert(note);
    Ok(response)
}

/// Revokes a token by its id or its name, and with it the sessions that it began. The note
/// is for the answer.
pub(crate) async fn revoke_token(
    state: &AppState,
    principal: &Principal,
    id: String,
) -> Result<(TokenInfo, AuditNote), Problem> {
    let (access, by) = (state.access.clone(), principal.clone());
    let revoked = blocking(move || {
        let revoked = access.tokens().revoke(&id, &by, access.now())?;
        access.sessions().end_of(&revoked.id)?;
        Ok(revoked)
    })
    .await?;
    tell(
        state,
        "access.token_revoked",
        principal,
        Some(&revoked.name),
    );
    let note = AuditNote {
        action: Some("token.revoke"),
        target: Some(revoked.name.clone()),
        detail: Some(revoked.id.clone()),
        ..AuditNote::default()
    };
    Ok((revoked, note))
}

#[derive(JsonSchema, Serialize)]
pub(super) struct AuditPage {
    entries: Vec<AuditEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

async fn audit_log(
    State(state): State<AppState>,
    Query(query): Query<AuditQuery>,
) -> Result<Json<AuditPage>, Problem> {
    let (entries, next_cursor) = read_audit(&state, query).await?;
    Ok(Json(AuditPage {
        entries,
        next_cursor,
    }))
}

/// A page of the audit log, and the cursor of the next one.
pub(crate) async fn read_audit(
    state: &AppState,
    query: AuditQuery,
) -> Result<(Vec<AuditEntry>, Option<String>), Problem> {
    let Some(database) = state.access.audit().database() else {
        return Err(Problem::not_found("this server keeps no audit log")
            .with_hint("it was started without a database"));
    };
    state.access.audit().flush().await;
    blocking(move || audit::page(&database, &query)).await
}

/// Why a body could not be read, without what it has in it.
fn of_json(rejection: &JsonRejection) -> Problem {
    let status = rejection.status();
    let (kind, detail) = match status {
        StatusCode::PAYLOAD_TOO_LARGE => ("too_large", "the body is too large".to_owned()),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => (
            "unsupported_media_type",
            "the body is no application/json".to_owned(),
        ),
        _ => ("invalid_input", rejection.body_text()),
    };
    let status = match status {
        StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
        status => status,
    };
    Problem::new(status, kind, detail)
        .with_hint("a token is asked for with {\"name\":…,\"role\":…}, permissions and expires_in")
}
