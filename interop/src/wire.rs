//! Calls with JSON on both ends, through the typed client that hosts use.

use std::{collections::BTreeMap, time::Duration};

use http::uri::PathAndQuery;
use outboard_contracts::{
    value::{Map, map_to_struct, struct_to_map},
    workflow::proto::{self, plugin_service_client::PluginServiceClient},
};
use outboard_go_plugin::transport::Channel;
use prost_types::Struct;
use serde_json::Value;
use tonic::{Request, Response, Status};

/// Makes one call by its name; a name that the service does not have is called too.
pub(crate) async fn call(
    channel: &Channel,
    method: &str,
    request: &Map,
    deadline: Duration,
) -> Result<Value, Status> {
    let mut client = PluginServiceClient::new(channel.clone());
    let handle = || {
        with_deadline(
            proto::HandleRequest {
                handle_id: text(request, "handle_id"),
            },
            deadline,
        )
    };
    let nothing = with_deadline((), deadline);
    Ok(match method {
        "GetManifest" => manifest(&inner(client.get_manifest(nothing).await)?),
        "GetModuleTypes" => types(inner(client.get_module_types(nothing).await)?),
        "GetStepTypes" => types(inner(client.get_step_types(nothing).await)?),
        "GetTriggerTypes" => types(inner(client.get_trigger_types(nothing).await)?),
        "GetModuleSchemas" => schemas(&inner(client.get_module_schemas(nothing).await)?),
        "CreateModule" => {
            let message = proto::CreateModuleRequest {
                r#type: text(request, "type"),
                name: text(request, "name"),
                config: object(request, "config")?,
                ..Default::default()
            };
            created(&inner(
                client.create_module(with_deadline(message, deadline)).await,
            )?)
        }
        "InitModule" => error_only(&inner(client.init_module(handle()).await)?),
        "StartModule" => error_only(&inner(client.start_module(handle()).await)?),
        "StopModule" => error_only(&inner(client.stop_module(handle()).await)?),
        "DestroyModule" => error_only(&inner(client.destroy_module(handle()).await)?),
        "ConfigureCallback" => {
            let broker_id = text(request, "broker_id").parse().unwrap_or_default();
            let message = proto::ConfigureCallbackRequest { broker_id };
            let message = with_deadline(message, deadline);
            error_only(&inner(client.configure_callback(message).await)?)
        }
        "CreateTrigger" => {
            let message = proto::CreateTriggerRequest {
                r#type: text(request, "type"),
                name: text(request, "name"),
                config: object(request, "config")?,
            };
            created(&inner(
                client
                    .create_trigger(with_deadline(message, deadline))
                    .await,
            )?)
        }
        "CreateStep" => {
            let message = proto::CreateStepRequest {
                r#type: text(request, "type"),
                name: text(request, "name"),
                config: object(request, "config")?,
                ..Default::default()
            };
            created(&inner(
                client.create_step(with_deadline(message, deadline)).await,
            )?)
        }
        "ExecuteStep" => {
            let message = execute_request(request)?;
            executed(inner(
                client.execute_step(with_deadline(message, deadline)).await,
            )?)?
        }
        "DestroyStep" => error_only(&inner(client.destroy_step(handle()).await)?),
        "InvokeService" => {
            let message = proto::InvokeServiceRequest {
                handle_id: text(request, "handle_id"),
                method: text(request, "method"),
                args: object(request, "args")?,
                ..Default::default()
            };
            let answer = inner(
                client
                    .invoke_service(with_deadline(message, deadline))
                    .await,
            )?;
            let mut value = Map::new();
            put(&mut value, "result", struct_value(answer.result)?);
            put(&mut value, "error", answer.error);
            value.into()
        }
        unknown => call_unknown(channel, unknown, deadline).await?,
    })
}

fn execute_request(request: &Map) -> Result<proto::ExecuteStepRequest, Status> {
    let mut step_outputs = BTreeMap::new();
    if let Some(Value::Object(outputs)) = request.get("step_outputs") {
        for (name, output) in outputs {
            let output = output.as_object().cloned().unwrap_or_default();
            step_outputs.insert(name.clone(), encode(&output)?);
        }
    }
    Ok(proto::ExecuteStepRequest {
        handle_id: text(request, "handle_id"),
        trigger_data: object(request, "trigger_data")?,
        step_outputs,
        current: object(request, "current")?,
        metadata: object(request, "metadata")?,
        ..Default::default()
    })
}

