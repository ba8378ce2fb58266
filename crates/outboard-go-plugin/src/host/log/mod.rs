//! What a plugin writes, line by line, into `tracing` and into the memory of
//! the last lines.
//!
//! ```text
//! standard error ─ pump ─▸ LogWriter ─ split ─ classify ─▸ PluginLog ─▸ tracing, target "plugin"
//! stdio stream ──────────▸  (bytes)    (lines)  (level…)     │    └───▸ followers
//!                                                            ▾
//!                                                     the last 500 lines
//! ```
//!
//! Whatever the bytes are, each step is bounded and the next line is read as if
//! nothing had happened: a line is cut after 1 MiB, what is no UTF-8 is replaced,
//! and characters that steer a terminal are shown instead of obeyed.

mod classify;
mod line;
mod memory;
mod split;
mod text;
mod writer;

pub(super) use self::writer::pump;
pub use self::{
    line::{LogLevel, LogLine, LogSource},
    memory::PluginLog,
    writer::LogWriter,
};
