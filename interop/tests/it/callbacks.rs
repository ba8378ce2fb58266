//! Plugins on the real go-plugin that call the engine: over its broker, under AutoMTLS,
//! with triggers that pipelines hang on, and as far as they may.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use outboard_go_plugin::host::RestartPolicy;
use outboard_interop::tools;
use outboard_workflow::{
    engine::{
        Engine, EnginePlugin as _, Map, PipelineContext, StepCall,
        workflow_file::{self, CheckOptions},
    },
    external::{CallbackServer, ExternalPluginManager, PluginState},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tracing::Level;
use tracing_subscriber::prelude::*;

use crate::{
    logs::Lines,
    support::{RUST_KITCHEN, kill},
};

const PIPELINES: &str = "
pipelines:
  cook: { steps: [{ name: say, type: step.log, config: { message: '{{ trigger.dish }}' } }] }
  serve: { steps: [{ name: say, type: step.log, config: { message: served } }] }
";

struct Kitchen {
    plugins: TempDir,
    manager: ExternalPluginManager,
    engine: Engine,
}

impl Kitchen {
    fn new(program: &Path) -> Kitchen {
        Kitchen::called("kitchen", program)
    }

    /// A plugins directory with this program in it, and nothing started.
    fn called(name: &str, program: &Path) -> Kitchen {
        let plugins = tempfile::tempdir().unwrap();
        let directory = plugins.path().join(name);
        fs::create_dir(&directory).unwrap();
        fs::copy(program, directory.join(name)).unwrap();
        let manifest = json!({
            "name": name, "version": "1.2.3", "author": "me", "description": "all of it",
        });
        fs::write(directory.join("plugin.json"), manifest.to_string()).unwrap();
        let engine = Engine::builder().build().unwrap();
        let manager = ExternalPluginManager::builder(plugins.path())
            .callback_server(CallbackServer::of_engine(&engine))
            .restart_policy(RestartPolicy {
                first_delay: Duration::from_millis(1),
                ..RestartPolicy::default()
            })
            .build();
        Kitchen {
            plugins,
            manager,
            engine,
        }
    }

    async fn load(&self) {
        let adapter = self.manager.load_plugin("kitchen").await.unwrap();
        self.engine.load_plugin(adapter).unwrap();
    }

    async fn apply(&self, rest: &str) {
        let file = format!("{PIPELINES}{rest}");
        let types = self.engine.registry().known_types();
        let options = CheckOptions {
            types: Some(&types),
            ..CheckOptions::permissive()
        };
        let workflow = workflow_file::check(file.as_bytes(), &options).unwrap();
        self.engine.apply(&workflow, ".".as_ref()).await.unwrap();
    }

    /// What `step.call` gives.
    async fn call(&self, what: &str, name: &str) -> Value {
        let adapter = self.manager.adapter("kitchen").unwrap();
        let config = json!({ "call": what, "name": name });
        let config = config.as_object().unwrap().clone();
        let step = adapter.step_factories()["step.call"]
            .create("c", config.clone())
            .await
            .unwrap();
        let context = PipelineContext::new(Map::new(), Map::new());
        let call = StepCall {
            context: &context,
            config: &config,
            run: "run",
            timeout: Duration::from_secs(20),
        };
        let output = step.execute(&call).await.unwrap().output;
        step.destroy().await.unwrap();
        output.into()
    }

    fn runs(&self, pipeline: &str) -> usize {
        let runs = self.engine.runs();
        runs.iter().filter(|run| run.pipeline == pipeline).count()
    }

    async fn wait_for(&self, what: &str, condition: impl Fn() -> bool) {
        let begun = Instant::now();
        while !condition() {
            assert!(begun.elapsed() < Duration::from_secs(20), "no {what}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn end(self) {
        self.engine.stop().await;
        self.manager.shutdown().await;
    }
}

const TIMER: &str = "triggers:
  - { type: kitchen.timer, name: eggs, pipeline: cook, config: { dish: eggs, every_ms: 5 } }
";

async fn a_trigger_goes_on_over_a_crash(program: &Path) {
    let kitchen = Kitchen::new(program);
    kitchen.load().await;
    let status = kitchen.manager.status("kitchen").unwrap();
    assert_eq!((status.callbacks, status.encrypted), (true, Some(true)));
    kitchen.apply(TIMER).await;
    kitchen
        .wait_for("first runs", || kitchen.runs("cook") >= 2)
        .await;
    let run = kitchen.engine.runs().pop().unwrap();
    assert_eq!(run.trigger, "kitchen.timer");

    kill(status.pid.unwrap());
    kitchen
        .wait_for("restart", || {
            let status = kitchen.manager.status("kitchen").unwrap();
            status.restarts == 1 && status.state == PluginState::Ready
        })
        .await;
    let before = kitchen.runs("cook");
    kitchen
        .wait_for("runs after the crash", || kitchen.runs("cook") > before + 1)
        .await;
    kitchen.engine.stop().await;
    let after = kitchen.runs("cook");
    assert_eq!(
        kitchen.call("trigger", "eggs").await["error"],
        "plugin \"kitchen\" may not trigger \"eggs\": it has no started trigger of that name, \
         and the host does not allow it more"
    );
    assert_eq!(kitchen.runs("cook"), after);
    kitchen.end().await;
}

#[tokio::test]
async fn a_go_plugins_trigger_starts_pipelines_also_after_a_crash() {
    let Some(go) = tools::go() else { return };
    a_trigger_goes_on_over_a_crash(&go.path("go-plugin-kitchen")).await;
}

#[tokio::test]
async fn our_plugins_trigger_starts_pipelines_also_after_a_crash() {
    a_trigger_goes_on_over_a_crash(RUST_KITCHEN.as_ref()).await;
}

#[tokio::test]
async fn a_go_plugin_may_call_what_the_file_allows_and_forges_no_log_line() {
    let Some(go) = tools::go() else { return };
    let lines = Lines::default();
    let _guard =
        tracing::subscriber::set_default(tracing_subscriber::registry().with(lines.clone()));
    let kitchen = Kitchen::new(&go.path("go-plugin-kitchen"));
    kitchen.load().await;
    kitchen
        .apply("plugins: { kitchen: { may_trigger: [serve] } }\n")
        .await;
    assert_eq!(kitchen.call("trigger", "serve").await["error"], "");
    kitchen.wait_for("run", || kitchen.runs("serve") == 1).await;
    for forbidden in ["cook", "pipeline:cook", "nothing"] {
        let answer = kitchen.call("trigger", forbidden).await;
        let error = answer["error"].as_str().unwrap();
        assert!(error.contains("may not trigger"), "{forbidden}: {error}");
    }
    assert_eq!(kitchen.runs("cook"), 0);
    assert_eq!(kitchen.call("service", "mail").await["found"], false);

    let forged = "done\nERROR engine: all is lost";
    assert_eq!(kitchen.call("log", forged).await["error"], "");
    let seen = lines.of_plugins();
    let line = seen
        .iter()
        .find(|line| line.message.starts_with("done"))
        .unwrap();
    assert_eq!(line.message, "done ERROR engine: all is lost");
    assert_eq!(
        (line.level, line.plugin.as_str()),
        (Some(Level::WARN), "kitchen")
    );
    assert!(!line.fields.contains('\n') && line.fields.contains("done"));
    kitchen.end().await;
}

#[tokio::test]
async fn go_plugins_from_before_callbacks_load_without_a_word() {
    let Some(go) = tools::go() else { return };
    let lines = Lines::default();
    let _guard =
        tracing::subscriber::set_default(tracing_subscriber::registry().with(lines.clone()));
    let kitchen = Kitchen::new(&go.path("go-plugin-kitchen"));
    // It says that it has triggers, and knows nothing of callbacks.
    fs::write(kitchen.plugins.path().join("kitchen/no-callbacks"), "").unwrap();
    kitchen.load().await;
    let adapter = kitchen.manager.adapter("kitchen").unwrap();
    assert!(adapter.trigger_factories().is_empty());
    assert!(adapter.module_factories().contains_key("kitchen.mod"));
    assert!(!kitchen.manager.status("kitchen").unwrap().callbacks);
    assert_eq!(
        kitchen.call("trigger", "cook").await["error"],
        "trigger callback client is not configured"
    );
    kitchen.end().await;

    // Every method that came later is one that it does not have.
    let hello = Kitchen::called("hello", &go.path("go-plugin-hello"));
    hello.manager.load_plugin("hello").await.unwrap();
    assert!(!hello.manager.status("hello").unwrap().callbacks);
    hello.end().await;
    let loud = lines.of_ours(Level::INFO);
    assert!(loud.is_empty(), "{loud:?}");
}
