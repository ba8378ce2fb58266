//! The server over real sockets, with real plugin processes behind it.

#![allow(clippy::unwrap_used)]

mod access;
mod client;
mod connectors;
mod contract;
mod details;
mod events;
mod frames;
mod fuzz;
mod golden;
mod guard;
mod idempotency;
mod limits;
mod metrics;
mod native;
mod openapi;
mod pipelines;
mod problems;
mod processes;
mod readiness;
mod support;
mod traces;
mod ui;
mod ui_assets;
mod ui_golden;
mod ui_plugins;
