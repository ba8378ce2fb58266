//! Two brokers that talk to each other within this process, in every mode: plain
//! and multiplexed, in plain text and with TLS.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use tokio::task::JoinSet;
use tonic::{Code, Request, Response, Status};

use super::{Broker, BrokerConfig, BrokerErrorKind, End};
use crate::{
    generated::{
        health::{
            HealthCheckRequest, HealthCheckResponse,
            health_check_response::ServingStatus,
            health_client::HealthClient,
            health_server::{Health, HealthServer},
        },
        plugin::{
            ConnInfo,
            grpc_broker_server::{GrpcBroker, GrpcBrokerServer},
        },
    },
    tls::{Identity, Tls},
    transport::{Channel, Connection, Network, Services, Sockets, serve_connection},
};

/// Both ends, and what keeps them connected.
struct Pair {
    host: Broker,
    plugin: Broker,
    _tasks: JoinSet<()>,
    sockets: tempfile::TempDir,
}

#[derive(Clone, Copy, Debug)]
struct Mode {
    multiplexed: bool,
    encrypted: bool,
}

const MODES: [Mode; 4] = [
    Mode {
        multiplexed: false,
        encrypted: false,
    },
    Mode {
        multiplexed: false,
        encrypted: true,
    },
    Mode {
        multiplexed: true,
        encrypted: false,
    },
    Mode {
        multiplexed: true,
        encrypted: true,
    },
];

/// Answers SERVING to its own name alone.
#[derive(Clone)]
struct Named(String);

#[tonic::async_trait]
impl Health for Named {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let asked = request.into_inner().service;
        if asked != self.0 {
            return Err(Status::not_found(format!(
                "this is {}, not {asked}",
                self.0
            )));
        }
        let status = ServingStatus::Serving.into();
        Ok(Response::new(HealthCheckResponse { status }))
    }

    type WatchStream = tokio_stream::Pending<Result<HealthCheckResponse, Status>>;

    async fn watch(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("not here"))
    }
}

#[derive(Clone)]
struct Answering(Broker);

#[tonic::async_trait]
impl GrpcBroker for Answering {
    type StartStreamStream =
        std::pin::Pin<Box<dyn futures_util::Stream<Item = Result<ConnInfo, Status>> + Send>>;

    async fn start_stream(
        &self,
        request: Request<tonic::Streaming<ConnInfo>>,
    ) -> Result<Response<Self::StartStreamStream>, Status> {
        let messages = self.0.answer(request.into_inner());
        Ok(Response::new(Box::pin(futures_util::StreamExt::map(
            messages, Ok,
        ))))
    }
}

fn named(name: impl ToString) -> Services {
    Services::new().add_service(HealthServer::new(Named(name.to_string())))
}

async fn ask(channel: Channel, name: impl ToString) -> Result<(), Status> {
    let mut request = Request::new(HealthCheckRequest {
        service: name.to_string(),
    });
    request.set_timeout(Duration::from_secs(10));
    HealthClient::new(channel).check(request).await.map(drop)
}

async fn pair(mode: Mode) -> Pair {
    let sockets = tempfile::tempdir().unwrap();
    let (host_tls, plugin_tls) = match mode.encrypted {
        false => (None, None),
        true => {
            let (host, plugin) = (Identity::generate().unwrap(), Identity::generate().unwrap());
            let tls = |own, peer: &Identity| Tls::pinned(own, peer.certificate_der()).unwrap();
            (Some(tls(&host, &plugin)), Some(tls(&plugin, &host)))
        }
    };
    let broker = |end, tls| {
        Broker::new(BrokerConfig {
            end,
            tls,
            sockets: Sockets {
                network: Network::Auto,
                directory: sockets.path().to_owned(),
                group: None,
                ports: (0, 0),
            },
            multiplexed: mode.multiplexed,
            outward: None,
            inward: None,
        })
    };
    let host = broker(End::Host, host_tls.clone());
    let plugin = broker(End::Plugin, plugin_tls.clone());
    let services = named("main").add_service(GrpcBrokerServer::new(Answering(plugin.clone())));
    let mut tasks = JoinSet::new();
    let (ours, theirs) = tokio::net::UnixStream::pair().unwrap();
    let ours = Connection::try_from(ours).unwrap();
    let theirs = Connection::try_from(theirs).unwrap();
    let channel = if mode.multiplexed {
        let mut streams = plugin.demultiplex(theirs);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Some(stream) = streams.recv().await {
                let (tls, services) = (plugin_tls.clone(), services.clone());
                connections.spawn(async move {
                    match tls {
                        None => drop(serve_connection(stream, services).await),
                        Some(tls) => {
                            let stream = tls.accept(stream).await.unwrap();
                            drop(serve_connection(stream, services).await);
                        }
                    }
                });
            }
        });
        host.multiplex(ours).await.unwrap()
    } else {
        tasks.spawn(async move { drop(serve_connection(theirs, services).await) });
        Channel::from_io(ours).await.unwrap()
    };
    ask(channel.clone(), "main").await.unwrap();
    tasks.spawn(host.clone().follow(channel));
    Pair {
        host,
        plugin,
        _tasks: tasks,
        sockets,
    }
}

