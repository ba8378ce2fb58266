//! Why a call did not bring a result: the operation failed, or something around it.

use std::{fmt, time::Duration};

use outboard_contracts::connector::proto;
use outboard_go_plugin::host::ExitReport;
use tonic::{Code, Status};

/// The longest text of a connector's that an error keeps, in bytes; the rest is cut off.
const MAX_TEXT: usize = 64 * 1024;

/// A call that brought no result.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The operation ran, or was refused by the connector, and said why. Everything
    /// around it works.
    #[error(transparent)]
    Operation(OperationError),
    /// The connector could not be reached, answered with a status that is no answer,
    /// or ended; then the error says how.
    #[error(transparent)]
    Transport(Box<TransportError>),
    /// It did not answer in time.
    #[error(transparent)]
    Deadline(DeadlineExceeded),
    /// The request or the result is larger than a limit.
    #[error(transparent)]
    TooLarge(TooLarge),
    /// The result is not JSON.
    #[error(transparent)]
    InvalidResult(InvalidResult),
    /// The connector gave the call up by itself.
    #[error("plugin {plugin:?} cancelled {operation:?}; see its log for why")]
    Cancelled {
        /// The connector.
        plugin: String,
        /// What was called.
        operation: String,
    },
}

impl CallError {
    /// Whether the operation itself failed, and not the call.
    pub fn is_operation(&self) -> bool {
        matches!(self, CallError::Operation(_))
    }

    /// How the connector's process ended, if that is why the call failed.
    pub fn exit_report(&self) -> Option<&ExitReport> {
        match self {
            CallError::Transport(error) => error.exit.as_ref(),
            _ => None,
        }
    }
}

/// What an operation answered instead of a result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("operation {operation:?} of plugin {plugin:?} failed: [{code}] {message}")]
#[non_exhaustive]
pub struct OperationError {
    /// The connector.
    pub plugin: String,
    /// What was called.
    pub operation: String,
    /// One word for programs; see
    /// [`error_code`](outboard_contracts::connector::error_code).
    pub code: String,
    /// The connector's own words, at most 64 KiB of them. They may quote what it was
    /// given, secrets too.
    pub message: String,
}

impl OperationError {
    pub(super) fn new(plugin: &str, operation: &str, error: proto::Error) -> OperationError {
        OperationError {
            plugin: plugin.to_owned(),
            operation: operation.to_owned(),
            code: bounded(error.code, 256),
            message: bounded(error.message, MAX_TEXT),
        }
    }
}

/// A call that broke on its way.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TransportError {
    /// The connector.
    pub plugin: String,
    /// What was called.
    pub operation: String,
    /// The status of the call.
    pub code: Code,
    /// What the status says.
    pub message: String,
    /// How the process ended, if it has.
    pub exit: Option<ExitReport>,
}

impl TransportError {
    pub(super) fn new(
        plugin: &str,
        operation: &str,
        status: &Status,
        exit: Option<ExitReport>,
    ) -> TransportError {
        TransportError {
            plugin: plugin.to_owned(),
            operation: operation.to_owned(),
            code: status.code(),
            message: bounded(status.message().to_owned(), MAX_TEXT),
            exit,
        }
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TransportError {
            plugin,
            operation,
            code,
            message,
            exit,
        } = self;
        match exit {
            Some(exit) => write!(f, "{operation:?} was not answered: {exit}"),
            None if *code == Code::Unimplemented => write!(
                f,
                "plugin {plugin:?} does not know the call for {operation:?}; rebuild it with a \
                 current SDK"
            ),
            None => write!(
                f,
                "calling {operation:?} of plugin {plugin:?} failed: {code:?}: {message}"
            ),
        }
    }
}

impl std::error::Error for TransportError {}

/// A call that took too long.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeadlineExceeded {
    /// The connector.
    pub plugin: String,
    /// What was called.
    pub operation: String,
    /// How long it was given.
    pub allowed: Duration,
    /// Whether that was the wait for a sign of life, and not the whole call.
    pub idle: bool,
}

impl fmt::Display for DeadlineExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DeadlineExceeded {
            plugin,
            operation,
            allowed,
            idle,
        } = self;
        let what = match idle {
            true => "gave no sign of life",
            false => "was not done",
        };
        write!(
            f,
            "{operation:?} of plugin {plugin:?} {what} within {allowed:.1?}; see its log for what \
             it waits for, or allow more time"
        )
    }
}

impl std::error::Error for DeadlineExceeded {}

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// To the connector: input and config values together.
    Request,
    /// From it.
    Result,
}

/// Input or a result of more bytes than are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TooLarge {
    /// The connector.
    pub plugin: String,
    /// What was called.
    pub operation: String,
    /// Which way it went.
    pub side: Side,
    /// How large it is, in bytes, where that is known.
    pub size: Option<u64>,
    /// How large it may be, in bytes.
    pub limit: u64,
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TooLarge {
            plugin,
            operation,
            side,
            size,
            limit,
        } = self;
        let (what, remedy) = match side {
            Side::Request => ("input of", "send less at once"),
            Side::Result => ("result of", "ask for less at once, or raise the limit"),
        };
        write!(
            f,
            "the {what} {operation:?} of plugin {plugin:?} is larger than {limit} bytes"
        )?;
        if let Some(size) = size {
            write!(f, " ({size})")?;
        }
        write!(f, "; {remedy}")
    }
}

impl std::error::Error for TooLarge {}

/// A result that is not JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the result of {operation:?} of plugin {plugin:?} is not JSON ({size} bytes): {reason}; \
     its author has to mend that"
)]
#[non_exhaustive]
pub struct InvalidResult {
    /// The connector.
    pub plugin: String,
    /// What was called.
    pub operation: String,
    /// How large the result is, in bytes.
    pub size: usize,
    /// What is wrong with it, and where; none of its text.
    pub reason: String,
}

/// At most `limit` bytes of a text.
pub(super) fn bounded(mut text: String, limit: usize) -> String {
    if text.len() > limit {
        text.truncate(text.floor_char_boundary(limit));
        text.push('…');
    }
    text
}
