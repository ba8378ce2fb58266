//! The client end: what a generated tonic client sends its calls through.

use std::{
    fmt,
    future::{Future, poll_fn},
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use h2::client::SendRequest;
use http::{
    Request, Response, Uri,
    uri::{self, Authority, PathAndQuery},
};
use http_body::Body as _;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::AbortHandle,
};
use tonic::{Status, body::Body};
use tower_service::Service;

use super::{
    Address, FRAME, HEADER_LIST, IncomingBody, SEND_BUFFER, WINDOW,
    body::{AbortOnDrop, status_from_h2},
    deadline::{Deadline, timeout_from},
    dial::{BoxedIo, Dial, SocketDial},
    send::SendBody,
};

/// How long a call without a deadline of its own may go without any sign of
/// life from the peer: 60 seconds.
pub const DEFAULT_IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// A gRPC channel to one peer, for tonic's generated clients.
///
/// Cloning is cheap and shares the connection. When the connection breaks, the
/// next call opens a new one to the same address, as go-plugin's hosts do; a
/// channel made from an open stream cannot, and its calls fail from then on.
///
/// # Deadlines
///
/// A deadline set with [`tonic::Request::set_timeout`] is enforced here, whole
/// call included, and ends in `DeadlineExceeded`. A call without one ends the
/// same way after [`DEFAULT_IDLE_TIMEOUT`] without any sign of life, unless
/// [`with_idle_timeout`](Self::with_idle_timeout) says otherwise.
///
/// # Cancellation
///
/// Dropping a call's future, or its response stream, cancels the call at the
/// peer.
///
/// # Runtime
///
/// The connection is driven by a task on the runtime of the caller that opened
/// it. A current-thread runtime is the fastest; on a multi-thread one, call
/// from a spawned task rather than from `block_on`.
#[derive(Clone)]
pub struct Channel {
    shared: Arc<Shared>,
    idle_timeout: Option<Duration>,
    counted: bool,
}

struct Shared {
    /// How to connect again; absent for a channel over a given stream.
    dial: Option<Arc<dyn Dial>>,
    scheme: Scheme,
    in_flight: Arc<AtomicUsize>,
    /// Held for moments only, never across an await.
    current: Mutex<Option<Open>>,
    /// One attempt to connect at a time.
    connecting: tokio::sync::Mutex<()>,
    closed: OnceLock<Status>,
}

struct Open {
    requests: SendRequest<Bytes>,
    /// Ends by itself once nobody calls any more and the last stream is done.
    driver: AbortHandle,
}

