//! Pipelines: order, errors, deadlines, compensation and the record of a run.

use std::{
    sync::{Arc, atomic::AtomicUsize},
    time::Duration,
};

use async_trait::async_trait;
use outboard_workflow::engine::{
    ConfigTiming, Engine, EngineError, EngineErrorKind, Map, PipelineStep, StepFactory,
    pipeline::{MAX_STEPS_PER_RUN, RunResult, RunStatus},
};
use serde_json::{Value, json};

use super::support::{Diary, TestPlugin, apply, empty, engine, map, test_steps};

/// Runs a pipeline of test steps once. Each line is a step: `name {config}` and what
/// else it has.
async fn run(head: &str, steps: &[&str], input: Value) -> (RunResult, Diary) {
    let diary = Diary::default();
    let engine = engine(&diary);
    apply(&engine, &file(head, steps)).await.unwrap();
    let result = engine.run("p", "manual", map(input)).await.unwrap();
    engine.stop().await;
    (result, diary)
}

fn file(head: &str, steps: &[&str]) -> String {
    let mut file = format!("pipelines:\n  p:\n    {head}\n    steps:\n");
    for step in steps {
        let (name, rest) = step.split_once(' ').unwrap_or((step, "{}"));
        let (config, more) = rest.split_once(" | ").unwrap_or((rest, ""));
        file.push_str(&format!(
            "      - {{ name: {name}, type: step.test, config: {config}{more} }}\n"
        ));
    }
    file
}

const STOP: &str = "on_error: stop";

fn statuses(run: &RunResult) -> Vec<(&str, RunStatus)> {
    run.steps
        .iter()
        .map(|step| (step.name.as_str(), step.status))
        .collect()
}

#[tokio::test]
async fn steps_run_in_order_and_see_what_earlier_ones_said() {
    let (run, diary) = run(
        STOP,
        &[
            "one { output: { n: 1, who: \"{{ trigger.name }}\" } }",
            "two { output: { sum: \"{{ steps.one.n }}\", who: \"{{ current.who }} of {{ metadata.pipeline }}\" } }",
        ],
        json!({ "name": "ada" }),
    )
    .await;
    assert_eq!(run.status, RunStatus::Succeeded);
    assert!(run.error.is_none() && run.succeeded());
    assert_eq!(run.output, map(json!({ "sum": 1, "who": "ada of p" })));
    assert_eq!(run.step("one").unwrap().output["who"], "ada");
    assert_eq!(
        (run.pipeline.as_str(), run.trigger.as_str()),
        ("p", "manual")
    );
    assert_eq!(
        diary.entries(),
        [
            "make one",
            "make two",
            "call one",
            "left one",
            "call two",
            "left two",
            "destroy one",
            "destroy two"
        ]
    );
}

#[tokio::test]
async fn a_step_may_end_the_pipeline_and_that_is_a_success() {
    let (run, _) = run(
        STOP,
        &["one { stop: true, output: { done: 1 } }", "two {}"],
        json!({}),
    )
    .await;
    assert_eq!(run.status, RunStatus::Succeeded);
    assert_eq!(statuses(&run), [("one", RunStatus::Succeeded)]);
    assert_eq!(run.output["done"], 1);
}

#[tokio::test]
async fn a_step_may_say_which_one_is_next() {
    let (run, _) = run(
        STOP,
        &["one { next: three }", "two {}", "three {}"],
        json!({}),
    )
    .await;
    assert_eq!(
        statuses(&run),
        [
            ("one", RunStatus::Succeeded),
            ("three", RunStatus::Succeeded)
        ]
    );
}

#[tokio::test]
async fn a_next_step_that_does_not_exist_fails_the_run() {
    let (run, _) = run(
        "on_error: skip",
        &["one { next: tow }", "two {}"],
        json!({}),
    )
    .await;
    assert_eq!(run.status, RunStatus::Failed);
    let error = run.error.unwrap();
    assert_eq!(error.kind, EngineErrorKind::NotFound);
    assert_eq!(error.step.as_deref(), Some("one"));
    assert!(
        error.message.contains("did you mean \"two\"?"),
        "{}",
        error.message
    );
}

