//! Every message and method that was recorded from the originals, at the first
//! and at the newest version of the wire.

use std::collections::BTreeMap;

use outboard_contracts::workflow::proto;
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, SerializeOptions};
use serde_json::Value;

const FIRST: &str = include_str!("../golden/workflow-messages.json");
const NEWEST: &str = include_str!("../golden/workflow-newest-messages.json");
const PACKAGE: &str = "workflow.plugin.v1";

struct Recorded {
    name: String,
    json: Value,
    bytes: Vec<u8>,
}

fn messages(file: &str) -> Vec<Recorded> {
    let file: Value = serde_json::from_str(file).unwrap();
    let messages = file["messages"].as_array().unwrap();
    messages
        .iter()
        .map(|entry| Recorded {
            name: entry["message"].as_str().unwrap().to_owned(),
            json: entry["json"].clone(),
            bytes: from_hex(entry["hex"].as_str().unwrap()),
        })
        .collect()
}

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

/// The descriptors of our `.proto` file, with those of the well-known types.
fn descriptors() -> DescriptorPool {
    let include = concat!(env!("CARGO_MANIFEST_DIR"), "/../../proto/workflow");
    let files = protox::compile(["plugin.proto"], [include]).unwrap();
    let mut pool = DescriptorPool::global();
    pool.add_file_descriptor_set(files).unwrap();
    pool
}

fn descriptor(pool: &DescriptorPool, name: &str) -> MessageDescriptor {
    pool.get_message_by_name(name)
        .unwrap_or_else(|| panic!("{name} is not in our .proto file"))
}

/// Decodes `bytes` with the generated type of that name and encodes it again.
fn through_generated_type(name: &str, bytes: &[u8]) -> Vec<u8> {
    fn again<M: Message + Default>(bytes: &[u8]) -> Vec<u8> {
        M::decode(bytes).unwrap().encode_to_vec()
    }
    let short = name.strip_prefix("workflow.plugin.v1.").unwrap();
    let again = match short {
        "Manifest" => again::<proto::Manifest>,
        "ContractRegistry" => again::<proto::ContractRegistry>,
        "ContractDescriptor" => again::<proto::ContractDescriptor>,
        "GetAssetRequest" => again::<proto::GetAssetRequest>,
        "GetAssetResponse" => again::<proto::GetAssetResponse>,
        "TypeList" => again::<proto::TypeList>,
        "ModuleSchemaList" => again::<proto::ModuleSchemaList>,
        "ModuleSchema" => again::<proto::ModuleSchema>,
        "ServiceIODef" => again::<proto::ServiceIoDef>,
        "ConfigFieldDef" => again::<proto::ConfigFieldDef>,
        "CreateModuleRequest" => again::<proto::CreateModuleRequest>,
        "CreateStepRequest" => again::<proto::CreateStepRequest>,
        "CreateTriggerRequest" => again::<proto::CreateTriggerRequest>,
        "ConfigureCallbackRequest" => again::<proto::ConfigureCallbackRequest>,
        "HandleResponse" => again::<proto::HandleResponse>,
        "HandleRequest" => again::<proto::HandleRequest>,
        "ErrorResponse" => again::<proto::ErrorResponse>,
        "ExecuteStepRequest" => again::<proto::ExecuteStepRequest>,
        "ExecuteStepResponse" => again::<proto::ExecuteStepResponse>,
        "InvokeServiceRequest" => again::<proto::InvokeServiceRequest>,
        "InvokeServiceResponse" => again::<proto::InvokeServiceResponse>,
        "TriggerWorkflowRequest" => again::<proto::TriggerWorkflowRequest>,
        "GetServiceRequest" => again::<proto::GetServiceRequest>,
        "GetServiceResponse" => again::<proto::GetServiceResponse>,
        "LogRequest" => again::<proto::LogRequest>,
        "PublishMessageRequest" => again::<proto::PublishMessageRequest>,
        "PublishMessageResponse" => again::<proto::PublishMessageResponse>,
        "SubscribeRequest" => again::<proto::SubscribeRequest>,
        "UnsubscribeRequest" => again::<proto::UnsubscribeRequest>,
        "DeliverMessageRequest" => again::<proto::DeliverMessageRequest>,
        "DeliverMessageResponse" => again::<proto::DeliverMessageResponse>,
        "ConfigFragmentResponse" => again::<proto::ConfigFragmentResponse>,
        other => panic!("no generated type is listed for {other}"),
    };
    again(bytes)
}

