//! What starts runs by itself: requests, time, and plugins' triggers.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::Method;
use outboard_workflow::engine::{
    Application, Engine, EngineError, EngineErrorKind, HttpMatch, HttpTable, Map, RunEvent,
    Trigger, TriggerSink, pipeline::RunStatus, trigger_data, trigger_factory,
};
use serde_json::json;

use super::support::{Diary, TestPlugin, apply, engine, map, test_steps};

fn file(step: &str, trigger: &str) -> String {
    format!(
        "pipelines:\n  p:\n    steps:\n      - {{ name: one, type: step.test, config: {step} }}\ntriggers:\n  - {trigger}\n"
    )
}

#[tokio::test]
async fn a_request_finds_its_pipeline_by_method_and_path() {
    let engine = engine(&Diary::default());
    apply(
        &engine,
        &file(
            "{}",
            "{ type: http, path: /restock, method: PUT, pipeline: p }",
        ),
    )
    .await
    .unwrap();
    let table = engine.http_table();
    assert_eq!(
        table.find(&Method::PUT, "/restock"),
        HttpMatch::Pipeline("p".to_owned())
    );
    assert_eq!(
        table.find(&Method::GET, "/restock"),
        HttpMatch::MethodNotAllowed(vec!["PUT".to_owned()])
    );
    assert_eq!(table.find(&Method::PUT, "/restock/"), HttpMatch::NotFound);
    engine.stop().await;
    assert_eq!(
        engine.http_table().find(&Method::PUT, "/restock"),
        HttpMatch::NotFound
    );
}

#[test]
fn two_triggers_cannot_have_one_method_and_path() {
    let mut table = HttpTable::default();
    table.add(&Method::POST, "/a", "p").unwrap();
    let error = table.add(&Method::POST, "/a", "q").unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::Duplicate);
    assert_eq!(
        table.find(&Method::POST, "/a"),
        HttpMatch::Pipeline("p".to_owned())
    );
}

#[test]
fn a_requests_body_is_the_trigger_data() {
    let data = |body: &'static [u8]| trigger_data(&Bytes::from_static(body));
    assert_eq!(data(br#"{"a":1}"#).unwrap(), map(json!({ "a": 1 })));
    assert_eq!(data(b"[1,2]").unwrap(), map(json!({ "body": [1, 2] })));
    assert!(data(b" \n").unwrap().is_empty());
    assert_eq!(
        data(b"{half").unwrap_err().kind(),
        EngineErrorKind::BadInput
    );
}

#[tokio::test(start_paused = true)]
async fn a_schedule_fires_every_so_often_with_its_input() {
    let engine = engine(&Diary::default());
    let step = "{ output: { who: \"{{ trigger.who }}\" } }";
    let trigger = "{ type: schedule, every: 1h, pipeline: p, input: { who: clock } }";
    apply(&engine, &file(step, trigger)).await.unwrap();
    assert!(engine.runs().is_empty(), "not at once");
    tokio::time::sleep(Duration::from_secs(3 * 3600 + 1)).await;
    let runs = engine.runs();
    assert_eq!(runs.len(), 3);
    assert_eq!(
        (runs[0].trigger.as_str(), &runs[0].output["who"]),
        ("schedule", &json!("clock"))
    );
    engine.stop().await;
    tokio::time::sleep(Duration::from_secs(5 * 3600)).await;
    assert_eq!(engine.runs().len(), 3, "not after the end");
}

#[tokio::test(start_paused = true)]
async fn a_schedule_whose_run_still_goes_on_skips_and_says_how_often() {
    let diary = Diary::default();
    let engine = Engine::builder()
        .step_timeout(Duration::from_secs(100))
        .build()
        .unwrap();
    engine
        .load_plugin(Arc::new(super::support::tests_plugin(&diary)))
        .unwrap();
    let mut events = engine.run_events();
    let trigger = "{ type: schedule, every: 10s, pipeline: p }";
    apply(&engine, &file("{ sleep_ms: 25000 }", trigger))
        .await
        .unwrap();
    // Fires at 10, goes on until 35, is skipped at 20 and 30, fires at 40.
    tokio::time::sleep(Duration::from_secs(41)).await;
    let runs = engine.runs();
    assert_eq!(runs.len(), 2);
    assert_eq!(
        (runs[0].status, runs[1].status),
        (RunStatus::Running, RunStatus::Succeeded)
    );
    let mut skipped = 0;
    while let Ok(event) = events.try_recv() {
        if let RunEvent::ScheduleSkipped {
            pipeline,
            skipped: more,
        } = event
        {
            assert_eq!(pipeline, "p");
            skipped += more;
        }
    }
    assert_eq!(skipped, 2);
    engine.stop().await;
}

/// A trigger that a test fires, with the diary of its life.
struct Bell {
    name: String,
    diary: Diary,
    sinks: Arc<Mutex<Vec<Arc<dyn TriggerSink>>>>,
    fails: bool,
}

#[async_trait]
impl Trigger for Bell {
    fn name(&self) -> &str {
        &self.name
    }

    async fn init(&self, _: &Application) -> Result<(), EngineError> {
        self.diary.write("init bell");
        Ok(())
    }

    async fn configure(&self, config: Map, sink: Arc<dyn TriggerSink>) -> Result<(), EngineError> {
        self.diary
            .write(format!("configure bell {}", config["tone"]));
        self.sinks.lock().unwrap().push(sink);
        Ok(())
    }

    async fn start(&self) -> Result<(), EngineError> {
        self.diary.write("start bell");
        if self.fails {
            Err(EngineError::failed("bell", "cracked"))
        } else {
            Ok(())
        }
    }

    async fn stop(&self) -> Result<(), EngineError> {
        self.diary.write("stop bell");
        Ok(())
    }

    async fn destroy(&self) -> Result<(), EngineError> {
        self.diary.write("destroy bell");
        Ok(())
    }
}

type Sinks = Arc<Mutex<Vec<Arc<dyn TriggerSink>>>>;

fn bells(fails: bool) -> (Engine, Diary, Sinks) {
    let (diary, sinks) = (Diary::default(), Sinks::default());
    let engine = Engine::builder().build().unwrap();
    engine
        .load_plugin(Arc::new(bells_plugin(fails, &diary, &sinks)))
        .unwrap();
    (engine, diary, sinks)
}

fn bells_plugin(fails: bool, diary: &Diary, sinks: &Sinks) -> TestPlugin {
    let mut plugin = TestPlugin::new("bells").step("step.test", test_steps(&Diary::default()));
    let factory = trigger_factory({
        let (diary, sinks) = (diary.clone(), Arc::clone(sinks));
        move |name, _| {
            let bell = Bell {
                name,
                diary: diary.clone(),
                sinks: Arc::clone(&sinks),
                fails,
            };
            async move { Ok(Arc::new(bell) as Arc<dyn Trigger>) }
        }
    });
    plugin.triggers.insert("bell".to_owned(), factory);
    plugin
}

const BELL: &str = "{ type: bell, pipeline: p, config: { tone: a } }";

#[tokio::test(start_paused = true)]
async fn a_plugins_trigger_starts_runs_and_does_not_wait_for_them() {
    let (engine, diary, sinks) = bells(false);
    let step =
        "{ sleep_ms: 5000, output: { n: \"{{ trigger.n }}\", action: \"{{ metadata.action }}\" } }";
    apply(&engine, &file(step, BELL)).await.unwrap();
    assert_eq!(
        diary.entries(),
        ["init bell", "configure bell \"a\"", "start bell"]
    );
    let sink = Arc::clone(&sinks.lock().unwrap()[0]);
    let began = tokio::time::Instant::now();
    let id = sink.fire("ring", map(json!({ "n": 7 }))).await.unwrap();
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "it waited for the run"
    );
    assert_eq!(engine.run_by_id(&id).unwrap().status, RunStatus::Running);
    engine.stop().await;
    let run = engine.run_by_id(&id).unwrap();
    assert_eq!(run.output, map(json!({ "n": 7, "action": "ring" })));
    assert_eq!(run.trigger, "bell");
    assert_eq!(diary.entries()[3..], ["stop bell", "destroy bell"]);
    // A sink that is kept too long is no way in.
    let error = sink.fire("ring", map(json!({}))).await.unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::State);
}

