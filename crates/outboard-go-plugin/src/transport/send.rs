//! What leaves: pushes a body's frames into an HTTP/2 stream, within its window.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use h2::SendStream;
use http::HeaderMap;
use http_body::{Body as _, Frame};
use tonic::{Status, body::Body};

use super::body::status_from_h2;

/// Frames up to this size are held back for one look ahead.
const LOOK_AHEAD: usize = 16 * 1024;

/// Sends one body. Looks one frame ahead where the frame is small, so that the
/// end of the stream rides on the last data instead of on a frame of its own.
pub(super) struct SendBody {
    body: Body,
    stream: SendStream<Bytes>,
    /// A small frame for which the peer has room, not sent yet.
    ahead: Option<Bytes>,
    /// A frame that waits for room; nothing more is read from the body until
    /// it is gone, so that a slow peer slows the body down.
    waiting: Option<Bytes>,
    trailers: Option<HeaderMap>,
    /// Whether there was a frame already.
    begun: bool,
    body_ended: bool,
}

impl SendBody {
    pub(super) fn new(body: Body, stream: SendStream<Bytes>) -> Self {
        SendBody {
            body,
            stream,
            ahead: None,
            waiting: None,
            trailers: None,
            begun: false,
            body_ended: false,
        }
    }

    /// Ready when the whole body is handed over, or with what went wrong: the
    /// peer reset the stream, or the body itself failed.
    pub(super) fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        loop {
            if let Some(data) = self.waiting.take()
                && let Some(rest) = self.poll_data(cx, data)?
            {
                self.waiting = Some(rest);
                return self.poll_reset(cx);
            }
            if self.body_ended {
                return Poll::Ready(self.finish());
            }
            let frame = Pin::new(&mut self.body).poll_frame(cx);
            if let Some(data) = match &frame {
                // The end alone may still ride on what is in hand.
                Poll::Ready(None) => None,
                _ => self.ahead.take(),
            } {
                self.send(data, false)?;
            }
            match frame {
                Poll::Ready(Some(frame)) => self.accept(frame?),
                Poll::Ready(None) => self.body_ended = true,
                Poll::Pending => return self.poll_reset(cx),
            }
        }
    }

    fn accept(&mut self, frame: Frame<Bytes>) {
        match frame.into_data() {
            Ok(data) => {
                self.stream.reserve_capacity(data.len());
                // The first frame waits for no room: a stream that is not open yet
                // has none, and opens in one write with what is queued behind its
                // head. What h2 then holds for it is at most this one frame.
                let first = !std::mem::replace(&mut self.begun, true);
                if data.len() <= LOOK_AHEAD && (first || self.stream.capacity() >= data.len()) {
                    self.ahead = Some(data);
                } else {
                    self.waiting = Some(data);
                }
            }
            Err(frame) => {
                self.trailers = frame.into_trailers().ok();
                self.body_ended = true;
            }
        }
    }

    fn finish(&mut self) -> Result<(), Status> {
        match self.trailers.take() {
            Some(trailers) => self
                .stream
                .send_trailers(trailers)
                .map_err(|error| status_from_h2(&error)),
            None => {
                let last = self.ahead.take().unwrap_or_default();
                self.send(last, true)
            }
        }
    }

    /// Hands over as much of `data` as there is room for; returns the rest once
    /// this task is registered to be woken when there is more room.
    fn poll_data(
        &mut self,
        cx: &mut Context<'_>,
        mut data: Bytes,
    ) -> Result<Option<Bytes>, Status> {
        while !data.is_empty() {
            self.stream.reserve_capacity(data.len());
            let mut room = self.stream.capacity();
            if room == 0 {
                room = match self.stream.poll_capacity(cx) {
                    Poll::Pending => return Ok(Some(data)),
                    Poll::Ready(Some(Ok(room))) => room,
                    Poll::Ready(Some(Err(error))) => return Err(status_from_h2(&error)),
                    Poll::Ready(None) => {
                        return Err(Status::cancelled("the peer closed the stream"));
                    }
                };
            }
            let piece = data.split_to(room.min(data.len()));
            if !piece.is_empty() {
                self.send(piece, false)?;
            }
        }
        Ok(None)
    }

    fn send(&mut self, data: Bytes, end: bool) -> Result<(), Status> {
        self.stream
            .send_data(data, end)
            .map_err(|error| status_from_h2(&error))
    }

    fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(match ready!(self.stream.poll_reset(cx)) {
            Ok(_) => Err(Status::cancelled("the peer reset the stream")),
            Err(error) => Err(status_from_h2(&error)),
        })
    }

    /// Tells the peer that this body will never be complete.
    pub(super) fn abandon(&mut self) {
        self.stream.send_reset(h2::Reason::CANCEL);
    }
}