impl Channel {
    /// Connects to a plugin's address.
    ///
    /// # Errors
    ///
    /// What the operating system said, or [`io::ErrorKind::TimedOut`] after
    /// five seconds.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub async fn connect(address: Address) -> io::Result<Channel> {
        let dial = SocketDial {
            address,
            #[cfg(feature = "_peer")]
            tls: None,
        };
        Channel::dial(Arc::new(dial)).await
    }

    /// Connects to a plugin's address and speaks TLS there.
    ///
    /// # Errors
    ///
    /// Like [`connect`](Self::connect), and [`io::ErrorKind::InvalidData`]
    /// when the peer's certificate is refused. A peer that refuses *ours* says
    /// so only at the first call.
    #[cfg(feature = "_peer")]
    pub async fn connect_tls(address: Address, tls: &crate::tls::Tls) -> io::Result<Channel> {
        let tls = Some(tls.clone());
        Channel::dial(Arc::new(SocketDial { address, tls })).await
    }

    pub(crate) async fn dial(dial: Arc<dyn Dial>) -> io::Result<Channel> {
        let open = open(&*dial).await?;
        Ok(Channel::new(Some(dial), open))
    }

    /// Uses a stream that is open already, for example one half of
    /// `tokio::io::duplex`. Such a channel never reconnects.
    ///
    /// # Errors
    ///
    /// Fails when the stream breaks before the HTTP/2 preface is written.
    pub async fn from_io<T>(io: T) -> io::Result<Channel>
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let open = handshake(Box::new(io)).await?;
        Ok(Channel::new(None, open))
    }

    /// Like [`dial`](Self::dial), with the first connection already there.
    #[cfg(feature = "_peer")]
    pub(crate) async fn dial_with(io: BoxedIo, dial: Arc<dyn Dial>) -> io::Result<Channel> {
        let open = handshake(io).await?;
        Ok(Channel::new(Some(dial), open))
    }

    fn new(dial: Option<Arc<dyn Dial>>, open: Open) -> Channel {
        let encrypted = dial.as_ref().is_some_and(|dial| dial.encrypted());
        Channel {
            counted: true,
            shared: Arc::new(Shared {
                dial,
                scheme: Scheme::of(encrypted),
                in_flight: Arc::default(),
                current: Mutex::new(Some(open)),
                connecting: tokio::sync::Mutex::new(()),
                closed: OnceLock::new(),
            }),
            idle_timeout: Some(DEFAULT_IDLE_TIMEOUT),
        }
    }

    /// The same connection with another limit on silence, or with none.
    #[must_use]
    pub fn with_idle_timeout(mut self, idle_timeout: Option<Duration>) -> Channel {
        self.idle_timeout = idle_timeout;
        self
    }

    /// The same connection for calls of the protocol's own, which
    /// [`calls_in_flight`](Self::calls_in_flight) leaves out.
    #[cfg(feature = "host")]
    pub(crate) fn uncounted(mut self) -> Channel {
        self.counted = false;
        self
    }

    /// How many calls are on their way: begun, and neither answered in full nor
    /// dropped. Clones of the channel count together.
    pub fn calls_in_flight(&self) -> usize {
        self.shared.in_flight.load(Ordering::Relaxed)
    }

    /// Closes the connection. Calls in flight fail, and every later call fails
    /// at once with `status`. Only the first call of this method counts.
    pub fn close(&self, status: Status) {
        let _ = self.shared.closed.set(status);
        if let Some(open) = self.shared.take() {
            open.driver.abort();
        }
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("peer", &self.shared.dial.as_ref().map(ToString::to_string))
            .field("idle_timeout", &self.idle_timeout)
            .finish_non_exhaustive()
    }
}

async fn open(dial: &dyn Dial) -> io::Result<Open> {
    let timeout = dial.timeout();
    tokio::time::timeout(timeout, async { handshake(dial.dial().await?).await })
        .await
        .map_err(|_| {
            io::Error::new(
                io::ErrorKind::TimedOut,
                format!("no connection to {dial} within {timeout:?}"),
            )
        })?
}

