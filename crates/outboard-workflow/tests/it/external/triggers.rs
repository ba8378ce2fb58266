//! Triggers of plugins in real processes, and what those processes may call.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use outboard_workflow::{
    engine::{
        Engine, EngineError, EngineErrorKind, EnginePlugin as _, Map, PluginFailure, Trigger,
        TriggerSink,
        pipeline::RunResult,
        workflow_file::{self, CheckOptions},
    },
    external::{CallbackServer, ExternalPluginAdapter, ExternalPluginManager, PluginState},
};
use serde_json::{Value, json};

use super::support::{Plugins, diary, execute, exists, manifest, map, step, wait_for};

/// An engine with the diary plugin and a workflow.
struct Running {
    plugins: Plugins,
    manager: ExternalPluginManager,
    engine: Engine,
}

const PIPELINES: &str = "
pipelines:
  rung:
    steps: [{ name: say, type: step.log, config: { message: '{{ trigger.ring }} by {{ trigger.pid }}' } }]
  other:
    steps: [{ name: say, type: step.log, config: { message: other } }]
";

impl Running {
    async fn load(plugins: Plugins) -> Running {
        let engine = Engine::builder().build().unwrap();
        let manager = plugins
            .builder()
            .callback_server(CallbackServer::of_engine(&engine))
            .build();
        let adapter = manager.load_plugin("diary").await.unwrap();
        engine.load_plugin(adapter).unwrap();
        Running {
            plugins,
            manager,
            engine,
        }
    }

    async fn new(rest: &str) -> Running {
        let running = Running::load(Plugins::with_diary()).await;
        running.apply(rest).await.unwrap();
        running
    }

    /// A trigger called `bell` that rings for the file `ring`.
    async fn with_bell() -> Running {
        let running = Running::load(Plugins::with_diary()).await;
        let bell = running.bell("{}");
        running.apply(&bell).await.unwrap();
        running
    }

    fn bell(&self, more: &str) -> String {
        format!(
            "triggers:\n  - {{ type: diary.bell, name: bell, pipeline: rung, config: {{ path: {}, ring: {}, more: {more} }} }}\n",
            self.file("book").display(),
            self.file("ring").display(),
        )
    }

    fn file(&self, name: &str) -> PathBuf {
        self.plugins.path("diary").join(name)
    }

    async fn apply(&self, rest: &str) -> Result<(), EngineError> {
        let text = format!("{PIPELINES}{rest}");
        let variables = BTreeMap::new();
        let types = self.engine.registry().known_types();
        let options = CheckOptions {
            types: Some(&types),
            variables: &variables,
            ..CheckOptions::permissive()
        };
        let workflow = workflow_file::check(text.as_bytes(), &options);
        let workflow = workflow.map_err(EngineError::InvalidWorkflow)?;
        self.engine.apply(&workflow, ".".as_ref()).await
    }

    fn ring(&self, text: &str) {
        // Renamed into place, so that the plugin never reads half of it.
        let next = self.file("next");
        fs::write(&next, text).unwrap();
        fs::rename(next, self.file("ring")).unwrap();
    }

    /// Waits until the bell's run of this text is done, and says which process rang.
    async fn rung(&self, text: &str) -> u32 {
        let prefix = format!("{text} by ");
        let run = || {
            let runs = self.engine.runs();
            runs.into_iter().find_map(|run: RunResult| {
                let message = run.output.get("message")?.as_str()?;
                let pid = message.strip_prefix(&prefix)?.parse().unwrap();
                assert_eq!(
                    (run.pipeline.as_str(), run.trigger.as_str()),
                    ("rung", "diary.bell")
                );
                Some(pid)
            })
        };
        wait_for(text, || run().is_some()).await;
        run().unwrap()
    }

    fn pid(&self) -> u32 {
        self.manager.status("diary").unwrap().pid.unwrap()
    }

    async fn end(self) {
        self.engine.stop().await;
        self.manager.shutdown().await;
    }
}

#[tokio::test]
async fn a_plugins_trigger_starts_the_pipeline_that_the_file_names() {
    let running = Running::with_bell().await;
    let pid = running.pid();
    running.ring("once");
    assert_eq!(running.rung("once").await, pid);
    running.ring("twice");
    assert_eq!(running.rung("twice").await, pid);
    assert_eq!(running.engine.users_of("diary"), ["trigger \"bell\""]);

    let refused = running.engine.unload_plugin("diary", false).await;
    assert_eq!(refused.unwrap_err().kind(), EngineErrorKind::InUse);
    running.engine.stop().await;
    let events: Vec<_> = diary(&running.file("book"));
    let events: Vec<&str> = events.iter().map(|(_, event)| event.as_str()).collect();
    let life = [
        "bell created",
        "bell started",
        "bell stopped",
        "bell destroyed",
    ];
    assert_eq!(events, life);
    running.end().await;
}

