//! `outboard plugin …`: through the running server, or on the directory itself.

use outboard_workflow::external::{DiscoveredPlugin, ExternalPluginManager};
use serde_json::{Value, json};

use super::plugin_new;
use crate::{
    api::Api,
    cli::{LogsArgs, PluginCommand},
    error::{CliError, Exit},
    output::{Output, line, progress, table},
    settings::Settings,
};

const BASE: &str = "/api/v1/plugins/external";

pub(crate) fn run(
    command: PluginCommand,
    settings: &Settings,
    output: &Output,
) -> Result<(), CliError> {
    match command {
        PluginCommand::New(arguments) => plugin_new::run(&arguments, output),
        PluginCommand::List => list(settings, output),
        PluginCommand::Show(arguments) => show(&arguments.name, settings, output),
        PluginCommand::Load(arguments) => act("load", &arguments.name, "", settings, output),
        PluginCommand::Reload(arguments) => act("reload", &arguments.name, "", settings, output),
        PluginCommand::Unload(arguments) => {
            let query = if arguments.force { "?force=1" } else { "" };
            act("unload", &arguments.name, query, settings, output)
        }
        PluginCommand::Logs(arguments) => logs(&arguments, settings, output),
    }
}

/// A failure of the server's, with what to do on the command line rather than over HTTP.
fn here(name: &str, error: CliError) -> CliError {
    match error.kind.as_str() {
        "not_found" => error.hint("`outboard plugin list` shows those that are there"),
        "not_loaded" => error.hint(format!("load it first: outboard plugin load {name}")),
        _ => error,
    }
}

/// What goes into a path. A name that is none is refused before anybody is asked.
fn checked(name: &str) -> Result<&str, CliError> {
    match outboard_contracts::PluginName::parse(name) {
        Ok(_) => Ok(name),
        Err(error) => Err(CliError::new(
            Exit::Usage,
            "invalid_name",
            format!("{name:?} is no plugin name: {error}"),
        )),
    }
}

/// What lies in the plugins directory, in the form of the server's answers.
fn on_disk(settings: &Settings) -> Result<Vec<Value>, CliError> {
    let found = ExternalPluginManager::new(settings.plugins_dir()).discover_plugins()?;
    Ok(found.into_iter().map(describe).collect())
}

fn describe(plugin: DiscoveredPlugin) -> Value {
    let mut value = json!({
        "name": plugin.name,
        "loaded": false,
        "state": "stopped",
        "loadable": plugin.manifest.is_ok(),
    });
    match plugin.manifest {
        Ok(manifest) => value["manifest"] = json!(manifest),
        Err(error) => {
            value["problem"] =
                json!({ "kind": error.kind().as_str(), "detail": error.to_string() });
        }
    }
    value
}

fn text(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        None | Some(Value::Null) => "-".to_owned(),
        Some(other) => other.to_string(),
    }
}

fn list(settings: &Settings, output: &Output) -> Result<(), CliError> {
    let plugins = match Api::find(&settings.data_dir())? {
        None => on_disk(settings)?,
        Some(api) => {
            let listed = api.get(BASE)?;
            let names = listed.as_array().cloned().unwrap_or_default();
            let mut plugins = Vec::new();
            for entry in names {
                let name = text(&entry, "/name");
                // A directory whose name is none has no page of its own.
                plugins.push(match checked(&name) {
                    Ok(name) => api.get(&format!("{BASE}/{name}"))?,
                    Err(error) => json!({
                        "name": name,
                        "loaded": false,
                        "state": "stopped",
                        "loadable": false,
                        "problem": { "kind": error.kind, "detail": error.message },
                    }),
                });
            }
            plugins
        }
    };
    output.result(&plugins, || {
        if plugins.is_empty() {
            let directory = settings.plugins_dir();
            line(&format!("no plugins in {}", directory.display()));
            line("write one with `outboard plugin new NAME`, or copy one there");
            return;
        }
        let rows: Vec<_> = plugins
            .iter()
            .map(|plugin| {
                let about = plugin.pointer("/problem/detail").or(plugin.get("reason"));
                vec![
                    text(plugin, "/name"),
                    text(plugin, "/manifest/version"),
                    text(plugin, "/state"),
                    text(plugin, "/pid"),
                    about
                        .and_then(Value::as_str)
                        .map_or_else(|| text(plugin, "/manifest/description"), str::to_owned),
                ]
            })
            .collect();
        table(&["NAME", "VERSION", "STATE", "PID", "ABOUT"], &rows);
    });
    Ok(())
}

