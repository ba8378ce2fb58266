//! Dialing inside of a multiplexed connection: the main stream, and brokered
//! ones after a knock.

use std::{fmt, io, time::Duration};

use tokio::sync::oneshot;

use super::{
    Arrived, Broker, BrokerError, BrokerErrorKind,
    session::{Session, Stream},
};
use crate::transport::{BoxedIo, CONNECT_TIMEOUT, Dial, Dialing};

/// Takes a dialer out of the table when it no longer waits.
pub(super) struct GiveUp<'a> {
    pub(super) broker: &'a Broker,
    pub(super) id: u32,
}

impl Drop for GiveUp<'_> {
    fn drop(&mut self) {
        self.broker.shared.lock().give_up(self.id);
    }
}

/// Dials a brokered id: each connection is knocked for anew.
pub(super) struct Knocking {
    pub(super) broker: Broker,
    pub(super) id: u32,
}

impl Knocking {
    /// Knocks, and opens the stream that the answer allows.
    pub(super) async fn stream(&self) -> Result<BoxedIo, BrokerError> {
        let failed = |kind| BrokerError::new(self.id, "dial", kind);
        let stream = self.knock().await.map_err(failed)?;
        match &self.broker.shared.config.tls {
            None => Ok(Box::new(stream)),
            Some(tls) => {
                let handshake =
                    tokio::time::timeout(CONNECT_TIMEOUT, tls.connect(Box::new(stream))).await;
                let handshake = handshake.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
                handshake.map_err(|error| failed(BrokerErrorKind::Io(error)))
            }
        }
    }

    async fn knock(&self) -> Result<Stream, BrokerErrorKind> {
        let shared = &self.broker.shared;
        // Waits for the peer to connect, where this is the plugin.
        self.in_time(session(&self.broker)).await?;
        // Not counted, as in Go: it is this side's own dials that are ahead, and
        // each has its limit.
        let _turn = shared.turn.lock().await;
        self.in_time(self.knock_now()).await
    }

    /// Limits how long to wait for the other side.
    async fn in_time<T>(
        &self,
        other_side: impl Future<Output = Result<T, BrokerErrorKind>>,
    ) -> Result<T, BrokerErrorKind> {
        let timeout = self.broker.timeout;
        let answered = tokio::time::timeout(timeout, other_side).await;
        answered.unwrap_or(Err(BrokerErrorKind::TimedOut(timeout)))
    }

    async fn knock_now(&self) -> Result<Stream, BrokerErrorKind> {
        let shared = &self.broker.shared;
        let (sender, arrived) = oneshot::channel();
        let knock = shared.lock().knock(self.id, sender);
        let _waiting = GiveUp {
            broker: &self.broker,
            id: self.id,
        };
        if !shared.outbox.push(knock) {
            return Err(BrokerErrorKind::Full);
        }
        match arrived.await {
            Ok(Ok(Arrived::Stream(stream))) => Ok(stream),
            Ok(Err(kind)) => Err(kind),
            Ok(Ok(Arrived::Announcement(_))) => Err(BrokerErrorKind::Refused(
                "it announced an address instead of answering the knock".to_owned(),
            )),
            Err(_) => Err(BrokerErrorKind::Closed),
        }
    }
}

impl fmt::Display for Knocking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the brokered id {}", self.id)
    }
}

impl Dial for Knocking {
    fn dial(&self) -> Dialing<'_> {
        Box::pin(async move { self.stream().await.map_err(io::Error::other) })
    }

    fn encrypted(&self) -> bool {
        self.broker.shared.config.tls.is_some()
    }

    fn timeout(&self) -> Duration {
        self.broker.timeout + CONNECT_TIMEOUT
    }
}

/// The multiplexed connection, as soon as there is one.
pub(super) async fn session(broker: &Broker) -> Result<Session, BrokerErrorKind> {
    let shared = &broker.shared;
    let mut sessions = shared.session.subscribe();
    tokio::select! {
        () = broker.ended() => Err(BrokerErrorKind::Closed),
        session = sessions.wait_for(Option::is_some) => {
            session.ok().and_then(|session| session.clone()).ok_or(BrokerErrorKind::Closed)
        }
    }
}
