//! Hosting plugins: start, call, watch, stop.
//!
//! ```text
//! PluginSpec ──start()──▸ preflight ─ spawn ─ handshake ─ connect ─ health ──▸ PluginProcess
//!                           each step fails with its own StartError             │ channel()
//!                                                                               │ exited()
//!                                            graceful ─ SIGTERM ─ SIGKILL ◂── stop() / drop
//! ```
//!
//! Where the process comes from is a [`Launch`]: a program that is started, a
//! plugin that runs already, or a [`Runner`] of your own.
//!
//! A [`PluginSpec`] is a reusable description; each [`PluginSpec::start`] makes
//! a new [`PluginProcess`], the one owner of its child. Dropping it kills the
//! process with its children, reaps it and removes its socket.

mod calls;
mod child;
mod connect;
mod diagnose;
#[cfg(target_os = "linux")]
mod drain;
mod error;
mod event;
mod exit;
#[cfg(unix)]
mod guardian;
#[cfg(target_os = "linux")]
mod identity;
mod launch;
mod log;
mod memory;
mod output;
mod owned;
mod process;
mod quiet;
mod reattached;
mod resource;
mod restart;
mod sockets;
mod spec;
mod start;
mod stdio;
mod verify;

pub use tonic::async_trait;

pub use self::{
    calls::{CallObserver, CallObservers, CallOutcome, CallReport, Watched},
    connect::TlsMode,
    error::{StartError, StartErrorKind, StartStep},
    event::{EventBus, EventStream, Follower, PluginEvent, PluginEventKind},
    exit::{ExitCause, ExitReport},
    launch::{AttachedRunner, Launch, Output, Runner, RunnerRequest, Translation},
    log::{LogLevel, LogLine, LogSource, LogWriter, PluginLog},
    memory::resident_memory,
    output::{OutputChannel, OutputPiece, RawOutput, RawOutputReader},
    process::PluginProcess,
    resource::ResourceLimits,
    restart::{RestartDecision, RestartPolicy, RestartState},
    spec::{Inherit, PluginSpec},
    verify::{Checksum, ChecksumAlgorithm, ParseChecksumError, RunFrom, VerificationError},
};
