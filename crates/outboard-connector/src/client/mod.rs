//! Calls to one running connector: its operations, and what it says about itself.
//!
//! A [`GrpcConn`] is the client end of `wick.connector.v1.Connector`. The
//! [pool](crate::pool) makes one for each process; over any other channel it works as
//! well, here to a connector that somebody else has started:
//!
//! ```no_run
//! use outboard_connector::client::{CallLimits, ExecCall, GrpcConn};
//! use outboard_go_plugin::transport::{Address, Channel};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let channel = Channel::connect(Address::Unix("/run/plugin.sock".into())).await?;
//! let connection = GrpcConn::new(channel, "httpbin");
//! let mut call = ExecCall::new("get");
//! call.input.insert("path".into(), "/status/200".into());
//! let result = connection
//!     .execute_stream(call, CallLimits::default(), |progress| println!("{progress:?}"))
//!     .await?;
//! println!("{}", String::from_utf8_lossy(&result));
//! # Ok(())
//! # }
//! ```

mod call;
mod connection;
mod error;
mod execute;
mod result;

use std::{
    fmt,
    time::{Duration, Instant},
};

use outboard_contracts::connector::arguments::Arguments;

pub use self::{
    connection::GrpcConn,
    error::{
        CallError, DeadlineExceeded, InvalidResult, OperationError, Side, TooLarge, TransportError,
    },
};

/// How long a call may go without a sign of life, unless [`CallLimits`] says otherwise.
pub const DEFAULT_IDLE: Duration = Duration::from_secs(60);

/// The largest result unless [`CallLimits`] says otherwise, in bytes: 256 MiB.
pub const DEFAULT_MAX_RESULT_BYTES: usize = 256 * 1024 * 1024;

/// One call of one operation.
///
/// Its `Debug` output shows keys and no values: both maps may hold secrets.
#[derive(Clone, Default)]
pub struct ExecCall {
    /// The operation's key.
    pub operation: String,
    /// Its arguments, sent as a JSON object of strings; see
    /// [`arguments::read`](outboard_contracts::connector::arguments::read).
    pub input: Arguments,
    /// The config values that it may use, and `access_token` where there is OAuth.
    pub creds: Arguments,
    /// What logs at both ends call this call.
    pub request_id: String,
    /// What logs at both ends call the session that it belongs to; may be empty.
    pub session_id: String,
}

impl ExecCall {
    /// A call without input and credentials, under a request id of its own.
    pub fn new(operation: impl Into<String>) -> ExecCall {
        ExecCall {
            operation: operation.into(),
            request_id: uuid::Uuid::new_v4().to_string(),
            ..ExecCall::default()
        }
    }
}

impl fmt::Debug for ExecCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecCall")
            .field("operation", &self.operation)
            .field("input", &self.input.keys())
            .field("creds", &self.creds.keys())
            .field("request_id", &self.request_id)
            .field("session_id", &self.session_id)
            .finish()
    }
}

/// How long a call may take and how much it may bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallLimits {
    /// When the whole call must be over; the connector is told too. No such moment
    /// unless set, so that only [`idle`](Self::idle) bounds it.
    pub deadline: Option<Instant>,
    /// The longest wait for the next message, or for the answer of a call that has one
    /// alone: [`DEFAULT_IDLE`] unless set.
    pub idle: Duration,
    /// The largest result, in bytes: [`DEFAULT_MAX_RESULT_BYTES`] unless set.
    pub max_result_bytes: usize,
}

impl Default for CallLimits {
    fn default() -> CallLimits {
        CallLimits {
            deadline: None,
            idle: DEFAULT_IDLE,
            max_result_bytes: DEFAULT_MAX_RESULT_BYTES,
        }
    }
}

impl CallLimits {
    /// The usual limits, with a deadline so far from now.
    pub fn within(time: Duration) -> CallLimits {
        CallLimits {
            deadline: Instant::now().checked_add(time),
            ..CallLimits::default()
        }
    }
}

/// How far an operation is, in its own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallProgress {
    /// How much is done, in whatever unit.
    pub progress: i32,
    /// How much there is to do; 0 where that is unknown.
    pub total: i32,
    /// What it is doing, at most 4 KiB of it.
    pub message: String,
}

/// Who an access token belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user's id at the service.
    pub user_id: String,
    /// The user's name for people.
    pub display_name: String,
}

/// Whether the credentials at hand permit an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationPermission {
    /// The operation's key.
    pub operation: String,
    /// Whether they do.
    pub permitted: bool,
    /// Why not.
    pub reason: String,
}

/// What a connector says of its own state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Whether it thinks that it can work.
    pub healthy: bool,
    /// What it says about it.
    pub detail: String,
}
