//! `outboard connector call`: one operation, once.

use std::{io::IsTerminal as _, sync::Arc};

use outboard_connector::host::CallRequest;
use serde_json::{Value, json};

use super::target::Connectors;
use crate::{
    cli::connector::CallArgs,
    error::CliError,
    input,
    output::{Output, eprint_line, line},
};

pub(super) fn run(
    target: &Connectors,
    arguments: &CallArgs,
    output: &Output,
) -> Result<(), CliError> {
    let timeout_ms = match &arguments.timeout {
        Some(text) => Some(milliseconds(text)?),
        None => None,
    };
    let input = match &arguments.input {
        Some(text) => input::json(text, "--input")?,
        None => json!({}),
    };
    let config = match &arguments.config_values {
        Some(text) => Some(input::json(text, "--config-values")?),
        None => None,
    };
    let request = CallRequest {
        instance: arguments.instance.clone(),
        config,
        input,
        timeout_ms,
        confirm: arguments.yes,
        ..CallRequest::default()
    };
    let show = std::io::stderr().is_terminal();
    let answer = target.call(
        &arguments.key,
        &arguments.operation,
        &request,
        Arc::new(move |told| {
            if show {
                let of = match told.total {
                    0 => String::new(),
                    total => format!("/{total}"),
                };
                eprint_line(&format!("  {}{of} {}", told.progress, told.message));
            }
        }),
    )?;
    // Whoever reads it, the result is JSON; with --json so is what there is to know about it.
    output.result(&answer, || {
        let value: Value = serde_json::from_str(answer.result.get()).unwrap_or_default();
        match value {
            Value::String(text) if std::io::stdout().is_terminal() => line(&text),
            value => line(&serde_json::to_string_pretty(&value).unwrap_or_default()),
        }
    });
    Ok(())
}

fn milliseconds(text: &str) -> Result<u64, CliError> {
    let parsed: Option<jiff::SignedDuration> = text.parse().ok();
    parsed
        .and_then(|duration| u64::try_from(duration.as_millis()).ok())
        .filter(|milliseconds| *milliseconds > 0)
        .ok_or_else(|| {
            CliError::usage(format!(
                "--timeout {text:?} is not a duration, such as 30s or 2m"
            ))
        })
}
