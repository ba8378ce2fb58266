//! Why a brokered connection did not come about.

use std::{fmt, io, time::Duration};

/// What went wrong.
#[derive(Debug)]
#[non_exhaustive]
pub enum BrokerErrorKind {
    /// The broker has ended, with its plugin or its host.
    Closed,
    /// The peer announced nothing under this id, or did not answer a knock, in
    /// this time.
    TimedOut(Duration),
    /// The peer said no, in its own words.
    Refused(String),
    /// This side accepts connections under this id already.
    InUse,
    /// The peer announced an address that is none.
    Address(String),
    /// Too many messages wait for a peer that does not take them.
    Full,
    /// A socket could not be made or reached.
    Io(io::Error),
}

/// A brokered connection that did not come about: under which id, doing what,
/// and why.
#[derive(Debug)]
pub struct BrokerError {
    id: u32,
    doing: &'static str,
    kind: BrokerErrorKind,
}

impl BrokerError {
    pub(super) fn new(id: u32, doing: &'static str, kind: BrokerErrorKind) -> BrokerError {
        BrokerError { id, doing, kind }
    }

    /// The id that was accepted or dialed.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// What went wrong.
    pub fn kind(&self) -> &BrokerErrorKind {
        &self.kind
    }
}

impl fmt::Display for BrokerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} the brokered id {}: ", self.doing, self.id)?;
        match &self.kind {
            BrokerErrorKind::Closed => f.write_str("the broker has ended"),
            BrokerErrorKind::TimedOut(after) => write!(
                f,
                "the peer offered nothing under it within {after:?}; check that it accepts this id"
            ),
            BrokerErrorKind::Refused(reason) => write!(f, "the peer refused: {reason}"),
            BrokerErrorKind::InUse => f.write_str("it is accepted already; take another next_id()"),
            BrokerErrorKind::Address(address) => {
                write!(f, "the peer announced {address:?}, which is no address")
            }
            BrokerErrorKind::Full => f.write_str("the peer does not take the broker's messages"),
            BrokerErrorKind::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for BrokerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            BrokerErrorKind::Io(error) => Some(error),
            _ => None,
        }
    }
}
