//! The server end: runs services for an accepted connection, on one task.

use std::{
    any::Any,
    collections::HashMap,
    convert::Infallible,
    fmt,
    future::{Future, pending, poll_fn},
    io,
    panic::AssertUnwindSafe,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use h2::{RecvStream, server::SendResponse};
use http::{Request, Response};
use http_body::Body as _;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::Notify,
};
use tonic::{Status, body::Body, server::NamedService};
use tower_service::Service;

use super::{
    CONCURRENT_STREAMS, FRAME, HEADER_LIST, IncomingBody, SEND_BUFFER, WINDOW,
    authority::Lenient,
    deadline::{Deadline, timeout_from},
    dial::BoxedIo,
    send::SendBody,
};

type Answer = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

/// One registered service, behind a uniform face.
trait Handler: Send + Sync {
    fn call(&self, request: Request<IncomingBody>) -> Answer;
}

struct Registered<S>(S);

impl<S> Handler for Registered<S>
where
    S: Service<Request<IncomingBody>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + Sync,
    S::Future: Send + 'static,
{
    fn call(&self, request: Request<IncomingBody>) -> Answer {
        let answer = self.0.clone().call(request);
        Box::pin(async move {
            match answer.await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        })
    }
}

/// The services of a server, found by the first segment of a call's path.
///
/// A call to a service that is not there, like one to a method that a service
/// lacks, is answered with `Unimplemented`.
#[derive(Clone, Default)]
pub struct Services {
    handlers: HashMap<&'static str, Arc<dyn Handler>>,
    in_flight: InFlight,
}

impl Services {
    /// No services yet.
    pub fn new() -> Services {
        Services::default()
    }

    /// Adds a generated tonic server, or anything of its shape. A second one of
    /// the same name takes the place of the first.
    #[must_use]
    pub fn add_service<S>(mut self, service: S) -> Services
    where
        S: Service<Request<IncomingBody>, Response = Response<Body>, Error = Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        self.handlers.insert(S::NAME, Arc::new(Registered(service)));
        self
    }

    /// Counts the calls that are being answered, over all connections.
    pub fn in_flight(&self) -> &InFlight {
        &self.in_flight
    }

    fn call(&self, request: Request<IncomingBody>) -> Answer {
        let path = request.uri().path();
        let service = path.strip_prefix('/').and_then(|path| path.split_once('/'));
        match service.and_then(|(name, _)| self.handlers.get(name)) {
            Some(handler) => handler.call(request),
            None => {
                let status = match service {
                    Some((name, _)) => Status::unimplemented(format!("unknown service {name}")),
                    None => Status::unimplemented(format!("malformed method name: {path:?}")),
                };
                Box::pin(std::future::ready(status.into_http()))
            }
        }
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names: Vec<_> = self.handlers.keys().collect();
        names.sort();
        f.debug_struct("Services")
            .field("names", &names)
            .finish_non_exhaustive()
    }
}

/// How many calls are being answered.
///
/// The services that go-plugin itself needs (health, stdio, shutdown) are not
/// counted: a stdio stream stays open for the whole life of a plugin.
#[derive(Clone, Default, Debug)]
pub struct InFlight(Arc<Counter>);

#[derive(Default, Debug)]
struct Counter {
    calls: AtomicUsize,
    changed: Notify,
}

impl InFlight {
    /// The number of calls right now.
    pub fn count(&self) -> usize {
        self.0.calls.load(Ordering::Acquire)
    }

    /// Waits until no call is being answered.
    pub async fn drained(&self) {
        loop {
            let mut changed = pin!(self.0.changed.notified());
            changed.as_mut().enable();
            if self.count() == 0 {
                return;
            }
            changed.await;
        }
    }

    fn enter(&self) -> InFlightGuard {
        self.0.calls.fetch_add(1, Ordering::AcqRel);
        InFlightGuard(self.clone())
    }
}

struct InFlightGuard(InFlight);

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.0.0.calls.fetch_sub(1, Ordering::AcqRel);
        self.0.0.changed.notify_waiters();
    }
}

/// go-plugin's own services are not work that a drain waits for.
fn is_housekeeping(path: &str) -> bool {
    path.starts_with("/plugin.GRPC") || path.starts_with("/grpc.")
}

/// Serves one connection until the peer closes it.
///
/// Handlers run on the calling task: one that computes for long, or blocks,
/// holds up every other call of the connection and belongs on a thread of its
/// own (`tokio::task::spawn_blocking`). A handler that panics fails its own
/// call with `Internal` and nothing else. A call that the peer cancels, or
/// whose deadline passes, is dropped where it stands.
///
/// # Errors
///
/// When the connection breaks or the peer does not speak HTTP/2.
pub async fn serve_connection<T>(io: T, services: Services) -> io::Result<()>
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    serve_connection_until(io, services, pending()).await
}

