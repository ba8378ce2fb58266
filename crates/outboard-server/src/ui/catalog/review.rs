//! `POST /ui/catalog/review`: what an installation would bring, before it is made.

use askama::Template;
use axum::{Form, extract::State};
use outboard_connector::host::{Changes, FieldChanges, InstallFrom, Review, Rights};

use super::{
    super::{
        page::{Ui, UiResult},
        state::Mark,
    },
    card::signed,
    failed, host,
    source::SourceForm,
};
use crate::server::AppState;

#[derive(Template)]
#[template(path = "catalog/review.html")]
struct ReviewPage {
    csrf: String,
    title: String,
    button: &'static str,
    review: Review,
    signed: Mark,
    /// The name and the value of the field that says where it comes from.
    field: &'static str,
    from: String,
    facts: Vec<Fact>,
    /// Nothing speaks against it, or somebody may say that it shall be all the same.
    can: bool,
}

/// A line about what changes, or about what it may.
#[derive(Debug, PartialEq)]
struct Fact {
    what: &'static str,
    names: Vec<String>,
    /// `warn` where one should look twice.
    tone: &'static str,
}

pub(super) async fn review(
    State(state): State<AppState>,
    ui: Ui,
    Form(form): Form<SourceForm>,
) -> UiResult {
    let host = host(&state)?;
    let (from, options) = form.read()?;
    let (field, source) = match &from {
        InstallFrom::Name(name) => ("name", name.clone()),
        InstallFrom::Url(url) => ("url", url.clone()),
        InstallFrom::Path(path) => ("path", path.display().to_string()),
    };
    let review = host.review(from, options, None).await.map_err(failed)?;
    let trusted = host.trusted_keys().await.map_err(failed)?;
    let (title, button) = headline(&review);
    let body = ReviewPage {
        csrf: ui.csrf.clone(),
        signed: signed(&review.signed, review.key_id.as_deref(), &trusted.keys),
        facts: facts(&review),
        can: review.refusal.is_none() || review.unsigned || review.older,
        title,
        button,
        field,
        from: source,
        review,
    };
    ui.page(&body.title, "catalog", &body)
}

fn headline(review: &Review) -> (String, &'static str) {
    let Review { name, version, .. } = review;
    match &review.installed {
        None => (format!("Install {name} {version}"), "Install"),
        Some(now) if now == version => (format!("Install {name} {version} again"), "Replace"),
        Some(now) if review.older => (format!("Go back from {name} {now} to {version}"), "Go back"),
        Some(now) => (format!("Update {name} from {now} to {version}"), "Update"),
    }
}

/// All that one may want to know, the worrying first. What says nothing is left out.
fn facts(review: &Review) -> Vec<Fact> {
    let mut facts = Vec::new();
    match &review.changes {
        Some(changes) => of_changes(changes, &mut facts),
        None => of_rights(&review.rights, &mut facts),
    }
    facts.retain(|fact| !fact.names.is_empty());
    facts.sort_by_key(|fact| fact.tone != "warn");
    facts
}

fn fact(what: &'static str, names: &[String], tone: &'static str) -> Fact {
    Fact {
        what,
        names: names.to_vec(),
        tone,
    }
}

fn of_rights(rights: &Rights, facts: &mut Vec<Fact>) {
    facts.extend([
        fact(
            "Operations that destroy something",
            &rights.destructive,
            "warn",
        ),
        fact(
            "Reads variables of this server, if the setting connector_variables lets it",
            &rights.variables,
            "warn",
        ),
        fact("Secrets that it is given", &rights.secrets, ""),
        fact("Asks users who sign in for", &rights.scopes, ""),
        fact("Sends users to sign in to", &rights.sign_in, ""),
    ]);
}

