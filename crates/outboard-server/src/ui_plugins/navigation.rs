//! Which pages of UI plugins somebody finds in the navigation, and in which order.

use std::sync::Arc;

use outboard_contracts::ui::{CATEGORIES, UiPageDef};

use super::UiPluginEntry;
use crate::security::Principal;

/// The category whose pages are about the pipeline that is open.
const OF_A_PIPELINE: &str = "workflow";

/// The pages that somebody sees, grouped by category in the seed's order of categories.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Navigation {
    /// Categories with at least one page.
    pub groups: Vec<NavigationGroup>,
}

/// The pages of one category, by their order and then by what is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NavigationGroup {
    /// `global`, `workflow`, `plugin` or `tools`.
    pub category: &'static str,
    /// At least one.
    pub entries: Vec<NavigationEntry>,
}

/// One page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NavigationEntry {
    /// The plugin that brings it.
    pub plugin: String,
    /// The page's id there.
    pub item: String,
    /// What is shown.
    pub label: String,
    /// An emoji, a name of an icon, or nothing.
    pub icon: String,
}

impl Navigation {
    /// The pages of these plugins that `principal` sees. Those about a pipeline are only
    /// there while one is open.
    pub fn for_principal(
        plugins: &[Arc<UiPluginEntry>],
        principal: &Principal,
        open_pipeline: bool,
    ) -> Navigation {
        let mut pages: Vec<(&str, UiPageDef)> = plugins
            .iter()
            .flat_map(|plugin| {
                let name = plugin.manifest.name.as_str();
                plugin
                    .manifest
                    .pages()
                    .into_iter()
                    .map(move |page| (name, page))
            })
            .filter(|(_, page)| principal.sees_page(page))
            .filter(|(_, page)| open_pipeline || page.category != OF_A_PIPELINE)
            .collect();
        pages.sort_by(|(one, a), (other, b)| {
            (a.order, &a.label, one, &a.id).cmp(&(b.order, &b.label, other, &b.id))
        });
        let groups = CATEGORIES.iter().map(|category| NavigationGroup {
            category,
            entries: pages
                .iter()
                .filter(|(_, page)| page.category == *category)
                .map(|(plugin, page)| NavigationEntry {
                    plugin: (*plugin).to_owned(),
                    item: page.id.clone(),
                    label: page.label.clone(),
                    icon: page.icon.clone(),
                })
                .collect(),
        });
        Navigation {
            groups: groups.filter(|group| !group.entries.is_empty()).collect(),
        }
    }
}
