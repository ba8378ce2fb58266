//! Running an operation: in one message, or in pieces.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use futures_util::FutureExt as _;
use outboard_contracts::connector::proto::ExecuteRequest;
use tonic::{Code, Status};

use super::{
    CallError, CallLimits, CallProgress, GrpcConn,
    call::Context,
    connection::{NOT_STREAMING, STREAMING},
    error::bounded,
    result::Collected,
};

/// The longest message that comes with progress, in bytes; the rest is cut off.
const MAX_PROGRESS_TEXT: usize = 4 * 1024;

impl GrpcConn {
    pub(super) async fn execute_once(
        &self,
        context: Context<'_>,
        request: ExecuteRequest,
        limits: CallLimits,
    ) -> Result<Bytes, CallError> {
        let mut client = self.client.clone();
        let answer = self
            .unary(&context, limits, request, |request| async move {
                client.execute(request).await
            })
            .await?;
        if let Some(error) = answer.error {
            return Err(context.operation_error(error));
        }
        context.check_size(answer.result_json.len(), limits)?;
        self.valid(&context, answer.result_json).await
    }

    pub(super) async fn stream_or_not(
        &self,
        context: Context<'_>,
        request: ExecuteRequest,
        limits: CallLimits,
        on_progress: impl FnMut(CallProgress) + Send,
    ) -> Result<Bytes, CallError> {
        let again = match self.shared.streaming.load(Ordering::Relaxed) {
            NOT_STREAMING => return self.execute_once(context, request, limits).await,
            STREAMING => None,
            _ => Some(request.clone()),
        };
        let total = context.deadline(limits);
        let streamed = self.collect(&context, request, limits, on_progress);
        let streamed = match total {
            Some((at, _)) => tokio::time::timeout_at(at.into(), streamed).await,
            None => Ok(streamed.await),
        };
        match streamed {
            Ok(Ok(result)) => self.valid(&context, result).await,
            Ok(Err(Failed::Other(error))) => Err(error),
            Ok(Err(Failed::NotStreaming(status))) => {
                let Some(again) = again else {
                    return Err(self.transport(&context, status).await);
                };
                // It did not run, so it may be asked again.
                match self.execute_once(context.clone(), again, limits).await {
                    Err(CallError::Transport(error)) if error.code == Code::Unimplemented => {
                        Err(self.transport(&context, status).await)
                    }
                    answered => {
                        tracing::debug!("it does not stream results");
                        self.shared
                            .streaming
                            .store(NOT_STREAMING, Ordering::Relaxed);
                        answered
                    }
                }
            }
            Err(_) => Err(self.too_late(&context, total.map(|(_, allowed)| allowed), false)),
        }
    }

    async fn collect(
        &self,
        context: &Context<'_>,
        request: ExecuteRequest,
        limits: CallLimits,
        mut on_progress: impl FnMut(CallProgress) + Send,
    ) -> Result<Bytes, Failed> {
        let request = context.timed(request, limits);
        let mut client = self.client.clone();
        let opened = tokio::time::timeout(limits.idle, client.execute_stream(request));
        let mut stream = match opened.await {
            Ok(Ok(response)) => response.into_inner(),
            Ok(Err(status)) if status.code() == Code::Unimplemented => {
                return Err(Failed::NotStreaming(status));
            }
            Ok(Err(status)) => return Err(self.failed(context, status, limits).await.into()),
            Err(_) => return Err(self.too_late(context, Some(limits.idle), true).into()),
        };
        let mut collected = Collected::default();
        let mut first = true;
        loop {
            let chunk = match tokio::time::timeout(limits.idle, stream.message()).await {
                Ok(Ok(Some(chunk))) => chunk,
                Ok(Ok(None)) => {
                    let status = Status::data_loss("the result ended before it was complete");
                    return Err(self.transport(context, status).await.into());
                }
                // grpc-go says so in the trailers, not in place of the headers.
                Ok(Err(status)) if first && status.code() == Code::Unimplemented => {
                    return Err(Failed::NotStreaming(status));
                }
                Ok(Err(status)) => return Err(self.failed(context, status, limits).await.into()),
                Err(_) => return Err(self.too_late(context, Some(limits.idle), true).into()),
            };
            if first {
                first = false;
                self.shared.streaming.store(STREAMING, Ordering::Relaxed);
            }
            if let Some(error) = chunk.error {
                return Err(context.operation_error(error).into());
            }
            if chunk.progress != 0 || chunk.total != 0 || !chunk.message.is_empty() {
                on_progress(CallProgress {
                    progress: chunk.progress,
                    total: chunk.total,
                    message: bounded(chunk.message, MAX_PROGRESS_TEXT),
                });
            }
            context.check_size(collected.len().saturating_add(chunk.data.len()), limits)?;
            collected.push(chunk.data);
            if chunk.eof {
                // The status behind it, if it is here already: taking it ends the call
                // in order, where dropping the stream would cancel it.
                let _ = stream.message().now_or_never();
                return Ok(collected.finish());
            }
        }
    }
}

enum Failed {
    /// There is no `ExecuteStream`, and nothing has run.
    NotStreaming(Status),
    Other(CallError),
}

impl From<CallError> for Failed {
    fn from(error: CallError) -> Failed {
        Failed::Other(error)
    }
}
