//! The broker: further connections between a host and its plugin, in both
//! directions, so that either side can hand the other a service of its own.
//!
//! One side [accepts](Broker::accept_and_serve) under a number that it took
//! from [`next_id`](Broker::next_id) and tells the number to the other in a
//! message of its own; the other [dials](Broker::dial) it and gets a
//! [`Channel`] for a generated client.
//!
//! ```no_run
//! # use outboard_go_plugin::{broker::{Broker, BrokerError}, transport::Services};
//! # async fn example(broker: Broker, services: Services) -> Result<(), BrokerError> {
//! // On one side; the id travels in a request or an answer of yours.
//! let id = broker.next_id();
//! let served = broker.accept_and_serve(id, services).await?;
//! // On the other: let client = CounterClient::new(broker.dial(id).await?);
//! drop(served); // closes it
//! # Ok(())
//! # }
//! ```
//!
//! Connections are protected as the main one is. By default each has a socket
//! of its own; a host that asks for multiplexing gets them as streams inside of
//! the main connection's socket. Users see no difference.
//!
//! # Bounds
//!
//! | what | value |
//! |---|---|
//! | wait for the other side of a dial | 5 s unless [set](Broker::with_timeout) |
//! | announcements kept until somebody dials | 4,096, without limit in time |
//! | connections waiting to be accepted, multiplexed | 16 for each id |
//! | streams of one multiplexed connection | 16,384 |

mod dial;
mod error;
#[cfg(feature = "_fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(feature = "host")]
mod host_end;
mod listener;
mod outbox;
#[cfg(feature = "plugin")]
mod plugin_end;
mod session;
mod table;
#[cfg(all(test, feature = "host", feature = "plugin"))]
mod tests;

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::{mpsc, oneshot, watch};

pub(crate) use self::session::End;
pub use self::{
    error::{BrokerError, BrokerErrorKind},
    listener::{BrokerListener, BrokerStream, Served},
};
use self::{
    outbox::Outbox,
    session::{Session, Stream},
    table::{Action, Table},
};
use crate::{
    generated::plugin::ConnInfo,
    tls::Tls,
    transport::{Address, Channel, Services, SocketDial, Sockets},
};

/// How long a dial waits for the other side.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// How many connections of one id may wait to be accepted, multiplexed.
const BACKLOG: usize = 16;

/// One side's broker. Cloning shares it.
#[derive(Clone)]
pub struct Broker {
    shared: Arc<Shared>,
    timeout: Duration,
}

/// Translates an address that one side says into one that the other can reach,
/// where they do not see the same file system or network.
pub(crate) type Translate = dyn Fn(Address) -> std::io::Result<Address> + Send + Sync;

/// What a broker stands on.
pub(crate) struct BrokerConfig {
    pub(crate) end: End,
    pub(crate) tls: Option<Tls>,
    pub(crate) sockets: Sockets,
    pub(crate) multiplexed: bool,
    /// From what this side listens on to what the peer can reach.
    pub(crate) outward: Option<Arc<Translate>>,
    /// From what the peer listens on to what this side can reach.
    pub(crate) inward: Option<Arc<Translate>>,
}

type Waiter = oneshot::Sender<Result<Arrived, BrokerErrorKind>>;

/// What a dialer waited for.
enum Arrived {
    Announcement(ConnInfo),
    Stream(Stream),
}

struct Shared {
    config: BrokerConfig,
    next_id: AtomicU32,
    /// Held for moments only, never across an await.
    table: Mutex<Table<Waiter, mpsc::Sender<Stream>>>,
    outbox: Outbox,
    /// The multiplexed connection, once there is one.
    session: watch::Sender<Option<Session>>,
    /// From a knock to its stream, or a new main stream: a peer tells streams
    /// apart by their order alone.
    turn: tokio::sync::Mutex<()>,
    closed: watch::Sender<bool>,
}

impl Broker {
    pub(crate) fn new(config: BrokerConfig) -> Broker {
        Broker {
            shared: Arc::new(Shared {
                config,
                next_id: AtomicU32::new(0),
                table: Mutex::default(),
                outbox: Outbox::default(),
                session: watch::channel(None).0,
                turn: tokio::sync::Mutex::new(()),
                closed: watch::channel(false).0,
            }),
            timeout: DEFAULT_TIMEOUT,
        }
    }

