//! What a call of a plugin can end with.

use std::fmt;

use outboard_contracts::value::ValueError;
use tonic::Status;

/// A call that gave no result.
#[derive(Debug)]
#[non_exhaustive]
pub enum CallError {
    /// The plugin answered with an error of its own.
    Plugin(String),
    /// The connector's operation failed, or there is no such operation.
    Operation {
        /// One word for programs; see `outboard_sdk::connector::error_code`.
        code: String,
        /// The connector's own words.
        message: String,
    },
    /// The call did not work: not implemented, too late, or the connection broke.
    Status(Box<Status>),
    /// What was to be sent, or what came back, cannot cross the wire.
    Value(ValueError),
    /// The in-memory connection could not be made.
    Connect(std::io::Error),
}

impl CallError {
    /// The plugin's own words, if it was the plugin that answered with an error.
    pub fn plugin_error(&self) -> Option<&str> {
        match self {
            Self::Plugin(text) | Self::Operation { message: text, .. } => Some(text),
            _ => None,
        }
    }

    /// The code of a failed operation.
    pub fn operation_code(&self) -> Option<&str> {
        match self {
            Self::Operation { code, .. } => Some(code),
            _ => None,
        }
    }

    /// The gRPC code, if it was the call that did not work.
    pub fn code(&self) -> Option<tonic::Code> {
        match self {
            Self::Status(status) => Some(status.code()),
            _ => None,
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plugin(text) => write!(formatter, "the plugin answered: {text}"),
            Self::Operation { code, message } => {
                write!(formatter, "the operation failed: [{code}] {message}")
            }
            Self::Status(status) => {
                write!(
                    formatter,
                    "the call failed with {:?}: {}",
                    status.code(),
                    status.message()
                )
            }
            Self::Value(error) => write!(formatter, "{error}"),
            Self::Connect(error) => write!(formatter, "the plugin cannot be reached: {error}"),
        }
    }
}

impl std::error::Error for CallError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Plugin(_) | Self::Operation { .. } => None,
            Self::Status(status) => Some(status),
            Self::Value(error) => Some(error),
            Self::Connect(error) => Some(error),
        }
    }
}

impl From<Status> for CallError {
    fn from(status: Status) -> Self {
        Self::Status(Box::new(status))
    }
}

impl From<ValueError> for CallError {
    fn from(error: ValueError) -> Self {
        Self::Value(error)
    }
}

/// The in-band error of an answer: an empty text is success.
#[cfg(feature = "workflow")]
pub(super) fn in_band(error: String) -> Result<(), CallError> {
    if error.is_empty() {
        Ok(())
    } else {
        Err(CallError::Plugin(error))
    }
}
