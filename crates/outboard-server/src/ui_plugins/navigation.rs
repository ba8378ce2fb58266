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

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;
    use crate::{
        security::{Role, Via},
        ui_plugins::UiPluginManager,
    };

    async fn plugins() -> Vec<Arc<UiPluginEntry>> {
        let directory = tempfile::tempdir().expect("a directory");
        let item = |id: &str, category: &str, order: i64| json!({ "id": id, "label": id.to_uppercase(), "category": category, "order": order });
        let mut secret = item("secret", "tools", 0);
        secret["requiredRole"] = "admin".into();
        for (name, items) in [
            (
                "one",
                json!([
                    item("z", "", 1),
                    item("b", "plugin", 2),
                    item("g", "global", 0)
                ]),
            ),
            (
                "two",
                json!([item("a", "plugin", 2), item("w", "workflow", 0), secret]),
            ),
        ] {
            let path = directory.path().join(name);
            fs::create_dir_all(path.join("assets")).expect("a directory");
            let manifest = json!({ "navItems": items });
            fs::write(path.join("ui.json"), manifest.to_string()).expect("a manifest");
        }
        let manager = UiPluginManager::new(directory.path());
        assert!(manager.load_all().await.expect("plugins").is_empty());
        manager.entries()
    }

    fn shown(navigation: &Navigation) -> Vec<String> {
        let groups = navigation.groups.iter();
        let of_group = |group: &NavigationGroup| {
            let items: Vec<&str> = group.entries.iter().map(|entry| &*entry.item).collect();
            format!("{}: {}", group.category, items.join(" "))
        };
        groups.map(of_group).collect()
    }

    #[tokio::test]
    async fn pages_are_grouped_by_category_and_sorted_by_order_and_label() {
        let plugins = plugins().await;
        let viewer = Principal {
            role: Some(Role::Viewer),
            via: Via::Session,
            ..Principal::anonymous()
        };
        let of = |who: &Principal, open| shown(&Navigation::for_principal(&plugins, who, open));
        assert_eq!(of(&viewer, false), ["global: g", "plugin: z a b"]);
        assert_eq!(
            of(&viewer, true),
            ["global: g", "workflow: w", "plugin: z a b"]
        );
        assert_eq!(
            of(&Principal::local(), false),
            ["global: g", "plugin: z a b", "tools: secret"]
        );
    }
}