#[tokio::test]
async fn steps_that_lead_in_a_circle_are_ended() {
    let (run, diary) = run(STOP, &["one { next: one }"], json!({})).await;
    assert_eq!(run.status, RunStatus::Failed);
    assert!(run.error.unwrap().message.contains("circle"));
    let calls = diary
        .entries()
        .iter()
        .filter(|entry| *entry == "call one")
        .count();
    assert_eq!(calls, MAX_STEPS_PER_RUN);
}

#[tokio::test]
async fn with_stop_the_first_failure_ends_the_run() {
    let (run, _) = run(
        STOP,
        &["one {}", "two { fail: broken }", "three {}"],
        json!({}),
    )
    .await;
    assert_eq!(run.status, RunStatus::Failed);
    assert_eq!(
        statuses(&run),
        [("one", RunStatus::Succeeded), ("two", RunStatus::Failed)]
    );
    let error = run.error.unwrap();
    assert_eq!(
        (error.kind, error.step.as_deref()),
        (EngineErrorKind::Failed, Some("two"))
    );
    assert!(error.message.contains("broken"));
}

#[tokio::test]
async fn with_skip_a_failure_is_an_output_and_the_run_goes_on() {
    let (run, _) = run(
        "on_error: skip",
        &["one { fail: broken }", "two { output: { error: \"{{ steps.one._error }}\", skipped: \"{{ steps.one._skipped }}\" } }"],
        json!({}),
    )
    .await;
    assert_eq!(run.status, RunStatus::Succeeded);
    assert_eq!(
        statuses(&run),
        [("one", RunStatus::Skipped), ("two", RunStatus::Succeeded)]
    );
    assert!(run.output["error"].as_str().unwrap().contains("broken"));
    assert_eq!(run.output["skipped"], true);
    assert!(run.steps[0].error.is_some());
}

#[tokio::test]
async fn with_compensate_what_was_done_is_undone_last_first() {
    let undo =
        ", compensate: { type: step.test, config: { output: { undid: \"{{ steps.NAME.n }}\" } } }";
    let one = format!(
        "one {{ output: {{ n: 1 }} }} | {}",
        undo.replace("NAME", "one")
    );
    let two = format!(
        "two {{ output: {{ n: 2 }} }} | {}",
        undo.replace("NAME", "two")
    );
    let three = format!("three {{ fail: broken }} | {}", undo.replace("NAME", "one"));
    let (run, _) = run(
        "on_error: compensate",
        &[&one, "plain {}", &two, &three],
        json!({}),
    )
    .await;
    assert_eq!(run.status, RunStatus::Failed);
    let undone: Vec<_> = run
        .compensations
        .iter()
        .map(|step| {
            (
                step.name.as_str(),
                step.status,
                step.output["undid"].clone(),
            )
        })
        .collect();
    // Not the one that failed, and not the one that has nothing to undo.
    assert_eq!(
        undone,
        [
            ("two", RunStatus::Succeeded, json!(2)),
            ("one", RunStatus::Succeeded, json!(1))
        ]
    );
    assert_eq!(run.error.unwrap().step.as_deref(), Some("three"));
}

#[tokio::test]
async fn a_compensation_that_fails_is_reported_and_the_others_run() {
    let (run, _) = run(
        "on_error: compensate",
        &[
            "one {} | , compensate: { type: step.test, config: {} }",
            "two {} | , compensate: { type: step.test, config: { fail: stuck } }",
            "three {} | , compensate: { type: step.test, config: { panic: worse } }",
            "four { fail: broken }",
        ],
        json!({}),
    )
    .await;
    let undone: Vec<_> = run
        .compensations
        .iter()
        .map(|step| (step.name.as_str(), step.status))
        .collect();
    assert_eq!(
        undone,
        [
            ("three", RunStatus::Failed),
            ("two", RunStatus::Failed),
            ("one", RunStatus::Succeeded)
        ]
    );
    assert_eq!(
        run.compensations[0].error.as_ref().unwrap().kind,
        EngineErrorKind::Panicked
    );
    assert!(
        run.compensations[1]
            .error
            .as_ref()
            .unwrap()
            .message
            .contains("stuck")
    );
    assert!(run.error.unwrap().message.contains("broken"));
}

