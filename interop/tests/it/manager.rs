//! The plugin manager of the workflow family with plugins that share no code with
//! it: to the engine they are plugins like any other.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    time::{Duration, Instant},
};

use outboard_go_plugin::host::{ExitCause, RestartPolicy};
use outboard_interop::tools;
use outboard_workflow::{
    engine::{
        Application, EngineError, EngineErrorKind, EnginePlugin as _, Map, NativePlugin as _,
        PipelineContext, PluginFailure, StepCall, StepResult,
    },
    external::{ExternalPluginAdapter, ExternalPluginManager, PluginState},
};
use serde_json::json;
use tempfile::TempDir;

use crate::support::{RUST_KITCHEN, kill, process_exists};

const EXAMPLE: &str = "examples/python-plugin";

/// A plugins directory with a kitchen in it.
fn kitchen(program: &Path) -> TempDir {
    let plugins = tempfile::tempdir().unwrap();
    let directory = plugins.path().join("kitchen");
    fs::create_dir(&directory).unwrap();
    fs::copy(program, directory.join("kitchen")).unwrap();
    let manifest = json!({
        "name": "kitchen", "version": "1.2.3", "author": "me", "description": "all of it",
        "license": "MIT", "moduleTypes": ["kitchen.mod"],
        "stepTypes": ["step.echo", "step.fail", "step.stop"],
    });
    fs::write(directory.join("plugin.json"), manifest.to_string()).unwrap();
    plugins
}

fn map(value: serde_json::Value) -> Map {
    value.as_object().unwrap().clone()
}

/// Makes a step, executes it once over `data`, and destroys it.
async fn step(
    adapter: &ExternalPluginAdapter,
    kind: &str,
    config: serde_json::Value,
    data: serde_json::Value,
) -> Result<StepResult, EngineError> {
    let config = map(config);
    let step = adapter.step_factories()[kind]
        .create("s1", config.clone())
        .await?;
    let metadata = map(json!({ "pipeline": "p" }));
    let context = PipelineContext::new(map(data), metadata);
    let call = StepCall {
        context: &context,
        config: &config,
        run: "run",
        timeout: Duration::from_secs(20),
    };
    let result = step.execute(&call).await;
    step.destroy().await?;
    result
}

/// What the engine does with a kitchen, whatever it is written in.
async fn the_manager_drives(program: &Path) {
    let plugins = kitchen(program);
    let manager = ExternalPluginManager::new(plugins.path());
    let adapter = manager.load_plugin("kitchen").await.unwrap();
    assert_eq!((adapter.name(), &*adapter.version()), ("kitchen", "1.2.3"));
    let manifest = adapter.engine_manifest();
    assert_eq!(
        (manifest.author.as_str(), manifest.license.as_str()),
        ("me", "MIT")
    );
    assert_eq!(
        manifest.step_types,
        ["step.call", "step.echo", "step.fail", "step.stop"]
    );
    assert!(adapter.trigger_factories().contains_key("kitchen.timer"));
    assert!(adapter.module_schemas().is_empty());

    let modules = adapter.module_factories();
    let module = modules["kitchen.mod"]
        .create("m1", map(json!({ "a": 1 })))
        .await
        .unwrap();
    assert_eq!(module.name(), "m1");
    module.init(&Application::default()).await.unwrap();
    module.start().await.unwrap();
    let invoked = module.invoke_service("get", Map::new()).await.unwrap_err();
    assert!(
        matches!(invoked.kind(), EngineErrorKind::Plugin(_)),
        "{invoked}"
    );
    module.stop().await.unwrap();
    module.destroy().await.unwrap();

    let refused = EngineErrorKind::Plugin(PluginFailure::Refused);
    let uncreated = modules["kitchen.mod"]
        .create("m2", map(json!({ "fail": "create" })))
        .await;
    let uncreated = uncreated.err().unwrap();
    assert_eq!(uncreated.kind(), refused);
    assert!(
        uncreated.to_string().contains("no such cook"),
        "{uncreated}"
    );
    let broken = modules["kitchen.mod"]
        .create("m3", map(json!({ "fail": "init" })))
        .await
        .unwrap();
    let uninit = broken.init(&Application::default()).await.unwrap_err();
    assert_eq!(uninit.kind(), refused);
    assert!(uninit.to_string().contains("cannot init"), "{uninit}");
    broken.destroy().await.unwrap();

    let data = json!({ "order": { "items": [1, "2", null, { "deep": true }] }, "price": 1.5 });
    let echoed = step(&adapter, "step.echo", json!({ "x": "y" }), data.clone())
        .await
        .unwrap();
    assert!(!echoed.stop);
    assert_eq!(echoed.output["trigger_data"], data);
    assert_eq!(echoed.output["current"], data);
    assert_eq!(echoed.output["config"], json!({ "x": "y" }));
    assert_eq!(echoed.output["metadata"]["pipeline"], "p");
    let failed = step(&adapter, "step.fail", json!({}), json!({}))
        .await
        .unwrap_err();
    assert_eq!(failed.kind(), refused);
    assert!(failed.to_string().contains("step s1 failed"), "{failed}");
    let stopped = step(&adapter, "step.stop", json!({}), json!({}))
        .await
        .unwrap();
    assert!(stopped.stop);
    assert_eq!(stopped.output["stopped"], true);

    let pid = manager.status("kitchen").unwrap().pid.unwrap();
    manager.unload_plugin("kitchen").await.unwrap();
    assert!(!process_exists(pid));
}

