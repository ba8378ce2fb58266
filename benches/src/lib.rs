//! What the benchmarks' host and plugin share: the service of `proto/bench` for
//! the rows that stream or use the broker.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use outboard_go_plugin::{handshake::HandshakeConfig, transport::Channel};
use tonic::{Request, Response, Status};

pub mod generated;

use generated::{Payload, echo_client::EchoClient, echo_server::Echo};

/// How long any one call of the benchmarks may take.
pub const DEADLINE: std::time::Duration = std::time::Duration::from_secs(30);

/// The handshake, which is that of the Go peers too.
pub fn handshake() -> HandshakeConfig {
    HandshakeConfig::new("BENCH_PLUGIN", "bench-plugin-v1", 1)
}

/// Sends back what it gets, and counts. Cloning shares the count.
#[derive(Debug, Clone, Default)]
pub struct Echoing(Arc<AtomicU64>);

impl Echoing {
    /// How many calls were answered.
    pub fn calls(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[tonic::async_trait]
impl Echo for Echoing {
    async fn echo(&self, request: Request<Payload>) -> Result<Response<Payload>, Status> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(Response::new(request.into_inner()))
    }
}

/// Makes one call and checks that what comes back has the right size.
///
/// # Errors
///
/// The call's own, or `DataLoss`.
pub async fn call_echo(client: &mut EchoClient<Channel>, data: &Bytes) -> Result<(), Status> {
    let request = with_deadline(Payload { data: data.clone() });
    let answer = client.echo(request).await?.into_inner();
    if answer.data.len() == data.len() {
        return Ok(());
    }
    let (arrived, sent) = (answer.data.len(), data.len());
    Err(Status::data_loss(format!(
        "{arrived} bytes came back instead of {sent}"
    )))
}

/// A request that gives up after [`DEADLINE`].
pub fn with_deadline<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(DEADLINE);
    request
}