#[tokio::test(start_paused = true)]
async fn a_step_that_takes_too_long_times_out() {
    let (run, diary) = run(
        STOP,
        &["slow { sleep_ms: 60000 } | , timeout: 2s", "after {}"],
        json!({}),
    )
    .await;
    assert_eq!(run.status, RunStatus::TimedOut);
    assert_eq!(run.steps[0].duration, Duration::from_secs(2));
    let error = run.error.unwrap();
    assert_eq!(error.kind, EngineErrorKind::Timeout);
    assert!(
        error
            .message
            .contains("step \"slow\" did not end within 2s"),
        "{}",
        error.message
    );
    // The call was dropped, not left running.
    assert!(diary.entries().contains(&"left slow".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_step_without_a_timeout_has_the_engines() {
    let (run, _) = run(STOP, &["slow { sleep_ms: 600000 }"], json!({})).await;
    assert_eq!(run.steps[0].duration, Duration::from_secs(30));
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_that_takes_too_long_times_out_also_with_skip() {
    let (run, _) = run(
        "on_error: skip\n    timeout: 5s",
        &[
            "one { sleep_ms: 3000 }",
            "two { sleep_ms: 3000 }",
            "three {}",
        ],
        json!({}),
    )
    .await;
    assert_eq!(run.status, RunStatus::TimedOut);
    assert_eq!(
        statuses(&run),
        [("one", RunStatus::Succeeded), ("two", RunStatus::TimedOut)]
    );
    assert!(
        run.error
            .unwrap()
            .message
            .contains("pipeline \"p\" did not end within 5s")
    );
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_that_times_out_is_compensated() {
    let (run, _) = run(
        "timeout: 1s\n    on_error: compensate",
        &[
            "one {} | , compensate: { type: step.test }",
            "two { sleep_ms: 9000 }",
        ],
        json!({}),
    )
    .await;
    assert_eq!(run.status, RunStatus::TimedOut);
    assert_eq!(run.compensations.len(), 1);
}

#[tokio::test]
async fn a_panic_in_a_step_fails_that_step_and_the_engine_goes_on() {
    let diary = Diary::default();
    let engine = engine(&diary);
    apply(
        &engine,
        &file(STOP, &["one { panic: \"{{ trigger.text }}\" }"]),
    )
    .await
    .unwrap();
    let run = engine
        .run("p", "manual", map(json!({ "text": "out of cheese" })))
        .await
        .unwrap();
    assert_eq!(run.status, RunStatus::Failed);
    let error = run.error.unwrap();
    assert_eq!(error.kind, EngineErrorKind::Panicked);
    assert_eq!(error.message, "step \"one\" panicked: out of cheese");
    let again = engine
        .run("p", "manual", map(json!({ "text": "again" })))
        .await
        .unwrap();
    assert_eq!(again.error.unwrap().message, "step \"one\" panicked: again");
}

#[tokio::test]
async fn a_placeholder_that_finds_nothing_is_the_steps_error() {
    let (run, diary) = run(
        STOP,
        &["one { output: { a: \"{{ trigger.missing }}\" } }"],
        json!({}),
    )
    .await;
    let error = run.error.unwrap();
    assert_eq!(
        (error.kind, error.step.as_deref()),
        (EngineErrorKind::Template, Some("one"))
    );
    assert!(
        error.message.starts_with("{{ trigger.missing }}:"),
        "{}",
        error.message
    );
    assert!(!diary.entries().contains(&"call one".to_owned()));
}

#[tokio::test]
async fn a_step_is_made_once_for_all_runs_and_destroyed_once() {
    let diary = Diary::default();
    let engine = engine(&diary);
    apply(
        &engine,
        &file(STOP, &["one { output: { n: \"{{ trigger.n }}\" } }"]),
    )
    .await
    .unwrap();
    for n in 0..3 {
        let run = engine
            .run("p", "manual", map(json!({ "n": n })))
            .await
            .unwrap();
        assert_eq!(run.output["n"], n);
    }
    engine.stop().await;
    let entries = diary.entries();
    for once in ["make one", "destroy one"] {
        assert_eq!(
            entries.iter().filter(|entry| *entry == once).count(),
            1,
            "{entries:?}"
        );
    }
}

#[tokio::test]
async fn a_step_that_cannot_be_made_keeps_the_workflow_from_starting() {
    let diary = Diary::default();
    let engine = engine(&diary);
    let error = apply(
        &engine,
        &file(STOP, &["one {}", "two { fail_make: nonsense }"]),
    )
    .await
    .unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::InvalidConfig);
    assert!(error.to_string().contains("\"two\"") && error.to_string().contains("nonsense"));
    assert_eq!(diary.entries(), ["make one", "make two", "destroy one"]);
}

/// Steps that look at their config only when they are made, as a plugin does that
/// speaks the first version of the wire contract.
struct AtCreation(Diary);

#[async_trait]
impl StepFactory for AtCreation {
    async fn create(&self, name: &str, config: Map) -> Result<Arc<dyn PipelineStep>, EngineError> {
        self.0.write(format!(
            "config {}",
            config.get("output").cloned().unwrap_or_default()
        ));
        test_steps(&self.0).create(name, config).await
    }

    fn config_timing(&self) -> ConfigTiming {
        ConfigTiming::AtCreation
    }
}

#[tokio::test]
async fn a_step_that_reads_its_config_when_it_is_made_is_made_for_each_run_that_changes_it() {
    let diary = Diary::default();
    let engine = Engine::builder().build().unwrap();
    let plugin = TestPlugin::new("old").step("step.test", Arc::new(AtCreation(diary.clone())));
    engine.load_plugin(Arc::new(plugin)).unwrap();
    let steps = [
        "fixed { output: { a: 1 } }",
        "live { output: { n: \"{{ trigger.n }}\" } }",
    ];
    apply(&engine, &file(STOP, &steps)).await.unwrap();
    assert_eq!(diary.entries(), [r#"config {"a":1}"#, "make fixed"]);
    for n in [1, 2] {
        let run = engine
            .run("p", "manual", map(json!({ "n": n })))
            .await
            .unwrap();
        assert_eq!(run.output["n"], n);
    }
    engine.stop().await;
    super::support::wait_for("both live steps to be destroyed", || {
        diary
            .entries()
            .iter()
            .filter(|entry| *entry == "destroy live")
            .count()
            == 2
    })
    .await;
    let entries = diary.entries();
    assert!(
        entries.contains(&r#"config {"n":2}"#.to_owned()),
        "{entries:?}"
    );
    assert_eq!(
        entries
            .iter()
            .filter(|entry| *entry == "make fixed")
            .count(),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn dropping_a_runs_future_cancels_it_where_it_stands() {
    let (diary, in_flight) = (Diary::default(), Arc::new(AtomicUsize::new(0)));
    let engine = Engine::builder().build().unwrap();
    let steps = super::support::counted_steps(&diary, &in_flight);
    engine
        .load_plugin(Arc::new(TestPlugin::new("tests").step("step.test", steps)))
        .unwrap();
    apply(
        &engine,
        &file(
            "on_error: compensate",
            &[
                "one {} | , compensate: { type: step.test }",
                "two { sleep_ms: 20000 }",
            ],
        ),
    )
    .await
    .unwrap();
    let gone =
        tokio::time::timeout(Duration::from_secs(1), engine.run("p", "manual", empty())).await;
    assert!(gone.is_err());
    assert_eq!(in_flight.load(std::sync::atomic::Ordering::SeqCst), 0);
    let run = &engine.runs()[0];
    assert_eq!(run.status, RunStatus::Cancelled);
    assert_eq!(
        statuses(run),
        [("one", RunStatus::Succeeded), ("two", RunStatus::Cancelled)]
    );
    assert!(run.compensations.is_empty());
}

#[tokio::test]
async fn runs_at_once_do_not_see_each_other() {
    let diary = Diary::default();
    let engine = engine(&diary);
    let steps = [
        "one { output: { n: \"{{ trigger.n }}\" } }",
        "two { output: { n: \"{{ steps.one.n }}\" } }",
    ];
    apply(&engine, &file(STOP, &steps)).await.unwrap();
    let runs = (0..50).map(|n| {
        let engine = engine.clone();
        tokio::spawn(async move {
            let run = engine
                .run("p", "manual", map(json!({ "n": n })))
                .await
                .unwrap();
            assert_eq!(run.output["n"], n);
            run.id
        })
    });
    let mut ids = std::collections::BTreeSet::new();
    for run in runs.collect::<Vec<_>>() {
        ids.insert(run.await.unwrap());
    }
    assert_eq!(ids.len(), 50);
}

#[tokio::test]
async fn a_run_as_json_is_complete() {
    let (run, _) = run(
        STOP,
        &["one { output: { a: 1 } }", "two { fail: broken }"],
        json!({ "who": "ada" }),
    )
    .await;
    let mut json = serde_json::to_value(&run).unwrap();
    for key in ["id", "started_at", "duration_ms"] {
        assert!(!json[key].take().is_null(), "{key} is missing");
    }
    for step in json["steps"].as_array_mut().unwrap() {
        for key in ["offset_ms", "duration_ms"] {
            assert!(step[key].take().is_number(), "{key} is missing");
        }
    }
    let error = json!({ "kind": "failed", "message": "step \"two\": broken", "step": "two" });
    assert_eq!(
        json,
        json!({
            "id": null, "started_at": null, "duration_ms": null,
            "pipeline": "p", "trigger": "manual", "status": "failed",
            "input": { "who": "ada" }, "output": { "a": 1 },
            "error": error,
            "steps": [
                { "name": "one", "type": "step.test", "plugin": "tests", "plugin_version": "1.0.0",
                  "status": "succeeded", "offset_ms": null, "duration_ms": null,
                  "input": { "output": { "a": 1 } }, "output": { "a": 1 } },
                { "name": "two", "type": "step.test", "plugin": "tests", "plugin_version": "1.0.0",
                  "status": "failed", "offset_ms": null, "duration_ms": null,
                  "input": { "fail": "broken" }, "output": {}, "error": error },
            ],
        })
    );
}

#[tokio::test]
async fn the_engine_itself_writes_to_the_log() {
    let engine = Engine::builder().build().unwrap();
    let file = "pipelines:\n  p:\n    steps:\n      - { name: say, type: step.log, config: { message: \"{{ trigger.text }}\", level: warn } }\n";
    apply(&engine, file).await.unwrap();
    let run = engine
        .run("p", "manual", map(json!({ "text": "two\nlines" })))
        .await
        .unwrap();
    assert_eq!(run.output["message"], "two\nlines");
    engine.stop().await;
    for config in [
        "{}",
        "{ message: a, level: loud }",
        "{ message: a, mesage: b }",
    ] {
        let file = format!(
            "pipelines:\n  p:\n    steps:\n      - {{ name: say, type: step.log, config: {config} }}\n"
        );
        let error = apply(&engine, &file).await.unwrap_err();
        assert_eq!(error.kind(), EngineErrorKind::InvalidConfig, "{config}");
    }
}
