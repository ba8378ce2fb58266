//! What is installed and what it did.

use outboard_connector::host::{Description, HistoryQuery};
use serde_json::Value;

use super::target::Connectors;
use crate::{
    cli::connector::HistoryArgs,
    error::CliError,
    output::{Output, line, table},
    settings::Settings,
};

pub(super) fn list(
    target: &Connectors,
    settings: &Settings,
    output: &Output,
) -> Result<(), CliError> {
    let listed = target.list()?;
    output.result(&listed, || {
        if listed.is_empty() {
            let word = target.word();
            let directory = settings.data_dir().join("connectors");
            line(&format!("no {word}s in {}", directory.display()));
            line("`outboard connector install SOURCE` installs one, `outboard connector new KEY` writes one");
            return;
        }
        let rows: Vec<_> = listed
            .iter()
            .map(|entry| {
                let state = match (entry.enabled, &entry.problem) {
                    (_, Some(problem)) => problem.kind.clone(),
                    (false, None) => "disabled".to_owned(),
                    (true, None) => entry.state.clone(),
                };
                let about = match &entry.problem {
                    Some(problem) => problem.detail.clone(),
                    None => entry.description.clone(),
                };
                vec![
                    entry.key.clone(),
                    entry.version.clone(),
                    state,
                    entry.signed.clone(),
                    about,
                ]
            })
            .collect();
        table(&["KEY", "VERSION", "STATE", "SIGNED", "ABOUT"], &rows);
    });
    Ok(())
}

pub(super) fn show(target: &Connectors, key: &str, output: &Output) -> Result<(), CliError> {
    let description = target.describe(key)?;
    output.result(&description, || print(&description));
    Ok(())
}

fn print(description: &Description) {
    let summary = &description.summary;
    let field = |label: &str, value: &str| {
        if !value.is_empty() {
            line(&format!("{label:<14}{value}"));
        }
    };
    field("key", &summary.key);
    field("name", &summary.name);
    field("kind", &summary.kind);
    field("version", &summary.version);
    field("installed", &description.versions.join(", "));
    field("about", &summary.description);
    field(
        "state",
        if summary.enabled {
            &summary.state
        } else {
            "disabled"
        },
    );
    if let Some(problem) = &summary.problem {
        field("problem", &problem.detail);
    }
    let signed = match &summary.key_id {
        Some(key) => format!("{} (key {key})", summary.signed),
        None => summary.signed.clone(),
    };
    field("signed", &signed);
    field("runs on", &summary.os_arch.join(", "));
    let process = &description.process;
    if let Some(pid) = process.pid {
        field("process", &pid.to_string());
    }
    if process.starts > 0 {
        field("starts", &process.starts.to_string());
        field("crashes", &process.crashes.to_string());
    }
    field(
        "last error",
        process.last_error.as_deref().unwrap_or_default(),
    );
    if let Some(oauth) = &description.oauth {
        field("sign-in", &oauth.display_name);
    }
    if !description.config.is_empty() {
        line("config");
        for config in &description.config {
            line(&format!("  {:<20} {}", config.key, about(config)));
        }
    }
    let mut category = None;
    for described in &description.operations_list {
        if category != Some(&described.category) {
            line(&format!("operations: {}", described.category));
            category = Some(&described.category);
        }
        let operation = &described.operation;
        let mark = if operation.destructive {
            " (destructive)"
        } else {
            ""
        };
        line(&format!(
            "  {:<20} {}{mark}",
            operation.key, operation.description
        ));
        for input in &operation.input {
            line(&format!("    {:<18} {}", input.key, about(input)));
        }
    }
}

fn about(field: &outboard_contracts::connector::module::Config) -> String {
    let mut parts = vec![field.widget.clone()];
    if field.required {
        parts.push("required".to_owned());
    }
    if !field.value.is_empty() && !field.is_secret {
        parts.push(format!("default {}", field.value));
    }
    if !field.options.is_empty() {
        parts.push(field.options.clone());
    }
    format!("{} [{}]", field.description, parts.join(", "))
}

pub(super) fn set_enabled(
    target: &Connectors,
    key: &str,
    enabled: bool,
    output: &Output,
) -> Result<(), CliError> {
    let summary = target.set_enabled(key, enabled)?;
    output.result(&summary, || {
        let state = if summary.enabled {
            "enabled"
        } else {
            "disabled"
        };
        line(&format!("{key}: {state}"));
    });
    Ok(())
}

pub(super) fn history(
    target: &Connectors,
    arguments: &HistoryArgs,
    output: &Output,
) -> Result<(), CliError> {
    let page = target.history(&HistoryQuery {
        key: arguments.key.clone(),
        operation: arguments.operation.clone(),
        outcome: arguments.outcome.clone(),
        limit: Some(arguments.limit),
        ..HistoryQuery::default()
    })?;
    output.result(&page, || {
        if page.calls.is_empty() {
            line("no calls");
            return;
        }
        let rows: Vec<_> = page
            .calls
            .iter()
            .map(|call| {
                vec![
                    call.started_at.clone(),
                    format!("{}.{}", call.connector, call.operation),
                    call.version.clone(),
                    format!("{} ms", call.duration_ms),
                    call.caller.clone(),
                    call.outcome.clone(),
                    call.error.clone().unwrap_or_default(),
                ]
            })
            .collect();
        table(
            &[
                "WHEN",
                "OPERATION",
                "VERSION",
                "TOOK",
                "BY",
                "OUTCOME",
                "ERROR",
            ],
            &rows,
        );
    });
    Ok(())
}

pub(super) fn logs(
    target: &Connectors,
    key: &str,
    lines: usize,
    output: &Output,
) -> Result<(), CliError> {
    let entries: Vec<Value> = target.logs(key, lines)?;
    output.result(&entries, || {
        entries.iter().for_each(crate::commands::plugin::print_line);
    });
    Ok(())
}
