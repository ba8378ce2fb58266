//! `outboard plugin new`: a plugin in Rust that builds and runs as it is.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::json;

use crate::{
    cli::NewArgs,
    error::{CliError, Exit},
    output::{Output, line},
};

pub(crate) fn run(arguments: &NewArgs, output: &Output) -> Result<(), CliError> {
    let name = outboard_contracts::PluginName::parse(&arguments.name).map_err(|error| {
        let message = format!("{:?} is no plugin name: {error}", arguments.name);
        CliError::new(Exit::Usage, "invalid_name", message)
    })?;
    let name = name.as_str();
    let directory = arguments
        .path
        .clone()
        .unwrap_or_else(|| PathBuf::from(name));
    let sdk = sdk(arguments.sdk_path.as_deref())?;
    let files = [
        ("Cargo.toml", cargo_toml(name, &sdk)),
        ("plugin.json", plugin_json(name)),
        ("src/main.rs", main_rs(name)),
        ("README.md", readme(name)),
        (".gitignore", "/target\n".to_owned()),
    ];
    let written = write(&directory, "src", &files)?;
    let result = json!({ "name": name, "directory": directory, "files": written });
    output.result(&result, || {
        line(&format!("wrote {} in {}", name, directory.display()));
        line("next:");
        line(&format!("  cd {} && cargo test", directory.display()));
        line("  and README.md there says how to install it");
        if arguments.sdk_path.is_none() {
            // Cargo's own error names a missing package and no remedy.
            line(
                "if Cargo does not find outboard-sdk on crates.io, name a checkout with --sdk-path",
            );
        }
    });
    Ok(())
}

/// Writes a project into a directory that is not there yet, with a subdirectory, and says
/// what was written.
pub(super) fn write(
    directory: &Path,
    subdirectory: &str,
    files: &[(&str, String)],
) -> Result<Vec<PathBuf>, CliError> {
    let cannot = |path: &Path| {
        let path = path.display().to_string();
        move |error: io::Error| {
            let kind = error.kind();
            let error = CliError::failed("file", format!("cannot write {path}: {error}"));
            match kind {
                io::ErrorKind::AlreadyExists => error.hint("choose another place with --path"),
                _ => error,
            }
        }
    };
    if let Some(parent) = directory.parent() {
        fs::create_dir_all(parent).map_err(cannot(parent))?;
    }
    // Nothing that is there is touched.
    fs::create_dir(directory).map_err(cannot(directory))?;
    fs::create_dir(directory.join(subdirectory)).map_err(cannot(directory))?;
    let mut written = Vec::new();
    for (file, text) in files {
        let path = directory.join(file);
        fs::write(&path, text).map_err(cannot(&path))?;
        written.push(path);
    }
    Ok(written)
}

/// How the project's `Cargo.toml` names the SDK.
pub(super) fn sdk(path: Option<&Path>) -> Result<String, CliError> {
    let Some(path) = path else {
        return Ok(format!("version = \"{}\"", env!("CARGO_PKG_VERSION")));
    };
    let absolute = path
        .canonicalize()
        .map_err(|error| CliError::usage(format!("--sdk-path {}: {error}", path.display())))?;
    if !absolute.join("Cargo.toml").is_file() {
        return Err(CliError::usage(format!(
            "--sdk-path {}: no Cargo.toml there",
            path.display()
        ))
        .hint("it is the directory crates/outboard-sdk of Outboard's source"));
    }
    // A path in TOML is written as TOML writes text.
    Ok(format!(
        "path = {}",
        toml::Value::String(absolute.to_string_lossy().into_owned())
    ))
}

fn cargo_toml(name: &str, sdk: &str) -> String {
    format!(
        r#"[package]
name = "{name}"
version = "0.1.0"
edition = "2024"

[dependencies]
outboard-sdk = {{ {sdk} }}

[dev-dependencies]
outboard-sdk = {{ {sdk}, features = ["testing"] }}
tokio = {{ version = "1", features = ["macros", "rt"] }}

[profile.release]
lto = "fat"
codegen-units = 1
strip = true

# A package of its own, also inside another one's directory.
[workspace]
"#
    )
}

fn plugin_json(name: &str) -> String {
    format!(
        r#"{{
  "name": "{name}",
  "version": "0.1.0",
  "author": "you",
  "description": "Counts words",
  "stepTypes": ["step.{name}"]
}}
"#
    )
}

fn main_rs(name: &str) -> String {
    format!(
        r#"//! A plugin with one step that counts the words of a text.

use outboard_sdk::{{
    Error, Map, async_trait, json,
    workflow::{{
        self, Manifest, PluginProvider, StepInput, StepInstance, StepProvider, StepResult,
    }},
}};

fn main() -> std::process::ExitCode {{
    workflow::serve(Plugin)
}}

struct Plugin;

impl PluginProvider for Plugin {{
    fn manifest(&self) -> Manifest {{
        Manifest::new("{name}", env!("CARGO_PKG_VERSION")).author("you").description("Counts words")
    }}

    fn steps(&self) -> Option<&dyn StepProvider> {{
        Some(self)
    }}
}}

#[async_trait]
impl StepProvider for Plugin {{
    fn step_types(&self) -> Vec<String> {{
        vec!["step.{name}".to_owned()]
    }}

    async fn create_step(
        &self,
        _step_type: &str,
        _name: &str,
        config: Map,
    ) -> Result<Box<dyn StepInstance>, Error> {{
        Ok(Box::new(CountWords {{ config }}))
    }}
}}

struct CountWords {{
    config: Map,
}}

#[async_trait]
impl StepInstance for CountWords {{
    async fn execute(&self, input: StepInput) -> Result<StepResult, Error> {{
        let text = input.config_or(&self.config).get("text").and_then(|text| text.as_str());
        let text = text.ok_or_else(|| Error::new("config.text must be a text"))?;
        StepResult::output(json!({{ "words": text.split_whitespace().count() }}))
    }}
}}

#[cfg(test)]
mod tests {{
    use outboard_sdk::testing::Host;

    use super::*;

    #[tokio::test]
    async fn words_are_counted() {{
        let host = Host::start(Plugin).await.expect("a host in memory");
        let step = host
            .create_step("step.{name}", "count", json!({{ "text": "one two three" }}))
            .await
            .expect("the step");
        let result = step.execute(StepInput::default()).await.expect("a result");
        assert_eq!(result.output["words"], 3);
    }}
}}
"#
    )
}

fn readme(name: &str) -> String {
    format!(
        r#"# {name}

A plugin for Outboard.

```sh
cargo test
cargo build --release
```

Install it where your server looks for plugins:

```sh
PLUGINS="$(outboard config show plugins_dir)"
mkdir -p "$PLUGINS/{name}"
cp plugin.json target/release/{name} "$PLUGINS/{name}/"
outboard plugin list
```
"#
    )
}
