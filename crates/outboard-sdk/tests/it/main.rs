//! Plugins made with the SDK, called by a host in memory and in processes of their own.
#![allow(clippy::unwrap_used)]

mod callbacks;
mod connector;
mod kitchen;
mod lifecycle;
mod limits;
mod newest;
mod process;
mod session;
mod steps;
mod ui_file;