#[tokio::test]
async fn a_trigger_that_does_not_start_keeps_the_workflow_from_starting() {
    let (engine, diary, _) = bells(true);
    let error = apply(&engine, &file("{}", BELL)).await.unwrap_err();
    assert!(error.to_string().contains("cracked"), "{error}");
    assert_eq!(diary.entries().last().unwrap(), "destroy bell");
    assert!(engine.pipelines().is_empty());
}

#[tokio::test]
async fn a_plugin_whose_trigger_listens_is_in_use() {
    let (engine, diary, _) = bells(false);
    apply(&engine, &file("{}", BELL)).await.unwrap();
    let error = engine.unload_plugin("bells", false).await.unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::InUse);
    assert!(error.to_string().contains("trigger \"bell-0\""), "{error}");
    engine.unload_plugin("bells", true).await.unwrap();
    assert_eq!(diary.entries().last().unwrap(), "destroy bell");
}

#[tokio::test]
async fn a_trigger_that_went_with_its_plugin_comes_back_with_it() {
    let (engine, diary, sinks) = bells(false);
    apply(&engine, &file("{}", BELL)).await.unwrap();
    engine.unload_plugin("bells", true).await.unwrap();
    let missing = engine.missing();
    assert!(
        missing
            .iter()
            .any(|missing| missing.what == "trigger \"bell-0\""),
        "{missing:?}"
    );
    let cracked = Diary::default();
    let plugin = bells_plugin(true, &cracked, &Sinks::default());
    engine.load_plugin(Arc::new(plugin)).unwrap();
    let error = engine.resume().await.unwrap_err();
    assert!(error.to_string().contains("cracked"), "{error}");
    assert_eq!(cracked.entries().last().unwrap(), "destroy bell");

    let plugin = bells_plugin(false, &diary, &sinks);
    engine.replace_plugin(Arc::new(plugin)).unwrap();
    engine.resume().await.unwrap();
    engine.resume().await.unwrap();
    assert!(engine.missing().is_empty());
    assert_eq!(sinks.lock().unwrap().len(), 2, "it is started once");
    assert_eq!(diary.entries().last().unwrap(), "start bell");
    engine.stop().await;
}
