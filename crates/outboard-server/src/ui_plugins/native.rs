//! A UI plugin as one of the plugins of this process, so that its pages are among
//! theirs.

use std::borrow::Cow;

use async_trait::async_trait;
use outboard_contracts::ui::UiPageDef;
use outboard_workflow::engine::{NativePlugin, PluginDependency};

use super::UiPluginManager;

/// The version of a UI plugin that names none.
const NO_VERSION: &str = "0.0.0";

/// Shows a loaded UI plugin to a manager of native plugins. All it says is read from
/// the [`UiPluginManager`] when it is asked, so that it follows every reload; after an
/// unload it has no pages.
#[derive(Clone, Debug)]
pub struct UiPluginNativePlugin {
    manager: UiPluginManager,
    name: String,
}

impl UiPluginNativePlugin {
    pub(super) fn new(manager: UiPluginManager, name: &str) -> UiPluginNativePlugin {
        UiPluginNativePlugin {
            manager,
            name: name.to_owned(),
        }
    }
}

#[async_trait]
impl NativePlugin for UiPluginNativePlugin {
    fn name(&self) -> &str {
        &self.name
    }

    // DIFFERENCE: the original keeps version and description as they were when the
    // wrapper was made, so that after a reload they are wrong.
    fn version(&self) -> Cow<'_, str> {
        match self.manager.get(&self.name) {
            Some(entry) if !entry.manifest.version.is_empty() => {
                entry.manifest.version.clone().into()
            }
            _ => NO_VERSION.into(),
        }
    }

    fn description(&self) -> Cow<'_, str> {
        let entry = self.manager.get(&self.name);
        entry
            .map_or_else(String::new, |entry| entry.manifest.description.clone())
            .into()
    }

    fn dependencies(&self) -> Vec<PluginDependency> {
        let entry = self.manager.get(&self.name);
        entry.map_or_else(Vec::new, |entry| entry.dependencies.clone())
    }

    fn ui_pages(&self) -> Vec<UiPageDef> {
        self.manager.ui_pages(&self.name).unwrap_or_default()
    }
}
