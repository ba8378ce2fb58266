//! The error that a plugin's code gives back.

use std::{error::Error as StdError, fmt};

/// What went wrong, as the text that the host will show.
///
/// Every other error converts into it by `?`, with the causes it has:
///
/// ```
/// use outboard_sdk::Error;
///
/// fn read(path: &str) -> Result<String, Error> {
///     std::fs::read_to_string(path).map_err(|error| Error::from(error).context(format!("read {path}")))
/// }
///
/// let error = read("/no/such/file").unwrap_err();
/// assert!(error.to_string().starts_with("read /no/such/file: "));
/// ```
///
/// The text crosses to the host and into its logs: leave secrets out of it.
/// The type is no `std::error::Error` itself, because then it could not convert from all of them.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(String);

impl Error {
    /// An error with this text. An empty one becomes `unknown error`, because on
    /// the wire an empty text is success.
    pub fn new(message: impl Into<String>) -> Self {
        let message = message.into();
        Self(if message.trim().is_empty() {
            "unknown error".to_owned()
        } else {
            message
        })
    }

    /// The same error with what was being done in front of it.
    #[must_use]
    pub fn context(self, doing: impl fmt::Display) -> Self {
        Self(format!("{doing}: {}", self.0))
    }

    /// The text.
    pub fn message(&self) -> &str {
        &self.0
    }
}

impl<E: StdError> From<E> for Error {
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            let more = error.to_string();
            // Many errors already say what their cause says.
            if !text.contains(&more) {
                text.push_str(": ");
                text.push_str(&more);
            }
            cause = error.source();
        }
        Self::new(text)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What `fn main() -> Result<…>` and `unwrap` print.
        formatter.write_str(&self.0)
    }
}
