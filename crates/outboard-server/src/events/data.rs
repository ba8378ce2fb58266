//! What events and ends of processes look like as JSON.

use std::time::{Duration, SystemTime};

use outboard_go_plugin::host::{ExitCause, ExitReport, PluginEvent, PluginEventKind};
use schemars::JsonSchema;
use serde::Serialize;

/// A moment as RFC 3339, in UTC with milliseconds.
pub(crate) fn timestamp(at: SystemTime) -> String {
    match jiff::Timestamp::try_from(at) {
        Ok(at) => format!("{at:.3}"),
        // Before the year -9999 or after 9999.
        Err(_) => String::new(),
    }
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// How a plugin's process ended.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[schemars(rename = "PluginExit")]
pub(crate) struct Exit {
    pid: u32,
    /// For people: `exit status 3`, `signal 9 (SIGKILL)`.
    cause: String,
    code: Option<i32>,
    signal: Option<i32>,
    /// Whether the host ended it.
    requested: bool,
    forced: bool,
    uptime_ms: u64,
    last_lines: Vec<String>,
}

impl From<&ExitReport> for Exit {
    fn from(report: &ExitReport) -> Exit {
        let (code, signal) = match report.cause {
            ExitCause::Code(code) => (Some(code), None),
            ExitCause::Signal(signal) => (None, Some(signal)),
            ExitCause::OutOfMemory => (None, Some(9)),
            ExitCause::LeftRunning | ExitCause::Unknown => (None, None),
        };
        Exit {
            pid: report.pid,
            cause: report.cause.to_string(),
            code,
            signal,
            requested: report.requested,
            forced: report.forced,
            uptime_ms: millis(report.uptime),
            last_lines: report.last_lines.clone(),
        }
    }
}

/// What happened to a plugin.
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "PluginEvent")]
pub(crate) struct PluginHappened {
    at: String,
    plugin: String,
    /// A sentence for people.
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    elapsed_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delay_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit: Option<Exit>,
}

/// An event's name and data.
pub(crate) fn of_plugin(event: &PluginEvent) -> (&'static str, PluginHappened) {
    let mut happened = PluginHappened {
        at: timestamp(event.at),
        plugin: event.plugin.clone(),
        text: event.to_string(),
        pid: None,
        elapsed_ms: None,
        attempt: None,
        delay_ms: None,
        exit: None,
    };
    let name = match &event.kind {
        PluginEventKind::Starting => "plugin.starting",
        PluginEventKind::Ready { pid, elapsed } => {
            happened.pid = Some(*pid);
            happened.elapsed_ms = Some(millis(*elapsed));
            "plugin.ready"
        }
        PluginEventKind::StartFailed { .. } => "plugin.start_failed",
        PluginEventKind::Crashed(report) => {
            happened.exit = Some(report.into());
            "plugin.crashed"
        }
        PluginEventKind::Restarting { attempt, delay } => {
            happened.attempt = Some(*attempt);
            happened.delay_ms = Some(millis(*delay));
            "plugin.restarting"
        }
        PluginEventKind::Stopped(report) => {
            happened.exit = Some(report.into());
            "plugin.stopped"
        }
        PluginEventKind::Failed { .. } => "plugin.failed",
        // A kind that a newer runtime adds; its text says what it is.
        _ => "plugin.other",
    };
    (name, happened)
}
