//! Who waits for what: the bookkeeping of one broker, without input, output or
//! clock of its own.
//!
//! Plain, the side that offers listens on a socket of its own and announces it;
//! the side that dials takes the announcement:
//!
//! ```text
//! acceptor ── ConnInfo{id, network, address} ──▸ dialer ══ connects to address
//! ```
//!
//! Multiplexed, the dialer knocks and the acceptor says that the next stream is
//! for that id:
//!
//! ```text
//! dialer ── ConnInfo{id, knock} ──▸ acceptor
//! dialer ◂── ConnInfo{id, knock, ack} ── acceptor expects a stream for id
//! dialer ══ opens a stream ══▸ acceptor
//! ```

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use crate::generated::plugin::{ConnInfo, conn_info::Knock};

/// How many announcements and early knocks are kept for somebody who may ask.
pub(super) const KEPT: usize = 4096;

/// How long the stream may take that an acknowledged knock announced. Later
/// streams are then no longer taken for it.
const STREAM_DUE: Duration = Duration::from_secs(10);

/// What a message asks of the broker.
#[derive(Debug, PartialEq)]
pub(super) enum Action<D> {
    /// Nothing.
    None,
    /// Hand this announcement to the dialer that waits for it.
    Announce(D, ConnInfo),
    /// Send this.
    Send(ConnInfo),
    /// The knock of a dialer was answered: open a stream at once, whoever still
    /// wants it, because the peer now takes the next one for this id.
    Open(Option<D>),
    /// The peer refused a knock.
    Refuse(D, String),
}

/// The table. `D` is what a waiting dialer left behind, `A` an acceptor of
/// multiplexed streams.
#[derive(Debug)]
pub(super) struct Table<D, A> {
    /// Announced and not dialed yet, oldest first in `order`.
    announced: HashMap<u32, ConnInfo>,
    /// Knocked for and not accepted yet, in the same order.
    knocked: HashMap<u32, ()>,
    order: VecDeque<u32>,
    dialers: HashMap<u32, D>,
    acceptors: HashMap<u32, A>,
    /// Acknowledged, and until when their streams are due.
    expected: VecDeque<(u32, Instant)>,
}

impl<D, A> Default for Table<D, A> {
    fn default() -> Self {
        Table {
            announced: HashMap::new(),
            knocked: HashMap::new(),
            order: VecDeque::new(),
            dialers: HashMap::new(),
            acceptors: HashMap::new(),
            expected: VecDeque::new(),
        }
    }
}

impl<D, A> Table<D, A> {
    /// A message of the peer.
    pub(super) fn received(&mut self, message: ConnInfo, now: Instant) -> Action<D> {
        let id = message.service_id;
        match &message.knock {
            Some(Knock {
                ack: true, error, ..
            }) => match self.dialers.remove(&id) {
                Some(dialer) if !error.is_empty() => Action::Refuse(dialer, error.clone()),
                None if !error.is_empty() => Action::None,
                dialer => Action::Open(dialer),
            },
            Some(Knock { knock: true, .. }) => {
                if self.acceptors.contains_key(&id) {
                    return Action::Send(self.expect(id, now));
                }
                self.knocked.insert(id, ());
                self.keep(id);
                Action::None
            }
            Some(_) => Action::None,
            None => {
                if let Some(dialer) = self.dialers.remove(&id) {
                    return Action::Announce(dialer, message);
                }
                self.announced.insert(id, message);
                self.keep(id);
                Action::None
            }
        }
    }

    /// Somebody dials: either the announcement is here already, or the dialer
    /// is kept until it comes. A dialer that waits for the same id is given
    /// back, replaced.
    pub(super) fn dial(&mut self, id: u32, dialer: D) -> (Option<ConnInfo>, Option<D>) {
        match self.announced.remove(&id) {
            Some(announcement) => {
                self.forget(id);
                (Some(announcement), Some(dialer))
            }
            None => (None, self.dialers.insert(id, dialer)),
        }
    }

    /// Somebody dials by knocking: this is to be sent. A dialer that waits for
    /// the same id is replaced.
    pub(super) fn knock(&mut self, id: u32, dialer: D) -> ConnInfo {
        self.dialers.insert(id, dialer);
        ConnInfo {
            service_id: id,
            knock: Some(Knock {
                knock: true,
                ack: false,
                error: String::new(),
            }),
            ..ConnInfo::default()
        }
    }

    /// A dialer no longer waits.
    pub(super) fn give_up(&mut self, id: u32) {
        self.dialers.remove(&id);
    }

    /// Somebody accepts streams for `id`; returns what to send if the peer has
    /// knocked already, or the acceptor if the id is taken.
    pub(super) fn accept(
        &mut self,
        id: u32,
        acceptor: A,
        now: Instant,
    ) -> Result<Option<ConnInfo>, A> {
        if self.acceptors.contains_key(&id) {
            return Err(acceptor);
        }
        self.acceptors.insert(id, acceptor);
        if self.knocked.remove(&id).is_none() {
            return Ok(None);
        }
        self.forget(id);
        Ok(Some(self.expect(id, now)))
    }

    /// Nobody accepts streams for `id` any more.
    pub(super) fn close(&mut self, id: u32) {
        self.acceptors.remove(&id);
    }

    /// For whom a stream is that the peer just opened; nobody if it was not
    /// announced. A stream for an acceptor that has gone is for nobody either,
    /// and `Err`.
    pub(super) fn stream(&mut self, now: Instant) -> Result<Option<&A>, u32> {
        while let Some((id, due)) = self.expected.pop_front() {
            if due < now {
                continue;
            }
            return self.acceptors.get(&id).map(Some).ok_or(id);
        }
        Ok(None)
    }

    /// Panics if more is kept than may be.
    #[cfg(feature = "_fuzzing")]
    pub(super) fn check_bounds(&self) {
        let kept = self.announced.len().max(self.knocked.len());
        assert!(kept <= self.order.len() && self.order.len() <= KEPT);
        assert!(self.expected.len() <= KEPT);
    }

    #[cfg(all(test, feature = "host", feature = "plugin"))]
    pub(super) fn waiting(&self) -> usize {
        self.dialers.len()
    }

    /// Everybody who waits, taken out: the broker has ended.
    pub(super) fn drain(&mut self) -> (Vec<D>, Vec<A>) {
        let dialers = self.dialers.drain().map(|(_, dialer)| dialer).collect();
        let acceptors = self
            .acceptors
            .drain()
            .map(|(_, acceptor)| acceptor)
            .collect();
        (dialers, acceptors)
    }

    fn expect(&mut self, id: u32, now: Instant) -> ConnInfo {
        self.expected.push_back((id, now + STREAM_DUE));
        // A peer that knocks and never comes must not fill memory.
        if self.expected.len() > KEPT {
            self.expected.pop_front();
        }
        ConnInfo {
            service_id: id,
            knock: Some(Knock {
                knock: true,
                ack: true,
                error: String::new(),
            }),
            ..ConnInfo::default()
        }
    }

    /// Something kept for `id` was used; the other may still be kept.
    fn forget(&mut self, id: u32) {
        if !self.announced.contains_key(&id) && !self.knocked.contains_key(&id) {
            self.order.retain(|kept| *kept != id);
        }
    }

    fn keep(&mut self, id: u32) {
        self.order.retain(|kept| *kept != id);
        self.order.push_back(id);
        if self.order.len() > KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.announced.remove(&oldest);
            self.knocked.remove(&oldest);
        }
    }
}
