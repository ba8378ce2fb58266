//! Connectors made with the SDK.

mod calls;
mod fields;
mod kitchen;
mod manifest;
mod process;
mod session;
