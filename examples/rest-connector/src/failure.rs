//! What a request can fail with. None of the texts holds a credential or a whole URL.

use outboard_sdk::connector::OperationError;

pub(crate) fn bad_url(text: impl Into<String>) -> OperationError {
    OperationError::new(text).with_code("bad_url")
}

pub(crate) fn bad_request(text: impl Into<String>) -> OperationError {
    OperationError::new(text).with_code("bad_request")
}

pub(crate) fn status(status: u16, body: &str) -> OperationError {
    let text = match body {
        "" => format!("the API answered {status}"),
        body => format!("the API answered {status}: {body}"),
    };
    OperationError::new(text).with_code("http_status")
}

pub(crate) fn timeout(seconds: u64) -> OperationError {
    let text = format!("the API did not answer within {seconds} s, which is timeout_seconds");
    OperationError::new(text).with_code("timeout")
}

pub(crate) fn transport(error: &ureq::Error, limits: Limits) -> OperationError {
    match error {
        ureq::Error::Timeout(_) => timeout(limits.seconds),
        ureq::Error::BodyExceedsLimit(_) => OperationError::new(format!(
            "the answer has more than {} KiB, which is max_response_kib",
            limits.kib
        ))
        .with_code("too_large"),
        ureq::Error::HostNotFound => {
            OperationError::new("the API's host is not known").with_code("unreachable")
        }
        error if is_connection(error) => {
            OperationError::new(format!("the API cannot be reached: {error}"))
                .with_code("unreachable")
        }
        error => OperationError::new(format!("the request failed: {error}")),
    }
}

/// What the instance allows, for texts.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) seconds: u64,
    pub(crate) kib: u64,
}

/// Whether the connection failed, so that another try may do better.
pub(crate) fn is_connection(error: &ureq::Error) -> bool {
    matches!(
        error,
        ureq::Error::Io(_) | ureq::Error::ConnectionFailed | ureq::Error::HostNotFound
    )
}
