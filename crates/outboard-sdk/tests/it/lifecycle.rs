//! A module's life, its service and its end.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use outboard_sdk::{
    Error, Map, async_trait, json,
    testing::Host,
    workflow::{ConfigField, Manifest, ModuleInstance, ModuleSchema, Plugin, ServiceInvoker},
};
use tokio::sync::Semaphore;

/// Writes down what happens to the modules, in order.
#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    fn write(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    fn read(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

struct Clock {
    name: String,
    diary: Diary,
    /// What goes wrong: `start`, `stop`, `panic`, or nothing.
    fault: String,
    /// A start waits for a permit of this.
    gate: Option<Arc<Semaphore>>,
}

#[async_trait]
impl ModuleInstance for Clock {
    async fn init(&self) -> Result<(), Error> {
        self.diary.write("init");
        Ok(())
    }

    async fn start(&self) -> Result<(), Error> {
        self.diary.write("start");
        if let Some(gate) = &self.gate {
            gate.acquire().await?.forget();
            self.diary.write("started");
        }
        match self.fault.as_str() {
            "start" => Err(Error::new("no battery")),
            "panic" => panic!("spring broken"),
            _ => Ok(()),
        }
    }

    async fn stop(&self) -> Result<(), Error> {
        self.diary.write("stop");
        if self.fault == "stop" {
            Err(Error::new("cannot be stopped"))
        } else {
            Ok(())
        }
    }

    fn service(&self) -> Option<&dyn ServiceInvoker> {
        (self.name != "mute").then_some(self)
    }
}

#[async_trait]
impl ServiceInvoker for Clock {
    async fn invoke(&self, method: &str, args: Map) -> Result<Map, Error> {
        match method {
            "echo" => Ok(args),
            "panic" => panic!("no hands"),
            "huge" => Ok(json!({ "n": u64::MAX })
                .as_object()
                .cloned()
                .unwrap_or_default()),
            other => Err(Error::new(format!("no method {other}"))),
        }
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.diary.write("drop");
    }
}

fn plugin(diary: &Diary, gate: Option<Arc<Semaphore>>) -> Plugin {
    let diary = diary.clone();
    Plugin::new(Manifest::new("clock", "1.0.0")).module("clock", move |name, config| {
        Ok(Clock {
            name: name.to_owned(),
            diary: diary.clone(),
            fault: config
                .get("fault")
                .and_then(|fault| fault.as_str())
                .unwrap_or_default()
                .to_owned(),
            gate: gate.clone(),
        })
    })
}

async fn host(diary: &Diary) -> Host {
    Host::start(plugin(diary, None)).await.unwrap()
}

#[tokio::test]
async fn a_module_goes_through_its_life_and_starts_again_after_a_stop() {
    let diary = Diary::default();
    let host = host(&diary).await;
    let module = host.create_module("clock", "m", json!({})).await.unwrap();
    module.init().await.unwrap();
    module.start().await.unwrap();
    module.stop().await.unwrap();
    module.start().await.unwrap();
    module.stop().await.unwrap();
    module.destroy().await.unwrap();
    assert_eq!(
        diary.read(),
        ["init", "start", "stop", "start", "stop", "drop"]
    );
}

#[tokio::test]
async fn a_start_before_init_is_refused() {
    let diary = Diary::default();
    let host = host(&diary).await;
    let module = host.create_module("clock", "m", json!({})).await.unwrap();
    let error = module.start().await.unwrap_err();
    assert!(
        error
            .plugin_error()
            .unwrap()
            .contains("call InitModule first"),
        "{error}"
    );
    assert_eq!(diary.read(), Vec::<String>::new());
}

#[tokio::test]
async fn calls_that_change_nothing_do_nothing() {
    let diary = Diary::default();
    let host = host(&diary).await;
    let module = host.create_module("clock", "m", json!({})).await.unwrap();
    module.stop().await.unwrap();
    module.init().await.unwrap();
    module.init().await.unwrap();
    module.stop().await.unwrap();
    module.start().await.unwrap();
    module.start().await.unwrap();
    module.stop().await.unwrap();
    module.stop().await.unwrap();
    assert_eq!(diary.read(), ["init", "start", "stop"]);
}

#[tokio::test]
async fn a_destroy_stops_what_runs_and_the_handle_is_gone_even_if_that_fails() {
    let diary = Diary::default();
    let host = host(&diary).await;
    for (fault, expected) in [
        ("", None),
        ("stop", Some("stop before destroy: cannot be stopped")),
    ] {
        let module = host
            .create_module("clock", "m", json!({ "fault": fault }))
            .await
            .unwrap();
        module.init().await.unwrap();
        module.start().await.unwrap();
        let outcome = module.destroy().await;
        assert_eq!(
            outcome
                .as_ref()
                .err()
                .and_then(|error| error.plugin_error()),
            expected
        );
        assert_eq!(diary.read(), ["init", "start", "stop", "drop"]);
        let error = module.destroy().await.unwrap_err();
        assert_eq!(
            error.plugin_error().unwrap(),
            format!("unknown module handle: {}", module.id())
        );
    }
}

