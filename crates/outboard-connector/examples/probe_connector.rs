//! A connector for the tests of the pool, on the bare protocol and none of the SDK. What
//! it does wrong, and when, is in a file `behaviour` of its working directory, one word
//! a line; each start adds a line to the file `starts`.

use std::{fs, io::Write as _, pin::Pin, process::ExitCode, time::Duration};

use futures_core::Stream;
use outboard_contracts::connector::{
    MAGIC_COOKIE_KEY, MAGIC_COOKIE_VALUE, MAX_CHUNK_BYTES, MAX_MESSAGE_BYTES, PROTO_VERSION,
    arguments::Arguments,
    proto::{
        Chunk, Error, ExecuteRequest, ExecuteResponse, HealthRequest, HealthResponse,
        IdentityRequest, IdentityResponse, OpHealth, PermsRequest, PermsResponse, SchemaRequest,
        SchemaResponse,
        connector_server::{Connector, ConnectorServer},
    },
};
use outboard_go_plugin::{
    handshake::HandshakeConfig,
    plugin::{ServeConfig, run},
    transport::Services,
};
use serde_json::json;
use tokio::sync::mpsc;
use tonic::{Request, Response, Status, async_trait};

type Chunks = mpsc::Sender<Result<Chunk, Status>>;

#[derive(Clone, Default)]
struct Probe {
    words: Vec<String>,
}

impl Probe {
    fn read() -> Probe {
        let text = fs::read_to_string("behaviour").unwrap_or_default();
        Probe {
            words: text.lines().map(str::to_owned).collect(),
        }
    }

    fn has(&self, wanted: &str) -> bool {
        self.words.iter().any(|word| word == wanted)
    }

    fn value(&self, name: &str) -> Option<&str> {
        let mut words = self.words.iter();
        words.find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
    }

    fn number(&self, name: &str) -> u64 {
        let number = self
            .value(name)
            .map(|value| value.parse().expect("a number"));
        number.unwrap_or(0)
    }
}

fn error(code: &str, message: &str) -> Error {
    Error {
        code: code.to_owned(),
        message: message.to_owned(),
    }
}

/// A JSON string of `size` bytes in all.
fn text(size: usize) -> Vec<u8> {
    let mut text = vec![b'x'; size.max(2)];
    text[0] = b'"';
    text[size.max(2) - 1] = b'"';
    text
}

async fn send(chunks: &Chunks, chunk: Chunk) {
    // The host may have gone.
    let _ = chunks.send(Ok(chunk)).await;
}

async fn send_all(chunks: &Chunks, data: Vec<u8>) {
    let data = bytes::Bytes::from(data);
    let mut from = 0;
    while from < data.len() {
        let to = data.len().min(from + MAX_CHUNK_BYTES);
        let data = data.slice(from..to);
        send(
            chunks,
            Chunk {
                data,
                ..Chunk::default()
            },
        )
        .await;
        from = to;
    }
    send(
        chunks,
        Chunk {
            eof: true,
            ..Chunk::default()
        },
    )
    .await;
}

async fn operate(request: ExecuteRequest, chunks: Chunks) {
    let arguments: Arguments = serde_json::from_slice(&request.args_json).unwrap_or_default();
    let number = |name: &str| -> u64 {
        let number = arguments.get(name).map(|number| number.parse());
        number.and_then(Result::ok).unwrap_or(0)
    };
    match request.operation.as_str() {
        "echo" => {
            let answer = json!({
                "args": arguments,
                "creds": request.creds,
                "request_id": request.request_id,
                "session_id": request.session_id,
                "pid": std::process::id(),
                "environment": std::env::vars().map(|(name, _)| name).collect::<Vec<_>>(),
                "directory": std::env::current_dir().expect("a directory"),
                "limits": fs::read_to_string("/proc/self/limits").unwrap_or_default(),
            });
            send_all(&chunks, answer.to_string().into_bytes()).await;
        }
        "big" => {
            let size = usize::try_from(number("bytes")).expect("a size");
            send_all(&chunks, text(size)).await;
        }
        "slow" => {
            tokio::time::sleep(Duration::from_millis(number("milliseconds"))).await;
            send_all(&chunks, b"\"done\"".to_vec()).await;
        }
        "progress" => {
            for progress in 1..=3 {
                let message = format!("step {progress}");
                let chunk = Chunk {
                    progress,
                    total: 3,
                    message,
                    ..Chunk::default()
                };
                send(&chunks, chunk).await;
                tokio::time::sleep(Duration::from_millis(number("milliseconds"))).await;
            }
            send_all(&chunks, b"[1,2,3]".to_vec()).await;
        }
        "crash" => {
            let data = bytes::Bytes::from_static(b"[1,");
            send(
                &chunks,
                Chunk {
                    data,
                    ..Chunk::default()
                },
            )
            .await;
            // Let it leave before everything ends.
            tokio::time::sleep(Duration::from_millis(50)).await;
            eprintln!("[ERROR] crashing as asked");
            std::process::exit(3);
        }
        "hang" => {
            // Until the host has gone.
            chunks.closed().await;
            let _ = fs::write("cancelled", request.request_id);
        }
        "stop" => {
            // Not even the transport answers any more.
            std::thread::sleep(Duration::from_secs(3600));
        }
        "fail" => {
            let error = Some(error("exec_error", "as asked"));
            send(
                &chunks,
                Chunk {
                    error,
                    ..Chunk::default()
                },
            )
            .await;
        }
        "cut" => {
            let data = bytes::Bytes::from_static(b"[1]");
            send(
                &chunks,
                Chunk {
                    data,
                    ..Chunk::default()
                },
            )
            .await;
        }
        "garbage" => send_all(&chunks, b"{not json".to_vec()).await,
        "status" => {
            let _ = chunks
                .send(Err(Status::internal("a status, as asked")))
                .await;
        }
        "panic" => panic!("as asked"),
        other => {
            let error = Some(error(
                "unknown_operation",
                &format!("there is no {other:?}"),
            ));
            send(
                &chunks,
                Chunk {
                    error,
                    ..Chunk::default()
                },
            )
            .await;
        }
    }
}

