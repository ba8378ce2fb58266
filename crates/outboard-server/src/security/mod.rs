//! Who may call: `Host` and `Origin` first, then the token.
//!
//! | check | `--dev` | answers |
//! |---|---|---|
//! | `Host` is a loopback name, the bound address or a configured name | stays | 403 `host_not_allowed`, 400 without one |
//! | `Origin` and `Sec-Fetch-Site` are absent or the same site | stays | 403 `origin_not_allowed` |
//! | `Authorization: Bearer TOKEN`, for all but `/healthz` and where sign-ins come back to | drops it | 401 `unauthorized` |

mod host;
mod principal;
mod rules;
mod sight;
mod token;

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderValue, StatusCode, header};

use self::host::Refusal;
use self::rules::Needs;
pub use self::{
    host::HostPolicy,
    principal::{Permission, Principal, Role, UnknownRole, Via},
    token::Token,
};
use crate::{http::Problem, plugins};

/// What forms and scripts of a browser that signed in must bring to change anything; an
/// extension of its requests.
#[derive(Clone, Debug)]
pub(crate) struct CsrfToken(pub(crate) String);

/// Who may call the server.
#[derive(Clone, Debug)]
pub struct Access {
    hosts: Arc<HostPolicy>,
    token: Option<Token>,
}

impl Access {
    /// Callers of these hosts that know the token; `None` lets every local process
    /// in, and is for development.
    pub fn new(hosts: HostPolicy, token: Option<Token>) -> Access {
        Access {
            hosts: Arc::new(hosts),
            token,
        }
    }

    /// Turns away whoever may not call, before a route sees the request.
    pub(crate) async fn guard(
        State(access): State<Access>,
        mut request: Request,
        next: Next,
    ) -> Response {
        match access.check(&request) {
            Ok(principal) => {
                request.extensions_mut().insert(principal.clone());
                let mut response = next.run(request).await;
                // For the page of a problem, which is made further out.
                response.extensions_mut().insert(principal);
                response
            }
            Err(problem) => {
                tracing::warn!(kind = %problem.kind, "a request was turned away");
                refuse(&problem, request.method(), request.uri().path())
            }
        }
    }

    fn check(&self, request: &Request) -> Result<Principal, Problem> {
        let checked = self
            .hosts
            .check(request.method(), request.uri(), request.headers());
        checked.map_err(|refusal| match refusal {
            Refusal::NoHost => Problem::bad_request("the request has no usable Host header"),
            Refusal::Host(host) => Problem::new(
                StatusCode::FORBIDDEN,
                "host_not_allowed",
                format!("the server does not answer to the host {host:?}"),
            )
            .with_hint(
                "call it by localhost or its address, or add the name to `hosts` in outboard.toml",
            ),
            Refusal::Origin(origin) => Problem::new(
                StatusCode::FORBIDDEN,
                "origin_not_allowed",
                format!("requests from pages of another site are not answered ({origin:?})"),
            ),
        })?;
        let needs = rules::needed(request.method(), request.uri().path());
        let principal = match self.authenticate(request) {
            Err(_) if needs == Needs::Nothing => Principal::anonymous(),
            known => known?,
        };
        let (allowed, asks) = match &needs {
            Needs::Nothing | Needs::SomebodyKnown => (true, String::new()),
            Needs::Permission(permission) => (
                principal.may(permission),
                format!("the permission {permission}"),
            ),
            Needs::Admin => (principal.has_role(Role::Admin), "the role admin".to_owned()),
        };
        if allowed {
            return Ok(principal);
        }
        let detail = format!("this needs {asks}, which {:?} has not", principal.name);
        Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail)
            .with_hint("an admin can make a token that has it"))
    }

    /// Who makes a request.
    fn authenticate(&self, request: &Request) -> Result<Principal, Problem> {
        let Some(token) = &self.token else {
            return Ok(Principal::development());
        };
        let presented = token::presented(request.headers());
        let detail = match presented {
            Some(presented) if token.is(presented) => return Ok(Principal::local()),
            Some(_) => "the token is not the one of this server",
            None => "the request has no token",
        };
        Err(Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail).with_hint(
            "send `Authorization: Bearer TOKEN`; the token is in server.json in the data directory and changes at every start",
        ))
    }
}

/// With what to send where a token is asked for.
fn refuse(problem: &Problem, method: &http::Method, path: &str) -> Response {
    let mut response = plugins::refusal(problem, method, path);
    if problem.status == StatusCode::UNAUTHORIZED {
        let bearer = HeaderValue::from_static("Bearer");
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, bearer);
    }
    response
}
