//! Triggers, and calls of the plugin to its engine, against a host in memory.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use outboard_contracts::workflow::proto::{
    ConfigureCallbackRequest, plugin_service_client::PluginServiceClient,
};
use outboard_go_plugin::transport::{Channel, serve_connection};
use outboard_sdk::{
    Error, Map, async_trait,
    testing::{Fired, Host, TestEngine},
    tracing,
    workflow::{
        CallbackError, CallbackErrorKind, Engine, Manifest, Plugin, PluginServer, StepInput,
        StepInstance, StepResult, TriggerCallback, TriggerInstance,
    },
};
use serde_json::{Value, json};
use tonic::Code;

type Events = Arc<Mutex<Vec<String>>>;

/// Fires once when it starts, and writes down what happens to it.
struct Bell {
    callback: TriggerCallback,
    config: Map,
    events: Events,
}

impl Bell {
    fn note(&self, event: &str) {
        self.events.lock().unwrap().push(event.to_owned());
    }
}

#[async_trait]
impl TriggerInstance for Bell {
    async fn start(&self) -> Result<(), Error> {
        self.note("start");
        if self.config.contains_key("quiet") {
            return Ok(());
        }
        let config = self.config.clone();
        Ok(self.callback.fire("ring", config).await?)
    }

    async fn stop(&self) -> Result<(), Error> {
        self.note("stop");
        Ok(())
    }
}

fn bells(events: &Events) -> Plugin {
    let events = Arc::clone(events);
    Plugin::new(Manifest::new("tower", "1.0.0")).trigger(
        "tower.bell",
        move |_, config, callback| {
            if config.contains_key("panic") {
                panic!("the rope broke");
            }
            Ok(Bell {
                callback,
                config,
                events: Arc::clone(&events),
            })
        },
    )
}

fn map(value: Value) -> Map {
    value.as_object().unwrap().clone()
}

#[tokio::test]
async fn a_trigger_goes_through_the_calls_of_a_module_and_fires_under_its_name() {
    let events = Events::default();
    let host = Host::start(bells(&events)).await.unwrap();
    let engine = TestEngine::new();
    host.connect(&engine).await.unwrap();
    assert_eq!(host.trigger_types().await.unwrap(), ["tower.bell"]);

    let bell = host
        .create_trigger("tower.bell", "noon", json!({ "times": 12 }))
        .await
        .unwrap();
    bell.init().await.unwrap();
    bell.start().await.unwrap();
    let fired = Fired {
        trigger: "noon".to_owned(),
        action: "ring".to_owned(),
        data: map(json!({ "times": 12 })),
    };
    assert_eq!(engine.fired().await, Some(fired));
    bell.start().await.unwrap();
    assert_eq!(engine.waiting(), 0, "a second start does nothing");
    bell.stop().await.unwrap();
    bell.start().await.unwrap();
    assert_eq!(engine.fired().await.unwrap().trigger, "noon");
    bell.destroy().await.unwrap();
    assert_eq!(
        *events.lock().unwrap(),
        ["start", "stop", "start", "stop"],
        "a destroy stops first"
    );
    let error = bell.start().await.unwrap_err();
    let unknown = format!("unknown module handle: {}", bell.id());
    assert_eq!(error.plugin_error(), Some(unknown.as_str()));
}

#[tokio::test]
async fn a_trigger_without_a_name_fires_under_its_type_and_needs_no_init() {
    let host = Host::start(bells(&Events::default())).await.unwrap();
    let engine = TestEngine::new();
    host.connect(&engine).await.unwrap();
    let bell = host
        .create_trigger("tower.bell", "", json!({}))
        .await
        .unwrap();
    bell.start().await.unwrap();
    assert_eq!(engine.fired().await.unwrap().trigger, "tower.bell");
}

