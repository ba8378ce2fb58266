//! `outboard connector config …`: instances and their values.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use outboard_connector::{
    host::{InstanceChange, InstanceView},
    oauth::{Loopback, OAuthError},
};
use serde_json::{Map, Value, json};
use url::Url;

use super::target::Connectors;
use crate::{
    cli::connector::{ConfigCommand, InstanceArgs},
    error::CliError,
    input,
    output::{Output, eprint_line, line, table},
};

pub(super) fn run(
    command: ConfigCommand,
    target: &Connectors,
    output: &Output,
) -> Result<(), CliError> {
    match command {
        ConfigCommand::List(arguments) => list(target, &arguments.key, output),
        ConfigCommand::Show(arguments) => {
            let instance = target.instance(&arguments.key, &arguments.instance)?;
            output.result(&instance, || print(&instance));
            Ok(())
        }
        ConfigCommand::Set { instance, values } => set(target, &instance, &values, output),
        ConfigCommand::Remove(arguments) => {
            target.remove_instance(&arguments.key, &arguments.instance)?;
            let result = json!({ "removed": arguments.instance, "connector": arguments.key });
            output.result(&result, || {
                line(&format!(
                    "{}: removed {}",
                    arguments.key, arguments.instance
                ));
            });
            Ok(())
        }
        ConfigCommand::SignIn { instance, port } => sign_in(target, &instance, port, output),
    }
}

fn list(target: &Connectors, key: &str, output: &Output) -> Result<(), CliError> {
    let instances = target.instances(key)?;
    output.result(&instances, || {
        if instances.is_empty() {
            line(&format!("{key} has no instances"));
            line(&format!(
                "`outboard connector config set {key} FIELD=VALUE` makes one"
            ));
            return;
        }
        let rows: Vec<_> = instances
            .iter()
            .map(|instance| {
                let missing = match instance.missing.as_slice() {
                    [] => String::new(),
                    fields => format!("missing {}", fields.join(", ")),
                };
                let who = instance
                    .identity
                    .as_ref()
                    .map(|identity| identity.display_name.clone());
                vec![
                    instance.name.clone(),
                    who.unwrap_or_default(),
                    instance.updated_at.clone(),
                    missing,
                ]
            })
            .collect();
        table(&["NAME", "SIGNED IN", "CHANGED", "ABOUT"], &rows);
    });
    Ok(())
}

fn print(instance: &InstanceView) {
    line(&format!("{:<20}{}", "instance", instance.name));
    for (key, value) in &instance.config {
        line(&format!("{key:<20}{value}"));
    }
    if !instance.missing.is_empty() {
        line(&format!("{:<20}{}", "missing", instance.missing.join(", ")));
    }
    if let Some(identity) = &instance.identity {
        line(&format!(
            "{:<20}{} ({})",
            "signed in", identity.display_name, identity.user_id
        ));
    }
}

fn set(
    target: &Connectors,
    arguments: &InstanceArgs,
    values: &[String],
    output: &Output,
) -> Result<(), CliError> {
    let mut config = Map::new();
    for assignment in values {
        let Some((key, value)) = assignment.split_once('=') else {
            return Err(CliError::usage(format!("{assignment:?} is not KEY=VALUE"))
                .hint("KEY=@FILE reads a file, KEY=- standard input, KEY= clears the value"));
        };
        let value = match value {
            "" => Value::Null,
            text => {
                let text = input::text(text, key)?;
                // A file of one line ends with a line break that is no part of the value.
                let text = text.strip_suffix('\n').unwrap_or(&text);
                Value::String(text.strip_suffix('\r').unwrap_or(text).to_owned())
            }
        };
        config.insert(key.to_owned(), value);
    }
    let change = InstanceChange { name: None, config };
    let instance = target.set_instance(&arguments.key, &arguments.instance, &change)?;
    output.result(&instance, || print(&instance));
    Ok(())
}

fn sign_in(
    target: &Connectors,
    arguments: &InstanceArgs,
    port: u16,
    output: &Output,
) -> Result<(), CliError> {
    let failed = |error: OAuthError| CliError::failed("sign_in", error);
    let loopback = Loopback::bind_port(port)
        .map_err(|error| failed(error).hint("choose another port with --port"))?;
    let begun = target.begin_sign_in(
        &arguments.key,
        &arguments.instance,
        &loopback.redirect_uri(),
    )?;
    let url = Url::parse(&begun.authorize_url)
        .map_err(|error| CliError::failed("sign_in", format!("no address to go to: {error}")))?;
    if output.is_json() {
        output.json_line(&json!({ "event": "sign_in", "url": begun.authorize_url }));
    } else {
        eprint_line("open this in your browser to sign in:");
        line(&begun.authorize_url);
    }
    let states = url.query_pairs().filter(|(key, _)| key == "state");
    let state = states.map(|(_, state)| state.into_owned()).last();
    let deadline = Instant::now() + Duration::from_secs(begun.expires_in_seconds);
    let interrupted = target.interrupted();
    let callback = loopback
        .wait_for(
            &|callback| state.as_deref() == Some(callback.state()),
            deadline,
            &|| interrupted.load(Ordering::Relaxed),
        )
        .map_err(failed)?;
    let instance = target.finish_sign_in(&callback)?;
    output.result(&instance, || print(&instance));
    Ok(())
}
