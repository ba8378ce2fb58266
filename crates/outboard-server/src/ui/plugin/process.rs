//! The tab about the process: how it is, what holds for it, how the last one ended.

use std::time::Duration;

use askama::Template;
use jiff::Timestamp;
use outboard_connector::{host::HostConfig, platform};
use outboard_go_plugin::host::ExitReport;
use outboard_go_plugin::host::resident_memory;
use sha2::{Digest as _, Sha256};

use super::{connector::Connector, head::Facts, workflow::Plugin};
use crate::{
    plugins::blocking,
    security::Permission,
    server::AppState,
    ui::{
        format::{Moment, bytes, count, duration},
        page::Ui,
        state::Mark,
    },
};

/// The largest program whose digest is worked out for a page, in bytes.
const MAX_HASHED: u64 = 512 * 1024 * 1024;

#[derive(Template)]
#[template(path = "plugin/process.html")]
pub(super) struct Process {
    /// Headings and what stands under them.
    sections: Vec<(&'static str, Facts)>,
    signature: Mark,
    signature_words: String,
    digest: String,
    exit: Option<Exit>,
    last_error: Option<String>,
    environment: Vec<String>,
    versions: Vec<Version>,
    may_manage: bool,
    href: String,
    csrf: String,
}

/// How the last process ended.
struct Exit {
    pid: u32,
    cause: String,
    /// Whether it was meant to.
    requested: bool,
    forced: bool,
    uptime: String,
    in_flight: usize,
    lines: Vec<String>,
}

/// A version that is installed.
struct Version {
    version: String,
    current: bool,
}

impl From<&ExitReport> for Exit {
    fn from(report: &ExitReport) -> Exit {
        Exit {
            pid: report.pid,
            cause: report.cause.to_string(),
            requested: report.requested,
            forced: report.forced,
            uptime: duration(report.uptime),
            in_flight: report.calls_in_flight,
            lines: report.last_lines.clone(),
        }
    }
}

fn some<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

pub(super) async fn of_workflow(state: &AppState, ui: &Ui, plugin: &Plugin) -> Process {
    let manager = state.plugins.manager();
    let status = plugin.status.as_ref();
    let pid = status.and_then(|status| status.pid);
    let mut process = Facts::default();
    if let Some(status) = status {
        let since = Timestamp::try_from(status.since);
        let since = since.map(|since| Moment::new(since, ui.now));
        process
            .add("State", status.state.as_str())
            .add("Process", some(pid))
            .add(
                "Since",
                since.map_or_else(
                    |_| String::new(),
                    |since| format!("{} ({})", since.relative, since.exact),
                ),
            )
            .add(
                "Memory",
                pid.and_then(resident_memory)
                    .map_or_else(String::new, bytes),
            )
            .add("Calls now", count(status.calls as u64))
            .add(
                "Restarts since it was loaded",
                count(u64::from(status.restarts)),
            )
            .add(
                "Transport",
                match status.encrypted {
                    Some(true) => "mutual TLS",
                    Some(false) => "plain text, protected by the socket's directory alone",
                    None => "",
                },
            )
            .add(
                "May call the host",
                match (pid, status.callbacks) {
                    (None, _) => "",
                    (Some(_), true) => "yes",
                    (Some(_), false) => "no",
                },
            );
    } else {
        process.add("State", "not loaded; there is no process");
    }
    let deadlines = manager.deadlines();
    let restarts = manager.restart_policy();
    let mut limits = Facts::default();
    limits
        .add("To start", duration(manager.start_timeout()))
        .add("To describe itself", duration(deadlines.describe))
        .add(
            "To make, start or stop a module",
            duration(deadlines.lifecycle),
        )
        .add("To answer a call", duration(deadlines.invoke))
        .add(
            "To finish calls at a reload or unload",
            duration(manager.drain_timeout()),
        )
        .add(
            "After a crash",
            format!(
                "started again at most {} times in a row, first after {}, at last after {}",
                restarts.max_restarts,
                duration(restarts.first_delay),
                duration(restarts.max_delay)
            ),
        );
    let digest = match plugin
        .found
        .as_ref()
        .is_some_and(|found| found.manifest.is_ok())
    {
        true => {
            let directory = manager.plugins_dir().join(&plugin.name);
            let program = directory.join(&plugin.name);
            blocking(move || digest_of(&program))
                .await
                .unwrap_or_default()
        }
        false => String::new(),
    };
    let mut environment = manager.environment_names();
    environment.push("OUTBOARD_PLUGIN_DATA_DIR".to_owned());
    Process {
        sections: vec![("Process", process), ("Deadlines", limits)],
        signature: Mark {
            word: "not signed".to_owned(),
            tone: "idle",
        },
        signature_words: "Plugins of workflows are not signed: whoever may write into the plugins \
                          directory decides what runs."
            .to_owned(),
        digest,
        exit: status
            .and_then(|status| status.last_exit.as_ref())
            .map(Exit::from),
        last_error: None,
        environment,
        versions: Vec::new(),
        may_manage: false,
        href: String::new(),
        csrf: String::new(),
    }
}

/// The SHA-256 of a regular file.
fn digest_of(path: &std::path::Path) -> Option<String> {
    let mut file = std::fs::File::open(path).ok()?;
    let meta = file.metadata().ok()?;
    if !meta.is_file() || meta.len() > MAX_HASHED {
        return None;
    }
    let mut hasher = Sha256::new();
    let mut buffer = vec![0_u8; 64 * 1024];
    loop {
        match std::io::Read::read(&mut file, &mut buffer).ok()? {
            0 => break,
            read => hasher.update(&buffer[..read]),
        }
    }
    let digest = hasher.finalize();
    Some(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

pub(super) async fn of_connector(ui: &Ui, connector: &Connector) -> Process {
    let summary = &connector.description.summary;
    let described = &connector.description.process;
    let mut process = Facts::default();
    process
        .add("State", described.state.replace('_', " "))
        .add("Process", some(described.pid))
        .add(
            "Memory",
            described.memory_bytes.map_or_else(String::new, bytes),
        )
        .add("Calls now", count(described.in_flight as u64))
        .add("Calls that wait", count(described.waiting as u64))
        .add(
            "Of versions before",
            match described.leaving {
                0 => String::new(),
                leaving => format!("{leaving} finish their calls"),
            },
        )
        .add("Starts", count(described.starts))
        .add("Crashes", count(described.crashes))
        .add("Transport", "mutual TLS");
    let config = connector.host.config();
    let mut sections = vec![
        ("Process", process),
        ("Limits and deadlines", limits(config)),
    ];
    let locked = connector.host.locked(&summary.key).await.ok().flatten();
    let mut source = Facts::default();
    if let Some(locked) = &locked
        && ui.may(&Permission::CONNECTORS_MANAGE)
    {
        source.code("Installed from", &*locked.source);
    }
    source.code(
        "Key that signed it",
        summary.key_id.clone().unwrap_or_default(),
    );
    if !source.0.is_empty() {
        sections.push(("Source", source));
    }
    let digest = locked
        .as_ref()
        .and_then(|locked| locked.platforms.get(&platform::host()))
        .map(|platform| platform.sha256.clone());
    let mut environment = connector.host.environment_names();
    environment.push("OUTBOARD_PLUGIN_DATA_DIR".to_owned());
    let words = match summary.signed.as_str() {
        "none" => "Nobody signed it.",
        "unverifiable" => "It is signed, by nobody whom this server trusts.",
        "program" => "A trusted key signed its program, not the rest of plugin.json.",
        "envelope" => "A trusted key signed all of it.",
        _ => "",
    };
    Process {
        sections,
        signature: match summary.signed.as_str() {
            "none" => Mark {
                word: "not signed".to_owned(),
                tone: "warn",
            },
            word => Mark {
                word: match word {
                    "envelope" => "signed".to_owned(),
                    "program" => "program signed".to_owned(),
                    "unverifiable" => "signed by nobody who is trusted".to_owned(),
                    other => other.to_owned(),
                },
                ..Mark::of(word)
            },
        },
        signature_words: words.to_owned(),
        digest: digest.unwrap_or_default(),
        exit: None,
        last_error: described.last_error.clone(),
        environment,
        versions: connector
            .description
            .versions
            .iter()
            .map(|version| Version {
                current: *version == summary.version,
                version: version.clone(),
            })
            .collect(),
        may_manage: ui.may(&Permission::CONNECTORS_MANAGE),
        href: super::head::href("connector", &summary.key),
        csrf: ui.csrf.clone(),
    }
}

fn limits(config: &HostConfig) -> Facts {
    let none = "as the system has it";
    let mut limits = Facts::default();
    let call = outboard_connector::host::DEFAULT_CALL_TIMEOUT;
    limits
        .add("To start", duration(config.start_timeout))
        .add(
            "To answer a call",
            format!("{}, unless the call says otherwise", duration(call)),
        )
        .add("To wait for a process", duration(config.queue_timeout))
        .add("Kept without a call for", duration(config.idle_timeout))
        .add(
            "To finish calls when it is replaced",
            duration(config.drain_timeout),
        )
        .add("Calls at once", config.calls_per_connector.to_string())
        .add(
            "Address space",
            config.memory_limit_mib.map_or_else(
                || none.to_owned(),
                |mebibytes| bytes(mebibytes.saturating_mul(1024 * 1024)),
            ),
        )
        .add(
            "Processor time",
            config.cpu_limit_seconds.map_or_else(
                || none.to_owned(),
                |seconds| duration(Duration::from_secs(seconds)),
            ),
        )
        .add(
            "Open files",
            config
                .open_files_limit
                .map_or_else(|| none.to_owned(), count),
        );
    limits
}
