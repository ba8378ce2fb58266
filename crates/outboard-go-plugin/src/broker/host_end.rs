//! The host's end of a broker: follows the plugin's messages, and opens the
//! multiplexed connection.

use std::{fmt, io, sync::Arc, time::Duration};

use tonic::Code;

use super::{
    Broker,
    dial::session,
    session::{End, Session},
};
use crate::{
    generated::plugin::grpc_broker_client::GrpcBrokerClient,
    transport::{BoxedIo, Channel, Connection, Dial, Dialing},
};

/// The wait before the broker's stream is opened again; doubles up to the last.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

impl Broker {
    /// Takes the plugin's broker messages over `channel` and sends ours, until
    /// the broker ends. The stream is opened again when it breaks while the
    /// plugin lives; Go's own plugins never take a second one, which only
    /// leaves dials to time out as they would anyway.
    ///
    /// The stream opens with its first message, so nobody may wait for it.
    pub(crate) async fn follow(self, channel: Channel) {
        // Silence is normal here, for hours.
        let channel = channel.with_idle_timeout(None);
        let mut wait = FIRST_WAIT;
        loop {
            let opened = tokio::time::Instant::now();
            tokio::select! {
                () = self.ended() => return,
                unknown = self.follow_once(channel.clone()) => if unknown {
                    tracing::debug!("the plugin has no broker");
                    return;
                },
            }
            if opened.elapsed() > LONGEST_WAIT {
                wait = FIRST_WAIT;
            }
            tokio::select! {
                () = self.ended() => return,
                () = tokio::time::sleep(wait) => wait = (wait * 2).min(LONGEST_WAIT),
            }
        }
    }

    /// Until the stream ends; says whether the plugin has no such service.
    async fn follow_once(&self, channel: Channel) -> bool {
        let mut client = GrpcBrokerClient::new(channel);
        match client.start_stream(self.outgoing()).await {
            Ok(answer) => {
                let mut messages = answer.into_inner();
                while let Ok(Some(message)) = messages.message().await {
                    self.receive(message).await;
                }
                false
            }
            Err(status) => status.code() == Code::Unimplemented,
        }
    }

    /// Makes `connection` the multiplexed one and returns the channel to the
    /// plugin's main services.
    pub(crate) async fn multiplex(&self, connection: Connection) -> io::Result<Channel> {
        let broker = Arc::downgrade(&self.shared);
        let timeout = self.timeout;
        let session = Session::run(connection, End::Host, move |stream| {
            let Some(shared) = broker.upgrade() else {
                return;
            };
            if (Broker { shared, timeout }).route(stream).is_some() {
                tracing::debug!("the plugin opened a stream that nobody expects");
            }
        });
        self.shared.session.send_replace(Some(session));
        Channel::dial(Arc::new(Main(self.clone()))).await
    }
}

/// Dials the main services of a multiplexed plugin: a stream that nobody knocked
/// for.
struct Main(Broker);

impl fmt::Display for Main {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the multiplexed connection")
    }
}

impl Dial for Main {
    fn dial(&self) -> Dialing<'_> {
        Box::pin(async move {
            let session = session(&self.0).await.map_err(|_| {
                io::Error::new(io::ErrorKind::BrokenPipe, "the connection has ended")
            })?;
            let stream = {
                let _turn = self.0.shared.turn.lock().await;
                session.open().await?
            };
            match &self.0.shared.config.tls {
                None => Ok(Box::new(stream) as BoxedIo),
                Some(tls) => tls.connect(Box::new(stream)).await,
            }
        })
    }

    fn encrypted(&self) -> bool {
        self.0.shared.config.tls.is_some()
    }
}
