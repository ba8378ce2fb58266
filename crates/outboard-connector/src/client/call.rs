//! What every call goes through: limits on time and size, and failures told apart.

use std::{
    future::Future,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::FutureExt as _;
use outboard_contracts::connector::{
    MAX_MESSAGE_BYTES,
    proto::{self, ExecuteRequest},
};
use outboard_go_plugin::{trace, transport::MessageTooLarge};
use tonic::{Code, Request, Response, Status};

use super::{
    CallError, CallLimits, DeadlineExceeded, ExecCall, GrpcConn, InvalidResult, OperationError,
    Side, TooLarge, TransportError, result::check_json,
};

/// How long a failed call waits to learn that its process has ended: the connection
/// breaks a moment before that is known.
const EXIT_PATIENCE: Duration = Duration::from_millis(500);

impl GrpcConn {
    pub(super) fn context<'a>(&'a self, operation: &str) -> Context<'a> {
        Context {
            plugin: &self.shared.plugin,
            operation: operation.to_owned(),
            begun: Instant::now(),
        }
    }

    pub(super) fn span(&self, call: &ExecCall) -> tracing::Span {
        tracing::info_span!(
            "connector call",
            plugin = &*self.shared.plugin,
            operation = call.operation,
            request_id = call.request_id,
            session_id = call.session_id,
        )
    }

    /// The message for a call, refused if it is larger than any connector takes.
    pub(super) fn request(&self, call: ExecCall) -> Result<ExecuteRequest, CallError> {
        use prost::Message as _;

        let args_json = serde_json::to_vec(&call.input).map_err(|error| {
            // A map of strings always can be; nothing is lost by not relying on it.
            let status = Status::internal(error.to_string());
            CallError::Transport(Box::new(TransportError::new(
                &self.shared.plugin,
                &call.operation,
                &status,
                None,
            )))
        })?;
        let request = ExecuteRequest {
            operation: call.operation,
            args_json: args_json.into(),
            creds: call.creds,
            request_id: call.request_id,
            session_id: call.session_id,
        };
        let size = request.encoded_len();
        if size > MAX_MESSAGE_BYTES {
            return Err(CallError::TooLarge(TooLarge {
                plugin: self.shared.plugin.to_string(),
                operation: request.operation,
                side: Side::Request,
                size: Some(size as u64),
                limit: MAX_MESSAGE_BYTES as u64,
            }));
        }
        Ok(request)
    }

    /// One call with one answer, within the limits on time.
    pub(super) async fn unary<Q, A, F>(
        &self,
        context: &Context<'_>,
        limits: CallLimits,
        request: Q,
        call: impl FnOnce(Request<Q>) -> F,
    ) -> Result<A, CallError>
    where
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let idle = Instant::now().checked_add(limits.idle);
        let (until, allowed, is_idle) = match (context.deadline(limits), idle) {
            (Some((at, allowed)), Some(idle)) if at <= idle => (Some(at), allowed, false),
            (Some((at, allowed)), None) => (Some(at), allowed, false),
            (_, idle) => (idle, limits.idle, true),
        };
        let call = call(context.timed(request, limits));
        let answer = match until {
            Some(until) => tokio::time::timeout_at(until.into(), call).await,
            None => Ok(call.await),
        };
        match answer {
            Ok(Ok(response)) => Ok(response.into_inner()),
            Ok(Err(status)) => Err(self.failed(context, status, limits).await),
            Err(_) => Err(self.too_late(context, Some(allowed), is_idle)),
        }
    }

    /// What a status amounts to. Waits a moment where the process may have ended.
    pub(super) async fn failed(
        &self,
        context: &Context<'_>,
        status: Status,
        limits: CallLimits,
    ) -> CallError {
        if let Some(too_large) = MessageTooLarge::of(&status) {
            // What this side refuses it says itself; a peer can only refuse requests.
            let side = match status.code() {
                Code::OutOfRange => Side::Result,
                _ => Side::Request,
            };
            return CallError::TooLarge(TooLarge {
                plugin: context.plugin.to_owned(),
                operation: context.operation.clone(),
                side,
                size: too_large.size,
                limit: too_large.limit,
            });
        }
        let passed = limits.deadline.is_some_and(|at| Instant::now() >= at);
        if passed && matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled) {
            let allowed = context.deadline(limits).map(|(_, allowed)| allowed);
            return self.too_late(context, allowed, false);
        }
        self.transport(context, status).await
    }

    pub(super) async fn transport(&self, context: &Context<'_>, status: Status) -> CallError {
        let lost = matches!(status.code(), Code::Unavailable | Code::DataLoss);
        let exit = match &self.shared.exit {
            None => None,
            Some(exit) if lost => tokio::time::timeout(EXIT_PATIENCE, exit.clone()).await.ok(),
            Some(exit) => exit.clone().now_or_never(),
        };
        if exit.is_none() && status.code() == Code::Cancelled {
            return CallError::Cancelled {
                plugin: context.plugin.to_owned(),
                operation: context.operation.clone(),
            };
        }
        if lost {
            self.shared.suspect.store(true, Ordering::Relaxed);
        }
        CallError::Transport(Box::new(TransportError::new(
            context.plugin,
            &context.operation,
            &status,
            exit,
        )))
    }

    pub(super) fn too_late(
        &self,
        context: &Context<'_>,
        allowed: Option<Duration>,
        idle: bool,
    ) -> CallError {
        self.shared.suspect.store(true, Ordering::Relaxed);
        CallError::Deadline(DeadlineExceeded {
            plugin: context.plugin.to_owned(),
            operation: context.operation.clone(),
            allowed: allowed.unwrap_or_default(),
            idle,
        })
    }

    pub(super) async fn valid(
        &self,
        context: &Context<'_>,
        result: Bytes,
    ) -> Result<Bytes, CallError> {
        match check_json(result).await {
            Ok(result) => Ok(result),
            Err((size, reason)) => Err(CallError::InvalidResult(InvalidResult {
                plugin: context.plugin.to_owned(),
                operation: context.operation.clone(),
                size,
                reason,
            })),
        }
    }

    pub(super) async fn measured(
        &self,
        call: impl Future<Output = Result<Bytes, CallError>>,
    ) -> Result<Bytes, CallError> {
        let begun = Instant::now();
        let result = call.await;
        let elapsed = begun.elapsed();
        match &result {
            Ok(result) => tracing::debug!(?elapsed, bytes = result.len(), "done"),
            // Its text is the connector's and may tell more than logs should.
            Err(CallError::Operation(error)) => {
                tracing::debug!(?elapsed, code = error.code, "the operation failed");
            }
            Err(error) => tracing::warn!(?elapsed, "{error}"),
        }
        result
    }
}

