//! A plugins directory with real plugins in it.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use outboard_go_plugin::host::RestartPolicy;
use outboard_workflow::{
    engine::{
        EngineError, EnginePlugin as _, Map, PipelineContext, PipelineStep, StepCall, StepResult,
    },
    external::{ExternalPluginAdapter, ExternalPluginManager, ManagerBuilder},
};
use tempfile::TempDir;

pub(crate) struct Plugins {
    pub(crate) root: TempDir,
}

impl Plugins {
    pub(crate) fn new() -> Plugins {
        Plugins {
            root: tempfile::tempdir().unwrap(),
        }
    }

    /// A directory with the plugin of `examples/diary_plugin.rs` called `diary`.
    pub(crate) fn with_diary() -> Plugins {
        let plugins = Plugins::new();
        plugins.add("diary", &[]);
        plugins
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Another copy of the diary plugin, under another name.
    pub(crate) fn add(&self, name: &str, dependencies: &[(&str, &str)]) {
        let mut program = std::env::current_exe().unwrap();
        program.pop();
        program.pop();
        program.push("examples/diary_plugin");
        fs::create_dir(self.path(name)).unwrap();
        // A link costs nothing and is the same file.
        let copy = self.path(name).join(name);
        fs::hard_link(&program, &copy)
            .or_else(|_| fs::copy(&program, &copy).map(drop))
            .unwrap();
        self.manifest(name, &manifest(name, "1.0.0", dependencies));
    }

    pub(crate) fn manifest(&self, name: &str, text: &str) {
        fs::write(self.path(name).join("plugin.json"), text).unwrap();
    }

    /// A plugin that is a shell script.
    pub(crate) fn script(&self, name: &str, body: &str) {
        fs::create_dir(self.path(name)).unwrap();
        let program = self.path(name).join(name);
        fs::write(&program, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        self.manifest(name, &manifest(name, "1.0.0", &[]));
    }

    pub(crate) fn builder(&self) -> ManagerBuilder {
        ExternalPluginManager::builder(self.root.path())
            .start_timeout(Duration::from_secs(20))
            .restart_policy(RestartPolicy {
                first_delay: Duration::from_millis(1),
                ..RestartPolicy::default()
            })
    }

    pub(crate) fn manager(&self) -> ExternalPluginManager {
        self.builder().build()
    }
}

pub(crate) fn manifest(name: &str, version: &str, dependencies: &[(&str, &str)]) -> String {
    let dependencies: Vec<_> = dependencies
        .iter()
        .map(|(name, constraint)| serde_json::json!({ "name": name, "constraint": constraint }))
        .collect();
    serde_json::json!({
        "name": name, "version": version, "author": "tests", "description": "for tests",
        "dependencies": dependencies, "license": "MIT", "tags": ["test"],
        "capabilities": [{ "name": "paper", "role": "provider" }],
    })
    .to_string()
}

pub(crate) fn map(value: serde_json::Value) -> Map {
    value.as_object().unwrap().clone()
}

pub(crate) async fn step(
    adapter: &ExternalPluginAdapter,
    step_type: &str,
    config: Map,
) -> Arc<dyn PipelineStep> {
    adapter.step_factories()[step_type]
        .create("s", config)
        .await
        .unwrap()
}

pub(crate) async fn execute(
    step: &Arc<dyn PipelineStep>,
    config: &Map,
) -> Result<StepResult, EngineError> {
    execute_within(step, config, Duration::from_secs(30)).await
}

pub(crate) async fn execute_within(
    step: &Arc<dyn PipelineStep>,
    config: &Map,
    timeout: Duration,
) -> Result<StepResult, EngineError> {
    let trigger = map(serde_json::json!({ "order": 7 }));
    let context = PipelineContext::new(trigger, Map::new());
    step.execute(&StepCall {
        context: &context,
        config,
        run: "run",
        timeout,
    })
    .await
}

/// The lines of a diary without the process ids, and the ids.
pub(crate) fn diary(path: &Path) -> Vec<(u32, String)> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = |line: &str| {
        let (pid, rest) = line.split_once(' ').unwrap();
        (pid.parse().unwrap(), rest.to_owned())
    };
    text.lines().map(line).collect()
}

pub(crate) fn exists(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

pub(crate) async fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let until = tokio::time::Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(
            tokio::time::Instant::now() < until,
            "waited in vain for {what}"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
