//! What an operation answers when it does not succeed.

use std::{borrow::Cow, error::Error as StdError, fmt};

use outboard_contracts::connector::proto;

/// Codes that have a meaning for both ends. Codes of your own are as good.
pub mod error_code {
    pub use outboard_contracts::connector::error_code::*;

    /// The connector's settings cannot be read. Ours.
    pub const BAD_CONFIG: &str = "bad_config";
    /// The result is larger than one message; call the operation as a stream. Ours.
    pub const TOO_LARGE: &str = "too_large";
    /// Nobody waits for the result any more. Ours.
    pub const CANCELLED: &str = "cancelled";
}

/// Why an operation failed: a code for programs and a text for people.
///
/// Every other error converts into it by `?`, with its causes, and gets the code
/// `exec_error`. Both cross to the host; secrets of the settings are masked in the text.
///
/// ```
/// use outboard_sdk::connector::OperationError;
///
/// let error = OperationError::new("there is no such page").with_code("not_found");
/// assert_eq!(error.to_string(), "there is no such page");
/// assert_eq!(error.code(), Some("not_found"));
/// ```
///
/// The type is no `std::error::Error` itself, because then it could not convert from all of them.
#[derive(Clone, PartialEq, Eq)]
pub struct OperationError {
    code: Option<Cow<'static, str>>,
    message: String,
}

impl OperationError {
    /// An error with this text and no code of its own.
    pub fn new(message: impl Into<String>) -> OperationError {
        OperationError::from(crate::Error::new(message))
    }

    /// The same error with a code for callers to tell it by: a word such as `not_found`.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<Cow<'static, str>>) -> OperationError {
        self.code = Some(code.into()).filter(|code| !code.is_empty());
        self
    }

    /// The same error with what was being done in front of it.
    #[must_use]
    pub fn context(mut self, doing: impl fmt::Display) -> OperationError {
        self.message = format!("{doing}: {}", self.message);
        self
    }

    /// Its code, where it was given one.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// The text.
    pub fn message(&self) -> &str {
        &self.message
    }

    pub(super) fn coded(code: &'static str, message: impl Into<String>) -> OperationError {
        OperationError::new(message).with_code(code)
    }

    /// The same error with its text passed through `mask`.
    pub(super) fn masked(mut self, mask: impl FnOnce(&str) -> String) -> OperationError {
        self.message = mask(&self.message);
        self
    }

    pub(super) fn into_wire(self, default_code: &'static str) -> proto::Error {
        proto::Error {
            code: self
                .code
                .unwrap_or(Cow::Borrowed(default_code))
                .into_owned(),
            message: self.message,
        }
    }
}

impl<E: StdError> From<E> for OperationError {
    fn from(error: E) -> OperationError {
        crate::Error::from(error).into()
    }
}

impl From<crate::Error> for OperationError {
    fn from(error: crate::Error) -> OperationError {
        OperationError {
            code: None,
            message: error.message().to_owned(),
        }
    }
}

impl fmt::Display for OperationError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl fmt::Debug for OperationError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            Some(code) => write!(formatter, "[{code}] {}", self.message),
            None => formatter.write_str(&self.message),
        }
    }
}