fn of_changes(changes: &Changes, facts: &mut Vec<Fact>) {
    let (more, less) = (&changes.rights_added, &changes.rights_removed);
    facts.extend([
        fact(
            "Operations that are gone; what calls them will fail",
            &changes.operations_removed,
            "warn",
        ),
        fact(
            "New operations that destroy something",
            &more.destructive,
            "warn",
        ),
        fact(
            "Now reads variables of this server, if the setting connector_variables lets it",
            &more.variables,
            "warn",
        ),
        fact("Now asks users who sign in for", &more.scopes, "warn"),
        fact("Now sends users to sign in to", &more.sign_in, "warn"),
        fact("Now is given the secrets", &more.secrets, "warn"),
        fact(
            "Config that must be filled in first",
            &changes.config.now_required,
            "warn",
        ),
        fact("New operations", &changes.operations_added, ""),
        fact("New config", &changes.config.added, ""),
        fact("Config that is gone", &changes.config.removed, ""),
        fact("Config of another kind", &changes.config.other_type, ""),
        fact("No longer destroys with", &less.destructive, ""),
        fact("No longer is given", &less.secrets, ""),
        fact("No longer reads the variables", &less.variables, ""),
        fact("No longer asks users for", &less.scopes, ""),
        fact("No longer sends users to", &less.sign_in, ""),
    ]);
    let inputs = changes.operations_changed.iter();
    let inputs: Vec<String> = inputs
        .map(|one| format!("{}: {}", one.key, fields(&one.input)))
        .collect();
    let breaks = |one: &FieldChanges| !one.now_required.is_empty() || !one.removed.is_empty();
    let broken = changes
        .operations_changed
        .iter()
        .any(|one| breaks(&one.input));
    let tone = if broken { "warn" } else { "" };
    facts.push(fact("Operations with another input", &inputs, tone));
}

/// What changes about an operation's input, in a line.
fn fields(changes: &FieldChanges) -> String {
    let parts = [
        ("new", &changes.added),
        ("gone", &changes.removed),
        ("now required", &changes.now_required),
        ("another kind", &changes.other_type),
    ];
    let parts = parts.iter().filter(|(_, names)| !names.is_empty());
    let parts: Vec<String> = parts
        .map(|(word, names)| format!("{word} {}", names.join(", ")))
        .collect();
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn review(change: serde_json::Value) -> Review {
        let mut review = json!({
            "key": "weather", "name": "Weather", "description": "", "kind": "connector",
            "version": "2.0.0", "signed": "none", "unsigned": false, "older": false,
            "source": "/w", "operations": ["forecast"],
            "rights": {
                "destructive": ["wipe"], "secrets": ["key"], "variables": [], "scopes": [],
                "sign_in": [],
            },
        });
        if let (Some(review), Some(change)) = (review.as_object_mut(), change.as_object()) {
            review.extend(change.clone());
        }
        serde_json::from_value(review).expect("a review")
    }

    fn none() -> serde_json::Value {
        json!({ "added": [], "removed": [], "now_required": [], "other_type": [] })
    }

    #[test]
    fn the_headline_says_which_way_it_goes() {
        let title = |change| headline(&review(change));
        assert_eq!(
            title(json!({})),
            ("Install Weather 2.0.0".to_owned(), "Install")
        );
        assert_eq!(
            title(json!({ "installed": "1.0.0" })),
            ("Update Weather from 1.0.0 to 2.0.0".to_owned(), "Update")
        );
        assert_eq!(title(json!({ "installed": "2.0.0" })).1, "Replace");
        assert_eq!(
            title(json!({ "installed": "3.0.0", "older": true })).1,
            "Go back"
        );
    }

    #[test]
    fn what_is_new_here_says_what_it_may_and_the_worrying_first() {
        let facts = facts(&review(json!({})));
        let seen: Vec<_> = facts
            .iter()
            .map(|one| (one.tone, one.names.join(",")))
            .collect();
        assert_eq!(seen, [("warn", "wipe".to_owned()), ("", "key".to_owned())]);
    }

    #[test]
    fn an_update_says_what_it_changes() {
        let rights = json!({
            "destructive": [], "secrets": [], "variables": [], "scopes": [], "sign_in": [],
        });
        let mut input = none();
        input["now_required"] = json!(["city"]);
        let changes = json!({
            "operations_added": ["tides"], "operations_removed": ["old"],
            "operations_changed": [{ "key": "forecast", "input": input }],
            "config": none(), "rights_added": rights, "rights_removed": rights,
        });
        let facts = facts(&review(json!({ "installed": "1.0.0", "changes": changes })));
        let names: Vec<_> = facts.iter().map(|one| one.names.join(",")).collect();
        assert_eq!(names, ["old", "forecast: now required city", "tides"]);
        assert_eq!(facts[1].tone, "warn");
        assert_eq!(facts[2].tone, "");
    }
}
