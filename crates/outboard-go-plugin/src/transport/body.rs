//! What arrives: a request's or a response's body, read from the connection as
//! the consumer asks for it.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use h2::RecvStream;
use http_body::Frame;
use tokio::task::AbortHandle;
use tonic::Status;

use super::{channel::Counted, deadline::Deadline};

/// A body that arrives over a connection. Reading it gives the peer room to
/// send more; dropping it before its end cancels the call.
pub struct IncomingBody {
    stream: RecvStream,
    deadline: Deadline,
    data_ended: bool,
    /// The task that still sends this call's request, on the client side.
    _sender: Option<AbortOnDrop>,
    _counted: Option<Counted>,
}

/// Ends a task when its owner goes.
pub(super) struct AbortOnDrop(pub(super) AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl IncomingBody {
    pub(super) fn new(stream: RecvStream, deadline: Deadline, sender: Option<AbortOnDrop>) -> Self {
        IncomingBody {
            stream,
            deadline,
            data_ended: false,
            _sender: sender,
            _counted: None,
        }
    }

    pub(super) fn counted(mut self, counted: Option<Counted>) -> Self {
        self._counted = counted;
        self
    }

    fn poll_stream(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if !self.data_ended {
            match ready!(self.stream.poll_data(cx)) {
                Some(Ok(data)) => {
                    // Fails only when the stream is gone, which the next poll reports.
                    let _ = self.stream.flow_control().release_capacity(data.len());
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Some(Err(error)) => {
                    self.data_ended = true;
                    return Poll::Ready(Some(Err(status_from_h2(&error))));
                }
                None => self.data_ended = true,
            }
        }
        match ready!(self.stream.poll_trailers(cx)) {
            Ok(Some(trailers)) => Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
            Ok(None) => Poll::Ready(None),
            Err(error) => Poll::Ready(Some(Err(status_from_h2(&error)))),
        }
    }
}

impl http_body::Body for IncomingBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        match self.poll_stream(cx) {
            Poll::Ready(frame) => {
                self.deadline.progress();
                let cause = |status| self.deadline.cause(status);
                Poll::Ready(frame.map(|frame| frame.map_err(cause)))
            }
            Poll::Pending => self
                .deadline
                .poll_expired(cx)
                .map(|status| Some(Err(status))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }
}

impl fmt::Debug for IncomingBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingBody")
            .field("ended", &self.stream.is_end_stream())
            .finish()
    }
}

/// The gRPC status that a failed stream amounts to, by the table of the gRPC
/// HTTP/2 specification; a lost connection is `Unavailable`.
pub(super) fn status_from_h2(error: &h2::Error) -> Status {
    use h2::Reason;
    if error.is_io() {
        return Status::unavailable(format!("the connection was lost: {error}"));
    }
    match error.reason() {
        Some(Reason::CANCEL) => Status::cancelled("the call was cancelled by the peer"),
        Some(Reason::NO_ERROR | Reason::REFUSED_STREAM) => {
            Status::unavailable(format!("the peer did not take the call: {error}"))
        }
        Some(Reason::ENHANCE_YOUR_CALM) => {
            Status::resource_exhausted(format!("the peer asks for fewer calls: {error}"))
        }
        Some(Reason::INADEQUATE_SECURITY) => Status::permission_denied(error.to_string()),
        Some(_) => Status::internal(format!("HTTP/2 error: {error}")),
        None => Status::unavailable(format!("the connection was closed: {error}")),
    }
}