#[tokio::test]
async fn a_trigger_that_cannot_be_made_says_why() {
    let host = Host::start(bells(&Events::default())).await.unwrap();
    let create = async |kind: &str, config| {
        let error = host.create_trigger(kind, "x", config).await.unwrap_err();
        error.plugin_error().unwrap().to_owned()
    };
    assert_eq!(
        create("tower.clock", json!({})).await,
        "unknown trigger type \"tower.clock\""
    );
    assert_eq!(
        create("tower.bell", json!({ "panic": 1 })).await,
        "creation of trigger \"x\" panicked: the rope broke"
    );

    let host = Host::start(Plugin::new(Manifest::new("bare", "1.0.0")))
        .await
        .unwrap();
    assert_eq!(host.trigger_types().await.unwrap(), [""; 0]);
    let error = host
        .create_trigger("tower.bell", "x", json!({}))
        .await
        .unwrap_err();
    assert_eq!(
        error.plugin_error(),
        Some("plugin does not provide triggers")
    );
}

#[tokio::test]
async fn triggers_that_the_host_left_behind_are_stopped_at_the_end() {
    let events = Events::default();
    let host = Host::start(bells(&events)).await.unwrap();
    let bell = host
        .create_trigger("tower.bell", "b", json!({ "quiet": true }))
        .await
        .unwrap();
    bell.start().await.unwrap();
    host.shut_down().await;
    assert_eq!(*events.lock().unwrap(), ["start", "stop"]);
}

/// Makes one call to the engine, and keeps how it ended.
struct Caller {
    engine: Engine,
    outcomes: Arc<Mutex<Vec<Result<Value, CallbackError>>>>,
}

#[async_trait]
impl StepInstance for Caller {
    async fn execute(&self, input: StepInput) -> Result<StepResult, Error> {
        let engine = &self.engine;
        let outcome = match input.current["call"].as_str().unwrap() {
            "trigger" => engine
                .trigger("restock", "now", map(input.current["data"].clone()))
                .await
                .map(|()| Value::Null),
            "service" => engine.has_service("mail").await.map(Value::from),
            _ => engine
                .log(tracing::Level::WARN, "mind the gap", input.current.clone())
                .await
                .map(|()| Value::Null),
        };
        self.outcomes.lock().unwrap().push(outcome);
        Ok(StepResult::default())
    }
}

struct Calls {
    host: Host,
    outcomes: Arc<Mutex<Vec<Result<Value, CallbackError>>>>,
}

impl Calls {
    async fn new(timeout: Duration) -> Calls {
        let outcomes: Arc<Mutex<Vec<_>>> = Arc::default();
        let plugin = Plugin::new(Manifest::new("caller", "1.0.0"));
        let engine = plugin.engine().with_timeout(timeout);
        let kept = Arc::clone(&outcomes);
        let plugin = plugin.step("step.call", move |_, _| {
            Ok(Caller {
                engine: engine.clone(),
                outcomes: Arc::clone(&kept),
            })
        });
        Calls {
            host: Host::start(plugin).await.unwrap(),
            outcomes,
        }
    }

    async fn call(&self, input: Value) -> Result<Value, CallbackError> {
        let step = self.host.create_step("step.call", "c", json!({})).await;
        let input = StepInput::of_current(input).unwrap();
        step.unwrap().execute(input).await.unwrap();
        self.outcomes.lock().unwrap().pop().unwrap()
    }

    async fn kind(&self, input: Value) -> CallbackErrorKind {
        self.call(input).await.unwrap_err().kind()
    }
}

const LONG: Duration = Duration::from_secs(30);

#[tokio::test]
async fn steps_start_workflows_ask_for_services_and_write_into_the_log() {
    let calls = Calls::new(LONG).await;
    let engine = TestEngine::new().with_service("mail");
    calls.host.connect(&engine).await.unwrap();
    let data = json!({ "items": [1, { "two": null }] });
    calls
        .call(json!({ "call": "trigger", "data": data }))
        .await
        .unwrap();
    let fired = engine.fired().await.unwrap();
    assert_eq!(
        (fired.trigger.as_str(), fired.action.as_str()),
        ("restock", "now")
    );
    assert_eq!(Value::Object(fired.data), data);
    assert_eq!(
        calls.call(json!({ "call": "service" })).await.unwrap(),
        true
    );
    calls.call(json!({ "call": "log", "n": 1 })).await.unwrap();
    let logged = engine.logged();
    assert_eq!(
        (logged[0].level.as_str(), logged[0].message.as_str()),
        ("warn", "mind the gap")
    );
    assert_eq!(logged[0].fields["n"], 1);
}

