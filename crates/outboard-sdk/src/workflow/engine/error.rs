//! What a call to the engine can fail with.

use std::fmt;

use outboard_contracts::value::ValueError;
use tonic::{Code, Status};

/// A call to the engine that did not do what it should.
///
/// It converts into [`Error`](crate::Error) by `?`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackError {
    operation: String,
    kind: CallbackErrorKind,
    message: String,
}

/// What callers branch on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallbackErrorKind {
    /// The host has not offered calls: it is older than that, or the plugin does not
    /// run under a host. Nothing will change that while the process lives.
    NotConnected,
    /// The engine said no, in the words of the error: the plugin may not do this, there is no such
    /// workflow, or the engine is stopping or has too much to do.
    Refused,
    /// The host offers calls, but not this one.
    Unsupported,
    /// No answer within the deadline. What was asked for may have happened.
    Timeout,
    /// The connection to the host is gone.
    Unavailable,
    /// What was to be sent cannot cross the wire.
    BadValue,
}

impl CallbackError {
    /// What callers branch on.
    pub fn kind(&self) -> CallbackErrorKind {
        self.kind
    }

    /// What happened, without what was being done: for a refusal the engine's own words.
    pub fn message(&self) -> &str {
        &self.message
    }

    pub(super) fn not_connected(operation: String) -> Self {
        Self {
            operation,
            kind: CallbackErrorKind::NotConnected,
            message: "callback client is not configured; the host takes no calls from plugins"
                .to_owned(),
        }
    }

    pub(super) fn refused(operation: String, message: String) -> Self {
        Self {
            operation,
            kind: CallbackErrorKind::Refused,
            message,
        }
    }

    pub(super) fn bad_value(operation: String, error: ValueError) -> Self {
        Self {
            operation,
            kind: CallbackErrorKind::BadValue,
            message: error.to_string(),
        }
    }

    pub(super) fn status(operation: String, status: &Status) -> Self {
        let kind = match status.code() {
            Code::Unimplemented => CallbackErrorKind::Unsupported,
            Code::DeadlineExceeded => CallbackErrorKind::Timeout,
            Code::Unavailable | Code::Cancelled => CallbackErrorKind::Unavailable,
            Code::OutOfRange | Code::InvalidArgument => CallbackErrorKind::BadValue,
            _ => CallbackErrorKind::Refused,
        };
        let message = match status.message() {
            "" => status.code().to_string(),
            message => message.to_owned(),
        };
        Self {
            operation,
            kind,
            message,
        }
    }
}

impl fmt::Display for CallbackError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.operation, self.message)
    }
}

impl std::error::Error for CallbackError {}
