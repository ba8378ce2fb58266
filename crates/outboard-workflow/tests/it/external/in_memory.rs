//! Proxies made by hand over a connection in memory, for hosts that look after the
//! process themselves.

use std::sync::{Arc, Mutex};

use outboard_go_plugin::transport::{Channel, serve_connection};
use outboard_sdk::{
    Error, async_trait,
    workflow::{
        Manifest, ModuleInstance, ModuleSchema, Plugin, PluginServer, ServiceInvoker, StepInput,
        StepInstance,
    },
};
use outboard_workflow::{
    engine::{
        Application, EngineErrorKind, EnginePlugin as _, Map, Module as _, NativePlugin as _,
        PipelineStep, PluginContext, PluginFailure, RouteTable,
    },
    external::{ExternalPluginAdapter, GrpcPlugin, PluginClient, RemoteModule, RemoteStep},
};
use serde_json::json;

use super::support::{execute, map};

/// What happened to modules and steps, in order.
#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<&'static str>>>);

impl Diary {
    fn write(&self, what: &'static str) {
        self.0.lock().unwrap().push(what);
    }

    fn read(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().clone()
    }
}

struct Book(Diary);

#[async_trait]
impl ModuleInstance for Book {
    async fn init(&self) -> Result<(), Error> {
        self.0.write("init");
        Ok(())
    }

    async fn start(&self) -> Result<(), Error> {
        self.0.write("start");
        Ok(())
    }

    async fn stop(&self) -> Result<(), Error> {
        self.0.write("stop");
        Ok(())
    }

    fn service(&self) -> Option<&dyn ServiceInvoker> {
        Some(self)
    }
}

#[async_trait]
impl ServiceInvoker for Book {
    async fn invoke(&self, method: &str, arguments: Map) -> Result<Map, Error> {
        match method {
            "twice" => Ok(map(
                json!({ "twice": [arguments["text"], arguments["text"]] }),
            )),
            _ => Err(Error::new(format!("there is no {method}"))),
        }
    }
}

impl Drop for Book {
    fn drop(&mut self) {
        self.0.write("gone");
    }
}

struct Echo;

#[async_trait]
impl StepInstance for Echo {
    async fn execute(&self, input: StepInput) -> Result<outboard_sdk::workflow::StepResult, Error> {
        outboard_sdk::workflow::StepResult::output(json!({ "saw": input.current }))
    }
}

/// A plugin's client over a connection that no process stands behind.
async fn client(diary: &Diary) -> PluginClient {
    let manifest = Manifest::new("paper", "2.1.0")
        .author("tests")
        .description("in memory");
    let diary = diary.clone();
    let plugin = Plugin::new(manifest)
        .module("paper.book", move |_name, _config| Ok(Book(diary.clone())))
        .schema(ModuleSchema {
            module_type: "paper.book".into(),
            ..ModuleSchema::default()
        })
        .step("step.echo", |_name, _config| Ok(Echo));
    let services = PluginServer::new(plugin).services();
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    tokio::spawn(async move { serve_connection(theirs, services).await });
    GrpcPlugin::new().client("paper", Channel::from_io(ours).await.unwrap())
}

#[tokio::test]
async fn an_adapter_of_a_connected_plugin_says_what_the_plugin_says() {
    let adapter = ExternalPluginAdapter::new("folder", client(&Diary::default()).await);
    let adapter = adapter.await.unwrap();
    // The original does the same: the name is the plugin's, not its directory's.
    assert_eq!(adapter.name(), "paper");
    assert_eq!(
        (adapter.version(), adapter.description()),
        ("2.1.0".into(), "in memory".into())
    );
    assert_eq!(adapter.engine_manifest().author, "tests");
    assert_eq!(
        adapter.module_factories().into_keys().collect::<Vec<_>>(),
        ["paper.book"]
    );
    assert_eq!(
        adapter.step_factories().into_keys().collect::<Vec<_>>(),
        ["step.echo"]
    );
    assert_eq!(adapter.module_schemas()[0].module_type, "paper.book");
}

#[tokio::test]
async fn what_the_protocol_cannot_carry_is_empty_and_enabling_does_nothing() {
    let diary = Diary::default();
    let adapter = ExternalPluginAdapter::new("paper", client(&diary).await)
        .await
        .unwrap();
    assert!(adapter.dependencies().is_empty() && adapter.capabilities().is_empty());
    assert!(adapter.trigger_factories().is_empty() && adapter.workflow_handlers().is_empty());
    assert!(adapter.ui_pages().is_empty() && adapter.wiring_hooks().is_empty());
    let mut routes = RouteTable::default();
    adapter.register_routes(&mut routes);
    assert!(routes.is_empty());
    let context = PluginContext {
        application: Application::default(),
        data_dir: None,
    };
    adapter.on_enable(&context).await.unwrap();
    adapter.on_disable(&context).await.unwrap();
    assert_eq!(diary.read(), [""; 0]);
}

#[tokio::test]
async fn a_remote_module_of_a_handle_goes_through_its_life() {
    let diary = Diary::default();
    let client = client(&diary).await;
    let request = outboard_contracts::workflow::proto::CreateModuleRequest {
        r#type: "paper.book".to_owned(),
        name: "b".to_owned(),
        ..Default::default()
    };
    let created = client
        .raw()
        .create_module(request)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(created.error, "");

    let module = RemoteModule::new("b", created.handle_id, client);
    assert_eq!(module.name(), "b");
    assert!(module.dependencies().is_empty() && module.requires_services().is_empty());
    // The engine offers its service under its own name.
    assert_eq!(module.provides_services(), ["b"]);
    let application = Application::default();
    module.register_config(&application).unwrap();
    module.init(&application).await.unwrap();
    module.start().await.unwrap();
    let answer = module
        .invoke_service("twice", map(json!({ "text": "hm" })))
        .await
        .unwrap();
    assert_eq!(answer, map(json!({ "twice": ["hm", "hm"] })));
    let error = module
        .invoke_service("thrice", Map::new())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("there is no thrice"), "{error}");
    module.stop().await.unwrap();
    module.destroy().await.unwrap();
    assert_eq!(diary.read(), ["init", "start", "stop", "gone"]);
    module.start().await.unwrap_err();
}

#[tokio::test]
async fn a_remote_step_of_a_handle_executes_until_it_is_destroyed() {
    let client = client(&Diary::default()).await;
    let request = outboard_contracts::workflow::proto::CreateStepRequest {
        r#type: "step.echo".to_owned(),
        name: "e".to_owned(),
        ..Default::default()
    };
    let created = client
        .raw()
        .create_step(request)
        .await
        .unwrap()
        .into_inner();
    let step: Arc<dyn PipelineStep> =
        RemoteStep::new("e", created.handle_id.clone(), client.clone());
    assert_eq!(step.name(), "e");
    let result = execute(&step, &Map::new()).await.unwrap();
    assert_eq!(result.output, map(json!({ "saw": { "order": 7 } })));
    step.destroy().await.unwrap();
    let error = execute(&step, &Map::new()).await.unwrap_err();
    assert_eq!(
        error.kind(),
        EngineErrorKind::Plugin(PluginFailure::Refused)
    );
    // The plugin has forgotten it too, not just our proxy.
    let request = outboard_contracts::workflow::proto::HandleRequest {
        handle_id: created.handle_id,
    };
    let again = client
        .raw()
        .destroy_step(request)
        .await
        .unwrap()
        .into_inner();
    assert!(
        again.error.contains("unknown step handle"),
        "{}",
        again.error
    );
}
