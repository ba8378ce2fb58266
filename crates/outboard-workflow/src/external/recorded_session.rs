//! The answers that an original plugin gave, replayed to our client: proof that
//! the host understands them. `tests/golden/workflow-session.json` was recorded
//! from the unmodified original; every handle in it is written `HANDLE`.
#![allow(clippy::unwrap_used)]

use std::{
    collections::VecDeque,
    convert::Infallible,
    future::{Ready, ready},
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use bytes::{BufMut as _, Bytes, BytesMut};
use outboard_contracts::{
    value::{self, Map},
    workflow::proto,
};
use outboard_go_plugin::transport::{Channel, IncomingBody, Services, serve_connection};
use prost::Message as _;
use serde_json::{Value, json};
use tonic::{Code, Status, body::Body, server::NamedService};

use super::{
    PluginClient,
    client::{Description, ModuleCall},
};
use crate::engine::{EngineError, EngineErrorKind, PipelineContext, PluginFailure, StepCall};

/// Answers each call with what was recorded for it, in order.
#[derive(Clone)]
struct Recording(Arc<Mutex<VecDeque<Value>>>);

impl NamedService for Recording {
    const NAME: &'static str = "workflow.plugin.v1.PluginService";
}

impl tower_service::Service<http::Request<IncomingBody>> for Recording {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<IncomingBody>) -> Self::Future {
        let method = request.uri().path().rsplit('/').next().unwrap().to_owned();
        let call = self.0.lock().unwrap().pop_front().expect("a call too many");
        assert_eq!(call["call"], method, "the calls come in the recorded order");
        if call.get("grpc_code").is_some() {
            assert_eq!(call["grpc_code"], "Unimplemented");
            let message = call["grpc_message"].as_str().unwrap();
            return ready(Ok(Status::new(Code::Unimplemented, message).into_http()));
        }
        let message = encode(&method, &call["response"]);
        let mut frame = BytesMut::new();
        frame.put_u8(0);
        frame.put_u32(message.len() as u32);
        frame.put_slice(&message);
        let mut trailers = http::HeaderMap::new();
        trailers.insert("grpc-status", "0".parse().unwrap());
        let body = http_body_util::StreamBody::new(futures_util::stream::iter([
            Ok::<_, Status>(http_body::Frame::data(Bytes::from(frame))),
            Ok(http_body::Frame::trailers(trailers)),
        ]));
        let response = http::Response::builder()
            .header("content-type", "application/grpc")
            .body(Body::new(body))
            .unwrap();
        ready(Ok(response))
    }
}

fn text(answer: &Value, field: &str) -> String {
    answer[field].as_str().unwrap_or_default().to_owned()
}

fn optional_struct(answer: &Value, field: &str) -> Option<prost_types::Struct> {
    let map = answer[field].as_object()?;
    Some(value::map_to_struct(map).unwrap())
}

fn encode(method: &str, answer: &Value) -> Vec<u8> {
    match method {
        "GetManifest" => proto::Manifest {
            name: text(answer, "name"),
            version: text(answer, "version"),
            author: text(answer, "author"),
            description: text(answer, "description"),
            ..Default::default()
        }
        .encode_to_vec(),
        "GetModuleTypes" | "GetStepTypes" | "GetTriggerTypes" => {
            let types = answer["types"].as_array().cloned().unwrap_or_default();
            let types = types
                .iter()
                .map(|name| name.as_str().unwrap().to_owned())
                .collect();
            proto::TypeList { types }.encode_to_vec()
        }
        "GetModuleSchemas" => proto::ModuleSchemaList::default().encode_to_vec(),
        "CreateModule" | "CreateStep" => proto::HandleResponse {
            handle_id: text(answer, "handle_id"),
            error: text(answer, "error"),
        }
        .encode_to_vec(),
        "InitModule" | "StartModule" | "StopModule" | "DestroyModule" | "DestroyStep" => {
            proto::ErrorResponse {
                error: text(answer, "error"),
            }
            .encode_to_vec()
        }
        "ExecuteStep" => proto::ExecuteStepResponse {
            output: optional_struct(answer, "output"),
            error: text(answer, "error"),
            stop_pipeline: answer["stop_pipeline"].as_bool().unwrap_or_default(),
            ..Default::default()
        }
        .encode_to_vec(),
        other => panic!("{other} answers only with a status in the recording"),
    }
}

