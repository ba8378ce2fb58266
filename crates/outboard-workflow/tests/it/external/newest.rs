//! What newer plugins put into messages, as recorded from the newest original: each
//! field is understood or passed over.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use bytes::{BufMut as _, Bytes, BytesMut};
use http_body_util::BodyExt as _;
use outboard_contracts::workflow::proto::{
    ExecuteStepRequest, ExecuteStepResponse, GetServiceRequest, HandleResponse,
    InvokeServiceResponse, LogRequest, Manifest, PublishMessageRequest, SubscribeRequest,
    TriggerWorkflowRequest, TypeList, UnsubscribeRequest,
};
use outboard_go_plugin::transport::{Channel, IncomingBody, Services, serve_connection};
use outboard_workflow::{
    engine::{
        EngineErrorKind, EnginePlugin as _, Map, Module as _, NativePlugin as _, PipelineStep,
        PluginFailure,
    },
    external::{
        CallbackServer, ExternalPluginAdapter, PluginClient, RemoteModule, RemoteStep, TriggerCall,
        TriggerFunc,
    },
};
use prost::Message;
use serde_json::{Value, json};
use tonic::{Code, Status, body::Body, server::NamedService};

use super::{
    callback::client as callback_client,
    support::{execute, map},
};

const NEWEST: &str =
    include_str!("../../../../outboard-contracts/tests/golden/workflow-newest-messages.json");

/// A recorded message, and the JSON of what it says.
fn recorded<M: Message + Default>(name: &str) -> (M, Value) {
    let file: Value = serde_json::from_str(NEWEST).unwrap();
    let name = format!("workflow.plugin.v1.{name}");
    let messages = file["messages"].as_array().unwrap();
    let entry = messages
        .iter()
        .find(|entry| entry["message"] == name.as_str())
        .unwrap();
    let hex = entry["hex"].as_str().unwrap();
    let bytes: Vec<u8> = (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect();
    (M::decode(bytes.as_slice()).unwrap(), entry["json"].clone())
}

/// A plugin that gives the same answer to each method every time, and keeps what it
/// was asked.
#[derive(Clone, Default)]
struct Plugin {
    answers: BTreeMap<&'static str, Vec<u8>>,
    asked: Arc<Mutex<Vec<(String, Bytes)>>>,
}

impl Plugin {
    fn answers(mut self, method: &'static str, message: &impl Message) -> Plugin {
        self.answers.insert(method, message.encode_to_vec());
        self
    }

    async fn client(&self) -> PluginClient {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let services = Services::new().add_service(self.clone());
        tokio::spawn(async move { serve_connection(theirs, services).await });
        PluginClient::new("newest", Channel::from_io(ours).await.unwrap())
    }
}

impl NamedService for Plugin {
    const NAME: &'static str = "workflow.plugin.v1.PluginService";
}

impl tower_service::Service<http::Request<IncomingBody>> for Plugin {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<IncomingBody>) -> Self::Future {
        let method = request.uri().path().rsplit('/').next().unwrap().to_owned();
        let answer = self.answers.get(method.as_str()).cloned();
        let asked = Arc::clone(&self.asked);
        Box::pin(async move {
            let body = request.into_body().collect().await.unwrap().to_bytes();
            asked.lock().unwrap().push((method, body.slice(5..)));
            let Some(message) = answer else {
                return Ok(Status::unimplemented("").into_http());
            };
            let mut frame = BytesMut::new();
            frame.put_u8(0);
            frame.put_u32(u32::try_from(message.len()).unwrap());
            frame.put_slice(&message);
            let mut trailers = http::HeaderMap::new();
            trailers.insert("grpc-status", "0".parse().unwrap());
            let frames = futures_util::stream::iter([
                Ok::<_, Status>(http_body::Frame::data(Bytes::from(frame))),
                Ok(http_body::Frame::trailers(trailers)),
            ]);
            let body = Body::new(http_body_util::StreamBody::new(frames));
            let response = http::Response::builder().header("content-type", "application/grpc");
            Ok(response.body(body).unwrap())
        })
    }
}

#[tokio::test]
async fn a_manifest_with_later_fields_is_read_and_later_methods_may_be_missing() {
    let (manifest, json) = recorded::<Manifest>("Manifest");
    assert!(manifest.config_mutable && !manifest.sample_category.is_empty());
    let (types, _) = recorded::<TypeList>("TypeList");
    let plugin = Plugin::default()
        .answers("GetManifest", &manifest)
        .answers("GetStepTypes", &types);
    let adapter = ExternalPluginAdapter::new("newest", plugin.client().await);
    let adapter = adapter.await.unwrap();
    assert_eq!(json["version"], *adapter.version());
    assert_eq!(json["description"], *adapter.description());
}

