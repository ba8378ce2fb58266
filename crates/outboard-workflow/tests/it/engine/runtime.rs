//! The engine around the pipelines: start, stop, plugins that go, runs that are
//! remembered.

use std::{sync::Arc, time::Duration};

use outboard_contracts::manifest::Capability;
use outboard_workflow::engine::{Engine, EngineErrorKind, RunEvent, pipeline::RunStatus};
use serde_json::json;

use super::support::{
    Diary, TestPlugin, apply, empty, engine, map, test_modules, test_steps, tests_plugin,
};

fn sleeping(milliseconds: u64) -> String {
    format!(
        "pipelines:\n  p:\n    steps:\n      - {{ name: one, type: step.test, config: {{ sleep_ms: {milliseconds}, output: {{ a: 1 }} }} }}\n"
    )
}

/// Starts a run on a task and waits until it is in its step.
async fn begin(
    engine: &Engine,
    diary: &Diary,
) -> tokio::task::JoinHandle<outboard_workflow::engine::pipeline::RunResult> {
    let run = tokio::spawn({
        let engine = engine.clone();
        async move { engine.run("p", "manual", empty()).await.unwrap() }
    });
    while !diary.entries().contains(&"call one".to_owned()) {
        tokio::task::yield_now().await;
    }
    run
}

#[tokio::test]
async fn nothing_runs_before_a_workflow_and_after_its_end() {
    let diary = Diary::default();
    let engine = engine(&diary);
    assert_eq!(
        engine.run("p", "manual", empty()).await.unwrap_err().kind(),
        EngineErrorKind::State
    );
    apply(&engine, &sleeping(0)).await.unwrap();
    let error = engine.run("q", "manual", empty()).await.unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::NotFound);
    engine.stop().await;
    assert_eq!(
        engine.run("p", "manual", empty()).await.unwrap_err().kind(),
        EngineErrorKind::State
    );
    assert!(engine.pipelines().is_empty());
    engine.stop().await;
}

