//! Our yamux against hashicorp's: volume both ways, a thousand streams over one
//! connection, and streams that end in the middle.

use std::time::Duration;

use outboard_go_plugin::{
    handshake::HandshakeConfig,
    host::{PluginProcess, PluginSpec},
    transport::MAX_MESSAGE_BYTES,
};
use outboard_interop::{
    generated::peer::{CallBackRequest, EchoRequest, OfferRequest, peer_client::PeerClient},
    matrix::{COOKIE, ping_all, serve_ping_pong},
    tools,
};
use tokio::task::JoinSet;
use tonic::Request;

const DEADLINE: Duration = Duration::from_secs(120);

/// Of each message, below what a Go server takes.
const BYTES: usize = 3 * 1024 * 1024;

async fn start(go: &tools::GoCommands) -> PluginProcess {
    PluginSpec::new(
        "yamux",
        go.path("matrix-plugin"),
        HandshakeConfig::new(COOKIE.0, COOKIE.1, 1),
    )
    .args(["--versions", "1"])
    .multiplexed_broker(true)
    .start()
    .await
    .unwrap()
}

fn request<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(DEADLINE);
    request
}

fn client(plugin: &PluginProcess) -> PeerClient<outboard_go_plugin::transport::Channel> {
    PeerClient::new(plugin.channel()).max_decoding_message_size(MAX_MESSAGE_BYTES)
}

async fn echo(plugin: &PluginProcess) {
    let message = EchoRequest {
        data: vec![7; BYTES].into(),
        answer_bytes: u32::try_from(BYTES).unwrap(),
        ..Default::default()
    };
    let answer = client(plugin)
        .echo(request(message))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(answer.got_bytes as usize, BYTES);
    assert_eq!(answer.data.len(), BYTES);
}

#[tokio::test]
async fn a_hundred_mebibytes_pass_each_way_through_one_connection() {
    let Some(go) = tools::go() else { return };
    let plugin = start(&go).await;
    for _ in 0..5 {
        // Eight at once share the windows.
        let all = (0..8).map(|_| echo(&plugin));
        futures_util::future::join_all(all).await;
    }
    assert!(!plugin.stop().await.forced);
}

#[tokio::test]
async fn a_thousand_streams_each_way_come_and_go_and_the_connection_stays() {
    let Some(go) = tools::go() else { return };
    let plugin = start(&go).await;
    let broker = plugin.broker().clone().with_timeout(DEADLINE);
    for _ in 0..20 {
        let mut served = Vec::new();
        let mut ids = Vec::new();
        for _ in 0..50 {
            let id = broker.next_id();
            served.push(serve_ping_pong(&broker, id).await.unwrap());
            ids.push(id);
        }
        let message = CallBackRequest { ids, wait_ms: 0 };
        let dialed = client(&plugin)
            .call_back(request(message))
            .await
            .unwrap()
            .into_inner();
        assert_eq!((dialed.answers, dialed.error.as_str()), (50, ""));

        let message = OfferRequest {
            count: 50,
            wait_ms: 0,
        };
        let offer = client(&plugin)
            .offer(request(message))
            .await
            .unwrap()
            .into_inner();
        assert_eq!(ping_all(&broker, &offer.ids).await, (50, None));
    }
    echo(&plugin).await;
    assert!(!plugin.stop().await.forced);
}

#[tokio::test]
async fn streams_that_are_dropped_in_the_middle_harm_no_other() {
    let Some(go) = tools::go() else { return };
    let plugin = start(&go).await;
    let broker = plugin.broker().clone().with_timeout(DEADLINE);
    for round in 0..20 {
        let message = OfferRequest {
            count: 5,
            wait_ms: 0,
        };
        let offer = client(&plugin)
            .offer(request(message))
            .await
            .unwrap()
            .into_inner();
        let mut dials = JoinSet::new();
        for id in offer.ids {
            let broker = broker.clone();
            // Dropped as soon as the stream is there, while HTTP/2 still begins.
            dials.spawn(async move { drop(broker.dial(id).await.unwrap()) });
        }
        let calls: Vec<_> = (0..5).map(|_| echo(&plugin)).collect();
        let mut cut = Box::pin(futures_util::future::join_all(calls));
        // Cut at another place in each round.
        for _ in 0..=round {
            tokio::select! {
                biased;
                _ = &mut cut => break,
                () = tokio::task::yield_now() => {}
            }
        }
        drop(cut);
        while let Some(dial) = dials.join_next().await {
            dial.unwrap();
        }
    }
    echo(&plugin).await;
    assert!(!plugin.stop().await.forced);
}