#[tokio::test]
async fn a_trigger_that_fires_while_it_starts_is_heard() {
    let running = Running::load(Plugins::with_diary()).await;
    running.ring("early");
    let bell = running.bell("1").replace("more", "at_once");
    running.apply(&bell).await.unwrap();
    running.rung("early").await;
    running.end().await;
}

#[tokio::test]
async fn after_a_crash_the_trigger_fires_from_the_new_process() {
    let running = Running::with_bell().await;
    let first = running.pid();
    running.ring("before");
    assert_eq!(running.rung("before").await, first);
    let killed = std::process::Command::new("kill")
        .args(["-9", &first.to_string()])
        .status();
    assert!(killed.unwrap().success());
    wait_for("a restart", || {
        let status = running.manager.status("diary").unwrap();
        status.restarts == 1 && status.state == PluginState::Ready
    })
    .await;
    running.ring("after");
    let second = running.rung("after").await;
    assert_eq!(second, running.pid());
    assert_ne!(second, first);
    running.end().await;
}

#[tokio::test]
async fn a_reload_moves_the_trigger_over_and_stops_the_old_one() {
    let running = Running::with_bell().await;
    let first = running.pid();
    running.manager.reload_plugin("diary").await.unwrap();
    assert!(!exists(first));
    let of_first: Vec<_> = diary(&running.file("book"))
        .into_iter()
        .filter(|(pid, _)| *pid == first)
        .map(|(_, event)| event)
        .collect();
    let life = [
        "bell created",
        "bell started",
        "bell stopped",
        "bell destroyed",
    ];
    assert_eq!(of_first, life);
    running.ring("after");
    assert_eq!(running.rung("after").await, running.pid());
    running.end().await;
}

#[tokio::test]
async fn a_new_version_that_cannot_have_the_trigger_leaves_the_old_one_firing() {
    let running = Running::with_bell().await;
    let first = running.pid();
    fs::write(running.file("no-callbacks"), "").unwrap();
    let error = running.manager.reload_plugin("diary").await.unwrap_err();
    assert!(
        error.to_string().contains("create trigger \"bell\""),
        "{error}"
    );
    running.ring("still");
    assert_eq!(running.rung("still").await, first);
    running.end().await;
}

