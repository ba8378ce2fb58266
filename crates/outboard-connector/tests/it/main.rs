//! The connector host against real files, sockets and processes.
#![allow(clippy::unwrap_used)]

mod archives;
mod builds;
mod catalog;
mod catalog_build;
mod download;
mod interrupted;
mod listing;
mod oauth;
mod packages;
mod pool;
mod state;
mod store;
mod web;
