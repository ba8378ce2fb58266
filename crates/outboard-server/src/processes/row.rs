//! One plugin in the list: the same fields for both families, and one small set of
//! words for how it stands.

use std::time::Duration;

use outboard_connector::host::{ProcessDescription, Summary};
use outboard_go_plugin::host::resident_memory;
use outboard_workflow::external::{DiscoveredPlugin, PluginState, PluginStatus};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{events::millis, plugins::status_of_manager};

/// Which kind of plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "PluginFamily")]
pub(crate) enum Family {
    /// Of the plugins directory: modules, steps, triggers.
    Workflow,
    /// Installed: connectors, tools, jobs.
    Connector,
}

impl Family {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Family::Workflow => "workflow",
            Family::Connector => "connector",
        }
    }

    pub(crate) fn named(word: &str) -> Option<Family> {
        match word {
            "workflow" => Some(Family::Workflow),
            "connector" => Some(Family::Connector),
            _ => None,
        }
    }
}

/// How a plugin stands, where the state's own word says too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "PluginCondition")]
pub(crate) enum Condition {
    /// It works, or will when it is called.
    Well,
    /// It has no process, and nobody expects one.
    Off,
    /// It is on its way to another state.
    Changing,
    /// It needs somebody.
    Bad,
}

impl Condition {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Condition::Well => "well",
            Condition::Off => "off",
            Condition::Changing => "changing",
            Condition::Bad => "bad",
        }
    }
}

/// What is wrong with a plugin.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[schemars(rename = "PluginTrouble")]
pub(crate) struct Trouble {
    /// One word for programs.
    pub(crate) kind: String,
    /// For people.
    pub(crate) detail: String,
}

/// What only connectors have: processes that come and go with the calls.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[schemars(rename = "PluginPool")]
pub(crate) struct PoolNumbers {
    /// Calls that wait for a process.
    pub(crate) waiting: usize,
    /// Processes of versions before that finish their calls.
    pub(crate) leaving: usize,
    /// How often a process was started.
    pub(crate) starts: u64,
}

/// One plugin at one moment.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub(crate) struct PluginRow {
    pub(crate) family: Family,
    /// Unique in its family: the directory's name, or the key.
    pub(crate) name: String,
    /// The name for people.
    pub(crate) title: String,
    /// `workflow`, `connector`, `tool` or `job`.
    pub(crate) kind: String,
    pub(crate) description: String,
    /// `ready`, `restarting`, `failed`, `stopping`, `stopped`, `unusable`, `disabled`,
    /// and of a connector also `starting`, `busy`, `idle`, `checking`, `resting`.
    pub(crate) state: &'static str,
    pub(crate) condition: Condition,
    /// Whether it may be called. A workflow plugin may if it is loaded.
    pub(crate) enabled: bool,
    /// Empty where nothing on disk can be read.
    pub(crate) version: String,
    /// A newer version that a catalog has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) update: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pid: Option<u32>,
    /// What its process has in memory. Linux only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) memory_bytes: Option<u64>,
    /// How long its process has been ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) uptime_ms: Option<u64>,
    /// How often it was started again after it had ended by itself.
    pub(crate) restarts: u64,
    /// Calls that it answers right now.
    pub(crate) in_flight: usize,
    pub(crate) calls_last_hour: u64,
    pub(crate) errors_last_hour: u64,
    /// `mutual_tls` or `plaintext`, of a workflow plugin with a process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) transport: Option<&'static str>,
    /// The numbers of a connector's pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pool: Option<PoolNumbers>,
    /// Why it cannot be used, or what went wrong last where it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) problem: Option<Trouble>,
}

/// A workflow plugin on disk, and its process if it is loaded. What runs counts for more
/// than what is on disk.
pub(super) fn of_workflow(
    plugin: DiscoveredPlugin,
    status: Option<PluginStatus>,
    shown: &dyn Fn(&str) -> String,
) -> PluginRow {
    let mut row = PluginRow::named(&plugin.name);
    match plugin.manifest {
        Ok(manifest) => {
            row.version = manifest.version;
            row.description = manifest.description;
        }
        Err(error) => {
            row.state = "unusable";
            row.condition = Condition::Bad;
            row.problem = Some(Trouble {
                kind: status_of_manager(error.kind()).1.to_owned(),
                detail: shown(&error.to_string()),
            });
        }
    }
    if let Some(status) = status {
        running(&mut row, status);
    }
    row
}

