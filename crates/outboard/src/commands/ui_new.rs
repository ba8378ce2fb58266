//! `outboard ui new`: a page that works as it is, to be changed.

use std::path::PathBuf;

use outboard_contracts::{PluginName, ui::UiManifest, ui::UiNavItem};
use serde_json::json;

use super::plugin_new;
use crate::{
    cli::UiNewArgs,
    error::{CliError, Exit},
    output::{Output, line},
};

pub(crate) fn run(arguments: &UiNewArgs, output: &Output) -> Result<(), CliError> {
    let name = PluginName::parse(&arguments.name).map_err(|error| {
        let message = format!("{:?} is no plugin name: {error}", arguments.name);
        CliError::new(Exit::Usage, "invalid_name", message)
    })?;
    let directory = arguments
        .path
        .clone()
        .unwrap_or_else(|| PathBuf::from(name.as_str()));
    let files = [
        ("ui.json", ui_json(&name)?),
        ("assets/index.html", index_html(&name)),
        ("assets/style.css", STYLE.to_owned()),
        ("assets/page.js", SCRIPT.to_owned()),
        ("README.md", readme(&name)),
    ];
    let written = plugin_new::write(&directory, "assets", &files)?;
    let result = json!({ "name": name, "directory": directory, "files": written });
    output.result(&result, || {
        let shown = directory.display();
        line(&format!("wrote {name} in {shown}"));
        line("next, unless it is in the plugins directory already, copy it there, then load it:");
        line(&format!(
            "  cp -r {shown} \"$(outboard config show plugins_dir)/\""
        ));
        line(&format!("  outboard ui load {name}"));
    });
    Ok(())
}

fn ui_json(name: &PluginName) -> Result<String, CliError> {
    let item = UiNavItem {
        id: "home".to_owned(),
        label: label(name),
        icon: "📄".to_owned(),
        category: "plugin".to_owned(),
        ..UiNavItem::default()
    };
    let manifest = UiManifest {
        name: name.to_string(),
        version: "0.1.0".to_owned(),
        description: "Shows the newest runs".to_owned(),
        nav_items: vec![item],
        asset_dir: "assets".to_owned(),
        permissions: vec!["runs.read".to_owned()],
    };
    manifest
        .validate()
        .map_err(|error| CliError::failed("internal", error))?;
    let json = manifest
        .to_json()
        .map_err(|error| CliError::failed("internal", error))?;
    Ok(format!("{json}\n"))
}

/// `my-page` as people write it: `My page`.
fn label(name: &PluginName) -> String {
    let words = name.as_str().replace('-', " ");
    let mut letters = words.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

fn index_html(name: &PluginName) -> String {
    format!(
        r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{label}</title>
<link rel="stylesheet" href="style.css">
<h1>{label}</h1>
<p id="state">asking for the newest runs …</p>
<ul id="runs"></ul>
<!-- The server adds this file to every UI plugin: it is the way to the API. -->
<script src="outboard-frame.js"></script>
<script src="page.js"></script>
</html>
"#,
        label = label(name)
    )
}

const STYLE: &str = ":root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 1rem; }
li { font-variant-numeric: tabular-nums; }
";

const SCRIPT: &str = r#"// What may be asked for is in ui.json, under `permissions`.
"use strict";

async function show() {
  const state = document.getElementById("state");
  const answer = await outboard.call("GET", "/api/v1/runs?limit=10");
  if (!answer.ok) {
    state.textContent = `${answer.body.detail ?? "no answer"} (${answer.status})`;
    return;
  }
  const runs = answer.body.items;
  state.textContent = runs.length ? "The newest runs:" : "No pipeline has run yet.";
  document.getElementById("runs").replaceChildren(
    ...runs.map((run) => {
      const item = document.createElement("li");
      item.textContent = `${run.pipeline}: ${run.status}`;
      return item;
    }),
  );
}

show().catch((error) => {
  document.getElementById("state").textContent = error.message;
});
"#;

fn readme(name: &PluginName) -> String {
    format!(
        r#"# {name}

A page for Outboard's admin UI: `ui.json` says what the navigation shows, `assets/` is what
the browser gets. No build is needed.

Install it where your server looks for plugins, and load it:

```sh
cp -r . "$(outboard config show plugins_dir)/{name}"
outboard ui load {name}
```

After a change, copy it again and reload: pages, manifest and, if there is one, the plugin's
program are replaced together.

```sh
outboard ui reload {name}
```

A file whose name has a hash of its content before the extension, such as `app.0123abcd.js`,
is kept by browsers for a year; all others are asked for again each time.
"#
    )
}