    /// The same broker with another limit on how long a dial waits for the
    /// other side: 5 s unless set, as in Go.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Broker {
        self.timeout = timeout;
        self
    }

    /// A number that this side has not used. Each side counts for itself, from
    /// 1, and begins again after 2^32.
    pub fn next_id(&self) -> u32 {
        self.shared
            .next_id
            .fetch_add(1, Ordering::Relaxed)
            .wrapping_add(1)
    }

    /// Accepts connections under `id`: tells the peer, which may have dialed
    /// already or do so at any later time. Dropping the listener closes it;
    /// connections that it gave out live on.
    ///
    /// # Errors
    ///
    /// When there is no socket to be had, the id is accepted already
    /// (multiplexed), or the broker has ended.
    pub async fn accept(&self, id: u32) -> Result<BrokerListener, BrokerError> {
        let failed = |kind| BrokerError::new(id, "accept", kind);
        if *self.shared.closed.borrow() {
            return Err(failed(BrokerErrorKind::Closed));
        }
        if self.shared.config.multiplexed {
            let (sender, streams) = mpsc::channel(BACKLOG);
            let accepted = self.shared.lock().accept(id, sender, Instant::now());
            let early = accepted.map_err(|_| failed(BrokerErrorKind::InUse))?;
            let listener = BrokerListener::multiplexed(self.clone(), id, streams);
            if let Some(answer) = early
                && !self.shared.outbox.push(answer)
            {
                return Err(failed(BrokerErrorKind::Full));
            }
            return Ok(listener);
        }
        let config = &self.shared.config;
        let socket = config.sockets.listen().await;
        let socket = socket.map_err(|error| failed(BrokerErrorKind::Io(error)))?;
        let mut address = socket.address().clone();
        if let Some(translate) = &config.outward {
            address = translate(address).map_err(|error| failed(BrokerErrorKind::Io(error)))?;
        }
        let announcement = ConnInfo {
            service_id: id,
            network: address.network().to_owned(),
            address: address.to_string(),
            knock: None,
        };
        if !self.shared.outbox.push(announcement) {
            return Err(failed(BrokerErrorKind::Full));
        }
        Ok(BrokerListener::socket(self.clone(), id, socket))
    }

    /// Accepts connections under `id` and serves each with `services`, on tasks
    /// of their own, until the returned value is dropped or the plugin ends.
    ///
    /// # Errors
    ///
    /// Like [`accept`](Self::accept).
    pub async fn accept_and_serve(
        &self,
        id: u32,
        services: Services,
    ) -> Result<Served, BrokerError> {
        Ok(self.accept(id).await?.serve(services))
    }

    /// Connects to what the peer accepts under `id`, and waits for it to do so.
    ///
    /// The channel connects again by itself when its connection breaks, as the
    /// main one does. Multiplexed, dials of one side happen one after the
    /// other, because a peer tells their streams apart by order.
    ///
    /// # Errors
    ///
    /// When the peer accepts nothing under `id` in time, or cannot be reached.
    /// Dropping the future gives up.
    pub async fn dial(&self, id: u32) -> Result<Channel, BrokerError> {
        let failed = |kind| BrokerError::new(id, "dial", kind);
        if *self.shared.closed.borrow() {
            return Err(failed(BrokerErrorKind::Closed));
        }
        let connected = if self.shared.config.multiplexed {
            let dial = dial::Knocking {
                broker: self.clone(),
                id,
            };
            // Apart from the channel's first connection, so that the error
            // keeps its kind.
            let stream = dial.stream().await?;
            Channel::dial_with(stream, Arc::new(dial)).await
        } else {
            let announcement = self.announcement(id).await.map_err(failed)?;
            let ConnInfo {
                network, address, ..
            } = &announcement;
            let parsed = crate::handshake::parse_address(network, address);
            let mut address =
                parsed.map_err(|_| failed(BrokerErrorKind::Address(address.clone())))?;
            if let Some(translate) = &self.shared.config.inward {
                address = translate(address).map_err(|error| failed(BrokerErrorKind::Io(error)))?;
            }
            let tls = self.shared.config.tls.clone();
            Channel::dial(Arc::new(SocketDial { address, tls })).await
        };
        connected.map_err(|error| failed(BrokerErrorKind::Io(error)))
    }

    /// Waits until the broker has ended, with its plugin or its host.
    pub(crate) async fn ended(&self) {
        let _ = self
            .shared
            .closed
            .subscribe()
            .wait_for(|closed| *closed)
            .await;
    }

    /// Ends it: nothing is accepted or dialed any more, and whoever waits hears
    /// of it. Connections that exist go on.
    pub(crate) fn close(&self) {
        self.shared.closed.send_replace(true);
        self.shared.outbox.end();
        let waiting = self.shared.lock().drain();
        // Their ends are closed by being dropped, outside of the lock.
        drop(waiting);
        // A plugin's main connection is inside of it, and has an answer to give.
        if self.shared.config.end == End::Host {
            self.shared.session.send_replace(None);
        }
    }

    /// What the peer announces under `id`.
    async fn announcement(&self, id: u32) -> Result<ConnInfo, BrokerErrorKind> {
        let (sender, arrived) = oneshot::channel();
        let (announcement, replaced) = self.shared.lock().dial(id, sender);
        drop(replaced);
        if let Some(announcement) = announcement {
            return Ok(announcement);
        }
        let waiting = dial::GiveUp { broker: self, id };
        let arrived = tokio::time::timeout(self.timeout, arrived).await;
        drop(waiting);
        match arrived {
            Err(_) => Err(BrokerErrorKind::TimedOut(self.timeout)),
            Ok(Ok(Ok(Arrived::Announcement(announcement)))) => Ok(announcement),
            Ok(Ok(Err(kind))) => Err(kind),
            // Replaced by another dial of the same id, or closed.
            Ok(Ok(Ok(Arrived::Stream(_))) | Err(_)) => Err(BrokerErrorKind::Closed),
        }
    }

    /// What this side has to say, as one stream; a later one takes over.
    fn outgoing(&self) -> impl futures_util::Stream<Item = ConnInfo> + Send + 'static {
        let carrier = self.shared.outbox.carry();
        futures_util::stream::unfold(self.clone(), move |broker| async move {
            let message = broker.shared.outbox.next(carrier).await?;
            Some((message, broker))
        })
    }

    /// A message of the peer's broker. Messages are handled one at a time and
    /// in their order.
    async fn receive(&self, message: ConnInfo) {
        let action = self.shared.lock().received(message, Instant::now());
        match action {
            Action::None => {}
            Action::Announce(waiter, announcement) => {
                let _ = waiter.send(Ok(Arrived::Announcement(announcement)));
            }
            Action::Send(message) => {
                if !self.shared.outbox.push(message) {
                    tracing::warn!("the peer does not take the broker's messages");
                }
            }
            Action::Refuse(waiter, reason) => {
                let _ = waiter.send(Err(BrokerErrorKind::Refused(reason)));
            }
            Action::Open(waiter) => {
                let session = self.shared.session.borrow().clone();
                let stream = match session {
                    Some(session) => session.open().await.map_err(BrokerErrorKind::Io),
                    None => Err(BrokerErrorKind::Closed),
                };
                // A stream that nobody wants any more is opened all the same,
                // and closed: the peer takes the next one for this id.
                if let Some(waiter) = waiter {
                    let _ = waiter.send(stream.map(Arrived::Stream));
                }
            }
        }
    }

    /// A stream that the peer opened, for whoever expects one; given back if
    /// it is not a brokered one.
    fn route(&self, stream: Stream) -> Option<Stream> {
        let mut table = self.shared.lock();
        match table.stream(Instant::now()) {
            Ok(None) => Some(stream),
            Ok(Some(acceptor)) => {
                if acceptor.try_send(stream).is_err() {
                    tracing::warn!("too many brokered connections wait to be accepted");
                }
                None
            }
            Err(id) => {
                tracing::debug!(id, "a stream for a listener that is gone");
                None
            }
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Table<Waiter, mpsc::Sender<Stream>>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker")
            .field("end", &self.shared.config.end)
            .field("multiplexed", &self.shared.config.multiplexed)
            .field("encrypted", &self.shared.config.tls.is_some())
            .finish_non_exhaustive()
    }
}
