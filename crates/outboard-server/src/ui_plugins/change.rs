//! What happens to UI plugins, for those who keep something in step with it.

use std::time::SystemTime;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Serialize;

use crate::events::{Events, timestamp};

/// Something happened to a UI plugin.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct UiPluginChange {
    /// What.
    #[serde(skip)]
    pub kind: UiPluginChangeKind,
    /// The plugin.
    pub name: String,
    /// Its version now, or that of the one that is gone. May be empty.
    pub version: String,
    /// Which of the server's generations of assets this is about.
    pub generation: u64,
}

/// What can happen to a UI plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UiPluginChangeKind {
    /// It is there and was not before.
    Loaded,
    /// Another generation of it took the place of the one before.
    Reloaded,
    /// It is gone.
    Unloaded,
}

impl UiPluginChangeKind {
    /// The name of the event that tells it.
    pub fn event(self) -> &'static str {
        match self {
            UiPluginChangeKind::Loaded => "ui.loaded",
            UiPluginChangeKind::Reloaded => "ui.reloaded",
            UiPluginChangeKind::Unloaded => "ui.unloaded",
        }
    }
}

/// Who is told of each change, after it took place and before the next one of the same
/// plugin does. It must not change that plugin itself.
#[async_trait]
pub trait UiPluginObserver: Send + Sync {
    /// Something happened to a UI plugin.
    async fn changed(&self, change: &UiPluginChange);
}

/// A change as an event tells it.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "UiPluginEvent")]
pub(crate) struct Happened<'a> {
    at: String,
    #[serde(flatten)]
    change: &'a UiPluginChange,
}

#[async_trait]
impl UiPluginObserver for Events {
    async fn changed(&self, change: &UiPluginChange) {
        let at = timestamp(SystemTime::now());
        self.ring()
            .push(change.kind.event(), &Happened { at, change });
    }
}