/// Like [`serve_connection`], until `stop` is ready: then no new call is taken,
/// the calls in flight are answered, and the connection is closed.
///
/// # Errors
///
/// When the connection breaks or the peer does not speak HTTP/2.
pub async fn serve_connection_until<T, F>(io: T, services: Services, stop: F) -> io::Result<()>
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    F: Future<Output = ()> + Send,
{
    serve_boxed(Box::new(io), services, Box::pin(stop)).await
}

/// Of one type, whatever carries it, so that HTTP/2 is compiled once: it is the
/// largest part of a small plugin.
async fn serve_boxed(
    io: BoxedIo,
    services: Services,
    mut stop: Pin<Box<dyn Future<Output = ()> + Send + '_>>,
) -> io::Result<()> {
    let mut connection = h2::server::Builder::new()
        .initial_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_frame_size(FRAME)
        .max_send_buffer_size(SEND_BUFFER)
        .max_header_list_size(HEADER_LIST)
        .max_concurrent_streams(CONCURRENT_STREAMS)
        // Callers that give up early are no attack here: the peer is our host.
        .max_pending_accept_reset_streams(CONCURRENT_STREAMS as usize)
        .handshake::<_, Bytes>(Lenient::new(io))
        .await
        .map_err(io::Error::other)?;
    let mut stopping = false;
    let mut calls = FuturesUnordered::new();
    let mut accepted = Vec::new();
    poll_fn(|cx| {
        loop {
            if !stopping && stop.as_mut().poll(cx).is_ready() {
                stopping = true;
                connection.graceful_shutdown();
            }
            // Take everything that has arrived before answering any of it, so
            // that the answers leave in one write.
            let ended = loop {
                match connection.poll_accept(cx) {
                    Poll::Ready(Some(Ok(call))) => accepted.push(call),
                    Poll::Ready(Some(Err(error))) => {
                        return Poll::Ready(Err(io::Error::other(error)));
                    }
                    Poll::Ready(None) => break true,
                    Poll::Pending => break false,
                }
            };
            let mut progress = !accepted.is_empty();
            for (request, respond) in accepted.drain(..) {
                let mut call = Box::pin(answer(&services, request, respond));
                // Most handlers are done at once and never need a place in the set.
                if call.as_mut().poll(cx).is_pending() {
                    calls.push(call);
                }
            }
            while let Poll::Ready(Some(())) = calls.poll_next_unpin(cx) {
                progress = true;
            }
            if ended {
                return Poll::Ready(Ok(()));
            }
            if !progress {
                return Poll::Pending;
            }
        }
    })
    .await
}

/// One call from its request to its last byte.
fn answer(
    services: &Services,
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
) -> impl Future<Output = ()> + use<> {
    let path = request.uri().path();
    let guard = (!is_housekeeping(path)).then(|| services.in_flight.enter());
    let mut deadline = Deadline::new(timeout_from(request.headers()), None);
    let method = path.to_owned();
    let request = request.map(|stream| IncomingBody::new(stream, Deadline::new(None, None), None));
    let handler = catch(|| services.call(request));
    async move {
        let _guard = guard;
        let response = match handler {
            Err(panic) => panicked(&method, &*panic),
            Ok(mut handler) => {
                let waited = poll_fn(|cx| {
                    match catch(|| handler.as_mut().poll(cx)) {
                        Err(panic) => return Poll::Ready(Some(panicked(&method, &*panic))),
                        Ok(Poll::Ready(response)) => return Poll::Ready(Some(response)),
                        Ok(Poll::Pending) => {}
                    }
                    if let Poll::Ready(status) = deadline.poll_expired(cx) {
                        return Poll::Ready(Some(status.into_http()));
                    }
                    // The peer no longer wants an answer.
                    respond.poll_reset(cx).map(|_| None)
                })
                .await;
                let Some(response) = waited else { return };
                response
            }
        };
        let (head, body) = response.into_parts();
        let ended = body.is_end_stream();
        let Ok(stream) = respond.send_response(Response::from_parts(head, ()), ended) else {
            return;
        };
        if ended {
            return;
        }
        let mut send = SendBody::new(body, stream);
        let sent = poll_fn(|cx| match catch(|| send.poll_send(cx)) {
            Ok(sent) => sent,
            Err(panic) => Poll::Ready(Err(Status::internal(panic_text(&*panic)))),
        })
        .await;
        if sent.is_err() {
            send.abandon();
        }
    }
}

fn catch<T>(run: impl FnOnce() -> T) -> Result<T, Box<dyn Any + Send>> {
    // What a panicking handler leaves behind is its own; nothing of the
    // connection is touched while it runs.
    std::panic::catch_unwind(AssertUnwindSafe(run))
}

fn panicked(method: &str, panic: &(dyn Any + Send)) -> Response<Body> {
    Status::internal(format!(
        "the handler of {method} panicked: {}",
        panic_text(panic)
    ))
    .into_http()
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message").to_owned()
}