#[tokio::test]
async fn a_start_that_fails_can_be_tried_again() {
    let diary = Diary::default();
    let host = host(&diary).await;
    let module = host
        .create_module("clock", "m", json!({ "fault": "start" }))
        .await
        .unwrap();
    module.init().await.unwrap();
    for _ in 0..2 {
        assert_eq!(
            module.start().await.unwrap_err().plugin_error(),
            Some("no battery")
        );
    }
    assert_eq!(diary.read(), ["init", "start", "start"]);
}

#[tokio::test]
async fn a_panic_in_a_module_fails_its_call_and_the_module_lives_on() {
    let diary = Diary::default();
    let host = host(&diary).await;
    let module = host
        .create_module("clock", "m", json!({ "fault": "panic" }))
        .await
        .unwrap();
    module.init().await.unwrap();
    let error = module.start().await.unwrap_err();
    assert_eq!(
        error.plugin_error(),
        Some("start of module \"m\" panicked: spring broken")
    );
    let error = module.invoke("panic", json!({})).await.unwrap_err();
    assert_eq!(
        error.plugin_error(),
        Some("method \"panic\" of module \"m\" panicked: no hands")
    );
    assert_eq!(
        module.invoke("echo", json!({ "a": 1 })).await.unwrap()["a"],
        1
    );
    module.destroy().await.unwrap();
}

#[tokio::test]
async fn a_start_goes_on_to_its_end_when_the_host_gives_up_and_a_destroy_waits_for_it() {
    let diary = Diary::default();
    let gate = Arc::new(Semaphore::new(0));
    let host = Host::start(plugin(&diary, Some(gate.clone())))
        .await
        .unwrap();
    let module = host.create_module("clock", "m", json!({})).await.unwrap();
    module.init().await.unwrap();

    let hasty = host.with_timeout(Duration::from_millis(50));
    let error = hasty.module(module.id()).start().await.unwrap_err();
    assert_eq!(error.code(), Some(tonic::Code::DeadlineExceeded));
    assert_eq!(diary.read(), ["init", "start"]);

    gate.add_permits(1);
    module.destroy().await.unwrap();
    assert_eq!(diary.read(), ["started", "stop", "drop"]);
}

#[tokio::test]
async fn a_service_answers_its_callers() {
    let diary = Diary::default();
    let host = host(&diary).await;
    let module = host.create_module("clock", "m", json!({})).await.unwrap();
    let args = json!({ "a": [1, { "b": null }] });
    assert_eq!(
        module.invoke("echo", args.clone()).await.unwrap(),
        *args.as_object().unwrap()
    );
    assert_eq!(
        module
            .invoke("strike", json!({}))
            .await
            .unwrap_err()
            .plugin_error(),
        Some("no method strike")
    );
    let error = module.invoke("huge", json!({})).await.unwrap_err();
    assert!(
        error
            .plugin_error()
            .unwrap()
            .contains("the value at result.n is"),
        "{error}"
    );
    let error = host
        .module("nope")
        .invoke("echo", json!({}))
        .await
        .unwrap_err();
    assert_eq!(error.plugin_error(), Some("unknown module handle: nope"));
}

#[tokio::test]
async fn a_module_without_a_service_answers_unimplemented() {
    let diary = Diary::default();
    let host = host(&diary).await;
    let module = host
        .create_module("clock", "mute", json!({}))
        .await
        .unwrap();
    let error = module.invoke("echo", json!({})).await.unwrap_err();
    assert_eq!(error.code(), Some(tonic::Code::Unimplemented));
    assert!(
        error.to_string().contains("InvokeService not implemented"),
        "{error}"
    );
}

#[tokio::test]
async fn the_end_of_the_plugin_stops_what_still_runs() {
    let diary = Diary::default();
    let host = host(&diary).await;
    let running = host.create_module("clock", "m", json!({})).await.unwrap();
    running.init().await.unwrap();
    running.start().await.unwrap();
    host.shut_down().await;
    assert_eq!(diary.read(), ["init", "start", "stop", "drop"]);
}

#[tokio::test]
async fn schemas_reach_the_host() {
    let schema = ModuleSchema {
        module_type: "clock".into(),
        label: "Clock".into(),
        category: "time".into(),
        config_fields: vec![ConfigField {
            key: "fault".into(),
            label: "fault".into(),
            field_type: "string".into(),
            ..ConfigField::default()
        }],
        ..ModuleSchema::default()
    };
    let plugin = plugin(&Diary::default(), None).schema(schema.clone());
    let host = Host::start(plugin).await.unwrap();
    assert_eq!(host.module_schemas().await.unwrap(), [schema]);
}
