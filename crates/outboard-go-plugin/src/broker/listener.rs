//! The accepting side of a brokered id.

use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::{mpsc, watch},
    task::JoinSet,
};

use super::{Broker, session::Stream};
use crate::transport::{BoxedIo, CONNECT_TIMEOUT, Listener, Services, serve_connection_until};

/// How long calls in flight get when a served id closes.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// How many connections of one id are set up at once; more wait.
const SETTING_UP: usize = 64;

/// Accepts connections under one id. Dropping it closes it.
pub struct BrokerListener {
    broker: Broker,
    id: u32,
    source: Source,
}

enum Source {
    Socket(Listener),
    Multiplexed(mpsc::Receiver<Stream>),
}

/// One brokered connection, protected as the main one is.
pub struct BrokerStream(BoxedIo);

impl BrokerListener {
    pub(super) fn socket(broker: Broker, id: u32, socket: Listener) -> BrokerListener {
        let source = Source::Socket(socket);
        BrokerListener { broker, id, source }
    }

    pub(super) fn multiplexed(
        broker: Broker,
        id: u32,
        streams: mpsc::Receiver<Stream>,
    ) -> BrokerListener {
        let source = Source::Multiplexed(streams);
        BrokerListener { broker, id, source }
    }

    /// The id that it accepts.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The next connection, its TLS handshake done.
    ///
    /// For connections of protocols of your own; [`serve`](Self::serve) is what
    /// gRPC services need. Cancel-safe up to the TLS handshake, which is given
    /// up.
    ///
    /// # Errors
    ///
    /// When a connection breaks before it is there (the next call may succeed),
    /// and [`io::ErrorKind::BrokenPipe`] once the broker has ended.
    pub async fn accept(&mut self) -> io::Result<BrokerStream> {
        let io = self.next().await?;
        protect(&self.broker, io).await.map(BrokerStream)
    }

    /// The next connection as it comes.
    async fn next(&mut self) -> io::Result<BoxedIo> {
        let ended = || io::Error::new(io::ErrorKind::BrokenPipe, "the broker has ended");
        let broker = self.broker.clone();
        tokio::select! {
            () = broker.ended() => Err(ended()),
            io = self.source.next() => io?.ok_or_else(ended),
        }
    }

    /// Serves every connection with `services`, until the returned value is
    /// dropped or the broker ends; then calls in flight get two seconds.
    pub fn serve(self, services: Services) -> Served {
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(self.run(services, stopped));
        Served(stop)
    }

    async fn run(mut self, services: Services, stopped: watch::Receiver<bool>) {
        let mut connections = JoinSet::new();
        let mut closing = std::pin::pin!(stop_of(stopped.clone(), self.broker.clone()));
        loop {
            tokio::select! {
                () = &mut closing => break,
                Some(_) = connections.join_next() => {}
                io = self.next(), if connections.len() < SETTING_UP => match io {
                    Ok(io) => {
                        let (broker, services) = (self.broker.clone(), services.clone());
                        let stop = stop_of(stopped.clone(), broker.clone());
                        connections.spawn(serve_one(broker, io, services, stop));
                    }
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break,
                    Err(error) => {
                        tracing::warn!(id = self.id, %error, "cannot accept a brokered connection");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                },
            }
        }
        // The id is free and its socket gone before the last call has ended.
        drop(self);
        let all = async { while connections.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, all).await;
    }
}

/// Ready when the id closes; a dropped sender is as good as a word.
async fn stop_of(mut stopped: watch::Receiver<bool>, broker: Broker) {
    tokio::select! {
        _ = stopped.wait_for(|stopped| *stopped) => {}
        () = broker.ended() => {}
    }
}

async fn serve_one(
    broker: Broker,
    io: BoxedIo,
    services: Services,
    stop: impl Future<Output = ()> + Send,
) {
    let served = async {
        let io = protect(&broker, io).await?;
        serve_connection_until(io, services, stop).await
    };
    if let Err(error) = served.await {
        tracing::debug!(%error, "a brokered connection broke");
    }
}

async fn protect(broker: &Broker, io: BoxedIo) -> io::Result<BoxedIo> {
    match &broker.shared.config.tls {
        None => Ok(io),
        Some(tls) => tokio::time::timeout(CONNECT_TIMEOUT, tls.accept(io))
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())),
    }
}

impl Source {
    async fn next(&mut self) -> io::Result<Option<BoxedIo>> {
        match self {
            Source::Socket(listener) => Ok(Some(Box::new(listener.accept().await?))),
            Source::Multiplexed(streams) => Ok(streams
                .recv()
                .await
                .map(|stream| Box::new(stream) as BoxedIo)),
        }
    }
}

impl Drop for BrokerListener {
    fn drop(&mut self) {
        if let Source::Multiplexed(_) = self.source {
            self.broker.shared.lock().close(self.id);
        }
    }
}

impl fmt::Debug for BrokerListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrokerListener")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Services that are being served under a brokered id. Dropping it closes the
/// id; calls in flight get two seconds.
#[derive(Debug)]
#[must_use = "dropping it closes the id"]
pub struct Served(watch::Sender<bool>);

impl Served {
    /// Closes the id, like dropping.
    pub fn close(self) {}
}

impl Drop for Served {
    fn drop(&mut self) {
        self.0.send_replace(true);
    }
}

impl AsyncRead for BrokerStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for BrokerStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

impl fmt::Debug for BrokerStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrokerStream").finish_non_exhaustive()
    }
}
