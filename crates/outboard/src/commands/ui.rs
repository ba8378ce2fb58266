//! `outboard ui …`: pages that plugins bring, through the running server, or in the
//! directory itself.

use outboard_contracts::ui::UiManifest;
use outboard_server::{
    AssetLimits, DiscoveredUiPlugin, Snapshot, UiPluginError, discover_ui_plugins,
    inspect_ui_plugin,
};
use serde_json::{Value, json};

use super::ui_new;
use crate::{
    api::Api,
    cli::UiCommand,
    error::{CliError, Exit},
    output::{Output, line, progress, table},
    settings::Settings,
};

const BASE: &str = "/api/v1/plugins/ui";

pub(crate) fn run(
    command: UiCommand,
    settings: &Settings,
    output: &Output,
) -> Result<(), CliError> {
    match command {
        UiCommand::New(arguments) => ui_new::run(&arguments, output),
        UiCommand::List => list(settings, output),
        UiCommand::Show(arguments) => show(&arguments.name, settings, output),
        UiCommand::Load(arguments) => act("load", &arguments.name, settings, output),
        UiCommand::Unload(arguments) => act("unload", &arguments.name, settings, output),
        UiCommand::Reload(arguments) => act("reload", &arguments.name, settings, output),
    }
}

/// A failure of the server's, with what to do on the command line rather than over HTTP.
fn here(name: &str, error: CliError) -> CliError {
    match error.kind.as_str() {
        "not_found" => error.hint("`outboard ui list` shows those that are there"),
        "not_loaded" => error.hint(format!("load it first: outboard ui load {name}")),
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

fn of_disk(error: UiPluginError) -> CliError {
    CliError::failed(error.kind().as_str(), error)
}

/// What lies in the plugins directory, in the form of the server's answers.
fn on_disk(settings: &Settings) -> Result<Vec<Value>, CliError> {
    let directory = settings.plugins_dir();
    let found = discover_ui_plugins(&directory).map_err(of_disk)?;
    let describe = |plugin: DiscoveredUiPlugin| {
        // A usable ui.json is not all of it.
        let read = plugin
            .manifest
            .and_then(|_| inspect_ui_plugin(&directory, &plugin.name, &AssetLimits::default()));
        describe(&plugin.name, &read)
    };
    Ok(found.into_iter().map(describe).collect())
}

fn describe(name: &str, read: &Result<(UiManifest, Snapshot), UiPluginError>) -> Value {
    let mut value = json!({ "name": name, "loaded": false, "loadable": read.is_ok() });
    match read {
        Ok((manifest, assets)) => {
            value["manifest"] = json!(manifest);
            value["assets"] =
                json!({ "files": assets.file_count(), "bytes": assets.total_bytes() });
        }
        Err(error) => {
            value["problem"] =
                json!({ "kind": error.kind().as_str(), "detail": error.to_string() });
        }
    }
    value
}

fn text(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        Some(Value::String(text)) if !text.is_empty() => text.clone(),
        None | Some(Value::Null | Value::String(_)) => "-".to_owned(),
        Some(other) => other.to_string(),
    }
}

fn state(plugin: &Value) -> &'static str {
    match (
        plugin["loaded"] == true,
        plugin["loadable"] == true && plugin.get("problem").is_none(),
    ) {
        (true, true) => "loaded",
        (true, false) => "loaded, old",
        (false, true) => "not loaded",
        (false, false) => "unusable",
    }
}

fn list(settings: &Settings, output: &Output) -> Result<(), CliError> {
    let plugins = match Api::find(&settings.data_dir())? {
        None => on_disk(settings)?,
        Some(api) => {
            let listed = api.get(&format!("{BASE}/available"))?;
            let mut plugins = Vec::new();
            for entry in listed.as_array().into_iter().flatten() {
                let name = text(entry, "/name");
                // A directory whose name is none has no page of its own.
                plugins.push(match checked(&name) {
                    Ok(name) => api.get(&format!("{BASE}/{name}"))?,
                    Err(error) => json!({
                        "name": name,
                        "loaded": false,
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
            line(&format!("no UI plugins in {}", directory.display()));
            line("write one with `outboard ui new NAME`, or copy one there");
            return;
        }
        let rows: Vec<_> = plugins
            .iter()
            .map(|plugin| {
                let pages = plugin
                    .pointer("/manifest/navItems")
                    .and_then(Value::as_array);
                let about = plugin.pointer("/problem/detail").and_then(Value::as_str);
                vec![
                    text(plugin, "/name"),
                    text(plugin, "/manifest/version"),
                    state(plugin).to_owned(),
                    pages.map_or(0, Vec::len).to_string(),
                    about.map_or_else(|| text(plugin, "/manifest/description"), str::to_owned),
                ]
            })
            .collect();
        table(&["NAME", "VERSION", "STATE", "PAGES", "ABOUT"], &rows);
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
                let message = format!("there is no UI plugin {name:?}");
                here(name, CliError::new(Exit::NotFound, "not_found", message))
            })?
        }
    };
    output.result(&plugin, || print(&plugin));
    Ok(())
}

fn print(plugin: &Value) {
    let field = |label: &str, value: String| {
        if value != "-" {
            line(&format!("{label:<14}{value}"));
        }
    };
    field("name", text(plugin, "/name"));
    field("version", text(plugin, "/manifest/version"));
    field("about", text(plugin, "/manifest/description"));
    field("state", state(plugin).to_owned());
    field("problem", text(plugin, "/problem/detail"));
    field("loaded at", text(plugin, "/loaded_at"));
    field("assets in", text(plugin, "/manifest/assetDir"));
    if let Some(files) = plugin.pointer("/assets/files") {
        let bytes = text(plugin, "/assets/bytes");
        field("files", format!("{files}, {bytes} bytes"));
    }
    if plugin["has_program"] == true {
        field(
            "program",
            "yes: `outboard plugin show` tells of it".to_owned(),
        );
    }
    let words = plugin.pointer("/manifest/permissions");
    if let Some(words) = words.and_then(Value::as_array) {
        let words: Vec<_> = words.iter().filter_map(Value::as_str).collect();
        field("may ask for", words.join(", "));
    }
    let items = plugin
        .pointer("/manifest/navItems")
        .and_then(Value::as_array);
    let rows: Vec<_> = items
        .into_iter()
        .flatten()
        .map(|item| {
            let needs: Vec<_> = ["/requiredRole", "/requiredPermission"]
                .into_iter()
                .map(|pointer| text(item, pointer))
                .filter(|word| word != "-")
                .collect();
            vec![
                text(item, "/id"),
                text(item, "/label"),
                match text(item, "/category").as_str() {
                    "-" => "plugin".to_owned(),
                    category => category.to_owned(),
                },
                match needs.is_empty() {
                    true => "-".to_owned(),
                    false => needs.join(", "),
                },
            ]
        })
        .collect();
    if !rows.is_empty() {
        line("");
        table(&["PAGE", "LABEL", "CATEGORY", "FOR"], &rows);
    }
}

fn act(action: &str, name: &str, settings: &Settings, output: &Output) -> Result<(), CliError> {
    let name = checked(name)?;
    let api = Api::require(&settings.data_dir())?;
    progress(&format!("{action} {name} …"));
    let done = api
        .post(&format!("{BASE}/{name}/{action}"))
        .map_err(|error| here(name, error))?;
    output.result(&done, || {
        line(&format!("{name}: {}", text(&done, "/action")))
    });
    Ok(())
}