#[tokio::test]
async fn unloading_by_force_stops_the_trigger_and_loading_again_brings_it_back() {
    let running = Running::with_bell().await;
    running.manager.unload_plugin("diary").await.unwrap();
    running.engine.unload_plugin("diary", true).await.unwrap();
    assert!(running.engine.users_of("diary").is_empty());
    let events = diary(&running.file("book"));
    assert_eq!(events.last().unwrap().1, "bell destroyed");
    assert_eq!(events[events.len() - 2].1, "bell stopped");

    let adapter = running.manager.load_plugin("diary").await.unwrap();
    running.engine.load_plugin(adapter).unwrap();
    running.engine.resume().await.unwrap();
    assert!(running.engine.missing().is_empty());
    running.ring("again");
    assert_eq!(running.rung("again").await, running.pid());
    running.end().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_trigger_is_said_before_anything_starts_or_by_the_plugin() {
    let running = Running::load(Plugins::with_diary()).await;
    let misspelt = running.bell("{}").replace("diary.bell", "diary.bel");
    let error = running.apply(&misspelt).await.unwrap_err();
    let EngineError::InvalidWorkflow(problems) = error else {
        panic!("{error}")
    };
    let problem = &problems.as_slice()[0];
    assert_eq!(problem.message, "unknown trigger type \"diary.bel\"");
    assert_eq!(
        problem.hint.as_deref(),
        Some("did you mean \"diary.bell\"?")
    );
    assert_eq!((problem.line, problem.column), (8, 13));

    let refused = running.bell("1").replace("more", "refuse");
    let error = running.apply(&refused).await.unwrap_err();
    assert_eq!(
        error.kind(),
        EngineErrorKind::Plugin(PluginFailure::Refused)
    );
    assert!(error.to_string().contains("no rope"), "{error}");
    // Nothing is left of it, and the file may be corrected.
    let bell = running.bell("{}");
    running.apply(&bell).await.unwrap();
    running.end().await;
}

#[tokio::test]
async fn a_plugin_from_before_callbacks_has_modules_and_steps_and_no_triggers() {
    let plugins = Plugins::with_diary();
    fs::write(plugins.path("diary").join("no-callbacks"), "").unwrap();
    let running = Running::load(plugins).await;
    let adapter = running.manager.adapter("diary").unwrap();
    assert!(adapter.trigger_factories().is_empty());
    assert!(!running.manager.status("diary").unwrap().callbacks);
    assert!(adapter.module_factories().contains_key("diary.book"));
    let answer = call(&adapter, "trigger", "rung").await;
    assert_eq!(answer["kind"], "NotConnected");
    running.end().await;
}

/// What `step.call` of the diary plugin gives.
async fn call(adapter: &ExternalPluginAdapter, what: &str, name: &str) -> Value {
    let config = map(json!({ "call": what, "name": name }));
    let step = step(adapter, "step.call", config.clone()).await;
    let output = execute(&step, &config).await.unwrap().output;
    step.destroy().await.unwrap();
    output.into()
}

#[tokio::test]
async fn a_plugin_may_trigger_what_the_file_allows_it_and_nothing_else() {
    let running = Running::new("plugins: { diary: { may_trigger: [other] } }\n").await;
    let adapter = running.manager.adapter("diary").unwrap();
    for name in ["other", "pipeline:other"] {
        assert_eq!(
            call(&adapter, "trigger", name).await,
            json!({ "answer": true })
        );
    }
    wait_for("both runs", || {
        let runs = running.engine.runs();
        runs.len() == 2 && runs.iter().all(RunResult::succeeded)
    })
    .await;
    assert_eq!(running.engine.runs()[0].trigger, "plugin diary");
    // One that is there and one that is not look the same.
    for name in ["rung", "pipeline:rung", "nothing", ""] {
        let answer = call(&adapter, "trigger", name).await;
        assert_eq!(answer["kind"], "Refused");
        let expected = format!(
            "plugin \"diary\" may not trigger {name:?}: it has no started trigger of that name, \
             and the host does not allow it more"
        );
        assert_eq!(answer["error"], expected);
    }
    assert_eq!(running.engine.runs().len(), 2);
    // With the workflow go the rights.
    running.engine.stop().await;
    let answer = call(&adapter, "trigger", "other").await;
    assert_eq!(answer["kind"], "Refused");
    running.end().await;
}

#[tokio::test]
async fn a_plugin_sees_its_own_modules_what_it_consumes_and_what_the_file_allows() {
    let plugins = Plugins::with_diary();
    let consumes = manifest("diary", "1.0.0", &[]).replace(
        "\"capabilities\":[",
        "\"capabilities\":[{\"name\":\"paper\",\"role\":\"consumer\"},{\"name\":\"ink\",\"role\":\"consumer\"},",
    );
    plugins.manifest("diary", &consumes);
    let running = Running::load(plugins).await;
    let book = running.file("book");
    let rest = format!(
        "modules:\n  - {{ name: mine, type: diary.book, config: {{ path: {} }} }}\n",
        book.display()
    );
    let adapter = running.manager.adapter("diary").unwrap();
    assert_eq!(call(&adapter, "service", "mine").await["answer"], false);
    running.apply(&rest).await.unwrap();
    // It consumes `paper`, which somebody provides, and `ink`, which nobody does.
    for (name, found) in [
        ("mine", true),
        ("paper", true),
        ("ink", false),
        ("x", false),
    ] {
        assert_eq!(
            call(&adapter, "service", name).await["answer"],
            found,
            "{name}"
        );
    }
    running.engine.stop().await;
    assert_eq!(call(&adapter, "service", "mine").await["answer"], false);
    running.end().await;
}

#[tokio::test]
async fn a_plugin_sees_services_of_others_only_if_the_file_allows_it() {
    let engine = Engine::builder().build().unwrap();
    let plugins = Plugins::with_diary();
    plugins.add("reader", &[]);
    let manager = plugins
        .builder()
        .callback_server(CallbackServer::of_engine(&engine))
        .build();
    let diary = manager.load_plugin("diary").await.unwrap();
    // Not the engine's: the two copies have the same types.
    let reader = manager.load_plugin("reader").await.unwrap();
    engine.load_plugin(diary).unwrap();
    let rest = |rights: &str| {
        let book = plugins.path("diary").join("book");
        format!(
            "{PIPELINES}modules:\n  - {{ name: shelf, type: diary.book, config: {{ path: {} }} }}\n{rights}",
            book.display()
        )
    };
    for (rights, found) in [
        ("", false),
        ("plugins: { other: { may_look_up: [shelf] } }\n", false),
        ("plugins: { reader: { may_look_up: [shelf] } }\n", true),
    ] {
        let file = rest(rights);
        let workflow = workflow_file::check(file.as_bytes(), &CheckOptions::permissive());
        engine
            .apply(&workflow.unwrap(), ".".as_ref())
            .await
            .unwrap();
        assert_eq!(
            call(&reader, "service", "shelf").await["answer"],
            found,
            "{rights}"
        );
        engine.stop().await;
    }
    manager.shutdown().await;
}

/// Keeps what was fired.
#[derive(Default)]
struct Fired(Mutex<Vec<(String, Map)>>);

#[async_trait]
impl TriggerSink for Fired {
    async fn fire(&self, action: &str, data: Map) -> Result<String, EngineError> {
        self.0.lock().unwrap().push((action.to_owned(), data));
        Ok("run".to_owned())
    }
}

async fn bell(adapter: &ExternalPluginAdapter, name: &str) -> Arc<dyn Trigger> {
    let factory = Arc::clone(&adapter.trigger_factories()["diary.bell"]);
    factory.create(name, Map::new()).await.unwrap()
}

#[tokio::test]
async fn a_trigger_belongs_to_its_plugin_and_fires_between_start_and_stop() {
    let plugins = Plugins::with_diary();
    plugins.add("thief", &[]);
    let manager = plugins.manager();
    let diary = manager.load_plugin("diary").await.unwrap();
    let thief = manager.load_plugin("thief").await.unwrap();
    let config = map(json!({ "path": plugins.path("diary").join("book") }));
    let sink = Arc::new(Fired::default());
    let trigger = bell(&diary, "bell").await;

    let early = trigger.start().await.unwrap_err();
    assert_eq!(early.kind(), EngineErrorKind::State);
    trigger
        .configure(config.clone(), sink.clone())
        .await
        .unwrap();
    let refused = call(&diary, "trigger", "bell").await;
    assert_eq!(refused["error"], "trigger \"bell\" is not started");

    trigger.start().await.unwrap();
    for name in ["bell", "diary.bell"] {
        assert_eq!(
            call(&diary, "trigger", name).await["answer"],
            true,
            "{name}"
        );
    }
    assert_eq!(call(&thief, "trigger", "bell").await["kind"], "Refused");
    assert_eq!(
        call(&thief, "trigger", "diary.bell").await["kind"],
        "Refused"
    );

    let other = bell(&diary, "second").await;
    other.configure(config, sink.clone()).await.unwrap();
    other.start().await.unwrap();
    let several = call(&diary, "trigger", "diary.bell").await;
    let expected = "several triggers are of type \"diary.bell\"; say which: bell, second";
    assert_eq!(several["error"], expected);
    other.destroy().await.unwrap();

    trigger.stop().await.unwrap();
    assert_eq!(call(&diary, "trigger", "bell").await["kind"], "Refused");
    trigger.destroy().await.unwrap();
    assert_eq!(call(&diary, "trigger", "bell").await["kind"], "Refused");
    let fired = std::mem::take(&mut *sink.0.lock().unwrap());
    assert_eq!(fired.len(), 2);
    assert_eq!(
        (fired[0].0.as_str(), &fired[0].1["name"]),
        ("now", &json!("bell"))
    );
    manager.shutdown().await;
}

#[tokio::test]
async fn to_configure_a_trigger_again_changes_nothing_or_is_refused() {
    let plugins = Plugins::with_diary();
    let manager = plugins.manager();
    let adapter = manager.load_plugin("diary").await.unwrap();
    let book = plugins.path("diary").join("book");
    let config = map(json!({ "path": book }));
    let sink = Arc::new(Fired::default());
    let trigger = bell(&adapter, "bell").await;
    let refused = map(json!({ "refuse": 1 }));
    let error = trigger.configure(refused, sink.clone()).await.unwrap_err();
    assert!(error.to_string().contains("no rope"), "{error}");
    // A valid retry clears the failure.
    trigger
        .configure(config.clone(), sink.clone())
        .await
        .unwrap();
    trigger.configure(config, sink.clone()).await.unwrap();
    let other = map(json!({ "path": book, "ring": "x" }));
    let error = trigger.configure(other, sink).await.unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::InvalidConfig);
    assert_eq!(diary(&book).len(), 1, "one counterpart was made");
    trigger.destroy().await.unwrap();
    trigger.destroy().await.unwrap();
    manager.shutdown().await;
}
