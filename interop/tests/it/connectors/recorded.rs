//! Whether the Go peer may stand for the original: it is held to what the original was
//! recorded to say. Texts of errors are not compared.

use std::{fs, path::PathBuf, process::Command};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use outboard_connector::platform;
use outboard_contracts::connector::proto::{
    Error, ExecuteRequest, HealthRequest, IdentityRequest, PermsRequest,
    connector_client::ConnectorClient,
};
use outboard_go_plugin::transport::Channel;
use outboard_interop::{connector, tools};
use serde_json::{Value, json};
use tonic::{Code, Request};

use super::support::GoTrust;

fn golden(name: &str) -> Vec<u8> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    fs::read(directory.join(name)).unwrap()
}

fn golden_json(name: &str) -> Value {
    serde_json::from_slice(&golden(name)).unwrap()
}

#[tokio::test]
async fn the_go_connector_answers_the_recorded_session_as_the_original_does() {
    let Some(go) = tools::go() else { return };
    let program = go.path("go-connector-session");
    let plugin = connector::spec("session", program).start().await.unwrap();
    let mut client = connector::client(&plugin);
    let session = golden_json("connector-session.json");
    let session = session.as_array().unwrap();
    assert_eq!(session.len(), 30);
    for (index, entry) in session.iter().enumerate() {
        let seen = replay(&mut client, entry).await;
        let recorded = recorded(entry);
        assert_eq!(seen, recorded, "call {index}: {}", entry["call"]);
    }
    plugin.stop().await;
}

/// Makes a recorded call, and says what came of it in the words of [`recorded`].
async fn replay(client: &mut ConnectorClient<Channel>, entry: &Value) -> Value {
    let request = &entry["request"];
    match entry["call"].as_str().unwrap() {
        "Execute" => {
            let asked = timed(execute_request(request));
            let answer = client.execute(asked).await.unwrap().into_inner();
            let text = String::from_utf8(answer.result_json.to_vec()).unwrap();
            match text.len() > 100_000 {
                true => json!(format!("result_json of {} bytes", text.len())),
                false => json!({ "error": code(answer.error.as_ref()), "result": text }),
            }
        }
        "ExecuteStream" => {
            let asked = timed(execute_request(request));
            let mut stream = client.execute_stream(asked).await.unwrap().into_inner();
            let mut chunks = Vec::new();
            while let Some(chunk) = stream.message().await.unwrap() {
                chunks.push(json!([
                    chunk.data.len(),
                    chunk.eof,
                    code(chunk.error.as_ref())
                ]));
            }
            chunks.into()
        }
        "CheckPermissions" => {
            let creds = texts(&request["creds"]);
            let status = client
                .check_permissions(timed(PermsRequest { creds }))
                .await;
            let unimplemented = status.unwrap_err().code() == Code::Unimplemented;
            json!({ "unimplemented": unimplemented })
        }
        "ResolveIdentity" => {
            let access_token = text(request, "access_token");
            let asked = timed(IdentityRequest { access_token });
            let answer = client.resolve_identity(asked).await.unwrap().into_inner();
            let error = code(answer.error.as_ref());
            json!([answer.user_id, answer.display_name, error])
        }
        "Health" => {
            let answer = client.health(timed(HealthRequest {})).await.unwrap();
            json!(answer.into_inner().healthy)
        }
        other => panic!("{other}"),
    }
}

/// What the original answered.
fn recorded(entry: &Value) -> Value {
    let response = &entry["response"];
    match entry["call"].as_str().unwrap() {
        "Execute" if response.is_string() => response.clone(),
        "Execute" => json!({
            "error": response["message"]["error"]["code"],
            "result": response["result_json_text"],
        }),
        "ExecuteStream" => {
            let chunks = response.as_array().unwrap().iter();
            chunks
                .map(|chunk| recorded_chunk(chunk.as_str().unwrap()))
                .collect()
        }
        "CheckPermissions" => {
            let said = entry["grpc_error"].as_str().unwrap();
            json!({ "unimplemented": said.contains("code = Unimplemented") })
        }
        "ResolveIdentity" => json!([
            response["user_id"].as_str().unwrap_or_default(),
            response["display_name"].as_str().unwrap_or_default(),
            response["error"]["code"],
        ]),
        "Health" => response["healthy"].clone(),
        other => panic!("{other}"),
    }
}

/// Long data was recorded as its size and the rest of the message.
fn recorded_chunk(text: &str) -> Value {
    let (size, rest) = match text.split_once(" bytes of data, rest ") {
        Some((size, rest)) => (size.parse().unwrap(), rest),
        None => (0, text),
    };
    let chunk: Value = serde_json::from_str(rest).unwrap();
    let data = STANDARD.decode(chunk["data"].as_str().unwrap()).unwrap();
    json!([size + data.len(), chunk["eof"], chunk["error"]["code"]])
}

fn execute_request(request: &Value) -> ExecuteRequest {
    let args_json = STANDARD.decode(text(request, "args_json")).unwrap();
    ExecuteRequest {
        operation: text(request, "operation"),
        args_json: args_json.into(),
        creds: texts(&request["creds"]),
        request_id: text(request, "request_id"),
        session_id: text(request, "session_id"),
    }
}

fn text(request: &Value, key: &str) -> String {
    request[key].as_str().unwrap_or_default().to_owned()
}

fn texts<M: FromIterator<(String, String)>>(object: &Value) -> M {
    let values = object.as_object().into_iter().flatten();
    values
        .map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned()))
        .collect()
}

fn code(error: Option<&Error>) -> Value {
    error.map_or(Value::Null, |error| error.code.as_str().into())
}

fn timed<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(std::time::Duration::from_secs(20));
    request
}

/// Its structs print every field as the original prints it, byte for byte, so what the Go
/// host reads is what the original would.
#[test]
fn the_go_connector_describes_itself_in_the_bytes_of_the_original() {
    let Some(go) = tools::go() else { return };
    let dumped = Command::new(go.path("go-connector-session"))
        .arg("--dump-manifest")
        .output()
        .unwrap();
    let dumped = String::from_utf8(dumped.stdout).unwrap();
    let (_, module) = dumped.trim_end().split_once(",\"module\":").unwrap();
    let original = String::from_utf8(golden("connector-module.json")).unwrap();
    assert_eq!(module, format!("{}}}", original.trim_end()));
}

#[test]
fn the_go_host_accepts_what_the_original_signed_and_from_nobody_else() {
    let Some(go) = tools::go() else { return };
    let signing = golden_json("connector-signing.json");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    // It says where it was made; the signature does not cover that.
    let mut manifest = golden_json("connector-plugin.json");
    manifest["os_arch"] = json!([platform::host()]);
    fs::write(path.join("plugin.json"), manifest.to_string()).unwrap();
    fs::write(path.join("kitchen_sink"), text(&signing, "binary")).unwrap();
    let by = |public_key| GoTrust {
        public_key,
        required: true,
    };
    let public_key = signing["public_key"].as_str().unwrap();
    assert_eq!(by(public_key).verdict(&go, path), "");
    let stranger = "/RckOFqgx1tk+3jNYC+h2ZH96/drE8WO1wLqyDXp9hg=";
    assert_eq!(by(stranger).verdict(&go, path), "untrusted");
    fs::write(path.join("kitchen_sink"), "other bytes").unwrap();
    assert_eq!(by(public_key).verdict(&go, path), "sha256");
}
