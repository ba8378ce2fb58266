//! The services that go-plugin expects of every plugin: health, stdio, broker
//! and shutdown.

use std::{pin::Pin, sync::Arc, time::Duration};

use futures_util::Stream;
use tokio::sync::watch;
use tonic::{Request, Response, Status};

use super::{
    serve::ShutdownHook,
    stdout::{Piece, Printed},
};
use crate::{
    broker::Broker,
    generated::{
        health::{
            HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus,
            health_server::Health,
        },
        plugin::{
            ConnInfo, Empty, StdioData, grpc_broker_server::GrpcBroker,
            grpc_controller_server::GrpcController, grpc_stdio_server::GrpcStdio,
        },
    },
    transport::InFlight,
};

/// The service name under which go-plugin's hosts ask for health.
pub(crate) const HEALTH_SERVICE: &str = "plugin";

type Streaming<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[derive(Clone)]
pub(super) struct HealthService;

#[tonic::async_trait]
impl Health for HealthService {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        match request.into_inner().service.as_str() {
            "" | HEALTH_SERVICE => Ok(Response::new(serving())),
            other => Err(Status::not_found(format!("unknown service {other:?}"))),
        }
    }

    type WatchStream = Streaming<HealthCheckResponse>;

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let answer = match request.into_inner().service.as_str() {
            "" | HEALTH_SERVICE => serving(),
            _ => HealthCheckResponse {
                status: ServingStatus::ServiceUnknown.into(),
            },
        };
        // The answer never changes: a plugin that serves is healthy.
        let answers = futures_util::stream::once(std::future::ready(Ok(answer)));
        let forever = futures_util::StreamExt::chain(answers, futures_util::stream::pending());
        Ok(Response::new(Box::pin(forever)))
    }
}

fn serving() -> HealthCheckResponse {
    HealthCheckResponse {
        status: ServingStatus::Serving.into(),
    }
}

#[derive(Clone)]
pub(super) struct StdioService(pub(super) Printed);

#[tonic::async_trait]
impl GrpcStdio for StdioService {
    type StreamStdioStream = Streaming<StdioData>;

    async fn stream_stdio(
        &self,
        _: Request<()>,
    ) -> Result<Response<Self::StreamStdioStream>, Status> {
        let pieces = futures_util::stream::unfold(self.0.reader(), |reader| async move {
            let Piece { channel, data } = reader.next().await?;
            let piece = StdioData {
                channel: channel.into(),
                data,
            };
            Some((Ok(piece), reader))
        });
        Ok(Response::new(Box::pin(pieces)))
    }
}

#[derive(Clone)]
pub(super) struct BrokerService(pub(super) Broker);

#[tonic::async_trait]
impl GrpcBroker for BrokerService {
    type StartStreamStream = Streaming<ConnInfo>;

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

/// Shuts down before it answers: a Go host counts its two seconds from the
/// answer, and cancels what is in flight when it has it.
#[derive(Clone)]
pub(super) struct ControllerService {
    pub(super) shutdown: Shutdown,
}

#[tonic::async_trait]
impl GrpcController for ControllerService {
    async fn shutdown(&self, _: Request<Empty>) -> Result<Response<Empty>, Status> {
        self.shutdown.run().await;
        Ok(Response::new(Empty {}))
    }
}

/// The orderly end, the same whether a call or a signal asks for it.
#[derive(Clone)]
pub(super) struct Shutdown {
    pub(super) in_flight: InFlight,
    pub(super) printed: Printed,
    pub(super) broker: Broker,
    pub(super) hook: Option<Arc<ShutdownHook>>,
    pub(super) drain_timeout: Duration,
    pub(super) stopped: Arc<watch::Sender<bool>>,
    pub(super) once: Arc<tokio::sync::OnceCell<()>>,
}

impl Shutdown {
    /// Goes all the way even if whoever asked is gone before the end: with its
    /// connection the call that asked is dropped.
    pub(super) async fn run(&self) {
        let shutdown = self.clone();
        let steps = tokio::spawn(async move {
            shutdown.once.get_or_init(|| shutdown.steps()).await;
        });
        let _ = steps.await;
    }

    async fn steps(&self) {
        let drained = tokio::time::timeout(self.drain_timeout, self.in_flight.drained()).await;
        if drained.is_err() {
            tracing::warn!(
                calls = self.in_flight.count(),
                timeout = ?self.drain_timeout,
                "calls were still running at shutdown and are cut off"
            );
        }
        if let Some(hook) = &self.hook
            && tokio::time::timeout(self.drain_timeout, hook())
                .await
                .is_err()
        {
            tracing::warn!(timeout = ?self.drain_timeout, "the shutdown hook did not finish");
        }
        self.broker.close();
        self.printed.finish().await;
        self.stopped.send_replace(true);
    }
}