fn show(name: &str, settings: &Settings, output: &Output) -> Result<(), CliError> {
    let name = checked(name)?;
    let plugin = match Api::find(&settings.data_dir())? {
        Some(api) => api
            .get(&format!("{BASE}/{name}"))
            .map_err(|error| here(name, error))?,
        None => {
            let found = on_disk(settings)?
                .into_iter()
                .find(|plugin| plugin["name"] == name);
            found.ok_or_else(|| {
                let message = format!("there is no plugin {name:?}");
                CliError::new(Exit::NotFound, "not_found", message)
                    .hint("`outboard plugin list` shows those that are there")
            })?
        }
    };
    output.result(&plugin, || {
        let field = |label: &str, pointer: &str| {
            let value = match plugin.pointer(pointer) {
                None | Some(Value::Null) => return,
                Some(Value::Array(items)) if items.is_empty() => return,
                Some(Value::Array(items)) => {
                    let items: Vec<_> = items
                        .iter()
                        .map(|item| match item {
                            Value::String(text) => text.clone(),
                            Value::Object(map) => {
                                let parts: Vec<_> = map
                                    .values()
                                    .map(|value| value.as_str().unwrap_or_default().to_owned())
                                    .filter(|part| !part.is_empty())
                                    .collect();
                                parts.join(" ")
                            }
                            other => other.to_string(),
                        })
                        .collect();
                    items.join(", ")
                }
                Some(_) => text(&plugin, pointer),
            };
            line(&format!("{label:<14}{value}"));
        };
        field("name", "/name");
        field("version", "/manifest/version");
        field("about", "/manifest/description");
        field("author", "/manifest/author");
        field("license", "/manifest/license");
        field("state", "/state");
        field("reason", "/reason");
        field("problem", "/problem/detail");
        field("process", "/pid");
        field("since", "/since");
        field("restarts", "/restarts");
        field("calls now", "/calls");
        field("last exit", "/last_exit/cause");
        field("modules", "/manifest/moduleTypes");
        field("steps", "/manifest/stepTypes");
        field("triggers", "/manifest/triggerTypes");
        field("needs", "/manifest/dependencies");
        field("transport", "/transport");
        field("callbacks", "/callbacks");
    });
    Ok(())
}

fn act(
    action: &str,
    name: &str,
    query: &str,
    settings: &Settings,
    output: &Output,
) -> Result<(), CliError> {
    let name = checked(name)?;
    let api = Api::require(&settings.data_dir())?;
    progress(&format!("{action} {name} …"));
    let done = api
        .post(&format!("{BASE}/{name}/{action}{query}"))
        .map_err(|error| here(name, error))?;
    output.result(&done, || {
        line(&format!("{name}: {}", text(&done, "/action")))
    });
    Ok(())
}

fn logs(arguments: &LogsArgs, settings: &Settings, output: &Output) -> Result<(), CliError> {
    let name = checked(&arguments.name)?;
    let api = Api::require(&settings.data_dir())?;
    let path = format!("{BASE}/{name}/logs?lines={}", arguments.lines);
    if !arguments.follow {
        let answer = api.get(&path).map_err(|error| here(name, error))?;
        let lines = answer["lines"].clone();
        output.result(&lines, || {
            for entry in lines.as_array().into_iter().flatten() {
                print_line(entry);
            }
        });
        return Ok(());
    }
    let followed = api.events(&format!("{path}&follow=1"), |event, data| {
        if output.is_json() {
            output.json_line(&json!({ "event": event, "data": data }));
            return;
        }
        match event {
            "line" => print_line(&data),
            "exit" => line(&format!("-- {}", text(&data, "/text"))),
            _ => line(&format!("-- {event} {data}")),
        }
    });
    followed.map_err(|error| here(name, error))
}

pub(crate) fn print_line(entry: &Value) {
    let fields = match entry.get("fields") {
        None | Some(Value::Null) => String::new(),
        Some(fields) => format!(" {fields}"),
    };
    let module = match entry.get("module").and_then(Value::as_str) {
        Some(module) => format!("{module}: "),
        None => String::new(),
    };
    line(&format!(
        "{} {:<5} {module}{}{fields}",
        text(entry, "/at"),
        text(entry, "/level"),
        text(entry, "/message")
    ));
}
