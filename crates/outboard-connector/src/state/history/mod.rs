//! The history of calls.
//!
//! A [`Recorder`] writes calls in the background, so that no call waits for the disk. What
//! it records has no secrets: every text goes through the call's
//! [`Masker`](crate::secrets::Masker), and inputs and results are not recorded at all.
//!
//! ```
//! use std::{sync::Arc, time::Duration};
//! use outboard_connector::{
//!     secrets::{Masker, SecretKey, Secrets},
//!     state::{State, history::{Call, CallFilter, Outcome, RecorderConfig}},
//! };
//!
//! # let directory = tempfile::tempdir()?;
//! # let state = State::open(&directory.path().join("outboard.db"), Secrets::new(SecretKey::generate()?))?;
//! let recorder = state.recorder(RecorderConfig::default())?;
//! let call = Call { connector: "github".into(), operation: "list".into(), ..Call::default() };
//! recorder.record(call, &Masker::default());
//! drop(recorder); // writes what is left
//! let page = state.calls(&CallFilter::default())?;
//! assert_eq!(page.calls[0].call.outcome, Outcome::Ok);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod list;
mod recorder;

use std::time::Duration;

use jiff::Timestamp;

pub use list::{CallFilter, CallPage, DEFAULT_PAGE, MAX_PAGE, RecordedCall, Retention};
pub use recorder::{Lost, Recorder, RecorderConfig};

/// How a call ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// With a result.
    #[default]
    Ok,
    /// The operation failed, and said so.
    OperationError,
    /// The connector's process, or the connection to it, failed.
    TransportError,
    /// The process could not be started, or there was no room for it.
    Unavailable,
    /// It was not done in time.
    Deadline,
    /// The caller went away.
    Cancelled,
    /// The request or the result was too large.
    TooLarge,
    /// The host did not call: it was disabled, not allowed, or the input did not fit.
    Refused,
    /// What a newer version has recorded.
    Unknown,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Outcome; 9] = [
        Outcome::Ok,
        Outcome::OperationError,
        Outcome::TransportError,
        Outcome::Unavailable,
        Outcome::Deadline,
        Outcome::Cancelled,
        Outcome::TooLarge,
        Outcome::Refused,
        Outcome::Unknown,
    ];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::OperationError => "operation_error",
            Outcome::TransportError => "transport_error",
            Outcome::Unavailable => "unavailable",
            Outcome::Deadline => "deadline",
            Outcome::Cancelled => "cancelled",
            Outcome::TooLarge => "too_large",
            Outcome::Refused => "refused",
            Outcome::Unknown => "unknown",
        }
    }

    /// The outcome of that word; [`Outcome::Unknown`] if there is none.
    pub fn named(word: &str) -> Outcome {
        Outcome::ALL
            .into_iter()
            .find(|outcome| outcome.as_str() == word)
            .unwrap_or(Outcome::Unknown)
    }
}

/// One call. Texts are cut at [`MAX_TEXT_BYTES`], messages at [`MAX_MESSAGE_BYTES`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took; milliseconds are kept.
    pub duration: Duration,
    /// The connector's key.
    pub connector: String,
    /// The connector's version.
    pub version: String,
    /// The operation's key.
    pub operation: String,
    /// The instance's name, which remains when the instance is gone.
    pub instance: String,
    /// Who called.
    pub caller: String,
    /// The request's id.
    pub request_id: String,
    /// The session's id.
    pub session_id: String,
    /// The id of the trace that it belongs to.
    pub trace_id: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The error's code, if it failed.
    pub code: String,
    /// The error's text, if it failed.
    pub message: String,
    /// How large the result was, in bytes.
    pub result_bytes: u64,
}

/// The longest text of a [`Call`], in bytes.
pub const MAX_TEXT_BYTES: usize = 200;

/// The longest message of a [`Call`], in bytes.
pub const MAX_MESSAGE_BYTES: usize = 2_000;
