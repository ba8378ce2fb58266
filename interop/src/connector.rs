//! Our host of the connector family at its wire: the calls of a list, without any of the
//! crates that a host is made of, so that a list judges the connector alone.

use std::{fmt::Write as _, path::PathBuf, time::Duration};

use outboard_contracts::{
    connector::{
        self,
        proto::{
            self, Chunk, ExecuteRequest, HealthRequest, IdentityRequest, PermsRequest,
            SchemaRequest, connector_client::ConnectorClient,
        },
    },
    value::Map,
};
use outboard_go_plugin::{
    handshake::HandshakeConfig,
    host::{PluginProcess, PluginSpec, TlsMode},
    transport::Channel,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tonic::{Request, Status};

use crate::{
    cases::{Case, Seen},
    host,
};

/// The longest result that an answer shows whole, in bytes.
const SHOWN_BYTES: usize = 4096;

/// The handshake of the connector family.
pub fn handshake() -> HandshakeConfig {
    HandshakeConfig::new(
        connector::MAGIC_COOKIE_KEY,
        connector::MAGIC_COOKIE_VALUE,
        connector::PROTO_VERSION,
    )
}

/// How to start a connector: with AutoMTLS, as the original does.
pub fn spec(name: &str, program: impl Into<PathBuf>) -> PluginSpec {
    let program: PathBuf = program.into();
    PluginSpec::new(name, program, handshake())
        .protocol_versions(connector::supported_proto_versions())
        .tls(TlsMode::Auto)
}

/// A client of the wire that takes messages as large as the family allows.
pub fn client(plugin: &PluginProcess) -> ConnectorClient<Channel> {
    ConnectorClient::new(plugin.channel())
        .max_decoding_message_size(connector::MAX_MESSAGE_BYTES)
        .max_encoding_message_size(connector::MAX_MESSAGE_BYTES)
}

/// Makes every call of a list of the connector family in order, and stops the connector if
/// the list does.
pub async fn run(cases: &[Case], plugin: &PluginProcess) -> Vec<Seen> {
    let client = client(plugin);
    host::run_with(cases, plugin, async |name, request, deadline| {
        call(&mut client.clone(), name, request, deadline).await
    })
    .await
}

async fn call(
    client: &mut ConnectorClient<Channel>,
    name: &str,
    request: &Map,
    deadline: Duration,
) -> Result<Value, Status> {
    let timed = Timed(deadline);
    match name {
        "Schema" => {
            let answer = client.schema(timed.request(SchemaRequest {})).await?;
            let module = parsed(&answer.into_inner().manifest_json)?;
            Ok(json!({ "module": module }))
        }
        "Execute" => {
            let execute = timed.request(execute_request(request));
            let answer = client.execute(execute).await?.into_inner();
            outcome(&answer.result_json, answer.error).map(Value::Object)
        }
        "ExecuteStream" => {
            let execute = timed.request(execute_request(request));
            let give_up_after = request.get("give_up_after").and_then(Value::as_u64);
            let stream = client.execute_stream(execute).await?.into_inner();
            collected(stream, give_up_after).await
        }
        "CheckPermissions" => {
            let creds = texts(request.get("creds"));
            let asked = timed.request(PermsRequest { creds });
            Ok(permissions(
                client.check_permissions(asked).await?.into_inner(),
            ))
        }
        "ResolveIdentity" => {
            let access_token = text(request, "access_token");
            let asked = timed.request(IdentityRequest { access_token });
            let answer = client.resolve_identity(asked).await?.into_inner();
            let mut value = Map::new();
            put_text(&mut value, "user_id", answer.user_id);
            put_text(&mut value, "display_name", answer.display_name);
            put_error(&mut value, answer.error);
            Ok(value.into())
        }
        "Health" => {
            let answer = client
                .health(timed.request(HealthRequest {}))
                .await?
                .into_inner();
            let mut value = Map::new();
            if answer.healthy {
                value.insert("healthy".to_owned(), true.into());
            }
            put_text(&mut value, "detail", answer.detail);
            Ok(value.into())
        }
        other => Err(Status::unimplemented(format!(
            "the Rust host knows no {other}"
        ))),
    }
}

/// Puts a streamed result together; with a number it stops wanting it after so many
/// messages.
async fn collected(
    mut stream: tonic::Streaming<Chunk>,
    give_up_after: Option<u64>,
) -> Result<Value, Status> {
    let mut result = Vec::new();
    let (mut sizes, mut progress) = (Vec::new(), Vec::new());
    let mut messages = 0;
    loop {
        let Some(chunk) = stream.message().await? else {
            return Err(Status::data_loss("the stream ended before the result did"));
        };
        messages += 1;
        if !chunk.data.is_empty() {
            sizes.push(Value::from(chunk.data.len()));
            result.extend_from_slice(&chunk.data);
        }
        if chunk.progress != 0 || chunk.total != 0 || !chunk.message.is_empty() {
            progress.push(json!({
                "progress": chunk.progress,
                "total": chunk.total,
                "message": chunk.message,
            }));
        }
        if chunk.eof || chunk.error.is_some() {
            let mut value = outcome(&result, chunk.error)?;
            for (key, list) in [("chunks", sizes), ("progress", progress)] {
                if !list.is_empty() {
                    value.insert(key.to_owned(), list.into());
                }
            }
            return Ok(value.into());
        }
        if give_up_after == Some(messages) {
            drop(stream);
            return Err(Status::cancelled("nobody wants it any more"));
        }
    }
}

/// A result, or its size and digest if it is long, and the operation's error.
fn outcome(result: &[u8], error: Option<proto::Error>) -> Result<Map, Status> {
    let mut value = Map::new();
    put_error(&mut value, error);
    if result.len() > SHOWN_BYTES {
        value.insert("result_bytes".to_owned(), result.len().into());
        value.insert("result_sha256".to_owned(), sha256(result).into());
    } else if !result.is_empty() {
        value.insert("result".to_owned(), parsed(result)?);
    }
    Ok(value)
}

/// The digest of some bytes, as `plugin.json` spells it.
pub fn sha256(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

struct Timed(Duration);

impl Timed {
    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(self.0);
        request
    }
}

fn execute_request(request: &Map) -> ExecuteRequest {
    let args_json = match request.get("args") {
        Some(args) => args.to_string(),
        None => text(request, "args_json"),
    };
    ExecuteRequest {
        operation: text(request, "operation"),
        args_json: args_json.into(),
        creds: texts(request.get("creds")),
        request_id: text(request, "request_id"),
        session_id: text(request, "session_id"),
    }
}

fn permissions(answer: proto::PermsResponse) -> Value {
    let mut value = Map::new();
    let ops: Vec<Value> = answer
        .ops
        .into_iter()
        .map(|op| {
            let mut shown = Map::new();
            put_text(&mut shown, "key", op.key);
            if op.ok {
                shown.insert("ok".to_owned(), true.into());
            }
            put_text(&mut shown, "reason", op.reason);
            shown.into()
        })
        .collect();
    if !ops.is_empty() {
        value.insert("ops".to_owned(), ops.into());
    }
    put_error(&mut value, answer.error);
    value.into()
}

fn put_error(value: &mut Map, error: Option<proto::Error>) {
    if let Some(error) = error {
        let mut shown = Map::new();
        put_text(&mut shown, "code", error.code);
        put_text(&mut shown, "message", error.message);
        value.insert("error".to_owned(), shown.into());
    }
}

/// Unset fields are left out, as protobuf's own JSON does.
fn put_text(value: &mut Map, key: &str, text: String) {
    if !text.is_empty() {
        value.insert(key.to_owned(), text.into());
    }
}

fn text(request: &Map, key: &str) -> String {
    let value = request.get(key).and_then(Value::as_str);
    value.unwrap_or_default().to_owned()
}

fn texts<M: FromIterator<(String, String)>>(object: Option<&Value>) -> M {
    let values = object.and_then(Value::as_object).into_iter().flatten();
    values
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

fn parsed(text: &[u8]) -> Result<Value, Status> {
    serde_json::from_slice(text)
        .map_err(|error| Status::data_loss(format!("the result is no JSON: {error}")))
}
