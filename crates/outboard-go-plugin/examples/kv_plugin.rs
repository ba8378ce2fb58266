//! A key-value plugin for the host that comes with go-plugin, and for any other.

use std::{fs, process::ExitCode};

use outboard_go_plugin::{
    handshake::HandshakeConfig,
    plugin::{ServeConfig, run},
    transport::{MAX_MESSAGE_BYTES, Services},
};
use proto::{
    Empty, GetRequest, GetResponse, PutRequest,
    kv_server::{Kv, KvServer},
};
use tonic::{Request, Response, Status, async_trait};

#[allow(unreachable_pub)] // In your package: tonic::include_proto!("proto");
mod proto {
    include!("../examples/kv/generated/proto.rs");
}

/// Keeps each value in a file of the working directory.
struct Files;

#[async_trait]
impl Kv for Files {
    async fn get(&self, request: Request<GetRequest>) -> Result<Response<GetResponse>, Status> {
        let value = fs::read(path(&request.into_inner().key)?)?.into();
        Ok(Response::new(GetResponse { value }))
    }

    async fn put(&self, request: Request<PutRequest>) -> Result<Response<Empty>, Status> {
        let PutRequest { key, value } = request.into_inner();
        fs::write(path(&key)?, value)?;
        Ok(Response::new(Empty {}))
    }
}

fn path(key: &str) -> Result<String, Status> {
    match key.chars().all(char::is_alphanumeric) {
        true => Ok(format!("kv_{key}")),
        false => Err(Status::invalid_argument("a key is letters and digits")),
    }
}

fn main() -> ExitCode {
    let handshake = HandshakeConfig::new("BASIC_PLUGIN", "hello", 1);
    let kv = KvServer::new(Files).max_decoding_message_size(MAX_MESSAGE_BYTES);
    run(ServeConfig::new(handshake, Services::new().add_service(kv)))
}
