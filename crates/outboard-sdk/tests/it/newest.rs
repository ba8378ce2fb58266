//! What newer hosts put into messages, as recorded from the newest original: each
//! field is understood or passed over.

use outboard_contracts::workflow::proto::{
    self, ConfigureCallbackRequest, CreateModuleRequest, CreateStepRequest, CreateTriggerRequest,
    DeliverMessageRequest, ExecuteStepRequest, GetAssetRequest, InvokeServiceRequest,
};
use outboard_sdk::{
    Error, Map, async_trait,
    testing::{Host, TestEngine},
    workflow::{
        Manifest, ModuleInstance, Plugin, ServiceInvoker, StepInput, StepInstance, StepResult,
        TriggerCallback, TriggerInstance,
    },
};
use prost::Message;
use serde_json::{Value, json};
use tonic::Code;

const NEWEST: &str =
    include_str!("../../../outboard-contracts/tests/golden/workflow-newest-messages.json");

/// A recorded message, and the JSON of what it says.
fn recorded<M: Message + Default>(name: &str) -> (M, Value) {
    let file: Value = serde_json::from_str(NEWEST).unwrap();
    let name = format!("workflow.plugin.v1.{name}");
    let entry = file["messages"].as_array().unwrap().iter();
    let entry = entry
        .clone()
        .find(|entry| entry["message"] == name.as_str())
        .unwrap();
    let hex = entry["hex"].as_str().unwrap();
    let bytes: Vec<u8> = (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect();
    (M::decode(bytes.as_slice()).unwrap(), entry["json"].clone())
}

/// A module, a step and a trigger of the recorded type, which give back what they got.
struct Mirror {
    config: Map,
    callback: Option<TriggerCallback>,
}

impl ModuleInstance for Mirror {
    fn service(&self) -> Option<&dyn ServiceInvoker> {
        Some(self)
    }
}

#[async_trait]
impl ServiceInvoker for Mirror {
    async fn invoke(&self, method: &str, args: Map) -> Result<Map, Error> {
        let seen = json!({ "config": self.config, "method": method, "args": args });
        Ok(seen.as_object().unwrap().clone())
    }
}

#[async_trait]
impl StepInstance for Mirror {
    async fn execute(&self, input: StepInput) -> Result<StepResult, Error> {
        StepResult::output(json!({
            "created": self.config, "config": input.config, "trigger_data": input.trigger_data,
            "step_outputs": input.step_outputs, "current": input.current, "metadata": input.metadata,
        }))
    }
}

#[async_trait]
impl TriggerInstance for Mirror {
    async fn start(&self) -> Result<(), Error> {
        let callback = self.callback.as_ref().unwrap();
        Ok(callback.fire("seen", self.config.clone()).await?)
    }

    async fn stop(&self) -> Result<(), Error> {
        Ok(())
    }
}

async fn host() -> Host {
    const TYPE: &str = "value of type";
    let mirror = |config, callback| Ok(Mirror { config, callback });
    let mut manifest = Manifest::new("mirror", "1.0.0");
    manifest.config_mutable = true;
    manifest.sample_category = "samples".to_owned();
    let plugin = Plugin::new(manifest)
        .module(TYPE, move |_, config| mirror(config, None))
        .step(TYPE, move |_, config| mirror(config, None))
        .trigger(TYPE, move |_, config, callback| {
            mirror(config, Some(callback))
        });
    Host::start(plugin).await.unwrap()
}

fn made(answer: tonic::Response<proto::HandleResponse>) -> String {
    let answer = answer.into_inner();
    assert_eq!(answer.error, "");
    answer.handle_id
}

#[tokio::test]
async fn a_module_is_made_from_the_plain_config_where_a_typed_one_comes_with_it() {
    let host = host().await;
    let (request, json) = recorded::<CreateModuleRequest>("CreateModuleRequest");
    assert!(request.typed_config.is_some());
    let module = host.module(&made(host.client().create_module(request).await.unwrap()));
    let seen = module.invoke("look", json!({})).await.unwrap();
    assert_eq!(seen["config"], json["config"]);
}

#[tokio::test]
async fn a_step_gets_the_resolved_config_and_passes_over_typed_forms() {
    let host = host().await;
    let (request, json) = recorded::<CreateStepRequest>("CreateStepRequest");
    assert!(request.typed_config.is_some());
    let handle = made(host.client().create_step(request).await.unwrap());
    let (mut request, input) = recorded::<ExecuteStepRequest>("ExecuteStepRequest");
    assert!(request.config.is_some() && request.typed_config.is_some());
    assert!(request.typed_input.is_some());
    request.handle_id = handle;
    let answer = host.client().execute_step(request).await.unwrap();
    let answer = answer.into_inner();
    assert_eq!((answer.error.as_str(), &answer.typed_output), ("", &None));
    let output = outboard_contracts::value::struct_to_map(answer.output.unwrap()).unwrap();
    assert_eq!(output["created"], json["config"]);
    for field in [
        "config",
        "trigger_data",
        "step_outputs",
        "current",
        "metadata",
    ] {
        assert_eq!(output[field], input[field], "{field}");
    }
}

#[tokio::test]
async fn a_service_gets_the_plain_arguments_where_typed_ones_come_with_them() {
    let host = host().await;
    let module = host.create_module("value of type", "m", json!({}));
    let module = module.await.unwrap();
    let (mut request, json) = recorded::<InvokeServiceRequest>("InvokeServiceRequest");
    assert!(request.typed_input.is_some());
    request.handle_id = module.id().to_owned();
    let answer = host.client().invoke_service(request).await.unwrap();
    let result = answer.into_inner().result.unwrap();
    let seen = outboard_contracts::value::struct_to_map(result).unwrap();
    assert_eq!(
        (&seen["args"], &seen["method"]),
        (&json["args"], &json["method"])
    );
}

#[tokio::test]
async fn what_comes_in_its_typed_form_alone_is_refused_and_never_taken_for_empty() {
    let host = host().await;
    let (mut module, _) = recorded::<CreateModuleRequest>("CreateModuleRequest");
    module.config = None;
    let (mut step, _) = recorded::<CreateStepRequest>("CreateStepRequest");
    step.config = None;
    let (mut execute, _) = recorded::<ExecuteStepRequest>("ExecuteStepRequest");
    let (mut input, _) = recorded::<ExecuteStepRequest>("ExecuteStepRequest");
    let (mut invoke, _) = recorded::<InvokeServiceRequest>("InvokeServiceRequest");
    let made = host.create_step("value of type", "s", json!({})).await;
    execute.handle_id = made.unwrap().id().to_owned();
    execute.config = None;
    input.handle_id.clone_from(&execute.handle_id);
    input.current = None;
    let made = host.create_module("value of type", "m", json!({})).await;
    invoke.handle_id = made.unwrap().id().to_owned();
    invoke.args = None;
    let client = || host.client();
    let errors = [
        client()
            .create_module(module)
            .await
            .unwrap()
            .into_inner()
            .error,
        client().create_step(step).await.unwrap().into_inner().error,
        client()
            .execute_step(execute)
            .await
            .unwrap()
            .into_inner()
            .error,
        client()
            .execute_step(input)
            .await
            .unwrap()
            .into_inner()
            .error,
        client()
            .invoke_service(invoke)
            .await
            .unwrap()
            .into_inner()
            .error,
    ];
    for (error, field) in errors
        .iter()
        .zip(["config", "config", "config", "input", "args"])
    {
        let expected = format!(
            "{field} came as type.googleapis.com/google.protobuf.StringValue alone, and this \
             plugin offers no typed contracts; send it as a Struct"
        );
        assert_eq!(*error, expected);
    }
}

#[tokio::test]
async fn a_recorded_trigger_is_made_and_fires_with_its_config() {
    let host = host().await;
    let engine = TestEngine::new();
    host.connect(&engine).await.unwrap();
    let (request, json) = recorded::<CreateTriggerRequest>("CreateTriggerRequest");
    let handle = made(host.client().create_trigger(request).await.unwrap());
    host.module(&handle).start().await.unwrap();
    let fired = engine.fired().await.unwrap();
    assert_eq!(fired.trigger, json["name"]);
    assert_eq!(Value::Object(fired.data), json["config"]);
}

#[tokio::test]
async fn the_recorded_callback_number_is_dialled() {
    let (request, json) = recorded::<ConfigureCallbackRequest>("ConfigureCallbackRequest");
    let answer = host().await.client().configure_callback(request).await;
    let expected = format!(
        "dial callback broker: nothing is served as {}",
        json["broker_id"]
    );
    assert_eq!(answer.unwrap().into_inner().error, expected);
}

#[tokio::test]
async fn later_methods_that_the_sdk_does_not_offer_are_unimplemented() {
    let host = host().await;
    let (deliver, _) = recorded::<DeliverMessageRequest>("DeliverMessageRequest");
    let (asset, _) = recorded::<GetAssetRequest>("GetAssetRequest");
    let statuses = [
        host.client().deliver_message(deliver).await.unwrap_err(),
        host.client().get_asset(asset).await.unwrap_err(),
        host.client().get_config_fragment(()).await.unwrap_err(),
        host.client().get_contract_registry(()).await.unwrap_err(),
    ];
    for status in statuses {
        assert_eq!(status.code(), Code::Unimplemented, "{status}");
    }
}

#[tokio::test]
async fn the_fields_of_a_manifest_that_came_later_reach_the_host() {
    let manifest = host().await.manifest().await.unwrap();
    assert!(manifest.config_mutable);
    assert_eq!(manifest.sample_category, "samples");
}
