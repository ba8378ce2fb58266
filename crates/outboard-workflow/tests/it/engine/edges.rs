//! Where two rules meet: sizes at their bounds, and names that look like something else.

use std::{pin::Pin, sync::Arc, task::Poll};

use outboard_contracts::manifest::Capability;
use outboard_workflow::engine::{
    Engine, EngineError, EngineErrorKind, Map, PipelineStep, StepCall, StepResult, Trigger,
    TriggerSink, TypeRegistry,
    capability::{CapabilityRegistry, Contract, InterfaceId},
    pipeline::{PipelineContext, RunStatus, Template},
    step_factory, trigger_factory,
    workflow_file::{CheckOptions, check},
};
use serde_json::json;

use super::support::{Diary, TestPlugin, apply, empty, engine, map, tests_plugin};

/// Lets a run come to the first place where it waits.
async fn begin<F: Future + Unpin>(future: &mut F) {
    std::future::poll_fn(|context| {
        assert!(Pin::new(&mut *future).poll(context).is_pending());
        Poll::Ready(())
    })
    .await;
}

#[tokio::test]
async fn a_run_that_goes_on_is_not_pushed_out_of_the_memory_by_those_that_ended() {
    let engine = Engine::builder().history(2).build().unwrap();
    engine
        .load_plugin(Arc::new(tests_plugin(&Diary::default())))
        .unwrap();
    let file = "
pipelines:
  slow: { steps: [ { name: a, type: step.test, config: { sleep_ms: 60000 } } ] }
  quick: { steps: [ { name: a, type: step.test } ] }
";
    apply(&engine, file).await.unwrap();
    let mut going = Box::pin(engine.run("slow", "manual", empty()));
    begin(&mut going).await;
    let slow = engine.runs().remove(0).id;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(engine.run("quick", "manual", empty()).await.unwrap().id);
    }
    assert_eq!(engine.run_by_id(&slow).unwrap().status, RunStatus::Running);
    assert!(engine.run_by_id(&ids[0]).is_none());
    let remembered: Vec<String> = engine.runs().into_iter().map(|run| run.id).collect();
    assert_eq!(remembered, [ids[2].clone(), slow]);
}

#[tokio::test]
async fn a_step_that_ran_twice_is_compensated_once() {
    let diary = Diary::default();
    let engine = engine(&diary);
    // The first time, `a` says to go on with `a`, and the second time with `c`.
    let file = r#"
pipelines:
  p:
    on_error: compensate
    steps:
      - name: a
        type: step.test
        config: { output: { to: "{{ current.after }}", after: c } }
        compensate: { type: step.test }
      - { name: b, type: step.test, config: { next: "{{ current.to }}" } }
      - { name: c, type: step.test, config: { fail: "stop here" } }
"#;
    apply(&engine, file).await.unwrap();
    let input = map(json!({ "after": "a" }));
    let run = engine.run("p", "manual", input).await.unwrap();
    let done: Vec<&str> = run.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(done, ["a", "b", "a", "b", "c"]);
    let undone: Vec<&str> = run
        .compensations
        .iter()
        .map(|record| record.name.as_str())
        .collect();
    assert_eq!(undone, ["a"]);
}

#[tokio::test]
async fn a_pipeline_that_does_not_exist_is_an_error_with_the_nearest_name() {
    let engine = engine(&Diary::default());
    let file = "pipelines: { restock: { steps: [ { name: a, type: step.test } ] } }";
    apply(&engine, file).await.unwrap();
    let error = engine.run("restok", "manual", empty()).await.unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::NotFound);
    assert_eq!(
        error.to_string(),
        r#"there is no pipeline "restok"; did you mean "restock"?"#
    );
    assert!(engine.runs().is_empty(), "nothing ran");
}

struct Told;

#[async_trait::async_trait]
impl PipelineStep for Told {
    fn name(&self) -> &str {
        "told"
    }

    async fn execute(&self, call: &StepCall<'_>) -> Result<StepResult, EngineError> {
        let seconds = call.timeout.as_secs_f64().round();
        Ok(StepResult::output(map(json!({ "seconds": seconds }))))
    }
}

#[tokio::test(start_paused = true)]
async fn a_step_is_told_how_much_of_the_pipelines_time_is_left() {
    let engine = engine(&Diary::default());
    let told = step_factory(|_, _| async { Ok(Arc::new(Told) as Arc<dyn PipelineStep>) });
    let plugin = TestPlugin::new("told").step("step.told", told);
    engine.load_plugin(Arc::new(plugin)).unwrap();
    let file = "
pipelines:
  p:
    timeout: 10s
    steps:
      - { name: a, type: step.told, timeout: 3s }
      - { name: b, type: step.test, config: { sleep_ms: 8000 } }
      - { name: c, type: step.told, timeout: 3s }
";
    apply(&engine, file).await.unwrap();
    let run = engine.run("p", "manual", empty()).await.unwrap();
    assert_eq!(run.step("a").unwrap().output["seconds"], 3.0);
    assert_eq!(run.step("c").unwrap().output["seconds"], 2.0);
}

