//! What is done to a plugin or a connector from its page: a form that posts, and a line
//! that says what was done, with what takes it back where that can be had.

use axum::{
    Form,
    extract::{Path, Query, State},
    response::Response,
};
use outboard_connector::host::{ConnectorHost, HostError, InstallOptions, InstallOutcome};
use serde::Deserialize;

use super::{
    connector::{describe, failed, host_of},
    head::href,
};
use crate::{
    http::Problem,
    plugins::to_problem,
    server::AppState,
    ui::{
        commands::in_path,
        page::{Flash, Ui, UiResult},
    },
};

/// The longest line about what went wrong that is carried to the next page.
const MAX_LINE: usize = 700;

/// What a form says besides its verb.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Given {
    #[serde(default)]
    force: String,
    #[serde(default)]
    purge: String,
    #[serde(default)]
    version: String,
}

impl Given {
    fn force(&self) -> bool {
        self.force == "1"
    }

    fn purge(&self) -> bool {
        matches!(self.purge.as_str(), "1" | "on" | "true")
    }
}

/// A failure as a line.
pub(in crate::ui) fn bad(what: &str, problem: &Problem) -> Flash {
    let mut text = format!("{what}: {}", problem.detail);
    if let Some(hint) = &problem.hint {
        text.push_str(". ");
        text.push_str(hint);
    }
    if let Some((end, _)) = text.char_indices().nth(MAX_LINE) {
        text.truncate(end);
        text.push('…');
    }
    Flash::bad(text)
}

/// That there is no such verb.
pub(in crate::ui) fn no_verb(verb: &str, known: &str) -> Problem {
    let verb: String = verb.chars().take(40).collect();
    Problem::not_found(format!("nobody can {verb:?} here")).with_hint(format!("there are {known}"))
}

/// `POST /ui/plugins/workflow/{name}/{verb}`
pub(super) async fn of_workflow(
    State(state): State<AppState>,
    Path((name, verb)): Path<(String, String)>,
    ui: Ui,
    Form(given): Form<Given>,
) -> UiResult {
    let control = &state.plugins;
    let page = href("workflow", &name);
    let (done, what) = match verb.as_str() {
        "load" => (control.load(&name).await, "was not loaded"),
        "reload" => (control.reload(&name).await, "was not reloaded"),
        "unload" => (
            control.unload(&name, given.force()).await,
            "was not unloaded",
        ),
        verb => return Err(no_verb(verb, "load, unload and reload")),
    };
    let flash = match done {
        Err(error) => {
            let mut problem = to_problem(&error);
            problem.detail = control.without_paths(&problem.detail);
            bad(&format!("{name} {what}"), &problem)
        }
        Ok(()) => match verb.as_str() {
            "load" => Flash::good(format!("{name} is loaded.")),
            "reload" => Flash::good(format!("{name} runs in a new process.")),
            _ => Flash::good(format!("{name} is unloaded."))
                .with_undo("Load it again", format!("{page}/load")),
        },
    };
    Ok(ui.done(&page, &flash))
}

/// `POST /ui/plugins/connector/{key}/{verb}`
pub(super) async fn of_connector(
    State(state): State<AppState>,
    Path((key, verb)): Path<(String, String)>,
    Query(also): Query<Given>,
    ui: Ui,
    Form(given): Form<Given>,
) -> UiResult {
    let host = host_of(&state)?;
    // An address that is none is told as such, before anything is tried.
    describe(host, &key).await?;
    let page = href("connector", &key);
    // What takes something back is a button alone, so its version stands in its address.
    let version = [&given.version, &also.version]
        .into_iter()
        .find(|version| !version.is_empty())
        .map(String::as_str);
    let done = match verb.as_str() {
        "enable" => host
            .set_enabled(&key, true)
            .await
            .map(|_| Flash::good(format!("{key} is enabled."))),
        "disable" => host.set_enabled(&key, false).await.map(|_| {
            Flash::good(format!("{key} is disabled. Calls that run finish."))
                .with_undo("Enable it again", format!("{page}/enable"))
        }),
        "verify" => host.verify(&key).await.map(|summary| {
            Flash::good(format!(
                "{key} {} is what was installed; {}.",
                summary.version,
                signed(&summary.signed)
            ))
        }),
        "update" => update(host, &key, &page).await,
        "rollback" => host
            .rollback(&key, version)
            .await
            .map(|outcome| replaced(&outcome, &page)),
        "remove" => {
            return Ok(match host.remove(&key, given.purge()).await {
                Ok(outcome) => removed(&ui, &outcome, given.purge()),
                Err(error) => ui.done(
                    &page,
                    &bad(&format!("{key} was not removed"), &failed(&error)),
                ),
            });
        }
        verb => {
            return Err(no_verb(
                verb,
                "enable, disable, update, rollback, verify and remove",
            ));
        }
    };
    let flash = done.unwrap_or_else(|error| {
        let what = match verb.as_str() {
            "verify" => format!("{key} was not found to be in order"),
            "rollback" => format!("{key} was not rolled back"),
            verb => format!("{key} was not {verb}d"),
        };
        bad(&what, &failed(&error))
    });
    Ok(ui.done(&page, &flash))
}

fn signed(word: &str) -> &'static str {
    match word {
        "envelope" => "a trusted key signed all of it",
        "program" => "a trusted key signed its program",
        "unverifiable" => "nobody who is trusted signed it",
        _ => "nobody signed it",
    }
}

async fn update(host: &ConnectorHost, key: &str, page: &str) -> Result<Flash, HostError> {
    let outcome = host.update(key, InstallOptions::default(), None).await?;
    Ok(match outcome.action.as_str() {
        "unchanged" => Flash::good(format!(
            "{key} {} is the newest version that the catalogs have.",
            outcome.version
        )),
        _ => replaced(&outcome, page),
    })
}

/// That another version is current, and how to go back.
fn replaced(outcome: &InstallOutcome, page: &str) -> Flash {
    let InstallOutcome {
        key,
        version,
        previous,
        ..
    } = outcome;
    match previous {
        Some(previous) if previous != version => {
            let back = format!("{page}/rollback?version={}", in_path(previous));
            Flash::good(format!("{key} {version} is current; it was {previous}."))
                .with_undo(format!("Back to {previous}"), back)
        }
        _ => Flash::good(format!("{key} {version} is current.")),
    }
}

fn removed(ui: &Ui, outcome: &InstallOutcome, purged: bool) -> Response {
    let rest = match purged {
        true => "Its instances and its history are gone, too.",
        false => "Its instances and its history stay.",
    };
    let flash = Flash::good(format!("{} is removed. {rest}", outcome.key));
    ui.done("/ui/plugins", &flash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_failure_is_short_enough_to_be_carried() {
        let problem = Problem::bad_request("ä".repeat(5000)).with_hint("do");
        let text = format!("{:?}", bad("it failed", &problem));
        assert!(text.chars().count() < MAX_LINE + 100, "{}", text.len());
        let short = format!(
            "{:?}",
            bad("it failed", &Problem::bad_request("why").with_hint("do"))
        );
        assert!(short.contains("it failed: why. do"), "{short}");
    }
}
