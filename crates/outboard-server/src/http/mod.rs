//! What every request goes through, whatever it is for.
//!
//! From the outside in: request id and log line, security headers, panics, access,
//! the number of requests at once, then a route with its time limit and the limit
//! of its body.

mod layers;
mod problem;
mod request_id;

pub use self::problem::Problem;
pub(crate) use self::{
    layers::{Limits, deadline, harden},
    request_id::identify,
};
