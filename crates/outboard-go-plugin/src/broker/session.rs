//! One multiplexed connection: many streams over one socket, in the protocol of
//! `hashicorp/yamux`.
//!
//! A task owns the connection; it ends with the socket, or when the last handle
//! of this side is gone.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, BufStream},
    sync::{mpsc, oneshot},
};
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt as _, TokioAsyncReadCompatExt as _};
use yamux::{Config, Connection, Mode};

/// A stream of a session.
pub(super) type Stream = Compat<yamux::Stream>;

/// How many streams one session may have open. The library's own 512 are fewer
/// than Go allows, and one more would end the session.
const STREAMS: usize = 16 * 1024;

/// The largest piece of a stream that is sent at once, in bytes.
const PIECE: usize = 64 * 1024;

/// What is fetched from the socket, or handed to it, at once, in bytes.
const BUFFER: usize = 64 * 1024;

/// How many requests for streams may wait.
const REQUESTS: usize = 64;

/// The handle of a session.
#[derive(Debug, Clone)]
pub(super) struct Session {
    open: mpsc::Sender<oneshot::Sender<io::Result<Stream>>>,
}

/// Which end this is: the host opens streams of odd numbers, the plugin of even
/// ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
// With one feature alone there is one end alone.
#[allow(dead_code)]
pub(crate) enum End {
    Host,
    Plugin,
}

impl Session {
    /// Runs a session on `io`; `inbound` gets each stream that the peer opens,
    /// in their order, and must not block.
    pub(super) fn run<T>(io: T, end: End, inbound: impl FnMut(Stream) + Send + 'static) -> Session
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let mut config = Config::default();
        // In this order: the second is checked against the first.
        config.set_max_connection_receive_window(None);
        config.set_max_num_streams(STREAMS);
        config.set_split_send_size(PIECE);
        let mode = match end {
            End::Host => Mode::Client,
            End::Plugin => Mode::Server,
        };
        let io = BufStream::with_capacity(BUFFER, BUFFER, io).compat();
        let (open, requests) = mpsc::channel(REQUESTS);
        let driver = Driver {
            connection: Connection::new(io, config, mode),
            requests,
            waiting: None,
            inbound,
        };
        tokio::spawn(async move {
            if let Err(error) = driver.drive().await {
                tracing::debug!(%error, "a multiplexed connection broke");
            }
        });
        Session { open }
    }

    /// Opens a stream. When this returns, the peer will see this stream before
    /// any that is opened later.
    pub(super) async fn open(&self) -> io::Result<Stream> {
        let (sender, stream) = oneshot::channel();
        let over = || {
            io::Error::new(
                io::ErrorKind::BrokenPipe,
                "the multiplexed connection has ended",
            )
        };
        self.open.send(sender).await.map_err(|_| over())?;
        stream.await.map_err(|_| over())?
    }
}

struct Driver<T, F> {
    connection: Connection<T>,
    requests: mpsc::Receiver<oneshot::Sender<io::Result<Stream>>>,
    /// A request that the connection has no room for yet.
    waiting: Option<oneshot::Sender<io::Result<Stream>>>,
    inbound: F,
}

impl<T, F> Driver<T, F>
where
    T: yamux_io::Io,
    F: FnMut(Stream),
{
    async fn drive(mut self) -> io::Result<()> {
        let driven = poll_fn(|cx| self.poll(cx)).await;
        // Says goodbye if anybody listens; the socket closes either way.
        let closing = poll_fn(|cx| self.connection.poll_close(cx));
        let _ = tokio::time::timeout(std::time::Duration::from_millis(250), closing).await;
        driven
    }

    /// Ready once the session is over: the peer ended it, or nobody on this
    /// side has a handle any more and no stream is open.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut progress = false;
            if self.waiting.is_none() {
                match self.requests.poll_recv(cx) {
                    Poll::Ready(Some(request)) => self.waiting = Some(request),
                    Poll::Ready(None) => return Poll::Ready(Ok(())),
                    Poll::Pending => {}
                }
            }
            if let Some(request) = self.waiting.take() {
                match self.connection.poll_new_outbound(cx) {
                    Poll::Ready(Ok(stream)) => {
                        let _ = request.send(greet(stream, cx));
                        progress = true;
                    }
                    Poll::Ready(Err(error)) => {
                        let _ = request.send(Err(io::Error::other(error)));
                        progress = true;
                    }
                    Poll::Pending => self.waiting = Some(request),
                }
            }
            match self.connection.poll_next_inbound(cx) {
                Poll::Ready(Some(Ok(stream))) => {
                    match greet(stream, cx) {
                        Ok(stream) => (self.inbound)(stream),
                        Err(error) => tracing::debug!(%error, "a stream broke at once"),
                    }
                    progress = true;
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(io::Error::other(error))),
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Pending => {}
            }
            if !progress {
                return Poll::Pending;
            }
        }
    }
}

/// Writes nothing, which sends the first frame of a stream: the library sends
/// it with the first data, but the order in which streams open must be the
/// order in which they were asked for, and Go ends a session in which a stream
/// stays unanswered for 75 s.
fn greet(mut stream: yamux::Stream, cx: &mut Context<'_>) -> io::Result<Stream> {
    match futures_util::AsyncWrite::poll_write(Pin::new(&mut stream), cx, &[]) {
        Poll::Ready(Err(error)) => Err(error),
        // A new stream has room for one frame.
        Poll::Ready(Ok(_)) | Poll::Pending => Ok(stream.compat()),
    }
}

/// What the library asks of a socket.
mod yamux_io {
    pub(super) trait Io: futures_util::AsyncRead + futures_util::AsyncWrite + Unpin {}
    impl<T: futures_util::AsyncRead + futures_util::AsyncWrite + Unpin> Io for T {}
}
