//! `GET /api/v1/plugins/ui/{name}`: all there is to know about one UI plugin.

use axum::{
    Json,
    extract::{Path, State},
};
use outboard_contracts::ui::UiManifest;
use schemars::JsonSchema;
use serde::Serialize;

use super::{UiPluginEntry, UiPluginError, UiPluginManager, disk};
use crate::{events::timestamp, http::Problem};

/// One UI plugin at one moment.
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "UiPluginDetails")]
pub(crate) struct Details {
    name: String,
    loaded: bool,
    /// Whether what is on disk has a usable `ui.json`. Its files are looked at when it is
    /// loaded.
    loadable: bool,
    /// What is wrong with what is on disk, or why the last load or reload failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Unloadable>,
    /// Of what is loaded, else of what is on disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    manifest: Option<UiManifest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    assets: Option<Assets>,
    #[serde(skip_serializing_if = "Option::is_none")]
    loaded_at: Option<String>,
    /// Whether there is a program beside the pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    has_program: Option<bool>,
}

#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "UiPluginProblem")]
struct Unloadable {
    kind: &'static str,
    detail: String,
}

/// The files that are loaded.
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "UiPluginAssets")]
struct Assets {
    generation: u64,
    files: usize,
    bytes: u64,
}

pub(crate) async fn details(
    State(manager): State<UiPluginManager>,
    Path(name): Path<String>,
) -> Result<Json<Details>, Problem> {
    let problem = |error: UiPluginError| {
        let detail = manager.without_paths(&error.to_string());
        Problem::new(error.status(), error.kind().as_str(), detail)
    };
    disk::checked(&name).map_err(problem)?;
    let found = manager.discover_plugins().await.map_err(problem)?;
    let on_disk = found.into_iter().find(|plugin| plugin.name == name);
    let entry = manager.get(&name);
    if on_disk.is_none() && entry.is_none() {
        return Err(
            Problem::not_found(format!("there is no UI plugin {name:?}"))
                .with_hint("see GET /api/v1/plugins/ui/available for those that are there"),
        );
    }
    let mut details = Details {
        loaded: entry.is_some(),
        loadable: false,
        problem: None,
        manifest: None,
        assets: None,
        loaded_at: None,
        has_program: None,
        name,
    };
    match on_disk.map(|plugin| plugin.manifest) {
        Some(Ok(manifest)) => {
            details.loadable = true;
            details.manifest = Some(manifest);
            details.problem = manager
                .problems()
                .remove(&details.name)
                .map(|problem| Unloadable {
                    kind: problem.kind.as_str(),
                    detail: problem.detail,
                });
        }
        Some(Err(error)) => {
            details.problem = Some(Unloadable {
                kind: error.kind().as_str(),
                detail: manager.without_paths(&error.to_string()),
            });
        }
        None => {
            details.problem = Some(Unloadable {
                kind: "not_found",
                detail: "its directory is gone".to_owned(),
            });
        }
    }
    if let Some(entry) = entry {
        details.take(&entry);
    }
    Ok(Json(details))
}

impl Details {
    /// What is loaded counts for more than what is on disk.
    fn take(&mut self, entry: &UiPluginEntry) {
        self.manifest = Some(entry.manifest.clone());
        self.assets = Some(Assets {
            generation: entry.assets.generation(),
            files: entry.assets.file_count(),
            bytes: entry.assets.total_bytes(),
        });
        self.loaded_at = Some(timestamp(entry.loaded_at));
        self.has_program = Some(entry.has_program);
    }
}