#[tokio::test]
async fn either_side_reaches_what_the_other_serves() {
    for mode in MODES {
        let pair = pair(mode).await;
        for (acceptor, dialer) in [(&pair.host, &pair.plugin), (&pair.plugin, &pair.host)] {
            let id = acceptor.next_id();
            let served = acceptor.accept_and_serve(id, named(id)).await.unwrap();
            let channel = dialer.dial(id).await.unwrap();
            ask(channel.clone(), id).await.unwrap();
            let wrong = ask(channel, "main").await.unwrap_err();
            assert_eq!(wrong.code(), Code::NotFound, "{mode:?}: {wrong}");
            drop(served);
        }
    }
}

#[tokio::test]
async fn fifty_channels_each_way_at_once_all_reach_their_own_service() {
    for mode in MODES {
        let pair = pair(mode).await;
        let mut all = JoinSet::new();
        let mut served = Vec::new();
        for (acceptor, dialer, side) in [
            (&pair.host, &pair.plugin, "host"),
            (&pair.plugin, &pair.host, "plugin"),
        ] {
            for _ in 0..50 {
                let id = acceptor.next_id();
                let name = format!("{side} {id}");
                served.push(acceptor.accept_and_serve(id, named(&name)).await.unwrap());
                let dialer = dialer.clone().with_timeout(Duration::from_secs(20));
                all.spawn(async move {
                    let channel = dialer.dial(id).await.unwrap();
                    for _ in 0..5 {
                        ask(channel.clone(), &name).await.unwrap();
                    }
                });
            }
        }
        while let Some(one) = all.join_next().await {
            one.unwrap_or_else(|error| panic!("{mode:?}: {error}"));
        }
    }
}

#[tokio::test]
async fn a_dial_waits_for_a_late_acceptor_and_an_acceptor_for_a_late_dial() {
    for mode in MODES {
        let pair = pair(mode).await;
        let id = pair.plugin.next_id();
        let host = pair.host.clone();
        let dial = tokio::spawn(async move { host.dial(id).await });
        // The dial is under way before anything is there to be dialed.
        while pair.host.shared.lock().waiting() == 0 {
            tokio::task::yield_now().await;
        }
        let served = pair
            .plugin
            .accept_and_serve(id, named("late"))
            .await
            .unwrap();
        ask(dial.await.unwrap().unwrap(), "late").await.unwrap();
        drop(served);

        let id = pair.host.next_id();
        let served = pair
            .host
            .accept_and_serve(id, named("early"))
            .await
            .unwrap();
        // Whatever was announced is here now, and nobody asked for it yet.
        let other = pair.host.next_id();
        let beside = pair
            .host
            .accept_and_serve(other, named("beside"))
            .await
            .unwrap();
        ask(pair.plugin.dial(other).await.unwrap(), "beside")
            .await
            .unwrap();
        ask(pair.plugin.dial(id).await.unwrap(), "early")
            .await
            .unwrap();
        drop((served, beside));
    }
}

#[tokio::test]
async fn an_id_that_nobody_accepts_times_out_and_is_named_and_the_next_works() {
    for mode in MODES {
        let pair = pair(mode).await;
        let timeout = Duration::from_millis(50);
        let error = pair
            .host
            .clone()
            .with_timeout(timeout)
            .dial(77)
            .await
            .unwrap_err();
        assert!(matches!(error.kind(), BrokerErrorKind::TimedOut(after) if *after == timeout));
        assert_eq!(error.id(), 77);
        assert!(error.to_string().contains("77"), "{error}");
        // In multiplexed mode the late answer to the knock opens a stream that
        // nobody wants; the next one must not be taken for it.
        let late = pair
            .plugin
            .accept_and_serve(77, named("late"))
            .await
            .unwrap();
        let id = pair.plugin.next_id();
        let served = pair.plugin.accept_and_serve(id, named(id)).await.unwrap();
        ask(pair.host.dial(id).await.unwrap(), id).await.unwrap();
        drop((late, served));
    }
}

