//! What a plugin writes to standard error, line by line, into `tracing` and
//! into the memory of the last lines.
//!
//! A line is hclog's JSON, or text with a level in front, or just text:
//!
//! ```text
//! {"@level":"info","@message":"ready","@module":"kv","@timestamp":"…","port":1}
//! [WARN]  disk nearly full
//! panic: runtime error: index out of range
//! ```

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    sync::broadcast,
};

use super::event::Follower;

/// Longest line that is kept whole, in bytes; the rest of it is counted.
const MAX_LINE: usize = 1024 * 1024;
/// Longest line that is remembered for reports, in bytes.
const MAX_REMEMBERED: usize = 400;
/// How many lines an exit report and a start error show.
const REPORTED: usize = 20;
/// How many lines are remembered for people who look.
const REMEMBERED: usize = 500;
/// How many lines a slow follower may lag behind.
const FOLLOWED: usize = 1024;

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

    fn parse(text: &str) -> Option<LogLevel> {
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogSource {
    /// The plugin's log: its standard error.
    Stderr,
    /// What it printed: its standard output, through the stdio stream.
    Stdout,
}

/// One line that a plugin wrote.
#[derive(Debug, Clone)]
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
    /// hclog's further fields as JSON text, or nothing.
    pub fields: Option<String>,
}

/// Tells one line's level, message and fields. A panic colours the lines that
/// follow it, until one of them carries a level again.
#[derive(Debug, Default)]
struct Classifier {
    panicking: bool,
}

impl Classifier {
    fn classify(&mut self, line: &str) -> (LogLevel, String, Option<String>) {
        if let Some(parsed) = parse_hclog(line) {
            self.panicking = false;
            return parsed;
        }
        const PREFIXES: [(&str, LogLevel); 5] = [
            ("[TRACE]", LogLevel::Trace),
            ("[DEBUG]", LogLevel::Debug),
            ("[INFO]", LogLevel::Info),
            ("[WARN]", LogLevel::Warn),
            ("[ERROR]", LogLevel::Error),
        ];
        for (prefix, level) in PREFIXES {
            if let Some(rest) = line.strip_prefix(prefix) {
                self.panicking = false;
                return (level, rest.trim_start().to_owned(), None);
            }
        }
        let go_panic = line.starts_with("panic: ") || line.starts_with("fatal error: ");
        let rust_panic = line.starts_with("thread '") && line.contains(" panicked at ");
        self.panicking |= go_panic || rust_panic;
        let level = if self.panicking {
            LogLevel::Error
        } else {
            LogLevel::Debug
        };
        (level, line.to_owned(), None)
    }
}

/// A line of hclog's JSON form; anything that is not exactly that is text.
fn parse_hclog(line: &str) -> Option<(LogLevel, String, Option<String>)> {
    if !line.trim_start().starts_with('{') {
        return None;
    }
    let mut object: serde_json::Map<String, Value> = serde_json::from_str(line).ok()?;
    let Value::String(level) = object.remove("@level")? else {
        return None;
    };
    let level = LogLevel::parse(&level)?;
    let message = match object.remove("@message") {
        Some(Value::String(message)) => message,
        None => String::new(),
        Some(_) => return None,
    };
    match object.remove("@timestamp") {
        None | Some(Value::String(_)) => {}
        Some(_) => return None,
    }
    let fields = (!object.is_empty()).then(|| Value::Object(object).to_string());
    Some((level, message, fields))
}

/// What one plugin said recently, over all its processes: the last 500 lines,
/// each cut after 400 bytes, and a stream of the whole lines as they come.
///
/// Cloning shares it.
#[derive(Clone)]
pub struct PluginLog(Arc<Shared>);

struct Shared {
    plugin: String,
    recent: Mutex<VecDeque<LogLine>>,
    follow: broadcast::Sender<LogLine>,
}

impl PluginLog {
    /// An empty log of the plugin called `plugin`.
    pub fn new(plugin: impl Into<String>) -> PluginLog {
        PluginLog(Arc::new(Shared {
            plugin: plugin.into(),
            recent: Mutex::new(VecDeque::new()),
            follow: broadcast::channel(FOLLOWED).0,
        }))
    }

