//! The plugin's end of a broker: answers the host's stream, and takes the
//! multiplexed connection apart.

use std::sync::Arc;

use futures_util::{Stream, StreamExt as _};
use tokio::{sync::mpsc, task::AbortHandle};

use super::{
    Broker,
    session::{End, Session},
};
use crate::{
    generated::plugin::ConnInfo,
    transport::{BoxedIo, Connection},
};

/// How many main streams of a multiplexed connection may wait to be served.
const MAIN_BACKLOG: usize = 64;

/// A task that ends with its owner.
struct Task(AbortHandle);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Broker {
    /// One stream of a host: takes its messages, and gives ours.
    pub(crate) fn answer(
        &self,
        mut messages: tonic::Streaming<ConnInfo>,
    ) -> impl Stream<Item = ConnInfo> + Send + 'static {
        let broker = self.clone();
        let reader = tokio::spawn(async move {
            while let Ok(Some(message)) = messages.message().await {
                broker.receive(message).await;
            }
        });
        let reader = Task(reader.abort_handle());
        self.outgoing().map(move |message| {
            // Lives as long as the stream of answers does.
            let _ = &reader;
            message
        })
    }

    /// Makes `connection` the multiplexed one; streams for the main services
    /// come out here, until the connection ends.
    pub(crate) fn demultiplex(&self, connection: Connection) -> mpsc::Receiver<BoxedIo> {
        let (main, streams) = mpsc::channel(MAIN_BACKLOG);
        let broker = Arc::downgrade(&self.shared);
        let timeout = self.timeout;
        let session = Session::run(connection, End::Plugin, move |stream| {
            let Some(shared) = broker.upgrade() else {
                return;
            };
            if let Some(stream) = (Broker { shared, timeout }).route(stream)
                && main.try_send(Box::new(stream) as BoxedIo).is_err()
            {
                tracing::warn!("too many connections wait to be served");
            }
        });
        self.shared.session.send_replace(Some(session));
        streams
    }
}
