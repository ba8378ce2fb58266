//! Signing a browser in and out: with a token in a form, or with a one-time link.
//!
//! | route | what |
//! |---|---|
//! | `GET /ui/sign-in?next=PATH` | the form |
//! | `POST /ui/sign-in` | a token becomes a session |
//! | `GET /ui/sign-in/{code}` | a one-time code becomes a session |
//! | `POST /ui/sign-out` | the session ends |
//! | `POST /api/v1/sign-in-links` | makes a one-time link for whoever asks |

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use askama::Template;
use axum::{
    Extension, Form, Json,
    extract::{ConnectInfo, Path, Query, State, rejection::FormRejection},
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Access, AccessError, Principal, Via,
    access::OfSession,
    audit::AuditNote,
    refusal::{HOME, SIGN_IN, local},
    routes::{blocking, tell},
    secret, sessions, time_text,
};
use crate::{
    http::Problem,
    server::AppState,
    ui::{Ui, UiResult, redirect},
};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    /// Where to go then.
    next: &'a str,
    /// Why the form is there again.
    problem: Option<&'a Problem>,
}

impl SignInPage<'_> {
    fn show(&self, ui: &Ui) -> UiResult {
        let status = self
            .problem
            .map_or(StatusCode::OK, |problem| problem.status);
        ui.page_with_status(status, "Sign in", "", self)
    }
}

#[derive(Deserialize)]
pub(super) struct NextQuery {
    #[serde(default)]
    next: Option<String>,
}

/// Where a request came from, where the server knows it.
type From = Option<Extension<ConnectInfo<SocketAddr>>>;

fn address(from: From) -> IpAddr {
    from.map_or(Ipv4Addr::UNSPECIFIED.into(), |Extension(from)| from.0.ip())
}

pub(super) async fn form(
    State(state): State<AppState>,
    ui: Ui,
    Query(query): Query<NextQuery>,
) -> UiResult {
    let next = local(query.next.as_deref());
    if state.access.is_open() || matches!(ui.principal.via, Via::Session) {
        return Ok(redirect(next));
    }
    let problem = None;
    SignInPage { next, problem }.show(&ui)
}

#[derive(Deserialize)]
pub(super) struct SignInForm {
    #[serde(default)]
    token: String,
    #[serde(default)]
    next: String,
}

pub(super) async fn with_token(
    State(state): State<AppState>,
    ui: Ui,
    from: From,
    old: Option<Extension<OfSession>>,
    form: Result<Form<SignInForm>, FormRejection>,
) -> UiResult {
    let Ok(Form(form)) = form else {
        return Err(Problem::bad_request("this is no form of the sign-in page")
            .with_hint("load /ui/sign-in and try again"));
    };
    let next = local(Some(&form.next));
    if state.access.is_open() {
        return Ok(redirect(next));
    }
    let token = form.token.trim();
    if token.is_empty() {
        let problem = Problem::bad_request("the form has no token");
        let problem = Some(&problem);
        return SignInPage { next, problem }.show(&ui);
    }
    if let Some(principal) = state.access.by_secret(token) {
        return begin(&state, principal, next, old).await;
    }
    let detail = "this token is none of this server's, or no longer";
    let problem = Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
        .with_hint("see whether it is copied whole; it begins with ob_");
    refused(&state.access, &ui, address(from), next, problem)
}

pub(super) async fn with_link(
    State(state): State<AppState>,
    ui: Ui,
    from: From,
    method: Method,
    Path(code): Path<String>,
    old: Option<Extension<OfSession>>,
) -> UiResult {
    let access = &state.access;
    // What looks whether a link is alive must not use it up.
    if method == Method::HEAD || access.is_open() {
        return Ok(redirect(HOME));
    }
    let id = access.links().redeem(&secret::hash(&code), access.now());
    let principal = id.and_then(|id| access.principal(&id, Via::Session));
    if let Some(principal) = principal {
        return begin(&state, principal, HOME, old).await;
    }
    let detail = "this link was used already, or is older than two minutes";
    let problem = Problem::new(StatusCode::UNAUTHORIZED, "link_used", detail)
        .with_hint("`outboard open` makes a new one");
    refused(access, &ui, address(from), HOME, problem)
}