/// What every error of a call says.
#[derive(Clone)]
pub(super) struct Context<'a> {
    pub(super) plugin: &'a str,
    pub(super) operation: String,
    begun: Instant,
}

impl Context<'_> {
    /// When the whole call must be over, and how much that left it.
    pub(super) fn deadline(&self, limits: CallLimits) -> Option<(Instant, Duration)> {
        let at = limits.deadline?;
        Some((at, at.saturating_duration_since(self.begun)))
    }

    pub(super) fn timed<Q>(&self, message: Q, limits: CallLimits) -> Request<Q> {
        let mut request = Request::new(message);
        if let Some(at) = limits.deadline {
            request.set_timeout(at.saturating_duration_since(Instant::now()));
        }
        trace::carry(request.metadata_mut());
        request
    }

    pub(super) fn operation_error(&self, error: proto::Error) -> CallError {
        CallError::Operation(OperationError::new(self.plugin, &self.operation, error))
    }

    pub(super) fn check_size(&self, size: usize, limits: CallLimits) -> Result<(), CallError> {
        if size <= limits.max_result_bytes {
            return Ok(());
        }
        Err(CallError::TooLarge(TooLarge {
            plugin: self.plugin.to_owned(),
            operation: self.operation.clone(),
            side: Side::Result,
            size: None,
            limit: limits.max_result_bytes as u64,
        }))
    }
}
