//! What every request goes through, whatever it is for.
//!
//! From the outside in: request id and log line, security headers, panics, access,
//! whether the server stops, the number of requests at once, whether the request was
//! done before, then a route with its time limit and the limit of its body.

mod idempotency;
mod layers;
mod problem;
mod request_id;

pub use self::problem::Problem;
pub(crate) use self::{
    idempotency::Idempotency,
    layers::{Limits, deadline, harden, refuse_while_stopping},
    problem::ProblemDocument,
    request_id::{RequestId, identify},
};

/// A text as it can stand in HTML.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&#34;")
}
