//! The calls of the matrix that need the broker, as our host makes them.

use std::time::Duration;

use outboard_contracts::value::Map;
use outboard_go_plugin::{
    broker::{Broker, BrokerError},
    transport::Channel,
};
use serde_json::{Value, json};
use tonic::Status;

use super::{
    calls::{inner, number, within},
    ping::{ping, ping_all, serve_ping_pong},
};
use crate::generated::{
    grpctest::{BidirectionalRequest, test_client::TestClient},
    peer::{CallBackRequest, OfferRequest, peer_client::PeerClient},
};

/// The main connection and the broker beside it.
pub(super) struct BrokerCalls {
    pub(super) channel: Channel,
    pub(super) broker: Broker,
}

impl BrokerCalls {
    /// go-plugin's own test of its broker: each end serves the other.
    pub(super) async fn bidirectional(&self, deadline: Duration) -> Result<Value, Status> {
        let id = self.broker.next_id();
        let _served = serve_ping_pong(&self.broker, id).await.map_err(broken)?;
        let mut test = TestClient::new(self.channel.clone());
        let message = within(deadline, BidirectionalRequest { id });
        let answer = inner(test.bidirectional(message).await)?;
        let said = ping(&self.broker, answer.id).await;
        let said = said.map_err(Status::unavailable)?;
        Ok(json!({ "plugin_says": said }))
    }

    /// Accepts many times and lets the plugin dial all of them, perhaps late.
    pub(super) async fn plugin_dials(
        &self,
        request: &Map,
        deadline: Duration,
    ) -> Result<Value, Status> {
        let mut served = Vec::new();
        let mut ids = Vec::new();
        for _ in 0..number(request, "count") {
            let id = self.broker.next_id();
            served.push(serve_ping_pong(&self.broker, id).await.map_err(broken)?);
            ids.push(id);
        }
        let wait_ms = number(request, "late_ms");
        let message = within(deadline, CallBackRequest { ids, wait_ms });
        let mut peer = PeerClient::new(self.channel.clone());
        let answer = inner(peer.call_back(message).await)?;
        drop(served);
        match answer.error.is_empty() {
            true => Ok(json!({ "answers": answer.answers })),
            false => Err(Status::unavailable(answer.error)),
        }
    }

    /// Lets the plugin accept many times, perhaps late, and dials all of them, perhaps
    /// late.
    pub(super) async fn host_dials(
        &self,
        request: &Map,
        deadline: Duration,
    ) -> Result<Value, Status> {
        let message = OfferRequest {
            count: number(request, "count"),
            wait_ms: number(request, "accept_late_ms"),
        };
        let mut peer = PeerClient::new(self.channel.clone());
        let offer = inner(peer.offer(within(deadline, message)).await)?;
        tokio::time::sleep(Duration::from_millis(number(request, "late_ms"))).await;
        match ping_all(&self.broker, &offer.ids).await {
            (answers, None) => Ok(json!({ "answers": answers })),
            (_, Some(error)) => Err(Status::unavailable(error)),
        }
    }

    /// Both at once.
    pub(super) async fn both_dial(
        &self,
        request: &Map,
        deadline: Duration,
    ) -> Result<Value, Status> {
        let (to_host, to_plugin) = tokio::join!(
            self.plugin_dials(request, deadline),
            self.host_dials(request, deadline),
        );
        Ok(json!({ "to_host": to_host?["answers"], "to_plugin": to_plugin?["answers"] }))
    }
}

fn broken(error: BrokerError) -> Status {
    Status::unavailable(error.to_string())
}
