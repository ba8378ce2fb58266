//! The pages that plugins bring, as a table below that of the plugins: which are there,
//! which are shown, and what can be done about it.

use axum::{
    extract::{Path, State},
    response::Response,
};

use super::{
    navigation::href,
    page::{Flash, Ui, UiResult},
    plugin::{bad, no_verb},
    state::Mark,
};
use crate::{http::Problem, security::Permission, server::AppState, ui_plugins::UiPluginError};

/// One UI plugin.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) mark: Mark,
    pub(super) why: Option<String>,
    pub(super) pages: Vec<Page>,
    pub(super) actions: Vec<(&'static str, &'static str)>,
}

/// One of its pages, and where it is shown, if it is.
pub(super) struct Page {
    pub(super) label: String,
    pub(super) href: Option<String>,
}

/// Every UI plugin that is for who looks, sorted by name.
///
/// # Errors
///
/// The plugins directory cannot be read.
pub(super) async fn rows(state: &AppState, ui: &Ui) -> Result<Vec<Row>, Problem> {
    let manager = &state.ui_plugins;
    let found = manager.discover_plugins().await;
    let found = found.map_err(|error| failed(state, &error))?;
    let mut troubles = manager.troubles(&found);
    let manages = ui.may(&Permission::PLUGINS_MANAGE);
    let mut names: Vec<String> = found.iter().map(|plugin| plugin.name.clone()).collect();
    names.extend(manager.loaded_plugins());
    names.sort();
    names.dedup();
    let mut rows = Vec::new();
    for name in names {
        let entry = manager.get(&name);
        let on_disk = found.iter().find(|plugin| plugin.name == name);
        let on_disk = on_disk.map(|plugin| plugin.manifest.as_ref());
        let manifest = match (&entry, &on_disk) {
            (Some(entry), _) => Some(&entry.manifest),
            (None, Some(Ok(manifest))) => Some(*manifest),
            _ => None,
        };
        let all = manifest.map_or_else(Vec::new, |manifest| manifest.pages());
        let seen = all.iter().filter(|page| ui.principal.sees_page(page));
        let is_shown = entry.is_some() && state.native.is_enabled(&name);
        let pages: Vec<Page> = seen
            .map(|page| Page {
                label: page.label.clone(),
                href: is_shown.then(|| href(&name, &page.id, None)),
            })
            .collect();
        if !manages && (entry.is_none() || (pages.is_empty() && !all.is_empty())) {
            continue;
        }
        let gone = || {
            on_disk
                .is_none()
                .then(|| "its directory is gone".to_owned())
        };
        let why = troubles.remove(&name).or_else(gone);
        let word = match (&entry, is_shown, manifest) {
            (Some(_), true, _) => "loaded",
            (Some(_), false, _) => "disabled",
            (None, _, Some(_)) if why.is_none() => "not loaded",
            _ => "unusable",
        };
        let actions = match (manages, word) {
            (false, _) => Vec::new(),
            (true, "loaded") => vec![
                ("Reload", "reload"),
                ("Disable", "disable"),
                ("Unload", "unload"),
            ],
            (true, "disabled") => vec![("Enable", "enable"), ("Unload", "unload")],
            (true, _) => vec![("Load", "load")],
        };
        rows.push(Row {
            version: manifest.map_or_else(String::new, |manifest| manifest.version.clone()),
            mark: Mark::of(word),
            name,
            why,
            pages,
            actions,
        });
    }
    Ok(rows)
}

/// `POST /ui/plugins/ui/{name}/{verb}`
pub(super) async fn change(
    State(state): State<AppState>,
    Path((name, verb)): Path<(String, String)>,
    ui: Ui,
) -> UiResult {
    let manager = &state.ui_plugins;
    let natives = state.native.manager();
    let (done, takes_back) = match verb.as_str() {
        "load" => (told(&state, manager.load_plugin(&name).await), None),
        "reload" => (told(&state, manager.reload_plugin(&name).await), None),
        "unload" => (
            told(&state, manager.unload_plugin(&name).await),
            Some(("Load it again", "load")),
        ),
        "enable" => (of_native(natives.enable(&name).await), None),
        "disable" => (
            of_native(natives.disable(&name).await),
            Some(("Enable it again", "enable")),
        ),
        _ => {
            return Err(no_verb(&verb, "load, reload, unload, enable and disable"));
        }
    };
    Ok(answer(&ui, &name, &verb, done, takes_back))
}

fn answer(
    ui: &Ui,
    name: &str,
    verb: &str,
    done: Result<(), Problem>,
    takes_back: Option<(&str, &str)>,
) -> Response {
    let flash = match (done, takes_back) {
        (Err(problem), _) => bad(&format!("Could not {verb} the pages of {name}"), &problem),
        (Ok(()), back) => {
            let past = match verb.strip_suffix('e') {
                Some(stem) => format!("{stem}ed"),
                None => format!("{verb}ed"),
            };
            let flash = Flash::good(format!("The pages of {name} are {past}."));
            match back {
                Some((label, verb)) => {
                    flash.with_undo(label, format!("/ui/plugins/ui/{name}/{verb}"))
                }
                None => flash,
            }
        }
    };
    ui.done("/ui/plugins", &flash)
}

fn told<T>(state: &AppState, outcome: Result<T, UiPluginError>) -> Result<(), Problem> {
    outcome.map(drop).map_err(|error| failed(state, &error))
}

fn failed(state: &AppState, error: &UiPluginError) -> Problem {
    let detail = state.ui_plugins.without_paths(&error.to_string());
    Problem::new(error.status(), error.kind().as_str(), detail)
}

fn of_native(outcome: Result<(), outboard_workflow::engine::EngineError>) -> Result<(), Problem> {
    outcome.map_err(|error| crate::workflow::problem_of_engine(&error))
}