#[tokio::test]
async fn under_a_host_that_takes_no_calls_every_call_is_a_clear_error() {
    let calls = Calls::new(LONG).await;
    for call in ["service", "log"] {
        assert_eq!(
            calls.kind(json!({ "call": call })).await,
            CallbackErrorKind::NotConnected
        );
    }
    let error = calls.call(json!({ "call": "trigger", "data": {} })).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), CallbackErrorKind::NotConnected);
    assert_eq!(
        error.to_string(),
        "trigger \"restock\": callback client is not configured; the host takes no calls from plugins"
    );
}

#[tokio::test]
async fn a_refusal_has_the_engines_words_and_what_cannot_cross_names_its_place() {
    let calls = Calls::new(LONG).await;
    let engine = TestEngine::new();
    calls.host.connect(&engine).await.unwrap();
    engine.refuse("not yours");
    let error = calls.call(json!({ "call": "trigger", "data": {} })).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), CallbackErrorKind::Refused);
    assert_eq!(error.message(), "not yours");
    assert_eq!(engine.waiting(), 0);

    let plugin = Engine::new();
    let big = map(json!({ "deep": [1, 9_007_199_254_740_993_i64] }));
    let error = plugin.trigger("restock", "now", big).await.unwrap_err();
    assert_eq!(error.kind(), CallbackErrorKind::BadValue);
    assert!(error.message().contains("data.deep[1]"), "{error}");
}

#[tokio::test]
async fn an_engine_that_does_not_answer_is_a_timeout() {
    let calls = Calls::new(Duration::from_millis(50)).await;
    let engine = TestEngine::new();
    calls.host.connect(&engine).await.unwrap();
    engine.fall_silent();
    for call in ["service", "log"] {
        assert_eq!(
            calls.kind(json!({ "call": call })).await,
            CallbackErrorKind::Timeout
        );
    }
}

#[tokio::test]
async fn when_the_engine_is_configured_again_calls_go_to_the_new_one() {
    let calls = Calls::new(LONG).await;
    let (first, second) = (TestEngine::new(), TestEngine::new());
    calls.host.connect(&first).await.unwrap();
    calls.host.connect(&second).await.unwrap();
    calls
        .call(json!({ "call": "trigger", "data": {} }))
        .await
        .unwrap();
    assert_eq!((first.waiting(), second.waiting()), (0, 1));
}

#[tokio::test]
async fn a_number_that_nothing_is_served_under_leaves_the_plugin_as_it_was() {
    let calls = Calls::new(LONG).await;
    let configure = async |broker_id| {
        let request = ConfigureCallbackRequest { broker_id };
        let answer = calls.host.client().configure_callback(request).await;
        answer.unwrap().into_inner().error
    };
    assert_eq!(configure(0).await, "callback broker id is required");
    assert_eq!(
        configure(7).await,
        "dial callback broker: nothing is served as 7"
    );
    assert_eq!(
        calls.kind(json!({ "call": "service" })).await,
        CallbackErrorKind::NotConnected
    );
}

#[tokio::test]
async fn a_plugin_that_makes_no_calls_answers_unimplemented_as_old_ones_do() {
    struct Plain;
    #[async_trait]
    impl StepInstance for Plain {
        async fn execute(&self, _: StepInput) -> Result<StepResult, Error> {
            Ok(StepResult::default())
        }
    }
    let plugin = Plugin::new(Manifest::new("plain", "1.0.0")).step("step.x", |_, _| Ok(Plain));
    let host = Host::start(plugin).await.unwrap();
    let error = host.connect(&TestEngine::new()).await.unwrap_err();
    assert_eq!(error.code(), Some(Code::Unimplemented));
}

#[tokio::test]
async fn without_a_broker_callbacks_cannot_be_configured() {
    let server = PluginServer::new(bells(&Events::default()));
    let (near, far) = tokio::io::duplex(4096);
    let services = server.services();
    let connection = tokio::spawn(async move { serve_connection(far, services).await });
    let mut client = PluginServiceClient::new(Channel::from_io(near).await.unwrap());
    let request = ConfigureCallbackRequest { broker_id: 42 };
    let answer = client.configure_callback(request).await.unwrap();
    assert_eq!(
        answer.into_inner().error,
        "callback broker is not configured"
    );
    connection.abort();
}
