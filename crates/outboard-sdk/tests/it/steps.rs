//! What a step sees, gives and survives.

use std::{sync::Arc, time::Duration};

use outboard_sdk::{
    Error, Map, async_trait, json,
    testing::{CallError, Host},
    workflow::{Manifest, Plugin, StepInput, StepInstance, StepResult},
};
use serde_json::Value;
use tokio::sync::{Barrier, Notify};

use crate::kitchen::Kitchen;

/// A step that is a closure.
struct Closure<F>(F);

#[async_trait]
impl<F, W> StepInstance for Closure<F>
where
    F: Fn(StepInput) -> W + Send + Sync + 'static,
    W: Future<Output = Result<StepResult, Error>> + Send,
{
    async fn execute(&self, input: StepInput) -> Result<StepResult, Error> {
        (self.0)(input).await
    }
}

fn plugin<F, W>(step: F) -> Plugin
where
    F: Fn(StepInput) -> W + Clone + Send + Sync + 'static,
    W: Future<Output = Result<StepResult, Error>> + Send + 'static,
{
    Plugin::new(Manifest::new("test", "1.0.0"))
        .step("step.test", move |_, _| Ok(Closure(step.clone())))
}

async fn only_step(host: &Host) -> outboard_sdk::testing::StepHandle {
    host.create_step("step.test", "it", json!({}))
        .await
        .unwrap()
}

#[tokio::test]
async fn the_resolved_config_of_a_run_takes_precedence_over_the_one_of_the_creation() {
    struct Path(Map);

    #[async_trait]
    impl StepInstance for Path {
        async fn execute(&self, input: StepInput) -> Result<StepResult, Error> {
            #[derive(serde::Deserialize)]
            struct Config {
                path: String,
            }
            let config: Config = input.read_config(&self.0)?;
            StepResult::output(json!({ "path": config.path }))
        }
    }

    let plugin =
        Plugin::new(Manifest::new("test", "1.0.0")).step("step.path", |_, config| Ok(Path(config)));
    let host = Host::start(plugin).await.unwrap();
    let step = host
        .create_step("step.path", "it", json!({ "path": "{{ trigger.path }}" }))
        .await
        .unwrap();

    let resolved = StepInput::of_config(json!({ "path": "/a" })).unwrap();
    assert_eq!(step.execute(resolved).await.unwrap().output["path"], "/a");
    // A host of v0.1.1 does not send the field.
    assert_eq!(
        step.execute(StepInput::default()).await.unwrap().output["path"],
        "{{ trigger.path }}"
    );
    let wrong = step
        .execute(StepInput::of_config(json!({})).unwrap())
        .await
        .unwrap_err();
    assert_eq!(wrong.plugin_error(), Some("config: missing field `path`"));
}

#[tokio::test]
async fn runs_of_one_step_go_on_at_the_same_time() {
    let barrier = Arc::new(Barrier::new(3));
    let host = Host::start(plugin(move |_| {
        let barrier = barrier.clone();
        async move {
            barrier.wait().await;
            Ok(StepResult::default())
        }
    }))
    .await
    .unwrap();
    let step = only_step(&host).await;
    let input = StepInput::default;
    let all = async {
        tokio::join!(
            step.execute(input()),
            step.execute(input()),
            step.execute(input())
        )
    };
    let (first, second, third) = tokio::time::timeout(Duration::from_secs(10), all)
        .await
        .unwrap();
    assert!(first.is_ok() && second.is_ok() && third.is_ok());
}

#[tokio::test]
async fn a_panic_fails_its_own_call_and_no_other() {
    let host = Host::start(plugin(|input: StepInput| async move {
        if input.current.contains_key("late") {
            tokio::task::yield_now().await;
        }
        if let Some(text) = input.current.get("panic").and_then(Value::as_str) {
            panic!("{text}");
        }
        StepResult::output(json!({ "fine": true }))
    }))
    .await
    .unwrap();
    let step = only_step(&host).await;
    for late in [
        json!({ "panic": "boom" }),
        json!({ "panic": "boom", "late": true }),
    ] {
        let error = step
            .execute(StepInput::of_current(late).unwrap())
            .await
            .unwrap_err();
        assert_eq!(error.plugin_error(), Some("step \"it\" panicked: boom"));
    }
    assert_eq!(
        step.execute(StepInput::default()).await.unwrap().output["fine"],
        true
    );
}