    /// Follows from now on. A follower that lags behind by more than 1,024
    /// lines loses the oldest and is told how many.
    pub fn follow(&self) -> Follower<LogLine> {
        Follower::new(self.0.follow.subscribe())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<LogLine>> {
        self.0.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last lines, oldest first.
    pub fn recent(&self) -> Vec<LogLine> {
        self.lock().iter().cloned().collect()
    }

    /// The last lines of standard error, short enough for an error text.
    pub(super) fn last(&self, pid: u32) -> Vec<String> {
        let recent = self.lock();
        let lines = recent
            .iter()
            .rev()
            .filter(|line| line.pid == pid && line.source == LogSource::Stderr);
        let mut last: Vec<String> = lines
            .take(REPORTED)
            .map(|line| shorten(&line.message))
            .collect();
        last.reverse();
        last
    }

    fn push(&self, pid: u32, source: LogSource, classifier: &mut Classifier, raw: &[u8]) {
        let text = String::from_utf8_lossy(raw);
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            return;
        }
        let (level, message, fields) = match source {
            LogSource::Stderr => classifier.classify(text),
            LogSource::Stdout => (LogLevel::Info, text.to_owned(), None),
        };
        self.trace(level, &message, fields.as_deref());
        let line = LogLine {
            pid,
            at: SystemTime::now(),
            source,
            level,
            message,
            fields,
        };
        let _ = self.0.follow.send(line.clone());
        let mut recent = self.lock();
        if recent.len() == REMEMBERED {
            recent.pop_front();
        }
        recent.push_back(LogLine {
            message: shorten(&line.message),
            ..line
        });
    }

    fn trace(&self, level: LogLevel, message: &str, fields: Option<&str>) {
        let plugin = self.0.plugin.as_str();
        macro_rules! emit {
            ($level:ident) => {
                match fields {
                    Some(fields) => {
                        tracing::$level!(target: "plugin", plugin, %fields, "{message}")
                    }
                    None => tracing::$level!(target: "plugin", plugin, "{message}"),
                }
            };
        }
        match level {
            LogLevel::Trace => emit!(trace),
            LogLevel::Debug => emit!(debug),
            LogLevel::Info => emit!(info),
            LogLevel::Warn => emit!(warn),
            LogLevel::Error => emit!(error),
        }
    }
}

impl std::fmt::Debug for PluginLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PluginLog")
            .field("plugin", &self.0.plugin)
            .finish_non_exhaustive()
    }
}

fn shorten(message: &str) -> String {
    if message.len() <= MAX_REMEMBERED {
        return message.to_owned();
    }
    let end = message.floor_char_boundary(MAX_REMEMBERED);
    format!("{}… ({} bytes)", &message[..end], message.len())
}

/// Splits a flow of bytes into lines of bounded length.
#[derive(Default)]
struct Splitter {
    partial: Vec<u8>,
    skipped: usize,
}

impl Splitter {
    fn feed(&mut self, mut bytes: &[u8], mut line: impl FnMut(&[u8])) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.keep(&bytes[..end]);
            self.finish(&mut line);
            bytes = &bytes[end + 1..];
        }
        self.keep(bytes);
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = MAX_LINE.saturating_sub(self.partial.len()).min(bytes.len());
        self.partial.extend_from_slice(&bytes[..room]);
        self.skipped += bytes.len() - room;
    }

    /// Hands over what is left, as at the end of the flow.
    fn finish(&mut self, mut line: impl FnMut(&[u8])) {
        if self.skipped > 0 {
            let notice = format!(" [{} more bytes of this line dropped]", self.skipped);
            self.partial.extend_from_slice(notice.as_bytes());
            self.skipped = 0;
        }
        if !self.partial.is_empty() {
            line(&self.partial);
            self.partial.clear();
            // One long line must not keep its megabyte for ever.
            self.partial.shrink_to(4096);
        }
    }
}

/// One flow of bytes that a process writes, cut into lines.
pub(super) struct Writer {
    log: PluginLog,
    pid: u32,
    source: LogSource,
    splitter: Splitter,
    classifier: Classifier,
}

impl Writer {
    pub(super) fn new(log: PluginLog, pid: u32, source: LogSource) -> Writer {
        let (splitter, classifier) = Default::default();
        Writer {
            log,
            pid,
            source,
            splitter,
            classifier,
        }
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) {
        let Writer {
            log,
            pid,
            source,
            splitter,
            classifier,
        } = self;
        splitter.feed(bytes, |line| log.push(*pid, *source, classifier, line));
    }
}

