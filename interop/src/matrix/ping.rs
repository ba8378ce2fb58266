//! What either end serves on brokered connections, and how the other asks for it.

use std::time::Duration;

use outboard_go_plugin::{
    broker::{Broker, BrokerError, Served},
    transport::Services,
};
use tokio::task::JoinSet;
use tonic::{Request, Response, Status};

use crate::generated::grpctest::{
    PingRequest, PongResponse,
    ping_pong_client::PingPongClient,
    ping_pong_server::{PingPong, PingPongServer},
};

/// How long one ping may take, beside the wait for the other end.
const DEADLINE: Duration = Duration::from_secs(10);

/// Answers that somebody is there.
struct Pong;

#[tonic::async_trait]
impl PingPong for Pong {
    async fn ping(&self, _: Request<PingRequest>) -> Result<Response<PongResponse>, Status> {
        let msg = "pong".to_owned();
        Ok(Response::new(PongResponse { msg }))
    }
}

/// Accepts on a broker id and serves PingPong there.
///
/// # Errors
///
/// The broker's.
pub async fn serve_ping_pong(broker: &Broker, id: u32) -> Result<Served, BrokerError> {
    let services = Services::new().add_service(PingPongServer::new(Pong));
    broker.accept_and_serve(id, services).await
}

/// Dials a broker id and asks PingPong there.
///
/// # Errors
///
/// What went wrong, for a person.
pub async fn ping(broker: &Broker, id: u32) -> Result<String, String> {
    let dialed = broker.dial(id).await;
    let channel = dialed.map_err(|error| error.to_string())?;
    let mut request = Request::new(PingRequest {});
    request.set_timeout(DEADLINE);
    match PingPongClient::new(channel).ping(request).await {
        Ok(answer) => Ok(answer.into_inner().msg),
        Err(status) => Err(status.to_string()),
    }
}

/// Pings many broker ids at once; returns how many answered, and what the first that
/// did not said instead.
pub async fn ping_all(broker: &Broker, ids: &[u32]) -> (u32, Option<String>) {
    let mut pings = JoinSet::new();
    for &id in ids {
        let broker = broker.clone();
        pings.spawn(async move { ping(&broker, id).await });
    }
    let (mut answers, mut first) = (0, None);
    while let Some(said) = pings.join_next().await {
        match said {
            Ok(Ok(msg)) if msg == "pong" => answers += 1,
            Ok(Ok(other)) | Ok(Err(other)) => first = first.or(Some(other)),
            Err(error) => first = first.or(Some(error.to_string())),
        }
    }
    (answers, first)
}
