//! Settings: who may do what, whose signatures count, and how the server is.
//!
//! | tab | needs |
//! |---|---|
//! | tokens | `tokens.manage` |
//! | keys | `connectors.read`; `settings.manage` to change them |
//! | policy | `connectors.read` |
//! | audit | `audit.read` |
//! | about | to be known |
//!
//! A tab that the caller may not see is not there.

mod about;
mod audit;
mod keys;
mod policy;
mod tokens;

use axum::{
    Router,
    response::Response,
    routing::{get, post},
};

use super::page::{Ui, redirect};
use crate::{http::Problem, security::Permission, server::AppState};

/// The routes of these pages.
pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/ui/settings", get(first))
        .route(
            "/ui/settings/tokens",
            get(tokens::tokens).post(tokens::create),
        )
        .route("/ui/settings/tokens/{id}/revoke", post(tokens::revoke))
        .route("/ui/settings/audit", get(audit::audit))
        .route("/ui/settings/keys", get(keys::keys).post(keys::trust))
        .route("/ui/settings/keys/{id}/remove", post(keys::distrust))
        .route("/ui/settings/policy", get(policy::policy))
        .route("/ui/settings/about", get(about::about))
}

/// A tab, as a link.
struct Tab {
    id: &'static str,
    label: &'static str,
}

const TABS: [(Tab, Option<Permission>); 5] = [
    (tab("tokens", "Tokens"), Some(Permission::TOKENS_MANAGE)),
    (
        tab("keys", "Trusted keys"),
        Some(Permission::CONNECTORS_READ),
    ),
    (tab("policy", "Policy"), Some(Permission::CONNECTORS_READ)),
    (tab("audit", "Audit log"), Some(Permission::AUDIT_READ)),
    (tab("about", "About"), None),
];

const fn tab(id: &'static str, label: &'static str) -> Tab {
    Tab { id, label }
}

/// The tabs that somebody may see.
fn tabs(ui: &Ui) -> Vec<Tab> {
    let seen = TABS
        .into_iter()
        .filter(|(_, needs)| needs.as_ref().is_none_or(|needs| ui.may(needs)));
    seen.map(|(tab, _)| tab).collect()
}

/// `GET /ui/settings`: the first of the tabs that one may see.
async fn first(ui: Ui) -> Response {
    let first = tabs(&ui).into_iter().next();
    redirect(&format!(
        "/ui/settings/{}",
        first.map_or("about", |tab| tab.id)
    ))
}

/// A problem in a line.
fn said(problem: &Problem) -> String {
    match &problem.hint {
        Some(hint) => format!("{}; {hint}", problem.detail),
        None => problem.detail.clone(),
    }
}
