//! `GET /ui/catalog`: what could I install?
//!
//! A catalog may lie on the web and be slow. The page waits for a moment, then it says
//! which catalogs are being read, and asks again by itself, with `wait`.

use std::{collections::BTreeMap, time::Duration};

use askama::Template;
use axum::extract::{Query, State};
use outboard_connector::host::{ListQuery, SearchAnswer};
use serde::Deserialize;

use super::{
    super::page::{Ui, UiResult},
    card::{Card, cards},
    failed, host,
};
use crate::{security::Permission, server::AppState};

/// How long a page waits for catalogs before it says so.
const MOMENT: Duration = Duration::from_millis(250);

#[derive(Template)]
#[template(path = "catalog/list.html")]
struct CatalogPage {
    csrf: String,
    q: String,
    /// The same page, for one that waits.
    waiting: String,
    loading: bool,
    catalogs: Vec<String>,
    warnings: Vec<String>,
    cards: Vec<Card>,
    may: bool,
    policy: String,
    trusted: usize,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CatalogQuery {
    q: String,
    wait: Option<String>,
}

pub(super) async fn list(
    State(state): State<AppState>,
    Query(query): Query<CatalogQuery>,
    ui: Ui,
) -> UiResult {
    let host = host(&state)?;
    let search = host.search(&query.q);
    let found = match query.wait {
        Some(_) => Some(search.await),
        None => tokio::time::timeout(MOMENT, search).await.ok(),
    };
    let loading = found.is_none();
    let catalogs = host.catalogs();
    let SearchAnswer {
        available,
        mut warnings,
    } = found.transpose().map_err(failed)?.unwrap_or_default();
    if catalogs.is_empty() {
        // The page says so at length.
        warnings.clear();
    }
    let installed = host.list(ListQuery { kind: None }).await.map_err(failed)?;
    let installed: BTreeMap<_, _> = installed
        .into_iter()
        .map(|summary| (summary.key.clone(), summary))
        .collect();
    let trusted = host.trusted_keys().await.map_err(failed)?;
    let mut waiting = form_urlencoded::Serializer::new(String::new());
    waiting.append_pair("q", &query.q).append_pair("wait", "1");
    let body = CatalogPage {
        csrf: ui.csrf.clone(),
        waiting: format!("/ui/catalog?{}", waiting.finish()),
        q: query.q,
        loading,
        catalogs,
        warnings,
        cards: cards(available, &installed, &trusted.keys),
        may: ui.may(&Permission::CONNECTORS_MANAGE),
        policy: trusted.policy,
        trusted: trusted.keys.iter().filter(|key| !key.revoked).count(),
    };
    ui.page("Catalog", "catalog", &body)
}
