//! The session that was recorded with a plugin of the original SDK, replayed.

use std::collections::BTreeMap;

use outboard_contracts::{
    value::{map, map_to_struct, struct_to_map},
    workflow::proto::{self, plugin_service_client::PluginServiceClient},
};
use outboard_go_plugin::transport::Channel;
use outboard_sdk::testing::Host;
use prost_types::Struct;
use serde_json::{Map, Value, json};
use tonic::Status;

use crate::kitchen::Kitchen;

const SESSION: &str = include_str!("../golden/workflow-session.json");

/// Makes the recorded calls. `HANDLE` in a request is the newest handle.
struct Replay {
    client: PluginServiceClient<Channel>,
    channel: Channel,
    handle: String,
}

impl Replay {
    fn text(&self, request: &Value, key: &str) -> String {
        match request[key].as_str() {
            Some("HANDLE") => self.handle.clone(),
            text => text.unwrap_or_default().to_owned(),
        }
    }

    async fn call(&mut self, call: &str, request: &Value) -> Result<Value, Status> {
        let client = &mut self.client;
        match call {
            "GetManifest" => {
                let manifest = client.get_manifest(()).await?.into_inner();
                Ok(without_defaults(json!({
                    "name": manifest.name, "version": manifest.version, "author": manifest.author,
                    "description": manifest.description,
                })))
            }
            "GetModuleTypes" => Ok(types(client.get_module_types(()).await?.into_inner())),
            "GetStepTypes" => Ok(types(client.get_step_types(()).await?.into_inner())),
            "GetTriggerTypes" => Ok(types(client.get_trigger_types(()).await?.into_inner())),
            "GetModuleSchemas" => {
                assert!(
                    client
                        .get_module_schemas(())
                        .await?
                        .into_inner()
                        .schemas
                        .is_empty()
                );
                Ok(json!({}))
            }
            "CreateModule" => {
                let request = proto::CreateModuleRequest {
                    r#type: self.text(request, "type"),
                    name: self.text(request, "name"),
                    config: wire(&request["config"]),
                    ..Default::default()
                };
                let response = self.client.create_module(request).await?.into_inner();
                Ok(self.created(response))
            }
            "CreateStep" => {
                let request = proto::CreateStepRequest {
                    r#type: self.text(request, "type"),
                    name: self.text(request, "name"),
                    config: wire(&request["config"]),
                    ..Default::default()
                };
                let response = self.client.create_step(request).await?.into_inner();
                Ok(self.created(response))
            }
            "InitModule" | "StartModule" | "StopModule" | "DestroyModule" | "DestroyStep" => {
                let request = proto::HandleRequest {
                    handle_id: self.text(request, "handle_id"),
                };
                let client = &mut self.client;
                let response = match call {
                    "InitModule" => client.init_module(request).await?,
                    "StartModule" => client.start_module(request).await?,
                    "StopModule" => client.stop_module(request).await?,
                    "DestroyModule" => client.destroy_module(request).await?,
                    _ => client.destroy_step(request).await?,
                };
                Ok(without_defaults(
                    json!({ "error": response.into_inner().error }),
                ))
            }
            "ExecuteStep" => {
                let outputs = request["step_outputs"]
                    .as_object()
                    .cloned()
                    .unwrap_or_default();
                let request = proto::ExecuteStepRequest {
                    handle_id: self.text(request, "handle_id"),
                    trigger_data: wire(&request["trigger_data"]),
                    step_outputs: outputs
                        .iter()
                        .map(|(name, it)| (name.clone(), wire(it).unwrap()))
                        .collect(),
                    current: wire(&request["current"]),
                    metadata: wire(&request["metadata"]),
                    ..Default::default()
                };
                let response = self.client.execute_step(request).await?.into_inner();
                let mut answer = without_defaults(json!({
                    "error": response.error, "stop_pipeline": response.stop_pipeline,
                }));
                if let Some(output) = response.output {
                    answer["output"] = struct_to_map(output).unwrap().into();
                }
                Ok(answer)
            }
            "InvokeService" => {
                let request = proto::InvokeServiceRequest {
                    handle_id: self.text(request, "handle_id"),
                    method: self.text(request, "method"),
                    args: wire(&request["args"]),
                    ..Default::default()
                };
                let response = self.client.invoke_service(request).await?.into_inner();
                Ok(without_defaults(json!({ "error": response.error })))
            }
            other => Err(self.unknown_method(other).await),
        }
    }

    /// A method that no version of the wire has, called without a generated client.
    async fn unknown_method(&self, name: &str) -> Status {
        let mut grpc = tonic::client::Grpc::new(self.channel.clone());
        grpc.ready().await.unwrap();
        let path = format!("/workflow.plugin.v1.PluginService/{name}")
            .parse()
            .unwrap();
        let codec = tonic_prost::ProstCodec::<(), ()>::default();
        grpc.unary(tonic::Request::new(()), path, codec)
            .await
            .unwrap_err()
    }

    fn created(&mut self, response: proto::HandleResponse) -> Value {
        if response.error.is_empty() {
            let handle: uuid::Uuid = response.handle_id.parse().unwrap();
            assert_eq!(handle.get_version_num(), 4, "handles are random");
            self.handle = response.handle_id;
            json!({ "handle_id": "HANDLE" })
        } else {
            without_defaults(json!({ "handle_id": response.handle_id, "error": response.error }))
        }
    }
}

fn types(list: proto::TypeList) -> Value {
    without_defaults(json!({ "types": list.types }))
}

fn wire(value: &Value) -> Option<Struct> {
    (!value.is_null()).then(|| map_to_struct(&map(value.clone()).unwrap()).unwrap())
}

/// As protobuf's JSON form leaves them out.
fn without_defaults(value: Value) -> Value {
    let defaults = [json!(""), json!(false), json!([])];
    let fields = value.as_object().unwrap().clone().into_iter();
    Value::Object(
        fields
            .filter(|(_, value)| !defaults.contains(value))
            .collect::<Map<_, _>>(),
    )
}

#[tokio::test]
async fn a_plugin_made_with_the_sdk_answers_the_recorded_session_as_the_original_did() {
    let calls: Vec<Value> = serde_json::from_str(SESSION).unwrap();
    assert_eq!(calls.len(), 32);
    let host = Host::start(Kitchen).await.unwrap();
    let mut replay = Replay {
        client: host.client(),
        channel: host.channel(),
        handle: String::new(),
    };
    let mut made: BTreeMap<String, usize> = BTreeMap::new();
    for (number, recorded) in calls.iter().enumerate() {
        let call = recorded["call"].as_str().unwrap();
        let place = format!("call {number}, {call}");
        *made.entry(call.to_owned()).or_default() += 1;
        match replay.call(call, &recorded["request"]).await {
            Ok(mut answer) => {
                if let Some(error) = answer["error"].as_str() {
                    answer["error"] = error.replace(&replay.handle, "HANDLE").into();
                } else {
                    answer.as_object_mut().unwrap().remove("error");
                }
                assert_eq!(answer, recorded["response"], "{place}");
            }
            Err(status) => {
                assert_eq!(
                    format!("{:?}", status.code()),
                    recorded["grpc_code"],
                    "{place}"
                );
                // DIFFERENCE: tonic has no text for a method that a service lacks.
                if call != "NoSuchMethod" {
                    assert_eq!(status.message(), recorded["grpc_message"], "{place}");
                }
            }
        }
    }
    assert_eq!(made.len(), 15, "every kind of call was made");
}
