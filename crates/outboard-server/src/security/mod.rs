//! Who may call, and what: from the `Host` of a request to the line in the audit log.
//!
//! | check | `--dev` | answers |
//! |---|---|---|
//! | `Host` is a loopback name, the bound address or a configured name | stays | 403 `host_not_allowed`, 400 without one |
//! | `Origin` and `Sec-Fetch-Site` are absent or the same site | stays | 403 `origin_not_allowed` |
//! | no token in the URL | stays | 400 `token_in_url` |
//! | a bearer token or a session's cookie, where [`rules`] ask for somebody known | drops it | 401 `unauthorized`, 429 `too_many_attempts`; pages lead to the sign-in |
//! | not too many requests of one caller | drops it | 429 `rate_limited` |
//! | the permission of [`rules`] | everybody has all | 403 `forbidden` |
//! | of a session that changes something: its CSRF token | drops it | 403 `csrf` |
//!
//! ```text
//! token of server.json ─┐
//! tokens (outboard.db) ─┼─▸ Principal: role, permissions ─▸ rules ─▸ route ─▸ audit
//! session's cookie ─────┘        ▲
//!        ▲ sign-in form, one-time link, as long as its token is not revoked
//! ```
//!
//! A request looks at memory alone. What is kept is in `outboard.db`, as hashes.

mod access;
mod audit;
mod csrf;
mod describe;
mod error;
#[cfg(test)]
mod every_route;
mod host;
mod limits;
mod links;
mod offline;
mod principal;
mod refusal;
mod routes;
mod rules;
mod secret;
mod sessions;
mod sight;
mod sign_in;
mod token;
mod tokens;
mod url;

use jiff::Timestamp;
use serde::Serializer;

pub use self::{
    access::{Access, AccessBuilder},
    audit::AuditEntry,
    error::{AccessError, AccessErrorKind},
    host::HostPolicy,
    offline::OfflineTokens,
    principal::{Permission, Principal, Role, UnknownRole, Via},
    token::Token,
    tokens::{NewToken, TokenInfo, TokenRequest, Tokens},
};
pub(crate) use self::{
    audit::{AuditNote, AuditQuery},
    csrf::CsrfToken,
    describe::operations,
    routes::{Happened, create_token, read_audit, revoke_token, routes},
    rules::{Needs, needed},
    url::loggable,
};

/// A time as it is kept and told: UTC, to the millisecond.
fn time_text(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

fn serialize_time<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time_text(*at))
}

fn serialize_optional_time<S: Serializer>(
    at: &Option<Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serialize_time(at, serializer),
        None => serializer.serialize_none(),
    }
}