#[tokio::test]
async fn what_is_dropped_is_closed_and_its_id_free() {
    for mode in MODES {
        let pair = pair(mode).await;
        let id = pair.plugin.next_id();
        let served = pair
            .plugin
            .accept_and_serve(id, named("first"))
            .await
            .unwrap();
        let host = pair.host.clone().with_timeout(Duration::from_millis(500));
        let channel = host.dial(id).await.unwrap();
        ask(channel.clone(), "first").await.unwrap();
        drop(served);
        let channel = channel.with_idle_timeout(Some(Duration::from_secs(5)));
        let until = tokio::time::Instant::now() + Duration::from_secs(10);
        while ask(channel.clone(), "first").await.is_ok() {
            assert!(
                tokio::time::Instant::now() < until,
                "{mode:?}: it is still served"
            );
            tokio::task::yield_now().await;
        }
        if mode.multiplexed {
            assert!(host.dial(id).await.is_err(), "{mode:?}");
        }
        drop(channel);
        let served = pair
            .plugin
            .accept_and_serve(id, named("second"))
            .await
            .unwrap();
        let again = pair.host.dial(id).await.unwrap();
        ask(again, "second").await.unwrap();
        drop(served);
        no_sockets_are_left(&pair, mode).await;
    }
}

#[tokio::test]
async fn a_broken_connection_of_a_channel_is_made_anew() {
    for mode in MODES {
        let pair = pair(mode).await;
        let id = pair.plugin.next_id();
        let mut listener = pair.plugin.accept(id).await.unwrap();
        let (break_it, broken) = tokio::sync::oneshot::channel::<()>();
        let server = tokio::spawn(async move {
            let first = listener.accept().await.unwrap();
            let calls = tokio::spawn(serve_connection(first, named("first")));
            broken.await.unwrap();
            calls.abort();
            let second = listener.accept().await.unwrap();
            let _ = serve_connection(second, named("second")).await;
        });
        let channel = pair.host.dial(id).await.unwrap();
        ask(channel.clone(), "first").await.unwrap();
        break_it.send(()).unwrap();
        let until = tokio::time::Instant::now() + Duration::from_secs(10);
        while let Err(error) = ask(channel.clone(), "second").await {
            assert!(tokio::time::Instant::now() < until, "{mode:?}: {error}");
            tokio::task::yield_now().await;
        }
        server.abort();
    }
}

async fn no_sockets_are_left(pair: &Pair, mode: Mode) {
    let until = tokio::time::Instant::now() + Duration::from_secs(10);
    while pair.sockets.path().read_dir().unwrap().count() > 0 {
        assert!(
            tokio::time::Instant::now() < until,
            "{mode:?}: sockets are left"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_thousand_ids_accepted_and_never_dialed_leave_nothing() {
    for mode in MODES {
        let pair = pair(mode).await;
        for _ in 0..1000 {
            let id = pair.plugin.next_id();
            drop(pair.plugin.accept_and_serve(id, named(id)).await.unwrap());
            // The peer must take what is announced, or the outbox fills up.
            tokio::task::yield_now().await;
        }
        no_sockets_are_left(&pair, mode).await;
    }
}

#[tokio::test]
async fn whoever_waits_hears_of_the_end() {
    for mode in MODES {
        let pair = pair(mode).await;
        let host = pair.host.clone();
        let dial = tokio::spawn(async move { host.dial(5).await });
        let mut listener = pair.host.accept(6).await.unwrap();
        while pair.host.shared.lock().waiting() == 0 {
            tokio::task::yield_now().await;
        }
        pair.host.close();
        let error = dial.await.unwrap().unwrap_err();
        assert!(
            matches!(error.kind(), BrokerErrorKind::Closed),
            "{mode:?}: {error}"
        );
        assert!(listener.accept().await.is_err());
        assert!(pair.host.accept(7).await.is_err());
        assert!(pair.host.dial(8).await.is_err());
    }
}

#[tokio::test]
async fn brokered_connections_take_no_stranger() {
    let pair = pair(Mode {
        multiplexed: false,
        encrypted: true,
    })
    .await;
    let mut listener = pair.plugin.accept(1).await.unwrap();
    let socket = pair
        .sockets
        .path()
        .read_dir()
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let stranger = Identity::generate().unwrap();
    let tls = Tls::pinned(&stranger, stranger.certificate_der()).unwrap();
    let (refused, accepted) = tokio::join!(
        Channel::connect_tls(crate::transport::Address::Unix(socket), &tls),
        listener.accept(),
    );
    assert!(refused.is_err());
    assert!(accepted.is_err());
}
