//! `GET /ui/settings/policy`: what is asked of packages, which limits apply, and where each
//! of these came from. It is read here and changed in `outboard.toml`.

use askama::Template;
use axum::extract::State;
use outboard_connector::host::TrustedKeys;

use super::{
    super::page::{Ui, UiResult},
    Tab, tabs,
};
use crate::{about::SettingInfo, connectors::problem_of_host, server::AppState};

#[derive(Template)]
#[template(path = "settings/policy.html")]
struct PolicyPage {
    tabs: Vec<Tab>,
    tab: &'static str,
    trusted: Option<TrustedKeys>,
    settings: Vec<SettingInfo>,
}

pub(super) async fn policy(State(state): State<AppState>, ui: Ui) -> UiResult {
    let trusted = match &state.connectors {
        Some(host) => {
            let trusted = host.trusted_keys().await;
            Some(trusted.map_err(|error| problem_of_host(&error))?)
        }
        None => None,
    };
    let shown = |setting: &SettingInfo| SettingInfo {
        value: without_credentials(&setting.value),
        ..setting.clone()
    };
    let body = PolicyPage {
        tabs: tabs(&ui),
        tab: "policy",
        trusted,
        settings: state.about.settings.iter().map(shown).collect(),
    };
    ui.page("Policy", "settings", &body)
}

/// The value without what addresses in it may have of passwords and tokens.
fn without_credentials(value: &str) -> String {
    let parts = value.split(',').map(|part| {
        let Some((scheme, rest)) = part.split_once("://") else {
            return part.to_owned();
        };
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let host = authority.rsplit('@').next().unwrap_or_default();
        format!("{scheme}://{host}{path}")
    });
    parts.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shown_without_what_lets_one_in() {
        for (value, shown) in [
            (
                "https://me:secret@example.org/plugins.json?token=t#f, /srv/p.json",
                "https://example.org/plugins.json, /srv/p.json",
            ),
            ("https://example.org", "https://example.org"),
            ("https://a@b@example.org/x@y", "https://example.org/x@y"),
            ("30s", "30s"),
            ("", ""),
        ] {
            assert_eq!(without_credentials(value), shown);
        }
    }
}
