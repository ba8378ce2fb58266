//! The pages of UI plugins in the sidebar, and which pipeline they are about.

use http::Uri;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::page::{PageEntry, PageGroup};
use crate::{security::Principal, server::AppState, ui_plugins::Navigation};

/// The groups of the sidebar below our own pages.
pub(super) fn groups(
    state: &AppState,
    principal: &Principal,
    pipeline: Option<&str>,
) -> Vec<PageGroup> {
    let enabled = state.native.manager().enabled();
    let mut plugins = state.ui_plugins.entries();
    plugins.retain(|plugin| enabled.contains(&plugin.manifest.name));
    let navigation = Navigation::for_principal(&plugins, principal, pipeline.is_some());
    let groups = navigation.groups.into_iter().map(|group| PageGroup {
        title: title(group.category),
        entries: group
            .entries
            .into_iter()
            .map(|entry| PageEntry {
                id: id(&entry.plugin, &entry.item),
                href: href(&entry.plugin, &entry.item, pipeline),
                label: entry.label,
                icon: icon(entry.icon),
            })
            .collect(),
    });
    groups.collect()
}

/// By what the sidebar knows which of its entries is shown.
pub(super) fn id(plugin: &str, item: &str) -> String {
    format!("page/{plugin}/{item}")
}

/// Pages keep to the pipeline that is open, as long as it is.
pub(super) fn href(plugin: &str, item: &str, pipeline: Option<&str>) -> String {
    let query = pipeline.map_or_else(String::new, |pipeline| {
        format!(
            "?pipeline={}",
            utf8_percent_encode(pipeline, NON_ALPHANUMERIC)
        )
    });
    format!("/ui/pages/{plugin}/{item}{query}")
}

/// We have no icons with names: one that is a word would be a word too many.
fn icon(icon: String) -> String {
    match icon.is_ascii() {
        true => String::new(),
        false => icon,
    }
}

fn title(category: &str) -> &'static str {
    match category {
        "global" => "Pages",
        "workflow" => "This pipeline",
        "tools" => "Tools",
        _ => "Plugin pages",
    }
}

/// The pipeline that a page is about: of the page to run one, of a run, or of a plugin's
/// page that was come to from there. `None` if there is none of that name.
pub(super) fn open_pipeline(state: &AppState, uri: &Uri) -> Option<String> {
    let path = uri.path();
    let decoded = |text: &str| {
        let text = percent_decode_str(text).decode_utf8().ok()?;
        Some(text.into_owned())
    };
    let name = if let Some(name) = path.strip_prefix("/ui/run/pipeline/") {
        decoded(name)?
    } else if let Some(id) = path.strip_prefix("/ui/runs/") {
        let id = decoded(id)?;
        state.engine.run_by_id(&id)?.pipeline
    } else if path.starts_with("/ui/pages/") {
        let pairs = uri.query()?.split('&');
        let mut named = pairs.filter_map(|pair| pair.strip_prefix("pipeline="));
        decoded(&named.next()?.replace('+', " "))?
    } else {
        return None;
    };
    let pipelines = state.engine.pipelines();
    pipelines
        .iter()
        .any(|pipeline| pipeline.name == name)
        .then_some(name)
}
