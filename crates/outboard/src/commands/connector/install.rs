//! What changes which connectors and versions are installed.

use std::{
    io::IsTerminal as _,
    path::Path,
    sync::{Arc, Mutex},
};

use indicatif::{ProgressBar, ProgressStyle};
use outboard_connector::host::{InstallFrom, InstallOptions, InstallOutcome};
use outboard_contracts::connector::validate_key;
use serde_json::{Value, json};

use super::target::{Bar, Connectors};
use crate::{
    cli::connector::{InstallArgs, InstallOptionArgs, UpdateArgs},
    error::{CliError, Exit},
    output::{Output, line, table},
};

fn options(arguments: &InstallOptionArgs) -> InstallOptions {
    InstallOptions {
        allow_downgrade: arguments.allow_downgrade,
        allow_unsigned: arguments.allow_unsigned,
        allow_http: arguments.allow_http,
        ..InstallOptions::default()
    }
}

/// A URL is one by its scheme, a path by what it looks like or what is there; the rest is a
/// key in a catalog.
fn source(text: &str) -> Result<(InstallFrom, Option<String>), CliError> {
    if text.starts_with("https://") || text.starts_with("http://") {
        return Ok((InstallFrom::Url(text.to_owned()), None));
    }
    if let Some((key, version)) = text.split_once('@')
        && validate_key(key).is_ok()
    {
        let version = Some(version.to_owned());
        return Ok((InstallFrom::Name(key.to_owned()), version));
    }
    let path = Path::new(text);
    if super::package::is_path(text) {
        let absolute = path.canonicalize().map_err(|error| {
            let message = format!("cannot read {}: {error}", path.display());
            CliError::new(Exit::NotFound, "file", message)
        })?;
        return Ok((InstallFrom::Path(absolute), None));
    }
    super::target::checked(text)?;
    Ok((InstallFrom::Name(text.to_owned()), None))
}

/// A bar for a person who waits; nothing for anybody else.
fn bar(what: &str) -> Bar {
    let bar = std::io::stderr().is_terminal().then(|| {
        let bar = ProgressBar::new(100);
        if let Ok(style) = ProgressStyle::with_template("{msg:30} {bar:30} {percent:>3}%") {
            bar.set_style(style);
        }
        bar
    });
    let what = what.to_owned();
    let last = Mutex::new(String::new());
    Arc::new(move |phase: &str, percent: Option<u8>| {
        let Some(bar) = &bar else { return };
        if phase == "done" {
            bar.finish_and_clear();
            return;
        }
        // A poisoned lock holds the name of a phase, which is as good as before.
        let mut last = last.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if *last != phase {
            phase.clone_into(&mut last);
            bar.set_message(format!("{what}: {phase}"));
        }
        bar.set_position(u64::from(percent.unwrap_or(0)));
    })
}

fn told(outcome: &InstallOutcome) -> String {
    let InstallOutcome {
        key,
        version,
        previous,
        action,
        signed,
        ..
    } = outcome;
    let before = match previous {
        Some(previous) if previous != version => format!(" (was {previous})"),
        _ => String::new(),
    };
    let signed = match signed.as_str() {
        "none" => ", not signed",
        "unverifiable" => ", signed by nobody who is trusted",
        _ => "",
    };
    format!(
        "{key} {version}: {}{before}{signed}",
        action.replace('_', " ")
    )
}

pub(super) fn install(
    target: &Connectors,
    arguments: &InstallArgs,
    output: &Output,
) -> Result<(), CliError> {
    let (from, version) = source(&arguments.source)?;
    let options = InstallOptions {
        version,
        sha256: arguments.sha256.clone(),
        locked: arguments.locked,
        ..options(&arguments.options)
    };
    let outcome = target.install(&from, &options, bar(&arguments.source))?;
    output.result(&outcome, || {
        line(&told(&outcome));
        line(&format!(
            "`outboard connector show {}` lists its operations",
            outcome.key
        ));
    });
    Ok(())
}

pub(super) fn update(
    target: &Connectors,
    arguments: &UpdateArgs,
    output: &Output,
) -> Result<(), CliError> {
    let options = options(&arguments.options);
    if let Some(key) = &arguments.key {
        let outcome = target.update(key, &options, bar(key))?;
        output.result(&outcome, || line(&told(&outcome)));
        return Ok(());
    }
    let found = target.search("")?;
    let mut results: Vec<Value> = Vec::new();
    let mut failed = false;
    for entry in found
        .available
        .iter()
        .filter(|entry| entry.update_available)
    {
        match target.update(&entry.key, &options, bar(&entry.key)) {
            Ok(outcome) => {
                if !output.is_json() {
                    line(&told(&outcome));
                }
                results.push(json!(outcome));
            }
            // The others are updated all the same.
            Err(error) => {
                failed = true;
                if !output.is_json() {
                    output.error(&error);
                }
                results.push(json!({ "key": entry.key, "error": error }));
            }
        }
    }
    output.result(&results, || {
        if results.is_empty() && found.warnings.is_empty() {
            line("everything is up to date");
        }
        for warning in &found.warnings {
            crate::output::eprint_line(&format!("warning: {warning}"));
        }
    });
    // What a catalog that could not be read has is not known.
    if failed || !found.warnings.is_empty() {
        Err(CliError::silent())
    } else {
        Ok(())
    }
}

pub(super) fn rollback(
    target: &Connectors,
    key: &str,
    version: Option<&str>,
    output: &Output,
) -> Result<(), CliError> {
    let outcome = target.rollback(key, version)?;
    output.result(&outcome, || line(&told(&outcome)));
    Ok(())
}

pub(super) fn remove(
    target: &Connectors,
    key: &str,
    purge: bool,
    output: &Output,
) -> Result<(), CliError> {
    let outcome = target.remove(key, purge)?;
    output.result(&outcome, || line(&told(&outcome)));
    Ok(())
}

pub(super) fn search(target: &Connectors, query: &str, output: &Output) -> Result<(), CliError> {
    let found = target.search(query)?;
    output.result(&found, || {
        for warning in &found.warnings {
            crate::output::eprint_line(&format!("warning: {warning}"));
        }
        if found.available.is_empty() {
            line("nothing found in the catalogs");
            return;
        }
        let rows: Vec<_> = found
            .available
            .iter()
            .map(|entry| {
                let state = match &entry.installed {
                    _ if !entry.arch_ok => "not for this machine".to_owned(),
                    Some(version) if entry.update_available => format!("{version} installed"),
                    Some(_) => "installed".to_owned(),
                    None => "-".to_owned(),
                };
                vec![
                    entry.key.clone(),
                    entry.version.clone(),
                    state,
                    entry.description.clone(),
                ]
            })
            .collect();
        table(&["KEY", "VERSION", "STATE", "ABOUT"], &rows);
    });
    Ok(())
}
