//! The client against what the original's connector server answers, as recorded in
//! `connector-session.json`, over a connection in memory.

use std::{
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use futures_core::Stream;
use outboard_connector::client::{CallError, CallLimits, ExecCall, GrpcConn};
use outboard_contracts::connector::{
    arguments::Arguments,
    proto::{
        self, Chunk, ExecuteRequest, ExecuteResponse, HealthRequest, HealthResponse,
        IdentityRequest, IdentityResponse, PermsRequest, PermsResponse, SchemaRequest,
        SchemaResponse,
        connector_server::{Connector, ConnectorServer},
    },
};
use outboard_go_plugin::transport::{Channel, Services, serve_connection};
use serde_json::Value;
use tonic::{Request, Response, Status, async_trait};

/// Answers what was recorded for the call that is made now, and keeps what was asked.
#[derive(Clone, Default)]
struct Recording {
    now: Arc<Mutex<Value>>,
    asked: Arc<Mutex<Option<ExecuteRequest>>>,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn decoded(value: &Value) -> Bytes {
    BASE64_STANDARD.decode(text(value)).unwrap().into()
}

fn error(value: &Value) -> Option<proto::Error> {
    value.as_object().map(|error| proto::Error {
        code: text(error.get("code").unwrap_or(&Value::Null)),
        message: text(error.get("message").unwrap_or(&Value::Null)),
    })
}

/// JSON text of a size that is all that was recorded of it.
fn filler(size: usize) -> Vec<u8> {
    let mut text = vec![b'x'; size];
    text[0] = b'"';
    text[size - 1] = b'"';
    text
}

impl Recording {
    fn answer(&self) -> Result<Value, Status> {
        let now = self.now.lock().unwrap();
        match now.get("grpc_error") {
            Some(text) if text.as_str().unwrap().contains("Unimplemented") => {
                Err(Status::unimplemented("method not implemented"))
            }
            Some(other) => panic!("{other}"),
            None => Ok(now["response"].clone()),
        }
    }
}

#[async_trait]
impl Connector for Recording {
    type ExecuteStreamStream = Pin<Box<dyn Stream<Item = Result<Chunk, Status>> + Send>>;

    async fn schema(&self, _: Request<SchemaRequest>) -> Result<Response<SchemaResponse>, Status> {
        Err(Status::unimplemented("not recorded"))
    }

    async fn execute(
        &self,
        request: Request<ExecuteRequest>,
    ) -> Result<Response<ExecuteResponse>, Status> {
        *self.asked.lock().unwrap() = Some(request.into_inner());
        let answer = self.answer()?;
        let mut response = ExecuteResponse::default();
        if let Some(size) = answer.as_str() {
            let size = size.split_whitespace().find_map(|word| word.parse().ok());
            response.result_json = filler(size.unwrap()).into();
        } else {
            let message = &answer["message"];
            response.result_json = decoded(&message["result_json"]);
            response.error = error(&message["error"]);
        }
        Ok(Response::new(response))
    }

    async fn execute_stream(
        &self,
        request: Request<ExecuteRequest>,
    ) -> Result<Response<Self::ExecuteStreamStream>, Status> {
        *self.asked.lock().unwrap() = Some(request.into_inner());
        let answer = self.answer()?;
        let recorded: Vec<&str> = answer
            .as_array()
            .unwrap()
            .iter()
            .map(|chunk| chunk.as_str().unwrap())
            .collect();
        let sizes = recorded
            .iter()
            .filter_map(|chunk| chunk.split_once(" bytes of data"))
            .map(|(size, _)| size.parse::<usize>().unwrap());
        let mut data = match sizes.sum() {
            0 => Bytes::new(),
            size => filler(size).into(),
        };
        let chunks = recorded.into_iter().map(|chunk| {
            let (size, rest) = match chunk.split_once(" bytes of data, rest ") {
                Some((size, rest)) => (size.parse().unwrap(), rest),
                None => (0, chunk),
            };
            let rest: Value = serde_json::from_str(rest).unwrap();
            let data = match size {
                0 => decoded(&rest["data"]),
                size => data.split_to(size),
            };
            Ok(Chunk {
                data,
                eof: rest["eof"].as_bool().unwrap(),
                error: error(&rest["error"]),
                ..Chunk::default()
            })
        });
        let chunks: Vec<_> = chunks.collect();
        Ok(Response::new(Box::pin(futures_util::stream::iter(chunks))))
    }

    async fn check_permissions(
        &self,
        _: Request<PermsRequest>,
    ) -> Result<Response<PermsResponse>, Status> {
        self.answer()?;
        panic!("the original has no check");
    }

    async fn resolve_identity(
        &self,
        request: Request<IdentityRequest>,
    ) -> Result<Response<IdentityResponse>, Status> {
        let recorded = text(&self.now.lock().unwrap()["request"]["access_token"]);
        assert_eq!(request.into_inner().access_token, recorded);
        let answer = self.answer()?;
        Ok(Response::new(IdentityResponse {
            user_id: text(&answer["user_id"]),
            display_name: text(&answer["display_name"]),
            error: error(&answer["error"]),
        }))
    }

    async fn health(&self, _: Request<HealthRequest>) -> Result<Response<HealthResponse>, Status> {
        let healthy = self.answer()?["healthy"].as_bool().unwrap();
        Ok(Response::new(HealthResponse {
            healthy,
            detail: String::new(),
        }))
    }
}

/// What the call is expected to bring: the result's length or the error's code.
fn check(result: Result<Bytes, CallError>, entry: &Value) {
    let answer = &entry["response"];
    let recorded_error = match answer.as_array() {
        Some(chunks) => chunks.iter().find_map(|chunk| {
            let chunk: Value = serde_json::from_str(chunk.as_str()?).ok()?;
            error(&chunk["error"])
        }),
        None => error(&answer["message"]["error"]),
    };
    match (result, recorded_error) {
        (Ok(result), None) => {
            let recorded = &answer["message"]["result_json"];
            if recorded.is_string() {
                assert_eq!(result, decoded(recorded), "{entry}");
            }
        }
        (Err(CallError::Operation(error)), Some(recorded)) => {
            assert_eq!(
                (error.code, error.message),
                (recorded.code, recorded.message)
            );
        }
        (result, recorded) => panic!("{result:?} instead of {recorded:?}: {entry}"),
    }
}

#[tokio::test]
async fn every_answer_of_the_original_is_understood() {
    let recording = Recording::default();
    let (ours, theirs) = tokio::io::duplex(1 << 20);
    let services = Services::new().add_service(ConnectorServer::new(recording.clone()));
    let server = tokio::spawn(serve_connection(theirs, services));
    let connection = GrpcConn::new(Channel::from_io(ours).await.unwrap(), "recorded");
    let limits = || CallLimits::within(Duration::from_secs(20));
    let session = include_str!("../../golden/connector-session.json");
    let session: Vec<Value> = serde_json::from_str(session).unwrap();
    assert_eq!(session.len(), 30);
    for entry in session {
        *recording.now.lock().unwrap() = entry.clone();
        let request = &entry["request"];
        // What is no object of strings our side never sends; the answer counts then.
        let input: Option<Arguments> = serde_json::from_slice(&decoded(&request["args_json"])).ok();
        let creds: Arguments = serde_json::from_value(request["creds"].clone()).unwrap_or_default();
        let mut call = ExecCall::new(text(&request["operation"]));
        call.input = input.clone().unwrap_or_default();
        call.creds = creds.clone();
        call.request_id = text(&request["request_id"]);
        call.session_id = text(&request["session_id"]);
        match entry["call"].as_str().unwrap() {
            "Execute" => check(connection.execute(call.clone(), limits()).await, &entry),
            "ExecuteStream" => {
                let result = connection
                    .execute_stream(call.clone(), limits(), |progress| panic!("{progress:?}"));
                check(result.await, &entry);
            }
            "CheckPermissions" => {
                let permissions = connection.check_permissions(creds, limits()).await;
                assert_eq!(permissions.unwrap(), None);
                continue;
            }
            "ResolveIdentity" => {
                let token = text(&request["access_token"]);
                match connection.resolve_identity(&token, limits()).await {
                    Ok(identity) => {
                        assert_eq!(identity.user_id, text(&entry["response"]["user_id"]));
                    }
                    Err(CallError::Operation(error)) => {
                        assert_eq!(error.code, text(&entry["response"]["error"]["code"]));
                    }
                    Err(other) => panic!("{other}"),
                }
                continue;
            }
            "Health" => {
                assert!(connection.health(limits()).await.unwrap().healthy);
                continue;
            }
            other => panic!("{other}"),
        }
        let asked = recording.asked.lock().unwrap().take().unwrap();
        let sent: Arguments = serde_json::from_slice(&asked.args_json).unwrap();
        assert_eq!(sent, input.unwrap_or_default());
        assert_eq!(asked.creds, creds);
        assert_eq!(
            (asked.operation, asked.request_id, asked.session_id),
            (call.operation, call.request_id, call.session_id)
        );
    }
    server.abort();
}