/// A workflow plugin that runs and whose directory is gone.
pub(super) fn without_directory(status: PluginStatus) -> PluginRow {
    let mut row = PluginRow::named(&status.name);
    row.problem = Some(Trouble {
        kind: "not_found".to_owned(),
        detail: "its directory is gone; it runs until it is unloaded".to_owned(),
    });
    running(&mut row, status);
    row
}

impl PluginRow {
    /// A workflow plugin of which nothing is known but its name.
    pub(crate) fn named(name: &str) -> PluginRow {
        PluginRow {
            family: Family::Workflow,
            name: name.to_owned(),
            title: name.to_owned(),
            kind: "workflow".to_owned(),
            description: String::new(),
            state: "stopped",
            condition: Condition::Off,
            enabled: false,
            version: String::new(),
            update: None,
            pid: None,
            memory_bytes: None,
            uptime_ms: None,
            restarts: 0,
            in_flight: 0,
            calls_last_hour: 0,
            errors_last_hour: 0,
            pool: None,
            transport: None,
            problem: None,
        }
    }
}

/// The word for how the connection is protected.
fn transport(encrypted: bool) -> &'static str {
    match encrypted {
        true => "mutual_tls",
        false => "plaintext",
    }
}

fn running(row: &mut PluginRow, status: PluginStatus) {
    row.state = status.state.as_str();
    row.enabled = true;
    row.condition = match &status.state {
        PluginState::Ready => Condition::Well,
        PluginState::Failed { .. } => Condition::Bad,
        _ => Condition::Changing,
    };
    if let PluginState::Failed { reason } = status.state {
        row.problem = Some(Trouble {
            kind: "failed".to_owned(),
            detail: reason,
        });
    }
    row.version = status.manifest.version;
    row.description = status.manifest.description;
    row.pid = status.pid;
    row.memory_bytes = status.pid.and_then(resident_memory);
    row.uptime_ms = status.up_for.map(millis);
    row.restarts = u64::from(status.restarts);
    row.in_flight = status.calls;
    row.transport = status.encrypted.map(transport);
}

/// A connector, and its process.
pub(crate) fn of_connector(
    summary: Summary,
    process: ProcessDescription,
    update: Option<String>,
) -> PluginRow {
    let (state, condition) = match (&summary.problem, summary.enabled) {
        (Some(_), _) => ("unusable", Condition::Bad),
        (None, false) => ("disabled", Condition::Off),
        (None, true) => state_of_process(&process.state),
    };
    let problem = summary.problem.map(|problem| Trouble {
        kind: problem.kind,
        detail: problem.detail,
    });
    let resting = || {
        let wait = process
            .retry_in_ms
            .map(|left| format!("; no start is tried for {:?}", Duration::from_millis(left)));
        let detail = process.last_error.as_deref().unwrap_or("it failed");
        Trouble {
            kind: "failed".to_owned(),
            detail: format!("{detail}{}", wait.unwrap_or_default()),
        }
    };
    PluginRow {
        family: Family::Connector,
        problem: problem.or_else(|| (state == "resting").then(resting)),
        name: summary.key,
        title: summary.name,
        kind: summary.kind,
        description: summary.description,
        state,
        condition,
        enabled: summary.enabled,
        version: summary.version,
        update,
        pid: process.pid,
        memory_bytes: process.memory_bytes,
        uptime_ms: process.uptime_ms,
        restarts: process.crashes,
        in_flight: process.in_flight,
        calls_last_hour: 0,
        errors_last_hour: 0,
        // A connector that speaks no TLS is not started.
        transport: None,
        pool: Some(PoolNumbers {
            waiting: process.waiting,
            leaving: process.leaving,
            starts: process.starts,
        }),
    }
}

/// A process that is stopped is started by the next call: that is well.
fn state_of_process(word: &str) -> (&'static str, Condition) {
    match word {
        "starting" => ("starting", Condition::Changing),
        "busy" => ("busy", Condition::Well),
        "idle" => ("idle", Condition::Well),
        "checking" => ("checking", Condition::Changing),
        "resting" => ("resting", Condition::Bad),
        _ => ("stopped", Condition::Well),
    }
}
