//! The connections of a plugin: accepted, protected, taken apart where they are
//! multiplexed, and served until the plugin stops.

use std::{future::Future, io, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};

use crate::{
    broker::Broker,
    tls::Tls,
    transport::{BoxedIo, CONNECT_TIMEOUT, Listener, Services, serve_connection_until},
};

/// How long open connections get to close after the last answer.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(250);

/// How many connections are open at once; more wait to be accepted.
const CONNECTIONS: usize = 1024;

/// What connections are served with.
pub(super) struct Connections {
    pub(super) services: Services,
    pub(super) tls: Option<Tls>,
    /// The broker whose streams are inside of the first connection.
    pub(super) multiplexed: Option<Broker>,
    pub(super) stop: watch::Receiver<bool>,
}

impl Connections {
    /// Accepts and serves until the plugin stops. Polls `beside` along with it,
    /// which never ends by itself.
    pub(super) async fn run(&self, listener: Listener, beside: impl Future<Output = ()>) {
        let mut beside = std::pin::pin!(beside);
        let mut connections = JoinSet::new();
        let mut main: Option<mpsc::Receiver<BoxedIo>> = None;
        let mut stop = self.stop.clone();
        loop {
            // One multiplexed connection at a time; another host may come after it.
            let accepting = main.is_none() && connections.len() < CONNECTIONS;
            tokio::select! {
                connection = listener.accept(), if accepting => match (connection, &self.multiplexed) {
                    (Ok(connection), None) => drop(connections.spawn(self.serve(Box::new(connection)))),
                    (Ok(connection), Some(broker)) => main = Some(broker.demultiplex(connection)),
                    (Err(error), _) => {
                        // Out of descriptors, most likely: others may be freed.
                        tracing::warn!(%error, "cannot accept a connection");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                },
                stream = next(&mut main) => match stream {
                    Some(stream) => drop(connections.spawn(self.serve(stream))),
                    None => main = None,
                },
                Some(_) = connections.join_next() => {}
                () = &mut beside => {}
                () = stopped(&mut stop) => break,
            }
        }
        drop(listener);
        // The answer to Shutdown itself is among what still has to leave.
        let closed = async { while connections.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, closed).await;
    }

    fn serve(&self, io: BoxedIo) -> impl Future<Output = ()> + Send + use<> {
        let services = self.services.clone();
        let mut stop = self.stop.clone();
        let stopped = async move { stopped(&mut stop).await };
        let tls = self.tls.clone();
        async move {
            let served = match tls {
                None => serve_connection_until(io, services, stopped).await,
                Some(tls) => match protect(&tls, io).await {
                    Ok(io) => serve_connection_until(io, services, stopped).await,
                    Err(error) => {
                        // Nobody but the host should come here.
                        tracing::warn!(%error, "refused a connection");
                        return;
                    }
                },
            };
            if let Err(error) = served {
                tracing::debug!(%error, "a connection broke");
            }
        }
    }
}

async fn protect(tls: &Tls, io: BoxedIo) -> io::Result<BoxedIo> {
    tokio::time::timeout(CONNECT_TIMEOUT, tls.accept(io))
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// Without the guard that the wait returns, which may not change threads.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stopped| *stopped).await;
}

async fn next(main: &mut Option<mpsc::Receiver<BoxedIo>>) -> Option<BoxedIo> {
    match main {
        Some(streams) => streams.recv().await,
        None => std::future::pending().await,
    }
}
