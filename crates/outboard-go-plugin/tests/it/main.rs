//! The host against real processes: our own plugin, and one that shares none of
//! our code and misbehaves in every way there is.
#![allow(clippy::unwrap_used)]

mod environment;
mod faults;
mod launch;
mod lifecycle;
mod misbehaving;
mod output;
mod ownership;
mod ports;
mod quiet;
mod resource;
mod silence;
mod support;
mod verified;