/// Of one type, whatever carries it, so that HTTP/2 is compiled once.
async fn handshake(io: BoxedIo) -> io::Result<Open> {
    let (requests, connection) = h2::client::Builder::new()
        .initial_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_frame_size(FRAME)
        .max_send_buffer_size(SEND_BUFFER)
        .max_header_list_size(HEADER_LIST)
        .enable_push(false)
        .handshake::<_, Bytes>(io)
        .await
        .map_err(io::Error::other)?;
    let driver = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::trace!(%error, "connection ended");
        }
    });
    Ok(Open {
        requests,
        driver: driver.abort_handle(),
    })
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Open>> {
        // Nothing that runs under this lock can leave it half changed.
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Option<Open> {
        self.lock().take()
    }

    fn requests(&self) -> Option<SendRequest<Bytes>> {
        self.lock().as_ref().map(|open| open.requests.clone())
    }

    /// A handle that can take one more request, over a new connection if need be.
    async fn ready(&self) -> Result<SendRequest<Bytes>, Status> {
        if let Some(requests) = self.requests()
            && let Ok(requests) = requests.ready().await
        {
            return Ok(requests);
        }
        let _one_at_a_time = self.connecting.lock().await;
        if let Some(status) = self.closed.get() {
            return Err(status.clone());
        }
        // Somebody else may have connected while this call waited its turn.
        if let Some(requests) = self.requests()
            && let Ok(requests) = requests.ready().await
        {
            return Ok(requests);
        }
        let Some(dial) = &self.dial else {
            return Err(Status::unavailable("the connection was closed"));
        };
        tracing::debug!(peer = %dial, "connecting again");
        let open = open(&**dial).await.map_err(|error| {
            Status::unavailable(format!("the connection was lost, and {dial} says: {error}"))
        })?;
        let requests = open.requests.clone();
        *self.lock() = Some(open);
        requests
            .ready()
            .await
            .map_err(|error| status_from_h2(&error))
    }

    async fn call(
        &self,
        request: Request<Body>,
        idle_timeout: Option<Duration>,
        counted: bool,
    ) -> Result<Response<IncomingBody>, Status> {
        let counted = counted.then(|| Counted::new(&self.in_flight));
        let mut deadline = Deadline::new(timeout_from(request.headers()), idle_timeout);
        let mut exchange = std::pin::pin!(self.exchange(request));
        let (head, stream, sender) = poll_fn(|cx| match exchange.as_mut().poll(cx) {
            Poll::Pending => deadline.poll_expired(cx).map(Err),
            ready => ready.map_err(|status| deadline.cause(status)),
        })
        .await
        .map_err(|status| self.closed.get().cloned().unwrap_or(status))?;
        deadline.progress();
        Ok(Response::from_parts(
            head,
            IncomingBody::new(stream, deadline, sender).counted(counted),
        ))
    }

    async fn exchange(
        &self,
        request: Request<Body>,
    ) -> Result<(http::response::Parts, h2::RecvStream, Option<AbortOnDrop>), Status> {
        let mut requests = self.ready().await?;
        let (mut head, body) = request.into_parts();
        head.uri = self.scheme.origin(&head.uri);
        head.version = http::Version::HTTP_2;
        let ended = body.is_end_stream();
        let (response, stream) = requests
            .send_request(Request::from_parts(head, ()), ended)
            .map_err(|error| status_from_h2(&error))?;
        // Not needed any more, and while it lives the connection counts as wanted.
        drop(requests);
        let mut sender = None;
        if !ended {
            let mut send = SendBody::new(body, stream);
            // A unary request is complete here; only streams need a task.
            let first = poll_fn(|cx| Poll::Ready(send.poll_send(cx))).await;
            match first {
                Poll::Ready(Ok(())) => {}
                // What the peer answers says more than a broken stream does.
                Poll::Ready(Err(_)) => send.abandon(),
                Poll::Pending => {
                    let task = tokio::spawn(async move {
                        if poll_fn(|cx| send.poll_send(cx)).await.is_err() {
                            send.abandon();
                        }
                    });
                    sender = Some(AbortOnDrop(task.abort_handle()));
                }
            }
        }
        let (head, stream) = response
            .await
            .map_err(|error| status_from_h2(&error))?
            .into_parts();
        Ok((head, stream, sender))
    }
}

/// What go-plugin's own hosts put before the path of a call. Servers refuse a
/// socket's path there, and over TLS a scheme that is not `https`.
#[derive(Clone, Copy)]
enum Scheme {
    Plain,
    Encrypted,
}

impl Scheme {
    fn of(encrypted: bool) -> Scheme {
        match encrypted {
            true => Scheme::Encrypted,
            false => Scheme::Plain,
        }
    }

    fn origin(self, uri: &Uri) -> Uri {
        let (scheme, authority) = match self {
            Scheme::Plain => (uri::Scheme::HTTP, Authority::from_static("unused")),
            Scheme::Encrypted => (uri::Scheme::HTTPS, Authority::from_static("localhost")),
        };
        let mut parts = uri::Parts::default();
        parts.scheme = Some(scheme);
        parts.authority = Some(authority);
        let path = uri.path_and_query().cloned();
        parts.path_and_query = Some(path.unwrap_or(PathAndQuery::from_static("/")));
        Uri::from_parts(parts).unwrap_or_default()
    }
}

/// One call in flight, for as long as it lives.
pub(super) struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(in_flight: &Arc<AtomicUsize>) -> Counted {
        in_flight.fetch_add(1, Ordering::Relaxed);
        Counted(Arc::clone(in_flight))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The answer to one call, once its headers are here.
pub type ResponseFuture =
    Pin<Box<dyn Future<Output = Result<Response<IncomingBody>, Status>> + Send>>;

impl Service<Request<Body>> for Channel {
    type Response = Response<IncomingBody>;
    type Error = Status;
    type Future = ResponseFuture;

    /// Always ready: a call waits for its place inside its own future.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> ResponseFuture {
        let shared = Arc::clone(&self.shared);
        let (idle_timeout, counted) = (self.idle_timeout, self.counted);
        Box::pin(async move { shared.call(request, idle_timeout, counted).await })
    }
}