#[test]
fn every_recorded_message_decodes_and_encodes_to_the_same_bytes() {
    let all: Vec<_> = messages(FIRST)
        .into_iter()
        .chain(messages(NEWEST))
        .collect();
    assert_eq!(all.len(), 19 + 32);
    for message in all {
        assert_eq!(
            through_generated_type(&message.name, &message.bytes),
            message.bytes,
            "{}",
            message.name
        );
    }
}

#[test]
fn every_recorded_json_encodes_to_the_recorded_bytes_by_our_proto_file() {
    let pool = descriptors();
    for message in messages(FIRST).into_iter().chain(messages(NEWEST)) {
        let kind = descriptor(&pool, &message.name);
        let dynamic = DynamicMessage::deserialize(kind.clone(), &message.json).unwrap();
        // Both go through the generated type, which orders maps.
        let encoded = through_generated_type(&message.name, &dynamic.encode_to_vec());
        assert_eq!(encoded, message.bytes, "{}", message.name);

        let decoded = DynamicMessage::decode(kind, message.bytes.as_slice()).unwrap();
        let options = SerializeOptions::new().use_proto_field_name(true);
        let json = decoded
            .serialize_with_options(serde_json::value::Serializer, &options)
            .unwrap();
        assert_eq!(floats(json), floats(message.json), "{}", message.name);
    }
}

/// `1` and `1.0` are one JSON number, but not to `serde_json`.
fn floats(value: Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().into(),
        Value::Array(items) => items.into_iter().map(floats).collect(),
        Value::Object(map) => map
            .into_iter()
            .map(|(key, value)| (key, floats(value)))
            .collect(),
        other => other,
    }
}

#[test]
fn the_newest_recording_sets_every_field_that_our_proto_file_has() {
    let pool = descriptors();
    for message in messages(NEWEST) {
        let recorded: Vec<_> = message.json.as_object().unwrap().keys().cloned().collect();
        let mut ours: Vec<_> = descriptor(&pool, &message.name)
            .fields()
            .map(|field| field.name().to_owned())
            .collect();
        ours.sort();
        assert_eq!(ours, recorded, "{}", message.name);
    }
}

/// Path, request, response and the two streaming flags.
type Method = (String, String, bool, bool);

#[test]
fn every_recorded_method_is_in_our_proto_file_as_recorded() {
    let pool = descriptors();
    let ours: BTreeMap<String, Method> = pool
        .services()
        .filter(|service| service.package_name() == PACKAGE)
        .flat_map(|service| service.methods().collect::<Vec<_>>())
        .map(|method| {
            let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
            let types = (
                method.input().full_name().to_owned(),
                method.output().full_name().to_owned(),
            );
            (
                path,
                (
                    types.0,
                    types.1,
                    method.is_client_streaming(),
                    method.is_server_streaming(),
                ),
            )
        })
        .collect();
    let newest = methods(NEWEST);
    assert_eq!(newest.len(), 26);
    assert_eq!(ours, newest);

    let first = methods(FIRST);
    assert_eq!(first.len(), 17);
    for (path, method) in first {
        assert_eq!(ours.get(&path), Some(&method), "{path}");
    }
}

fn methods(file: &str) -> BTreeMap<String, Method> {
    let file: Value = serde_json::from_str(file).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let methods = file["methods"].as_array().unwrap();
    methods
        .iter()
        .map(|method| {
            let streaming = |key: &str| method[key].as_bool().unwrap();
            let types = (text(&method["request"]), text(&method["response"]));
            let flags = (streaming("client_streaming"), streaming("server_streaming"));
            (text(&method["path"]), (types.0, types.1, flags.0, flags.1))
        })
        .collect()
}

#[test]
fn the_generated_services_are_in_the_recorded_package() {
    let file: Value = serde_json::from_str(NEWEST).unwrap();
    assert_eq!(file["package"], PACKAGE);
    assert_eq!(
        proto::plugin_service_server::SERVICE_NAME,
        "workflow.plugin.v1.PluginService"
    );
    assert_eq!(
        proto::engine_callback_service_server::SERVICE_NAME,
        "workflow.plugin.v1.EngineCallbackService"
    );
}
