//! `GET /ui/pages/{plugin}/{item}`: a page that a UI plugin brings, in its frame.

use askama::Template;
use axum::extract::{Path, State};
use http::Uri;

use super::{
    assets,
    navigation::{id, open_pipeline},
    page::{Ui, UiResult},
};
use crate::server::AppState;

#[derive(Template)]
#[template(path = "frame.html")]
struct Frame<'a> {
    label: &'a str,
    plugin: &'a str,
    version: &'a str,
    item: &'a str,
    pipeline: &'a str,
    source: &'a str,
    ticket: &'a str,
    csrf: &'a str,
    script: &'a str,
}

pub(super) async fn frame(
    State(state): State<AppState>,
    Path((plugin, item)): Path<(String, String)>,
    uri: Uri,
    ui: Ui,
) -> UiResult {
    let opened = state.frames.open(&plugin, &item, &ui.principal)?;
    let manifest = &opened.entry.manifest;
    let label = manifest
        .item(&item)
        .map_or(plugin.as_str(), |page| page.label.as_str());
    let pipeline = open_pipeline(&state, &uri).unwrap_or_default();
    let body = Frame {
        label,
        plugin: &plugin,
        version: &manifest.version,
        item: &item,
        pipeline: &pipeline,
        source: &opened.source,
        ticket: &opened.ticket,
        csrf: &ui.csrf,
        script: &assets::paths().frame,
    };
    ui.page(label, &id(&plugin, &item), &body)
}