#[test]
fn a_plugin_that_defines_a_capability_may_provide_it_too() {
    let registry = TypeRegistry::new();
    let provider = |name: &str| {
        let mut plugin = TestPlugin::new(name);
        plugin.manifest.capabilities.push(Capability {
            name: "cache".to_owned(),
            role: "provider".to_owned(),
            priority: 0,
        });
        plugin
    };
    let mut own = provider("own");
    let contract = Contract::new("cache", "Keeps things", InterfaceId::named("cache.v1"));
    own.contracts.push(contract);
    registry.register(&own).unwrap();
    // Another one that says no more than the name.
    registry.register(&provider("other")).unwrap();
    let capabilities = registry.capabilities();
    assert_eq!(capabilities.resolve("cache").unwrap().plugin, "own");
    assert_eq!(capabilities.providers("cache").len(), 2);
}

#[test]
fn a_capability_whose_contract_is_gone_takes_no_provider() {
    let registry = CapabilityRegistry::new();
    let interface = || InterfaceId::named("cache.v1");
    let contract = Contract::new("cache", "", interface());
    registry.register_contract("definer", contract).unwrap();
    registry
        .register_provider("cache", "store", 0, interface())
        .unwrap();
    registry.unregister("definer");
    let error = registry
        .register_provider("cache", "another", 0, interface())
        .unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::UnknownCapability);
}

#[test]
fn digits_that_are_no_index_are_a_name() {
    let data = map(json!({ "007": "bond", "7": "seven", "items": { "01": "one" } }));
    let context = PipelineContext::new(data, empty());
    for (text, expected) in [
        ("{{ trigger.007 }}", "bond"),
        ("{{ trigger.7 }}", "seven"),
        ("{{ trigger.items.01 }}", "one"),
    ] {
        let value = Template::parse(text).unwrap().resolve(&context).unwrap();
        assert_eq!(value, expected, "{text}");
    }
}

struct Needy;

#[async_trait::async_trait]
impl Trigger for Needy {
    fn name(&self) -> &str {
        "needy"
    }

    fn dependencies(&self) -> Vec<String> {
        vec!["stok".to_owned()]
    }

    async fn configure(&self, _: Map, _: Arc<dyn TriggerSink>) -> Result<(), EngineError> {
        Ok(())
    }

    async fn start(&self) -> Result<(), EngineError> {
        panic!("it must not be started without what it needs")
    }

    async fn stop(&self) -> Result<(), EngineError> {
        Ok(())
    }
}

#[tokio::test]
async fn a_trigger_whose_module_does_not_run_keeps_the_workflow_from_starting() {
    let diary = Diary::default();
    let engine = engine(&diary);
    let mut plugin = TestPlugin::new("needy");
    plugin.triggers.insert(
        "test.needy".to_owned(),
        trigger_factory(|_, _| async { Ok(Arc::new(Needy) as Arc<dyn Trigger>) }),
    );
    engine.load_plugin(Arc::new(plugin)).unwrap();
    let file = "
modules: [ { name: stock, type: test.module } ]
pipelines: { p: { steps: [ { name: a, type: step.test } ] } }
triggers: [ { type: test.needy, name: n, pipeline: p } ]
";
    let error = apply(&engine, file).await.unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::NotFound);
    assert_eq!(
        error.to_string(),
        r#"start trigger "n": there is no module "stok"; did you mean "stock"?"#
    );
    let entries = diary.entries();
    assert!(entries.contains(&"destroy stock".to_owned()), "{entries:?}");
    assert!(engine.application().services().is_empty());
}

#[test]
fn a_mapping_of_many_keys_is_checked_in_time_that_grows_with_their_number() {
    // 90,000 keys in one config: comparing each with each takes minutes.
    let mut file = String::from("modules:\n- name: m\n  type: t\n  config:\n");
    for key in 0..90_000 {
        file.push_str(&format!("   {key:x}:\n"));
    }
    let began = std::time::Instant::now();
    let workflow = check(file.as_bytes(), &CheckOptions::permissive()).unwrap();
    assert_eq!(workflow.modules[0].config.len(), 90_000);
    // Generous: it takes less than a second.
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}

#[test]
fn a_merge_of_many_keys_is_read_in_time_that_grows_with_their_number() {
    let mut file = String::from("modules:\n- &a\n  name: m\n  type: t\n  config: &c\n");
    for key in 0..20_000 {
        file.push_str(&format!("   a{key:x}:\n"));
    }
    file.push_str("- name: n\n  type: t\n  config:\n   <<: *c\n   a0: mine\n");
    let began = std::time::Instant::now();
    let workflow = check(file.as_bytes(), &CheckOptions::permissive()).unwrap();
    assert_eq!(workflow.modules[1].config.len(), 20_000);
    assert_eq!(workflow.modules[1].config["a0"], "mine");
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}

#[test]
fn brackets_without_end_are_one_problem_and_no_overflow() {
    for bracket in ["[", "{a: ", "- "] {
        let file = format!("modules: \n  {}", bracket.repeat(200_000));
        let problems = check(file.as_bytes(), &CheckOptions::permissive()).unwrap_err();
        assert_eq!(problems.as_slice().len(), 1, "{bracket}");
    }
}