#[async_trait]
impl Connector for Probe {
    type ExecuteStreamStream = Pin<Box<dyn Stream<Item = Result<Chunk, Status>> + Send>>;

    async fn schema(&self, _: Request<SchemaRequest>) -> Result<Response<SchemaResponse>, Status> {
        if self.has("no-schema") {
            return Err(Status::unimplemented("as asked"));
        }
        let module = json!({ "Meta": { "Key": self.value("key").unwrap_or_default() } });
        let manifest_json = module.to_string().into();
        Ok(Response::new(SchemaResponse { manifest_json }))
    }

    async fn execute(
        &self,
        request: Request<ExecuteRequest>,
    ) -> Result<Response<ExecuteResponse>, Status> {
        let request = request.into_inner();
        let answer = match request.operation.as_str() {
            "fail" => ExecuteResponse {
                error: Some(error("exec_error", "as asked")),
                ..ExecuteResponse::default()
            },
            "big" => ExecuteResponse {
                result_json: text(3 * MAX_CHUNK_BYTES).into(),
                ..ExecuteResponse::default()
            },
            "hang" => std::future::pending().await,
            _ => ExecuteResponse {
                result_json: json!({ "unary": true }).to_string().into(),
                ..ExecuteResponse::default()
            },
        };
        Ok(Response::new(answer))
    }

    async fn execute_stream(
        &self,
        request: Request<ExecuteRequest>,
    ) -> Result<Response<Self::ExecuteStreamStream>, Status> {
        if self.has("unary") {
            let mut tries = fs::OpenOptions::new();
            let tries = tries.append(true).create(true).open("streams-tried");
            writeln!(tries.expect("a file"), "once").expect("a line");
            return Err(Status::unimplemented("as asked"));
        }
        let (sender, mut receiver) = mpsc::channel(1);
        tokio::spawn(operate(request.into_inner(), sender));
        let chunks = futures_util::stream::poll_fn(move |context| receiver.poll_recv(context));
        Ok(Response::new(Box::pin(chunks)))
    }

    async fn check_permissions(
        &self,
        request: Request<PermsRequest>,
    ) -> Result<Response<PermsResponse>, Status> {
        if self.has("no-permissions") {
            return Err(Status::unimplemented("as asked"));
        }
        let permission = |(key, value): (String, String)| OpHealth {
            ok: value == "yes",
            reason: format!("it is {value:?}"),
            key,
        };
        Ok(Response::new(PermsResponse {
            ops: request
                .into_inner()
                .creds
                .into_iter()
                .map(permission)
                .collect(),
            error: None,
        }))
    }

    async fn resolve_identity(
        &self,
        request: Request<IdentityRequest>,
    ) -> Result<Response<IdentityResponse>, Status> {
        let token = request.into_inner().access_token;
        let answer = match token.is_empty() {
            true => IdentityResponse {
                error: Some(error("no_oauth", "there is no token")),
                ..IdentityResponse::default()
            },
            false => IdentityResponse {
                user_id: token,
                display_name: "Probe".to_owned(),
                error: None,
            },
        };
        Ok(Response::new(answer))
    }

    async fn health(&self, _: Request<HealthRequest>) -> Result<Response<HealthResponse>, Status> {
        Ok(Response::new(HealthResponse {
            healthy: true,
            detail: "as always".to_owned(),
        }))
    }
}

fn main() -> ExitCode {
    let probe = Probe::read();
    let mut starts = fs::OpenOptions::new();
    if let Ok(mut starts) = starts.append(true).create(true).open("starts") {
        let _ = writeln!(starts, "{}", std::process::id());
    }
    eprintln!("[INFO] process {} begins", std::process::id());
    std::thread::sleep(Duration::from_millis(probe.number("start-delay")));
    if probe.has("crash-at-start") {
        eprintln!("[ERROR] not today");
        return ExitCode::from(7);
    }
    let handshake = HandshakeConfig::new(MAGIC_COOKIE_KEY, MAGIC_COOKIE_VALUE, PROTO_VERSION);
    let services = match probe.has("no-service") {
        true => Services::new(),
        false => Services::new()
            .add_service(ConnectorServer::new(probe).max_decoding_message_size(MAX_MESSAGE_BYTES)),
    };
    run(ServeConfig::new(handshake, services))
}