impl Drop for Writer {
    /// The last line counts even if it was never finished.
    fn drop(&mut self) {
        let Writer {
            log,
            pid,
            source,
            splitter,
            classifier,
        } = self;
        splitter.finish(|line| log.push(*pid, *source, classifier, line));
    }
}

/// Reads a pipe to its end. Never stops early: a plugin whose output nobody
/// reads would block.
pub(super) async fn pump(mut pipe: impl AsyncRead + Unpin, mut writer: Writer) {
    let mut buffer = vec![0; 8192];
    while let Ok(count) = pipe.read(&mut buffer).await {
        if count == 0 {
            break;
        }
        writer.feed(&buffer[..count]);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn classify(line: &str) -> (LogLevel, String, Option<String>) {
        Classifier::default().classify(line)
    }

    #[test]
    fn hclog_lines_give_level_message_and_fields() {
        let (level, message, fields) = classify(
            r#"{"@level":"warn","@message":"slow","@timestamp":"2026-01-01T00:00:00.000000Z","ms":12}"#,
        );
        assert_eq!((level, message.as_str()), (LogLevel::Warn, "slow"));
        assert_eq!(fields.as_deref(), Some(r#"{"ms":12}"#));
    }

    #[test]
    fn json_of_another_shape_is_text_and_never_a_panic() {
        for line in [
            r#"{"@message":5}"#,
            r#"{"@level":"info","@message":5}"#,
            r#"{"@level":3}"#,
            r#"{"@level":"info","@timestamp":7}"#,
            r#"{"@level":"loud","@message":"x"}"#,
            "[1,2]",
            "{",
        ] {
            assert_eq!(
                classify(line),
                (LogLevel::Debug, line.to_owned(), None),
                "{line}"
            );
        }
    }

    #[test]
    fn prefixes_name_the_level() {
        assert_eq!(
            classify("[WARN]  careful"),
            (LogLevel::Warn, "careful".to_owned(), None)
        );
        assert_eq!(classify("[ERROR] no").0, LogLevel::Error);
        assert_eq!(classify(" [ERROR] not at the start").0, LogLevel::Debug);
    }

    #[test]
    fn a_panic_colours_what_follows_until_a_line_carries_a_level() {
        let mut classifier = Classifier::default();
        let mut level = |line| classifier.classify(line).0;
        assert_eq!(level("panic: oh no"), LogLevel::Error);
        assert_eq!(level("goroutine 1 [running]:"), LogLevel::Error);
        assert_eq!(level("[INFO] going on"), LogLevel::Info);
        assert_eq!(level("just text"), LogLevel::Debug);
        assert_eq!(
            level("thread 'main' panicked at src/main.rs:1:1:"),
            LogLevel::Error
        );
    }

    #[test]
    fn a_line_without_end_is_cut_and_the_next_one_is_whole() {
        let mut lines = Vec::new();
        let mut splitter = Splitter::default();
        let flood = vec![b'x'; 10 * MAX_LINE];
        splitter.feed(&flood, |line| lines.push(line.to_vec()));
        assert!(lines.is_empty());
        splitter.feed(b"\nnext\n", |line| lines.push(line.to_vec()));
        assert_eq!(lines.len(), 2);
        assert!(lines[0].ends_with(b"more bytes of this line dropped]"));
        assert_eq!(lines[1], b"next");
    }

    #[test]
    fn an_unfinished_last_line_is_not_lost() {
        let mut lines = Vec::new();
        let mut splitter = Splitter::default();
        splitter.feed(b"one\ntw", |line| lines.push(line.to_vec()));
        splitter.feed(b"o", |line| lines.push(line.to_vec()));
        splitter.finish(|line| lines.push(line.to_vec()));
        assert_eq!(lines, [b"one".to_vec(), b"two".to_vec()]);
    }

    proptest! {
        #[test]
        fn no_line_makes_the_parser_panic(line in ".{0,300}") {
            let _ = classify(&line);
        }

        #[test]
        fn no_json_makes_the_parser_panic(level in ".{0,9}", message in any::<i32>()) {
            let _ = classify(&format!(r#"{{"@level":{level:?},"@message":{message}}}"#));
        }
    }
}