#[tokio::test]
async fn an_output_that_cannot_cross_the_wire_is_an_error_that_names_the_place() {
    let host = Host::start(plugin(|_| async {
        StepResult::output(json!({ "fine": 1, "items": [{ "id": u64::MAX }] }))
    }))
    .await
    .unwrap();
    let error = only_step(&host)
        .await
        .execute(StepInput::default())
        .await
        .unwrap_err();
    let text = error.plugin_error().unwrap();
    assert!(
        text.starts_with("step \"it\": the value at output.items[0].id is 18446744073709551615"),
        "{text}"
    );
}

#[tokio::test]
async fn a_number_that_is_none_is_refused_with_its_place() {
    let host = Host::start(plugin(|_| async { Ok(StepResult::default()) }))
        .await
        .unwrap();
    let step = only_step(&host).await;
    let value = prost_types::Value {
        kind: Some(prost_types::value::Kind::NumberValue(f64::NAN)),
    };
    let request = outboard_contracts::workflow::proto::ExecuteStepRequest {
        handle_id: step.id().to_owned(),
        current: Some(prost_types::Struct {
            fields: [("price".to_owned(), value)].into(),
        }),
        ..Default::default()
    };
    let answer = host
        .client()
        .execute_step(request)
        .await
        .unwrap()
        .into_inner();
    assert!(
        answer
            .error
            .starts_with("the value at current.price is NaN"),
        "{}",
        answer.error
    );
    assert!(answer.output.is_none());
}

#[tokio::test]
async fn a_call_that_takes_too_long_ends_and_its_work_is_dropped() {
    struct Told(Arc<Notify>);
    impl Drop for Told {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }

    let dropped = Arc::new(Notify::new());
    let told = dropped.clone();
    let host = Host::start(plugin(move |_| {
        let told = Told(told.clone());
        async move {
            let _told = told;
            std::future::pending().await
        }
    }))
    .await
    .unwrap()
    .with_timeout(Duration::from_millis(50));
    let error = only_step(&host)
        .await
        .execute(StepInput::default())
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some(tonic::Code::DeadlineExceeded));
    tokio::time::timeout(Duration::from_secs(10), dropped.notified())
        .await
        .unwrap();
}

#[tokio::test]
async fn an_unknown_type_is_an_error_that_lists_the_known_ones() {
    let host = Host::start(plugin(|_| async { Ok(StepResult::default()) }))
        .await
        .unwrap();
    let error = host
        .create_step("step.other", "it", json!({}))
        .await
        .unwrap_err();
    assert_eq!(
        error.plugin_error(),
        Some("unknown step type \"step.other\"; this plugin has step.test")
    );
}

#[tokio::test]
async fn a_plugin_without_modules_or_steps_says_so() {
    let host = Host::start(Plugin::new(Manifest::new("empty", "1.0.0")))
        .await
        .unwrap();
    assert_eq!(host.module_types().await.unwrap(), Vec::<String>::new());
    assert_eq!(host.step_types().await.unwrap(), Vec::<String>::new());
    let error = host.create_step("x", "x", json!({})).await.unwrap_err();
    assert_eq!(error.plugin_error(), Some("plugin does not provide steps"));
    let error = host.create_module("x", "x", json!({})).await.unwrap_err();
    assert_eq!(
        error.plugin_error(),
        Some("plugin does not provide modules")
    );
}

#[tokio::test]
async fn a_plugin_says_who_it_is() {
    let host = Host::start(Kitchen).await.unwrap();
    let manifest = host.manifest().await.unwrap();
    assert_eq!(
        (manifest.name.as_str(), manifest.author.as_str()),
        ("kitchen", "me")
    );
}

#[tokio::test]
async fn a_config_that_is_no_object_is_refused_before_it_is_sent() {
    let host = Host::start(Kitchen).await.unwrap();
    let error = host
        .create_step("step.echo", "it", json!([]))
        .await
        .unwrap_err();
    assert!(matches!(error, CallError::Value(_)));
}
