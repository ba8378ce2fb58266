//! What a manager tells about a plugin that it looks after.

use std::time::{Duration, SystemTime};

use outboard_contracts::PluginManifest;
use outboard_go_plugin::host::ExitReport;

/// Where a loaded plugin is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PluginState {
    /// It answers.
    Ready,
    /// It crashed and is being started again.
    Restarting {
        /// Which attempt in a row, from 1.
        attempt: u32,
    },
    /// It crashed too often, or could not be started again. Reload it.
    Failed {
        /// What happened last.
        reason: String,
    },
    /// It is being reloaded or unloaded.
    Stopping,
}

impl PluginState {
    /// The state in one word.
    pub fn as_str(&self) -> &'static str {
        match self {
            PluginState::Ready => "ready",
            PluginState::Restarting { .. } => "restarting",
            PluginState::Failed { .. } => "failed",
            PluginState::Stopping => "stopping",
        }
    }
}

/// A loaded plugin at one moment.
#[derive(Debug, Clone)]
pub struct PluginStatus {
    /// The plugin's name.
    pub name: String,
    /// Where it is in its life.
    pub state: PluginState,
    /// Its process id, while it has a process.
    pub pid: Option<u32>,
    /// Since when it is in this state.
    pub since: SystemTime,
    /// How long its process has been in use, while it has one.
    pub up_for: Option<Duration>,
    /// How often it was started again since it was loaded.
    pub restarts: u32,
    /// How its last process ended, if one has.
    pub last_exit: Option<ExitReport>,
    /// Its manifest, with the types that it says it has.
    pub manifest: PluginManifest,
    /// How many calls it answers right now.
    pub calls: usize,
    /// Whether it can call its host, while it has a process.
    pub callbacks: bool,
    /// Whether the connection to it is encrypted, while it has a process.
    pub encrypted: Option<bool>,
}
