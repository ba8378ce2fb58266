//! The transport's two ends against each other, in memory and over a socket.
#![allow(clippy::unwrap_used)]

use std::{
    future::pending,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use tokio::sync::{Notify, oneshot};
use tonic::{Code, Request, Response, Status};

use super::{
    Address, Channel, MessageTooLarge, Services, serve_connection, serve_connection_until,
};
use crate::generated::{
    health::{
        HealthCheckRequest, HealthCheckResponse,
        health_client::HealthClient,
        health_server::{Health, HealthServer},
    },
    plugin::{
        StdioData,
        grpc_stdio_client::GrpcStdioClient,
        grpc_stdio_server::{GrpcStdio, GrpcStdioServer},
    },
};

type Streaming<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Does what the name of the service it is asked about says.
#[derive(Clone, Default)]
struct Peer {
    running: Arc<AtomicUsize>,
    entered: Arc<Notify>,
    left: Arc<Notify>,
    release: Arc<Notify>,
}

struct Running(Peer);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
        self.0.left.notify_one();
    }
}

#[tonic::async_trait]
impl Health for Peer {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let metadata = request.metadata().clone();
        let wish = request.into_inner().service;
        self.running.fetch_add(1, Ordering::SeqCst);
        let _running = Running(self.clone());
        match wish.as_str() {
            "panic" => panic!("as you wish"),
            "hang" => {
                self.entered.notify_one();
                self.release.notified().await;
            }
            "mirror metadata" => {
                let mut answer = Response::new(HealthCheckResponse { status: 1 });
                *answer.metadata_mut() = metadata;
                return Ok(answer);
            }
            "long error" => return Err(Status::aborted("x".repeat(100_000))),
            _ => {}
        }
        Ok(Response::new(HealthCheckResponse {
            status: wish.len() as i32,
        }))
    }

    type WatchStream = Streaming<HealthCheckResponse>;

    async fn watch(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let first = Ok(HealthCheckResponse { status: 1 });
        let then_silence = futures_util::stream::pending();
        let stream = futures_util::stream::once(std::future::ready(first)).chain(then_silence);
        Ok(Response::new(Box::pin(stream)))
    }
}

const CHUNKS: usize = 64;
const CHUNK: usize = 1024 * 1024;

#[tonic::async_trait]
impl GrpcStdio for Peer {
    type StreamStdioStream = Streaming<StdioData>;

    async fn stream_stdio(
        &self,
        _: Request<()>,
    ) -> Result<Response<Self::StreamStdioStream>, Status> {
        let chunks = (0..CHUNKS).map(|index| {
            Ok(StdioData {
                channel: 1,
                data: Bytes::from(vec![index as u8; CHUNK]),
            })
        });
        Ok(Response::new(Box::pin(futures_util::stream::iter(chunks))))
    }
}

fn services(peer: &Peer) -> Services {
    Services::new()
        .add_service(
            HealthServer::new(peer.clone()).max_decoding_message_size(super::MAX_MESSAGE_BYTES),
        )
        .add_service(GrpcStdioServer::new(peer.clone()))
}

async fn pair(peer: &Peer) -> Channel {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let services = services(peer);
    tokio::spawn(async move { serve_connection(theirs, services).await });
    Channel::from_io(ours).await.unwrap()
}

fn wish(text: &str) -> Request<HealthCheckRequest> {
    Request::new(HealthCheckRequest {
        service: text.to_owned(),
    })
}

#[tokio::test]
async fn many_calls_at_once_each_get_their_own_answer() {
    let channel = pair(&Peer::default()).await;
    let calls = (0..200).map(|length| {
        let mut client = HealthClient::new(channel.clone());
        async move {
            let answer = client.check(wish(&"x".repeat(length))).await.unwrap();
            assert_eq!(answer.into_inner().status, length as i32);
        }
    });
    futures_util::future::join_all(calls).await;
}

#[tokio::test]
async fn a_message_of_64_mib_arrives() {
    let channel = pair(&Peer::default()).await;
    let length = 64 * 1024 * 1024;
    let answer = HealthClient::new(channel)
        .check(wish(&"y".repeat(length)))
        .await
        .unwrap();
    assert_eq!(answer.into_inner().status, length as i32);
}

#[tokio::test]
async fn a_peer_with_a_smaller_limit_is_named_with_it() {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let services = Services::new().add_service(HealthServer::new(Peer::default()));
    tokio::spawn(async move { serve_connection(theirs, services).await });
    let channel = Channel::from_io(ours).await.unwrap();
    let status = HealthClient::new(channel)
        .check(wish(&"y".repeat(5 * 1024 * 1024)))
        .await
        .unwrap_err();
    let too_large = MessageTooLarge::of(&status).expect("a word about the size");
    assert_eq!(too_large.limit, 4 * 1024 * 1024);
}

#[tokio::test]
async fn a_long_stream_arrives_whole_and_in_order() {
    let channel = pair(&Peer::default()).await;
    let mut client = GrpcStdioClient::new(channel);
    let mut stream = client.stream_stdio(()).await.unwrap().into_inner();
    for index in 0..CHUNKS {
        let piece = stream.message().await.unwrap().unwrap();
        assert_eq!(piece.data.len(), CHUNK);
        assert!(piece.data.iter().all(|byte| *byte == index as u8));
    }
    assert!(stream.message().await.unwrap().is_none());
}

#[tokio::test]
async fn a_passed_deadline_fails_the_call_and_ends_the_handler() {
    let peer = Peer::default();
    let channel = pair(&peer).await;
    let mut request = wish("hang");
    request.set_timeout(Duration::from_millis(50));
    let status = HealthClient::new(channel.clone())
        .check(request)
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
    peer.left.notified().await;
    assert_eq!(peer.running.load(Ordering::SeqCst), 0);
    HealthClient::new(channel)
        .check(wish("still there"))
        .await
        .unwrap();
}

