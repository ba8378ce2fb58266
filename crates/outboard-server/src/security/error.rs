//! Why something about access could not be done.

use http::StatusCode;

use crate::{database::DatabaseError, http::Problem};

/// A change or a question about tokens, sessions or the audit log that failed.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct AccessError {
    kind: AccessErrorKind,
    message: String,
    hint: Option<&'static str>,
    #[source]
    source: Option<Box<DatabaseError>>,
}

/// What callers branch on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccessErrorKind {
    /// A name, a permission or a time that cannot be used.
    InvalidInput,
    /// There is no such token.
    NotFound,
    /// A token has that name already, or there are too many.
    Conflict,
    /// The one who asks may not do that.
    Forbidden,
    /// The tables cannot be used, or there is no randomness.
    Storage,
}

impl AccessErrorKind {
    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            AccessErrorKind::InvalidInput => "invalid_input",
            AccessErrorKind::NotFound => "not_found",
            AccessErrorKind::Conflict => "conflict",
            AccessErrorKind::Forbidden => "forbidden",
            AccessErrorKind::Storage => "storage",
        }
    }
}

impl AccessError {
    pub(super) fn new(kind: AccessErrorKind, message: impl Into<String>) -> AccessError {
        AccessError {
            kind,
            message: message.into(),
            hint: None,
            source: None,
        }
    }

    pub(super) fn invalid(message: impl Into<String>) -> AccessError {
        AccessError::new(AccessErrorKind::InvalidInput, message)
    }

    pub(super) fn with_hint(mut self, hint: &'static str) -> AccessError {
        self.hint = Some(hint);
        self
    }

    /// What happened.
    pub fn kind(&self) -> AccessErrorKind {
        self.kind
    }

    /// What to do about it, where that can be said.
    pub fn hint(&self) -> Option<&str> {
        self.hint
    }
}

impl From<DatabaseError> for AccessError {
    fn from(error: DatabaseError) -> AccessError {
        AccessError {
            kind: AccessErrorKind::Storage,
            message: error.to_string(),
            hint: None,
            source: Some(Box::new(error)),
        }
    }
}

impl From<std::io::Error> for AccessError {
    fn from(error: std::io::Error) -> AccessError {
        AccessError::new(
            AccessErrorKind::Storage,
            format!("the operating system gives no randomness: {error}"),
        )
    }
}

impl From<AccessError> for Problem {
    fn from(error: AccessError) -> Problem {
        let status = match error.kind {
            AccessErrorKind::InvalidInput => StatusCode::BAD_REQUEST,
            AccessErrorKind::NotFound => StatusCode::NOT_FOUND,
            AccessErrorKind::Conflict => StatusCode::CONFLICT,
            AccessErrorKind::Forbidden => StatusCode::FORBIDDEN,
            AccessErrorKind::Storage => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let problem = Problem::new(status, error.kind.as_str(), error.message);
        match error.hint {
            Some(hint) => problem.with_hint(hint),
            None => problem,
        }
    }
}