#[tokio::test]
async fn one_workflow_runs_at_a_time() {
    let engine = engine(&Diary::default());
    apply(&engine, &sleeping(0)).await.unwrap();
    let error = apply(&engine, &sleeping(0)).await.unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::State);
    assert!(error.to_string().contains("stop it first"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn stopping_lets_runs_finish() {
    let diary = Diary::default();
    let engine = engine(&diary);
    apply(&engine, &sleeping(20_000)).await.unwrap();
    let run = begin(&engine, &diary).await;
    let stopping = tokio::spawn({
        let engine = engine.clone();
        async move { engine.stop().await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    let error = engine.run("p", "manual", empty()).await.unwrap_err();
    assert_eq!(
        error.kind(),
        EngineErrorKind::State,
        "no new run begins meanwhile"
    );
    stopping.await.unwrap();
    assert_eq!(run.await.unwrap().status, RunStatus::Succeeded);
    assert_eq!(
        diary.entries(),
        ["make one", "call one", "left one", "destroy one"]
    );
}

#[tokio::test(start_paused = true)]
async fn runs_that_do_not_finish_in_time_are_cancelled() {
    let diary = Diary::default();
    let engine = Engine::builder()
        .drain_timeout(Duration::from_secs(3))
        .step_timeout(Duration::from_secs(500))
        .build()
        .unwrap();
    engine.load_plugin(Arc::new(tests_plugin(&diary))).unwrap();
    apply(&engine, &sleeping(400_000)).await.unwrap();
    let run = begin(&engine, &diary).await;
    let began = tokio::time::Instant::now();
    engine.stop().await;
    assert_eq!(began.elapsed(), Duration::from_secs(3));
    let run = run.await.unwrap();
    assert_eq!(run.status, RunStatus::Cancelled);
    assert_eq!(run.error.unwrap().kind, EngineErrorKind::Cancelled);
    assert_eq!(diary.entries().last().unwrap(), "destroy one");
}

#[tokio::test(start_paused = true)]
async fn no_more_runs_than_allowed_go_on_at_once() {
    let diary = Diary::default();
    let engine = Engine::builder().max_runs(1).build().unwrap();
    engine.load_plugin(Arc::new(tests_plugin(&diary))).unwrap();
    apply(&engine, &sleeping(1000)).await.unwrap();
    let run = begin(&engine, &diary).await;
    let error = engine.run("p", "manual", empty()).await.unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::Busy);
    run.await.unwrap();
    engine.run("p", "manual", empty()).await.unwrap();
}

#[tokio::test]
async fn runs_are_remembered_newest_first_and_up_to_a_limit() {
    let diary = Diary::default();
    let engine = Engine::builder().history(3).build().unwrap();
    engine.load_plugin(Arc::new(tests_plugin(&diary))).unwrap();
    apply(&engine, &sleeping(0)).await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(engine.run("p", "manual", empty()).await.unwrap().id);
    }
    let remembered: Vec<String> = engine.runs().into_iter().map(|run| run.id).collect();
    ids.reverse();
    assert_eq!(remembered, ids[..3]);
    assert_eq!(
        engine.run_by_id(&ids[0]).unwrap().status,
        RunStatus::Succeeded
    );
    assert!(engine.run_by_id(&ids[4]).is_none());
}

#[tokio::test]
async fn a_long_output_reaches_the_caller_and_is_not_remembered() {
    let engine = engine(&Diary::default());
    let file = "pipelines:\n  p:\n    steps:\n      - { name: one, type: step.test, config: { output: { text: \"{{ trigger.text }}\" } } }\n";
    apply(&engine, file).await.unwrap();
    let text = "x".repeat(100_000);
    let run = engine
        .run("p", "manual", map(json!({ "text": text })))
        .await
        .unwrap();
    assert_eq!(run.output["text"], text);
    let remembered = engine.run_by_id(&run.id).unwrap();
    assert_eq!(remembered.output["_truncated"], true);
    assert_eq!(remembered.steps[0].output["_bytes"], 100_011);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_goes_on_is_seen_as_far_as_it_has_come() {
    let diary = Diary::default();
    let engine = engine(&diary);
    apply(&engine, &sleeping(1000)).await.unwrap();
    let run = begin(&engine, &diary).await;
    let seen = &engine.runs()[0];
    assert_eq!(seen.status, RunStatus::Running);
    assert_eq!(seen.steps.len(), 1);
    assert_eq!(seen.steps[0].status, RunStatus::Running);
    assert_eq!(run.await.unwrap().id, seen.id);
}

#[tokio::test]
async fn a_follower_hears_of_a_run_from_its_beginning_to_its_end() {
    let engine = engine(&Diary::default());
    apply(&engine, &sleeping(0)).await.unwrap();
    let mut events = engine.run_events();
    let run = engine.run("p", "somebody", empty()).await.unwrap();
    let mut heard = Vec::new();
    while let Ok(event) = events.try_recv() {
        heard.push(match event {
            RunEvent::Started { run, trigger, .. } => format!("{run} started by {trigger}"),
            RunEvent::StepFinished {
                run, step, status, ..
            } => format!("{run} {step} {status:?}"),
            RunEvent::Finished { run, status, .. } => format!("{run} {status:?}"),
            other => format!("{other:?}"),
        });
    }
    let id = run.id;
    assert_eq!(
        heard,
        [
            format!("{id} started by somebody"),
            format!("{id} one Succeeded"),
            format!("{id} Succeeded")
        ]
    );
}

#[tokio::test]
async fn a_required_capability_without_a_provider_keeps_a_workflow_from_starting() {
    let engine = engine(&Diary::default());
    let file = format!("requires: {{ capabilities: [cache] }}\n{}", sleeping(0));
    let error = apply(&engine, &file).await.unwrap_err();
    assert_eq!(error.to_string(), "missing required capabilities: cache");
    let mut provider = TestPlugin::new("provider");
    provider.manifest.capabilities.push(Capability {
        name: "cache".to_owned(),
        role: "provider".to_owned(),
        priority: 0,
    });
    engine.load_plugin(Arc::new(provider)).unwrap();
    apply(&engine, &file).await.unwrap();
}

#[tokio::test]
async fn a_file_is_checked_against_the_types_that_are_loaded() {
    let engine = engine(&Diary::default());
    engine.unload_plugin("tests", false).await.unwrap();
    let error = apply(&engine, &sleeping(0)).await.unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::InvalidWorkflow);
    assert!(
        error
            .to_string()
            .contains("unknown step type \"step.test\""),
        "{error}"
    );
}

#[tokio::test]
async fn modules_and_steps_find_the_files_directory_in_their_config() {
    let engine = Engine::builder().build().unwrap();
    let seen = Diary::default();
    let steps = outboard_workflow::engine::step_factory({
        let seen = seen.clone();
        move |name, config| {
            seen.write(config["_config_dir"].as_str().unwrap());
            let make = test_steps(&Diary::default());
            async move { make.create(&name, config).await }
        }
    });
    engine
        .load_plugin(Arc::new(TestPlugin::new("tests").step("step.test", steps)))
        .unwrap();
    apply(&engine, &sleeping(0)).await.unwrap();
    assert_eq!(seen.entries(), ["/somewhere"]);
}

fn in_use_file() -> String {
    format!(
        "modules:\n  - {{ name: store, type: test.module }}\n{}",
        sleeping(20_000)
    )
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_is_in_use_is_not_unloaded() {
    let diary = Diary::default();
    let engine = engine(&diary);
    apply(&engine, &in_use_file()).await.unwrap();
    let run = begin(&engine, &diary).await;
    let error = engine.unload_plugin("tests", false).await.unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::InUse);
    let text = error.to_string();
    assert!(
        text.contains("module \"store\"") && text.contains("pipeline \"p\""),
        "{text}"
    );
    assert_eq!(
        run.await.unwrap().status,
        RunStatus::Succeeded,
        "nothing happened to the run"
    );
    // What was refused left nothing behind that would keep runs from beginning.
    engine.run("p", "manual", empty()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn with_force_runs_are_cancelled_and_what_the_plugin_made_is_ended() {
    let diary = Diary::default();
    let engine = engine(&diary);
    engine
        .load_plugin(Arc::new(
            TestPlugin::new("other").step("step.other", test_steps(&diary)),
        ))
        .unwrap();
    let file = format!(
        "{}  q:\n    steps:\n      - {{ name: two, type: step.other }}\n",
        in_use_file()
    );
    apply(&engine, &file).await.unwrap();
    let run = begin(&engine, &diary).await;
    engine.unload_plugin("tests", true).await.unwrap();
    assert_eq!(run.await.unwrap().status, RunStatus::Cancelled);
    let entries = diary.entries();
    for entry in ["left one", "destroy one", "stop store", "destroy store"] {
        assert!(
            entries.iter().any(|found| found == entry),
            "{entry} is missing in {entries:?}"
        );
    }
    assert!(engine.modules().is_empty());
    // Its pipeline says what is missing, and the others run.
    let error = engine.run("p", "manual", empty()).await.unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::State);
    assert!(error.to_string().contains("\"tests\""), "{error}");
    assert!(
        engine
            .run("q", "manual", empty())
            .await
            .unwrap()
            .succeeded()
    );
}

#[tokio::test]
async fn a_plugin_that_only_an_idle_pipeline_uses_may_go() {
    let diary = Diary::default();
    let engine = engine(&diary);
    apply(&engine, &sleeping(0)).await.unwrap();
    engine.run("p", "manual", empty()).await.unwrap();
    engine.unload_plugin("tests", false).await.unwrap();
    assert_eq!(diary.entries().last().unwrap(), "destroy one");
    let error = engine.unload_plugin("tests", false).await.unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::NotRegistered);
}

#[tokio::test]
async fn a_replaced_plugins_types_change_at_once_and_what_runs_goes_on() {
    let diary = Diary::default();
    let engine = engine(&diary);
    apply(&engine, &in_use_file().replace("20000", "0"))
        .await
        .unwrap();
    let next = TestPlugin::versioned("tests", "2.0.0")
        .module("test.module", test_modules(&diary))
        .step("step.test", test_steps(&diary))
        .step("step.new", test_steps(&diary));
    engine.replace_plugin(Arc::new(next)).unwrap();
    assert!(engine.registry().step("step.new").is_ok());
    assert!(
        engine
            .run("p", "manual", empty())
            .await
            .unwrap()
            .succeeded()
    );
    assert_eq!(engine.modules(), ["store"]);
    let conflict = TestPlugin::new("tests").step("step.log", test_steps(&diary));
    let error = engine.replace_plugin(Arc::new(conflict)).unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::TypeConflict);
    assert!(
        engine.registry().step("step.new").is_ok(),
        "the last good version stays"
    );
}

#[tokio::test]
async fn the_engines_own_plugin_cannot_be_loaded_again() {
    let engine = engine(&Diary::default());
    let error = engine
        .load_plugin(Arc::new(TestPlugin::new("outboard")))
        .unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::AlreadyRegistered);
}

#[tokio::test]
async fn pipelines_are_listed_with_what_starts_them() {
    let engine = engine(&Diary::default());
    let file = format!(
        "{}triggers:\n  - {{ type: http, path: /p, pipeline: p }}\n  - {{ type: schedule, every: 1h, pipeline: p }}\n",
        sleeping(0)
    );
    apply(&engine, &file).await.unwrap();
    assert_eq!(
        serde_json::to_value(engine.pipelines()).unwrap(),
        json!([{
            "name": "p", "on_error": "stop", "steps": [{ "name": "one", "type": "step.test" }],
            "triggers": ["http POST /p", "schedule every 3600s"],
        }])
    );
    engine.stop().await;
}

#[tokio::test]
async fn a_pipeline_says_which_fields_of_its_input_its_steps_look_up() {
    let engine = engine(&Diary::default());
    let file = r#"
pipelines:
  p:
    steps:
      - { name: one, type: step.test, config: { text: "{{ trigger.b }} of {{ trigger.a.deep }}" } }
      - { name: two, type: step.test, config: { list: [ { x: "{{ trigger.b }}" }, "{{ steps.one }}" ] } }
"#;
    apply(&engine, file).await.unwrap();
    assert_eq!(engine.pipelines()[0].inputs, ["b", "a"]);
    engine.stop().await;
}
