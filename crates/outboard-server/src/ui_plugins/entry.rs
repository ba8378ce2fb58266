//! A UI plugin that is loaded.

use std::{sync::Arc, time::SystemTime};

use outboard_contracts::ui::{UiManifest, UiNavItem, UiPageDef};
use outboard_workflow::engine::PluginDependency;
use schemars::JsonSchema;
use serde::Serialize;

use super::Snapshot;

/// One generation of a UI plugin: its manifest and its files, which belong together.
#[derive(Debug)]
#[non_exhaustive]
pub struct UiPluginEntry {
    /// What its `ui.json` says, with what may be left out filled in.
    pub manifest: UiManifest,
    /// Its files.
    pub assets: Arc<Snapshot>,
    /// The UI plugins that it needs, from its `plugin.json` if it has one.
    pub dependencies: Vec<PluginDependency>,
    /// Whether there is a program beside the pages.
    pub has_program: bool,
    /// When this generation was loaded.
    pub loaded_at: SystemTime,
}

impl UiPluginEntry {
    /// Its pages, as hosts hand them on, sorted as the navigation shows them.
    pub fn pages(&self) -> Vec<UiPageDef> {
        let mut pages = self.manifest.pages();
        sort_pages(&mut pages);
        pages
    }

    /// The seed's short form.
    pub fn info(&self) -> UiPluginInfo {
        UiPluginInfo {
            name: self.manifest.name.clone(),
            version: self.manifest.version.clone(),
            description: self.manifest.description.clone(),
            nav_items: self.manifest.nav_items.clone(),
            loaded: true,
        }
    }
}

/// A loaded UI plugin as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UiPluginInfo {
    /// Its name.
    pub name: String,
    /// Its version; empty for none.
    pub version: String,
    /// What it is for.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Its entries in the navigation, in the order in which they are declared.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nav_items: Vec<UiNavItem>,
    /// Always true: what is not loaded is not in these lists.
    pub loaded: bool,
}

/// By category in the order of the list of categories, then by order, then by label.
pub(crate) fn sort_pages(pages: &mut [UiPageDef]) {
    let place = |category: &str| {
        let known = outboard_contracts::ui::CATEGORIES;
        known.iter().position(|known| *known == category)
    };
    pages.sort_by(|one, other| {
        let key = |page: &UiPageDef| (place(&page.category).unwrap_or(usize::MAX), page.order);
        key(one)
            .cmp(&key(other))
            .then_with(|| one.label.cmp(&other.label))
            .then_with(|| one.id.cmp(&other.id))
    });
}