fn map(request: &Value, field: &str) -> Map {
    request[field].as_object().cloned().unwrap_or_default()
}

/// What a typed call gave, in the recording's terms.
fn outcome(result: Result<Value, EngineError>) -> Value {
    match result {
        Ok(value) => value,
        Err(EngineError::Plugin {
            failure: PluginFailure::Refused,
            message,
            ..
        }) => {
            json!({ "error": message })
        }
        Err(error) => {
            assert_eq!(
                error.kind(),
                EngineErrorKind::Plugin(PluginFailure::Unsupported)
            );
            json!({ "unsupported": true })
        }
    }
}

#[tokio::test]
async fn the_host_understands_every_answer_of_the_recorded_session() {
    let recording = include_str!("../../tests/golden/workflow-session.json");
    let calls: Vec<Value> = serde_json::from_str(recording).unwrap();
    assert_eq!(calls.len(), 32);
    let queue = Arc::new(Mutex::new(calls.iter().cloned().collect()));
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let services = Services::new().add_service(Recording(queue));
    tokio::spawn(async move { serve_connection(theirs, services).await });
    let client = PluginClient::new("kitchen", Channel::from_io(ours).await.unwrap());

    let description = client.describe().await.unwrap();
    let expected = Description {
        name: "kitchen".into(),
        version: "1.2.3".into(),
        author: "me".into(),
        description: "all of it".into(),
        module_types: vec!["kitchen.mod".into()],
        step_types: vec!["step.echo".into(), "step.fail".into(), "step.stop".into()],
        ..Description::default()
    };
    assert_eq!(description, expected);

    for call in &calls[5..] {
        let (request, handle) = (&call["request"], text(&call["request"], "handle_id"));
        let (kind, name) = (text(request, "type"), text(request, "name"));
        let done = |()| json!({});
        let made = |handle: String| json!({ "handle_id": handle });
        let module = async |step| outcome(client.module_call(step, "m", &handle).await.map(done));
        let method = call["call"].as_str().unwrap();
        let actual = match method {
            "CreateModule" => {
                let config = map(request, "config");
                outcome(client.create_module(&kind, &name, &config).await.map(made))
            }
            "CreateStep" => {
                let config = map(request, "config");
                outcome(client.create_step(&kind, &name, &config).await.map(made))
            }
            "InitModule" => module(ModuleCall::Init).await,
            "StartModule" => module(ModuleCall::Start).await,
            "StopModule" => module(ModuleCall::Stop).await,
            "DestroyModule" => module(ModuleCall::Destroy).await,
            "DestroyStep" => outcome(client.destroy_step("s", &handle).await.map(done)),
            "InvokeService" => {
                let (method, args) = (text(request, "method"), map(request, "args"));
                let result = client.invoke_service("m", &handle, &method, &args).await;
                outcome(result.map(Value::Object))
            }
            "ExecuteStep" => {
                let context = PipelineContext::new(map(request, "trigger_data"), Map::new());
                let config = Map::new();
                let call = StepCall {
                    context: &context,
                    config: &config,
                    run: "run",
                    timeout: Duration::from_secs(10),
                };
                outcome(
                    client
                        .execute_step("s", &handle, &call)
                        .await
                        .map(|result| {
                            let mut answer = json!({ "output": result.output });
                            if result.stop {
                                answer["stop_pipeline"] = json!(true);
                            }
                            answer
                        }),
                )
            }
            // The recording's last call is to a method that does not exist; no
            // typed call can make it.
            "NoSuchMethod" => continue,
            other => panic!("{other} is not in the recording"),
        };
        let expected = match call.get("response") {
            Some(response) => response.clone(),
            None => json!({ "unsupported": true }),
        };
        assert_eq!(actual, expected, "{method} {request}");
    }
}