#[tokio::test]
async fn a_go_plugin_is_an_ordinary_plugin_to_the_engine() {
    let Some(go) = tools::go() else { return };
    the_manager_drives(&go.path("go-plugin-kitchen")).await;
}

#[tokio::test]
async fn our_plugin_is_the_same_plugin_to_the_engine() {
    the_manager_drives(RUST_KITCHEN.as_ref()).await;
}

#[tokio::test]
async fn a_python_plugin_counts_words_for_the_engine() {
    let Some(python) = tools::python() else {
        return;
    };
    let plugins = tempfile::tempdir().unwrap();
    let directory = plugins.path().join("python-plugin");
    fs::create_dir(&directory).unwrap();
    for file in ["plugin.json", "goplugin.py", "wire.py"] {
        let from = tools::repository().join(EXAMPLE).join(file);
        fs::copy(from, directory.join(file)).unwrap();
    }
    // The interpreter that has grpcio need not be the one on the PATH.
    let script = tools::repository().join(EXAMPLE).join("python-plugin");
    let script = fs::read_to_string(script).unwrap();
    let (_, rest) = script.split_once('\n').unwrap();
    let program = directory.join("python-plugin");
    fs::write(&program, format!("#!{}\n{rest}", python.program.display())).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();

    let manager = ExternalPluginManager::new(plugins.path());
    let adapter = manager.load_plugin("python-plugin").await.unwrap();
    assert_eq!(adapter.engine_manifest().step_types, ["step.word_count"]);
    let data = json!({ "text": "One fish, two fish" });
    let counted = step(&adapter, "step.word_count", json!({ "top": 1 }), data)
        .await
        .unwrap();
    assert_eq!(
        serde_json::Value::from(counted.output),
        json!({
            "characters": 18, "lines": 1, "words": 4, "top": [{ "word": "fish", "count": 2 }],
        })
    );
    let failed = step(&adapter, "step.word_count", json!({}), json!({}))
        .await
        .unwrap_err();
    assert!(
        failed.to_string().contains("'text' holds no text"),
        "{failed}"
    );
    manager.shutdown().await;
}

#[tokio::test]
async fn a_go_plugin_that_crashed_is_started_again_and_serves_the_same_step() {
    let Some(go) = tools::go() else { return };
    let plugins = kitchen(&go.path("go-plugin-kitchen"));
    let manager = ExternalPluginManager::builder(plugins.path())
        .restart_policy(RestartPolicy {
            first_delay: Duration::from_millis(1),
            ..RestartPolicy::default()
        })
        .build();
    let adapter = manager.load_plugin("kitchen").await.unwrap();
    let config = map(json!({ "x": "y" }));
    let step = adapter.step_factories()["step.echo"]
        .create("s1", config.clone())
        .await
        .unwrap();
    let first = manager.status("kitchen").unwrap().pid.unwrap();
    kill(first);
    let begun = Instant::now();
    let status = loop {
        let status = manager.status("kitchen").unwrap();
        if status.restarts == 1 && status.state == PluginState::Ready {
            break status;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{status:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert_ne!(status.pid, Some(first));
    assert_eq!(status.last_exit.unwrap().cause, ExitCause::Signal(9));

    let context = PipelineContext::new(map(json!({ "n": 1 })), Map::new());
    let call = StepCall {
        context: &context,
        config: &config,
        run: "run",
        timeout: Duration::from_secs(20),
    };
    let result = step.execute(&call).await.unwrap();
    assert_eq!(result.output["trigger_data"], json!({ "n": 1 }));
    manager.shutdown().await;
}
