//! One line that a plugin wrote, and what is known about it.

use std::time::SystemTime;

/// How severe a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// The finest.
    Trace,
    /// For debugging; also what carries no level at all.
    Debug,
    /// Ordinary.
    Info,
    /// Worth a look.
    Warn,
    /// Something failed; panics too.
    Error,
}

impl LogLevel {
    /// The level in lower case, as hclog writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            LogLevel::Trace => "trace",
            LogLevel::Debug => "debug",
            LogLevel::Info => "info",
            LogLevel::Warn => "warn",
            LogLevel::Error => "error",
        }
    }

    /// As hclog reads it: in any case, white space around it does not matter.
    pub(super) fn parse(text: &str) -> Option<LogLevel> {
        Some(match text.trim().to_ascii_lowercase().as_str() {
            "trace" => LogLevel::Trace,
            "debug" => LogLevel::Debug,
            "info" => LogLevel::Info,
            "warn" | "warning" => LogLevel::Warn,
            "error" => LogLevel::Error,
            _ => return None,
        })
    }
}

/// Where a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogSource {
    /// The plugin's log: its standard error.
    Stderr,
    /// What it printed: its standard output, through the stdio stream.
    Stdout,
}

/// One line that a plugin wrote.
///
/// It can be shown on a terminal as it is: control characters, and the
/// invisible ones that turn the direction of writing, are in `message`,
/// `module` and `timestamp` as `\n` or `\u001b`, and colours are taken out.
/// The bytes themselves are what [`RawOutput`](crate::host::RawOutput) gives.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LogLine {
    /// The process that wrote it; a restarted plugin has a new one.
    pub pid: u32,
    /// When the host read it.
    pub at: SystemTime,
    /// Where it came from.
    pub source: LogSource,
    /// How severe it is.
    pub level: LogLevel,
    /// The message, without level and fields where they could be told apart.
    pub message: String,
    /// The part of the plugin that wrote it: hclog's `@module`.
    pub module: Option<String>,
    /// When the plugin says it wrote it: hclog's `@timestamp`, unchecked.
    pub timestamp: Option<String>,
    /// hclog's further fields as the text of a JSON object, or nothing.
    pub fields: Option<String>,
}