pub(super) async fn out(
    State(state): State<AppState>,
    Extension(principal): Extension<Principal>,
    session: Option<Extension<OfSession>>,
) -> UiResult {
    if let Some(Extension(OfSession(session))) = session {
        let access = state.access.clone();
        blocking(move || access.sessions().end(&session)).await?;
        tell(&state, "access.signed_out", &principal, None);
    }
    let mut response = redirect(SIGN_IN);
    if let Some(cookie) = sessions::clear_cookie(state.access.is_secure()) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response.extensions_mut().insert(AuditNote {
        action: Some("sign_out"),
        target: Some(String::new()),
        ..AuditNote::default()
    });
    Ok(response)
}

/// Begins a session, in the place of an old one of the same browser.
async fn begin(
    state: &AppState,
    mut principal: Principal,
    next: &str,
    old: Option<Extension<OfSession>>,
) -> UiResult {
    principal.via = Via::Session;
    let access = state.access.clone();
    let (id, now) = (principal.id.clone(), access.now());
    let cookie = blocking(move || {
        if let Some(Extension(OfSession(old))) = old {
            access.sessions().end(&old)?;
        }
        let cookie = access.sessions().begin(&id, now)?;
        // A token that was revoked meanwhile has ended its sessions, but not yet this one.
        if access.principal(&id, Via::Session).is_none() {
            access.sessions().end_of(&id)?;
        }
        Ok(cookie)
    })
    .await?;
    tell(state, "access.signed_in", &principal, None);
    let mut response = redirect(next);
    if let Some(cookie) = sessions::set_cookie(&cookie, state.access.is_secure()) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response.extensions_mut().insert(AuditNote {
        principal: Some(principal),
        action: Some("sign_in"),
        target: Some(String::new()),
        ..AuditNote::default()
    });
    Ok(response)
}

/// The form again, with what was wrong.
fn refused(access: &Access, ui: &Ui, address: IpAddr, next: &str, problem: Problem) -> UiResult {
    let (problem, too_often) = access.failed(address, problem);
    let page = SignInPage {
        next,
        problem: Some(&problem),
    };
    let mut response = page.show(ui)?;
    if let Some(too_often) = too_often {
        let seconds = HeaderValue::from(too_often.retry_after);
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    response.extensions_mut().insert(AuditNote {
        action: Some("sign_in_failed"),
        target: Some(String::new()),
        detail: Some(problem.detail),
        is_known: too_often.is_some_and(|too_often| !too_often.first),
        ..AuditNote::default()
    });
    Ok(response)
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "SignInLink")]
pub(super) struct NewLink {
    url: String,
    expires_at: String,
}

/// A link that signs in whoever follows it, as the one who asks.
pub(super) async fn link(
    State(state): State<AppState>,
    Extension(principal): Extension<Principal>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let access = &state.access;
    let code = secret::random().map_err(AccessError::from)?;
    let hash = secret::hash(&code);
    let expires_at = access.links().add(hash, &principal.id, access.now());
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let host = uri.authority().map(|authority| authority.as_str()).or(host);
    let scheme = if access.is_secure() { "https" } else { "http" };
    let host = host.unwrap_or("localhost");
    let made = NewLink {
        url: format!("{scheme}://{host}{SIGN_IN}/{code}"),
        expires_at: time_text(expires_at),
    };
    let mut response = (StatusCode::CREATED, Json(made)).into_response();
    response.extensions_mut().insert(AuditNote {
        action: Some("sign_in_link"),
        target: Some(String::new()),
        ..AuditNote::default()
    });
    Ok(response)
}

impl Access {
    /// Whoever has this secret.
    fn by_secret(&self, presented: &str) -> Option<Principal> {
        if self.is_local(presented) {
            return Some(Principal::local());
        }
        let held = self.tokens().by_secret(presented, self.now())?;
        Some(held.principal(Via::Token))
    }
}
