//! What is remembered of a run: when each step began, what it was given, who did it.

use std::time::Duration;

use outboard_workflow::engine::{
    Engine,
    pipeline::{HIDDEN, RunResult, RunStatus},
    workflow_file::{self, CheckOptions},
};
use serde_json::{Value, json};

use super::support::{Diary, apply, engine, map, wait_for};

async fn started(steps: &str) -> Engine {
    let engine = engine(&Diary::default());
    let file = format!("pipelines:\n  p:\n    steps:\n{steps}");
    apply(&engine, &file).await.unwrap();
    engine
}

async fn run(engine: &Engine, input: Value) -> RunResult {
    engine.run("p", "manual", map(input)).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn each_step_says_when_it_began_and_how_long_it_took() {
    let engine = started(
        "      - { name: one, type: step.test, config: { sleep_ms: 3000 } }
      - { name: two, type: step.test, config: { sleep_ms: 500 } }\n",
    )
    .await;
    let run = run(&engine, json!({})).await;
    let seconds = |duration: Duration| (duration.as_secs_f64() * 10.0).round() / 10.0;
    let times: Vec<_> = run
        .steps
        .iter()
        .map(|step| (seconds(step.offset), seconds(step.duration)))
        .collect();
    assert_eq!(times, [(0.0, 3.0), (3.0, 0.5)]);
}

#[tokio::test]
async fn a_step_that_goes_on_is_in_the_record_as_running() {
    let engine = started(
        "      - { name: one, type: step.test, config: { output: { a: 1 } } }
      - { name: two, type: step.test, config: { sleep_ms: 600000, who: \"{{ trigger.who }}\" } }\n",
    )
    .await;
    let running = engine.clone();
    let task = tokio::spawn(async move {
        let input = map(json!({ "who": "ada" }));
        running.run("p", "manual", input).await
    });
    let find = || engine.runs().pop();
    let reached = || find().is_some_and(|run| run.steps.len() == 2);
    wait_for("the second step", reached).await;
    let run = find().unwrap();
    assert_eq!(run.input["who"], "ada");
    assert_eq!(run.steps[0].status, RunStatus::Succeeded);
    let two = &run.steps[1];
    assert_eq!(two.status, RunStatus::Running);
    assert_eq!(two.input.as_ref().unwrap()["who"], "ada");
    assert_eq!(two.plugin.as_deref(), Some("tests"));
    assert_eq!(two.plugin_version.as_deref(), Some("1.0.0"));
    let so_far = two.duration;
    let longer = || find().is_some_and(|run| run.steps[1].duration > so_far);
    wait_for("time to pass", longer).await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    let ended = find().unwrap();
    assert_eq!(ended.steps.len(), 2, "it is not there twice");
    assert_eq!(ended.steps[1].status, RunStatus::Cancelled);
}

#[tokio::test]
async fn what_a_step_was_given_is_kept_without_secrets_and_what_the_host_added() {
    let engine = engine(&Diary::default());
    let file = r#"
pipelines:
  p:
    steps:
      - name: ask
        type: step.test
        config:
          url: "https://{{ env.HOST }}/{{ trigger.path }}"
          key: "{{ env.KEY }}"
          in: "${PLACE}"
          headers: { Authorization: "Bearer abc" }
"#;
    let env = |name: &str| match name {
        "HOST" => Some("inside.example".to_owned()),
        "KEY" => Some("swordfish".to_owned()),
        _ => None,
    };
    let variables: std::collections::BTreeMap<_, _> =
        [("PLACE".to_owned(), "/data".to_owned())].into();
    let options = CheckOptions {
        env: &env,
        variables: &variables,
        ..CheckOptions::permissive()
    };
    let workflow = workflow_file::check(file.as_bytes(), &options).unwrap();
    engine
        .apply(&workflow, "/somewhere".as_ref())
        .await
        .unwrap();
    let run = run(&engine, json!({ "path": "a" })).await;
    assert_eq!(
        run.steps[0].input,
        Some(map(json!({
            "url": format!("https://{HIDDEN}/a"), "key": HIDDEN, "in": "/data",
            "headers": { "Authorization": HIDDEN },
        })))
    );
    let text = serde_json::to_string(&run).unwrap();
    assert!(
        !text.contains("swordfish") && !text.contains("Bearer abc"),
        "{text}"
    );
}

#[tokio::test]
async fn inputs_are_kept_up_to_a_length_and_together_up_to_another() {
    let step = |name: &str, from: &str| {
        format!(
            "      - {{ name: {name}, type: step.test, config: {{ text: \"{{{{ trigger.{from} }}}}\" }} }}\n"
        )
    };
    let mut steps = step("long", "long");
    for index in 0..25 {
        steps += &step(&format!("s{index}"), "short");
    }
    let engine = started(&steps).await;
    let (long, short) = ("x".repeat(70_000), "y".repeat(50_000));
    let run = run(&engine, json!({ "long": long, "short": short })).await;
    assert_eq!(run.status, RunStatus::Succeeded);
    let note = json!({ "_truncated": true, "_bytes": 70_011 });
    assert_eq!(run.steps[0].input, Some(map(note)));
    assert_eq!(
        run.input["_truncated"], true,
        "that of the run is bounded, too"
    );
    let whole = run.steps.iter().filter(|step| {
        let input = step.input.as_ref().unwrap();
        input.get("text").and_then(Value::as_str) == Some(&short)
    });
    assert_eq!(whole.count(), 1024 * 1024 / 50_011);
    assert_eq!(run.steps[25].input.as_ref().unwrap()["_bytes"], 50_011);
}

#[tokio::test]
async fn a_step_whose_config_finds_nothing_has_no_input() {
    let engine = started(
        "      - { name: one, type: step.test, config: { a: \"{{ trigger.nothing }}\" } }\n",
    )
    .await;
    let run = run(&engine, json!({})).await;
    assert_eq!(run.steps[0].status, RunStatus::Failed);
    assert_eq!(run.steps[0].input, None);
}
