//! A temporary directory that is home, working directory and data directory, with plugins
//! and packages put into it.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{programs::program, repository};

/// A home of its own for each test.
#[derive(Debug)]
pub(crate) struct Home {
    root: TempDir,
}

impl Home {
    pub(crate) fn new() -> Home {
        Home {
            root: tempfile::Builder::new()
                .prefix("outboard-")
                .tempdir()
                .unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path("data")
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// The program with nothing of the tests' own environment in it.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program("outboard"));
        command
            .args(arguments)
            .current_dir(self.root.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.root.path())
            .env("OUTBOARD_DATA_DIR", self.data())
            .stdin(Stdio::null());
        command
    }

    /// Runs a command that must succeed, and returns what it printed.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let ran = self.try_run(arguments);
        assert!(ran.status.success(), "outboard {arguments:?}: {ran:?}");
        String::from_utf8(ran.stdout).unwrap()
    }

    #[track_caller]
    pub(crate) fn try_run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What a command with `--json` printed.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.run(arguments)).unwrap()
    }

    /// A plugin's directory with what it says of itself.
    pub(crate) fn manifest(&self, name: &str, manifest: &Value) {
        let text = manifest.to_string();
        self.write(&format!("data/plugins/{name}/plugin.json"), &text);
    }

    /// The example plugin that keeps things.
    pub(crate) fn store_plugin(&self) {
        let manifest = repository().join("examples/store-plugin/plugin.json");
        let manifest = fs::read(manifest).unwrap();
        self.manifest("store-plugin", &serde_json::from_slice(&manifest).unwrap());
        self.link("store-plugin", "data/plugins/store-plugin/store-plugin");
    }

    /// The example plugin that greets.
    pub(crate) fn hello_plugin(&self) {
        self.manifest(
            "hello-plugin",
            &json!({
                "name": "hello-plugin", "version": "0.1.0",
                "author": "The Outboard authors", "description": "It greets",
                "stepTypes": ["step.greet"],
            }),
        );
        self.link("hello-plugin", "data/plugins/hello-plugin/hello-plugin");
    }

    /// A UI plugin that lies somewhere in the repository.
    pub(crate) fn ui_plugin(&self, from: &str, name: &str) {
        let from = repository().join(from);
        let read = |path: &str| fs::read_to_string(from.join(path)).unwrap();
        self.write(&format!("data/plugins/{name}/ui.json"), &read("ui.json"));
        for file in fs::read_dir(from.join("assets")).unwrap() {
            let file = file.unwrap().file_name().into_string().unwrap();
            let text = read(&format!("assets/{file}"));
            self.write(&format!("data/plugins/{name}/assets/{file}"), &text);
        }
    }

    /// A plugin that is a shell script and no plugin.
    pub(crate) fn script_plugin(&self, name: &str, about: &str, body: &str) {
        self.manifest(
            name,
            &json!({
                "name": name, "version": "1.2.3", "author": "Somebody else",
                "description": about, "stepTypes": [format!("step.{name}")],
            }),
        );
        let program = self.write(
            &format!("data/plugins/{name}/{name}"),
            &format!("#!/bin/sh\n{body}\n"),
        );
        fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A package of one of the example connectors, in that version.
    pub(crate) fn connector_package(&self, program_name: &str, version: &str) -> PathBuf {
        let directory = format!("packages/{program_name}-{version}");
        self.package(program_name, &directory, |manifest| {
            manifest["version"] = version.into();
        })
    }

    /// A package that says another key of itself than its program does. It can be
    /// installed and looked at; whoever calls it learns the difference.
    pub(crate) fn renamed_package(&self, key: &str, name: &str) -> PathBuf {
        self.package("rest-connector", &format!("packages/{key}"), |manifest| {
            manifest["version"] = "1.4.2".into();
            manifest["module"]["Meta"]["Key"] = key.into();
            manifest["module"]["Meta"]["Name"] = name.into();
            manifest["module"]["Meta"]["Description"] = format!("{name}, by somebody else").into();
        })
    }

    fn package(
        &self,
        program_name: &str,
        directory: &str,
        change: impl FnOnce(&mut Value),
    ) -> PathBuf {
        let built = program(program_name);
        let dumped = Command::new(&built).arg("--dump-manifest").output();
        let dumped = dumped.unwrap();
        assert!(dumped.status.success(), "{dumped:?}");
        let mut manifest: Value = serde_json::from_slice(&dumped.stdout).unwrap();
        change(&mut manifest);
        let entry = manifest["entry"].as_str().unwrap().to_owned();
        self.write(&format!("{directory}/plugin.json"), &manifest.to_string());
        self.link(program_name, &format!("{directory}/{entry}"));
        self.path(directory)
    }

    /// The data of the demo: a workflow file and the orders that it reads.
    pub(crate) fn demo_workflow(&self) -> PathBuf {
        for file in [
            "demo/restock.yaml",
            "data/order.schema.json",
            "data/orders.json",
        ] {
            let text = fs::read_to_string(repository().join("examples").join(file)).unwrap();
            self.write(&format!("examples/{file}"), &text);
        }
        self.path("examples/demo/restock.yaml")
    }

    /// The file of orders of the demo.
    pub(crate) fn orders(&self) -> PathBuf {
        self.path("examples/data/orders.json")
    }

    /// Puts a built program somewhere. A link costs nothing and is the same file, so that
    /// what lies there already must go first: a copy over it would empty the program.
    fn link(&self, program_name: &str, to: &str) {
        let (from, to) = (program(program_name), self.path(to));
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        let _ = fs::remove_file(&to);
        fs::hard_link(&from, &to)
            .or_else(|_| fs::copy(&from, &to).map(drop))
            .unwrap();
    }

    /// Processes whose program lies in this home.
    pub(crate) fn processes(&self) -> Vec<PathBuf> {
        let root: &Path = self.root.path();
        let root = root.canonicalize().unwrap();
        let links = fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| fs::read_link(entry.ok()?.path().join("exe")).ok());
        links.filter(|program| program.starts_with(&root)).collect()
    }
}
