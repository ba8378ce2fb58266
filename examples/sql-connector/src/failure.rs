//! What a call can fail with.

use std::time::Duration;

use outboard_sdk::connector::OperationError;

/// The statement would write where it may not.
pub(crate) fn read_only(text: impl Into<String>) -> OperationError {
    OperationError::new(text).with_code("read_only")
}

pub(crate) fn timeout(after: Duration) -> OperationError {
    let seconds = after.as_secs();
    let text =
        format!("it took longer than {seconds} s, which is timeout_seconds, and was interrupted");
    OperationError::new(text).with_code("timeout")
}

/// Nobody waits for it any more.
pub(crate) fn cancelled() -> OperationError {
    OperationError::new("it was cancelled, and was interrupted").with_code("cancelled")
}

pub(crate) fn bad_parameters(text: impl Into<String>) -> OperationError {
    OperationError::new(text).with_code("bad_parameters")
}

/// What the database says about the statement.
pub(crate) fn sql(text: impl Into<String>) -> OperationError {
    OperationError::new(text).with_code("sql_error")
}

/// The database cannot be opened.
pub(crate) fn unreachable(text: impl Into<String>) -> OperationError {
    OperationError::new(text).with_code("unreachable")
}