fn executed(answer: proto::ExecuteStepResponse) -> Result<Value, Status> {
    let mut value = Map::new();
    put(&mut value, "output", struct_value(answer.output)?);
    put(&mut value, "error", answer.error);
    put(&mut value, "stop_pipeline", answer.stop_pipeline);
    Ok(value.into())
}

/// The stubs have no method by this name, so the call goes below them.
async fn call_unknown(
    channel: &Channel,
    method: &str,
    deadline: Duration,
) -> Result<Value, Status> {
    let path: PathAndQuery = format!("/workflow.plugin.v1.PluginService/{method}")
        .parse()
        .map_err(|error| Status::invalid_argument(format!("{method}: {error}")))?;
    let mut grpc = tonic::client::Grpc::new(channel.clone());
    grpc.ready().await?;
    let codec = tonic_prost::ProstCodec::<(), ()>::default();
    grpc.unary(with_deadline((), deadline), path, codec).await?;
    Ok(Map::new().into())
}

fn with_deadline<T>(message: T, deadline: Duration) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(deadline);
    request
}

fn inner<T>(answer: Result<Response<T>, Status>) -> Result<T, Status> {
    answer.map(Response::into_inner)
}

fn text(request: &Map, key: &str) -> String {
    request
        .get(key)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn object(request: &Map, key: &str) -> Result<Option<Struct>, Status> {
    request
        .get(key)
        .and_then(Value::as_object)
        .map(encode)
        .transpose()
}

fn encode(map: &Map) -> Result<Struct, Status> {
    map_to_struct(map).map_err(|error| Status::invalid_argument(error.to_string()))
}

/// Absent stays absent: an empty object is something else on the wire.
fn struct_value(wire: Option<Struct>) -> Result<Option<Value>, Status> {
    let decoded = wire.map(struct_to_map).transpose();
    Ok(decoded
        .map_err(|error| Status::internal(error.to_string()))?
        .map(Value::Object))
}

/// What is put into a JSON object unless it has its default value, as protobuf's
/// own JSON does.
trait Field {
    fn into_value(self) -> Option<Value>;
}

impl Field for String {
    fn into_value(self) -> Option<Value> {
        (!self.is_empty()).then_some(Value::String(self))
    }
}

impl Field for bool {
    fn into_value(self) -> Option<Value> {
        self.then_some(Value::Bool(true))
    }
}

impl Field for Option<Value> {
    fn into_value(self) -> Option<Value> {
        self
    }
}

fn put(value: &mut Map, key: &str, field: impl Field) {
    if let Some(field) = field.into_value() {
        value.insert(key.to_owned(), field);
    }
}

fn manifest(manifest: &proto::Manifest) -> Value {
    let mut value = Map::new();
    put(&mut value, "name", manifest.name.clone());
    put(&mut value, "version", manifest.version.clone());
    put(&mut value, "author", manifest.author.clone());
    put(&mut value, "description", manifest.description.clone());
    put(&mut value, "config_mutable", manifest.config_mutable);
    put(
        &mut value,
        "sample_category",
        manifest.sample_category.clone(),
    );
    value.into()
}

fn types(list: proto::TypeList) -> Value {
    let mut value = Map::new();
    put(
        &mut value,
        "types",
        (!list.types.is_empty()).then(|| list.types.into()),
    );
    value.into()
}

fn schemas(list: &proto::ModuleSchemaList) -> Value {
    let mut value = Map::new();
    let names: Vec<String> = list
        .schemas
        .iter()
        .map(|schema| schema.r#type.clone())
        .collect();
    put(
        &mut value,
        "schemas",
        (!names.is_empty()).then(|| names.into()),
    );
    value.into()
}

fn created(answer: &proto::HandleResponse) -> Value {
    let mut value = Map::new();
    put(&mut value, "handle_id", answer.handle_id.clone());
    put(&mut value, "error", answer.error.clone());
    value.into()
}

fn error_only(answer: &proto::ErrorResponse) -> Value {
    let mut value = Map::new();
    put(&mut value, "error", answer.error.clone());
    value.into()
}