#[tokio::test]
async fn dropping_a_call_cancels_it_at_the_peer() {
    let peer = Peer::default();
    let channel = pair(&peer).await;
    let call = {
        let mut client = HealthClient::new(channel.clone());
        tokio::spawn(async move { client.check(wish("hang")).await })
    };
    peer.entered.notified().await;
    call.abort();
    peer.left.notified().await;
    assert_eq!(peer.running.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_panic_fails_its_own_call_and_no_other() {
    let peer = Peer::default();
    let channel = pair(&peer).await;
    let hanging = {
        let mut client = HealthClient::new(channel.clone());
        tokio::spawn(async move { client.check(wish("hang")).await })
    };
    peer.entered.notified().await;
    let status = HealthClient::new(channel)
        .check(wish("panic"))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Internal);
    assert!(status.message().contains("as you wish"), "{status}");
    peer.release.notify_one();
    hanging.await.unwrap().unwrap();
}

#[tokio::test]
async fn unknown_services_are_unimplemented() {
    let (ours, theirs) = tokio::io::duplex(1024);
    tokio::spawn(async move { serve_connection(theirs, Services::new()).await });
    let channel = Channel::from_io(ours).await.unwrap();
    let status = HealthClient::new(channel)
        .check(wish("x"))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    assert_eq!(status.message(), "unknown service grpc.health.v1.Health");
}

#[tokio::test]
async fn a_silent_stream_ends_at_the_idle_limit() {
    let channel = pair(&Peer::default()).await;
    let channel = channel.with_idle_timeout(Some(Duration::from_millis(50)));
    let mut stream = HealthClient::new(channel)
        .watch(wish(""))
        .await
        .unwrap()
        .into_inner();
    assert!(stream.message().await.unwrap().is_some());
    let status = stream.message().await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
}

#[tokio::test]
async fn metadata_of_thirty_two_kilobytes_passes_both_ways() {
    let channel = pair(&Peer::default()).await;
    let mut request = wish("mirror metadata");
    let value = "v".repeat(32 * 1024);
    request
        .metadata_mut()
        .insert("x-long", value.parse().unwrap());
    let answer = HealthClient::new(channel).check(request).await.unwrap();
    assert_eq!(
        answer.metadata().get("x-long").unwrap().to_str().unwrap(),
        value
    );
}

#[tokio::test]
async fn a_long_error_text_arrives_as_that_error() {
    let channel = pair(&Peer::default()).await;
    let status = HealthClient::new(channel)
        .check(wish("long error"))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Aborted);
    assert_eq!(status.message().len(), 100_000);
}

#[tokio::test]
async fn a_lost_connection_is_unavailable_and_a_closed_channel_says_why() {
    let peer = Peer::default();
    let (ours, theirs) = tokio::io::duplex(1024);
    let services = services(&peer);
    let server = tokio::spawn(async move { serve_connection(theirs, services).await });
    let channel = Channel::from_io(ours).await.unwrap();
    let call = {
        let mut client = HealthClient::new(channel.clone());
        tokio::spawn(async move { client.check(wish("hang")).await })
    };
    peer.entered.notified().await;
    server.abort();
    assert_eq!(call.await.unwrap().unwrap_err().code(), Code::Unavailable);
    channel.close(Status::unavailable("it went away"));
    let status = HealthClient::new(channel)
        .check(wish("x"))
        .await
        .unwrap_err();
    assert_eq!(status.message(), "it went away");
}

#[tokio::test]
async fn stopping_answers_what_runs_and_takes_nothing_new() {
    let peer = Peer::default();
    let (ours, theirs) = tokio::io::duplex(1024);
    let (stop, stopped) = oneshot::channel::<()>();
    let services = services(&peer);
    let in_flight = services.in_flight().clone();
    let server = tokio::spawn(async move {
        let stop = async move { drop(stopped.await) };
        serve_connection_until(theirs, services, stop).await
    });
    let channel = Channel::from_io(ours).await.unwrap();
    let call = {
        let mut client = HealthClient::new(channel.clone());
        tokio::spawn(async move { client.check(wish("hang")).await })
    };
    peer.entered.notified().await;
    assert_eq!(in_flight.count(), 0, "health is housekeeping");
    stop.send(()).unwrap();
    tokio::task::yield_now().await;
    peer.release.notify_one();
    call.await.unwrap().unwrap();
    server.await.unwrap().unwrap();
    assert!(HealthClient::new(channel).check(wish("x")).await.is_err());
}

#[cfg(unix)]
#[tokio::test]
async fn the_next_call_after_a_broken_connection_connects_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let peer = Peer::default();
    let services = services(&peer);
    let (first, connected) = oneshot::channel();
    tokio::spawn(async move {
        let (connection, _) = listener.accept().await.unwrap();
        let serving = tokio::spawn(serve_connection(connection, services.clone()));
        first.send(serving.abort_handle()).unwrap();
        let (connection, _) = listener.accept().await.unwrap();
        serve_connection(connection, services).await.unwrap();
        pending::<()>().await;
    });
    let channel = Channel::connect(Address::Unix(path)).await.unwrap();
    HealthClient::new(channel.clone())
        .check(wish("x"))
        .await
        .unwrap();
    connected.await.unwrap().abort();
    // The first call may still meet the broken connection; the next may not.
    let _ = HealthClient::new(channel.clone()).check(wish("x")).await;
    HealthClient::new(channel).check(wish("x")).await.unwrap();
}
