//! Hosting plugins: start, call, watch, stop.
//!
//! ```text
//! PluginSpec ──start()──▸ preflight ─ spawn ─ handshake ─ connect ─ health ──▸ PluginProcess
//!                           each step fails with its own StartError             │ channel()
//!                                                                               │ exited()
//!                                            graceful ─ SIGTERM ─ SIGKILL ◂── stop() / drop
//! ```
//!
//! A [`PluginSpec`] is a reusable description; each [`PluginSpec::start`] makes
//! a new [`PluginProcess`], the one owner of its child. Dropping it kills the
//! process with its children, reaps it and removes its socket.

mod connect;
mod diagnose;
mod error;
mod event;
mod exit;
mod log;
mod process;
mod restart;
mod spec;
mod start;
mod stdio;

pub use self::{
    connect::TlsMode,
    error::{StartError, StartErrorKind, StartStep},
    event::{EventBus, EventStream, Follower, PluginEvent, PluginEventKind},
    exit::{ExitCause, ExitReport},
    log::{LogLevel, LogLine, LogSource, PluginLog},
    process::PluginProcess,
    restart::{RestartDecision, RestartPolicy, RestartState},
    spec::{Inherit, PluginSpec},
};
