//! `GET /ui/settings/keys`: whose signatures count, and who signed what is installed.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    Form,
    extract::{Path, State},
};
use outboard_connector::host::{ConnectorHost, ListQuery, TrustedKey};
use serde::Deserialize;

use super::{
    super::{
        page::{Flash, Ui, UiResult},
        state::Mark,
    },
    Tab, said, tabs,
};
use crate::{
    connectors::problem_of_host,
    http::Problem,
    security::{AuditNote, Permission},
    server::AppState,
};

/// The page itself.
const PAGE: &str = "/ui/settings/keys";

#[derive(Template)]
#[template(path = "settings/keys.html")]
struct KeysPage {
    csrf: String,
    tabs: Vec<Tab>,
    tab: &'static str,
    may: bool,
    keys: Vec<Key>,
    revoked: Vec<String>,
    directory: String,
}

struct Key {
    key: TrustedKey,
    mark: Mark,
    /// What is installed and signed with it.
    signed: Vec<String>,
}

pub(super) async fn keys(State(state): State<AppState>, ui: Ui) -> UiResult {
    let host = host(&state)?;
    let trusted = host.trusted_keys().await.map_err(failed)?;
    let installed = host.list(ListQuery { kind: None }).await.map_err(failed)?;
    let mut signed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for connector in installed {
        if let Some(id) = connector.key_id {
            signed.entry(id).or_default().push(connector.key);
        }
    }
    let keys = trusted.keys.into_iter().map(|key| Key {
        signed: signed.remove(&key.id).unwrap_or_default(),
        mark: Mark {
            word: if key.revoked { "revoked" } else { "trusted" }.to_owned(),
            tone: if key.revoked { "bad" } else { "good" },
        },
        key,
    });
    let body = KeysPage {
        csrf: ui.csrf.clone(),
        tabs: tabs(&ui),
        tab: "keys",
        may: ui.may(&Permission::SETTINGS_MANAGE),
        keys: keys.collect(),
        revoked: trusted.revoked,
        directory: trusted.directory,
    };
    ui.page("Trusted keys", "settings", &body)
}

#[derive(Deserialize)]
pub(super) struct KeyForm {
    #[serde(default)]
    public_key: String,
    #[serde(default)]
    name: String,
}

/// `POST /ui/settings/keys`
pub(super) async fn trust(
    State(state): State<AppState>,
    ui: Ui,
    Form(form): Form<KeyForm>,
) -> UiResult {
    let added = host(&state)?.trust_key(&form.public_key, &form.name).await;
    let (flash, target) = match added {
        Ok(id) => {
            let text = format!("Signatures of the key {id} count from now on");
            (Flash::good(text), Some(id))
        }
        Err(error) => (Flash::bad(said(&problem_of_host(&error))), None),
    };
    let mut response = ui.done(PAGE, &flash);
    response.extensions_mut().insert(AuditNote {
        target,
        ..AuditNote::default()
    });
    Ok(response)
}

/// `POST /ui/settings/keys/{id}/remove`
pub(super) async fn distrust(
    State(state): State<AppState>,
    Path(id): Path<String>,
    ui: Ui,
) -> UiResult {
    let flash = match host(&state)?.distrust_key(&id).await {
        // Who removed the wrong one can put it back.
        Ok(key) => Flash::good(format!(
            "Signatures of the key {} count no more. It was {}",
            key.id, key.public_key
        )),
        Err(error) => Flash::bad(said(&problem_of_host(&error))),
    };
    Ok(ui.done(PAGE, &flash))
}

fn host(state: &AppState) -> Result<&ConnectorHost, Problem> {
    let host = state.connectors.as_ref();
    host.ok_or_else(|| {
        Problem::not_found("this server has no connectors, and nothing else is signed")
    })
}

fn failed(error: outboard_connector::host::HostError) -> Problem {
    problem_of_host(&error)
}
