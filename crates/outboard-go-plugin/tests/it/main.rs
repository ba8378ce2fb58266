//! The host against real processes: our own plugin, and shell scripts that
//! share none of our code and misbehave in every way there is.
#![allow(clippy::unwrap_used)]

mod environment;
mod launch;
mod lifecycle;
mod misbehaving;
mod output;
mod ownership;
mod support;
