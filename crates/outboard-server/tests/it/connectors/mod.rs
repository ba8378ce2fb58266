//! Connectors over HTTP, with real connector processes behind the server.

mod absent;
mod calls;
mod events;
mod installing;
mod kinds;
mod original;
mod pipelines;
mod sign_in;
pub(crate) mod support;