#[tokio::test]
async fn a_step_sends_its_resolved_config_and_takes_the_plain_output_beside_a_typed_one() {
    let (mut answer, json) = recorded::<ExecuteStepResponse>("ExecuteStepResponse");
    assert!(answer.typed_output.is_some());
    let refused = Plugin::default().answers("ExecuteStep", &answer);
    let step = |client| -> Arc<dyn PipelineStep> { RemoteStep::new("s", "h", client) };
    let error = execute(&step(refused.client().await), &Map::new()).await;
    let error = error.unwrap_err();
    assert!(error.to_string().contains("value of error"), "{error}");

    answer.error.clear();
    let plugin = Plugin::default().answers("ExecuteStep", &answer);
    let config = map(json!({ "resolved": "yes" }));
    let result = execute(&step(plugin.client().await), &config)
        .await
        .unwrap();
    assert_eq!(Value::Object(result.output), json["output"]);
    assert!(result.stop);
    let asked = plugin.asked.lock().unwrap().clone();
    let sent = ExecuteStepRequest::decode(asked[0].1.clone()).unwrap();
    let sent = outboard_contracts::value::struct_to_map(sent.config.unwrap()).unwrap();
    assert_eq!(sent, config);

    answer.output = None;
    let plugin = Plugin::default().answers("ExecuteStep", &answer);
    let error = execute(&step(plugin.client().await), &Map::new()).await;
    let error = error.unwrap_err();
    assert_eq!(
        error.kind(),
        EngineErrorKind::Plugin(PluginFailure::BadAnswer)
    );
    let words = "its output came as type.googleapis.com/google.protobuf.StringValue alone";
    assert!(error.to_string().contains(words), "{error}");
}

#[tokio::test]
async fn a_service_gives_the_plain_result_beside_a_typed_one_and_never_the_typed_one_alone() {
    let (mut answer, json) = recorded::<InvokeServiceResponse>("InvokeServiceResponse");
    assert!(answer.typed_output.is_some());
    answer.error.clear();
    let plugin = Plugin::default().answers("InvokeService", &answer);
    let module = RemoteModule::new("m", "h", plugin.client().await);
    let result = module.invoke_service("look", Map::new()).await.unwrap();
    assert_eq!(Value::Object(result), json["result"]);

    answer.result = None;
    let plugin = Plugin::default().answers("InvokeService", &answer);
    let module = RemoteModule::new("m", "h", plugin.client().await);
    let error = module.invoke_service("look", Map::new()).await.unwrap_err();
    assert_eq!(
        error.kind(),
        EngineErrorKind::Plugin(PluginFailure::BadAnswer)
    );
}

#[tokio::test]
async fn an_answer_that_creates_something_and_has_an_error_is_the_error() {
    let (answer, _) = recorded::<HandleResponse>("HandleResponse");
    assert!(!answer.handle_id.is_empty() && !answer.error.is_empty());
    let (types, _) = recorded::<TypeList>("TypeList");
    let plugin = Plugin::default()
        .answers("GetStepTypes", &types)
        .answers("CreateStep", &answer);
    let adapter = ExternalPluginAdapter::new("newest", plugin.client().await);
    let adapter = adapter.await.unwrap();
    let steps = adapter.step_factories();
    let created = steps["types-0"].create("s", Map::new()).await;
    let error = created.err().unwrap();
    assert!(error.to_string().contains("value of error"), "{error}");
}

#[tokio::test]
async fn a_recorded_trigger_is_fired_by_its_plain_data_and_refused_with_typed_data_alone() {
    let calls: Arc<Mutex<Vec<TriggerCall>>> = Arc::default();
    let kept = Arc::clone(&calls);
    let on_trigger: TriggerFunc = Arc::new(move |call| {
        kept.lock().unwrap().push(call);
        Box::pin(std::future::ready(Ok(())))
    });
    let mut client = callback_client(CallbackServer::new(Some(on_trigger), None)).await;
    let (mut request, json) = recorded::<TriggerWorkflowRequest>("TriggerWorkflowRequest");
    assert!(request.typed_data.is_some());
    let answer = client.trigger_workflow(request.clone()).await.unwrap();
    assert_eq!(answer.into_inner().error, "");
    let call = calls.lock().unwrap().pop().unwrap();
    assert_eq!(json["trigger_type"], call.trigger_type.as_str());
    assert_eq!(json["action"], call.action.as_str());
    assert_eq!(Value::Object(call.data), json["data"]);

    request.data = None;
    let answer = client.trigger_workflow(request).await.unwrap();
    assert_eq!(
        answer.into_inner().error,
        "data came as type.googleapis.com/google.protobuf.StringValue alone; send it as a Struct"
    );
    assert!(calls.lock().unwrap().is_empty());
}

#[tokio::test]
async fn recorded_questions_and_lines_are_taken_and_messages_are_unimplemented() {
    let mut client = callback_client(CallbackServer::default()).await;
    let (question, _) = recorded::<GetServiceRequest>("GetServiceRequest");
    let found = client.get_service(question).await.unwrap().into_inner();
    assert!(!found.found);
    let (line, _) = recorded::<LogRequest>("LogRequest");
    client.log(line).await.unwrap();
    let (publish, _) = recorded::<PublishMessageRequest>("PublishMessageRequest");
    let (subscribe, _) = recorded::<SubscribeRequest>("SubscribeRequest");
    let (unsubscribe, _) = recorded::<UnsubscribeRequest>("UnsubscribeRequest");
    let statuses = [
        client.publish_message(publish).await.unwrap_err(),
        client.subscribe(subscribe).await.unwrap_err(),
        client.unsubscribe(unsubscribe).await.unwrap_err(),
    ];
    for status in statuses {
        assert_eq!(status.code(), Code::Unimplemented, "{status}");
    }
}
