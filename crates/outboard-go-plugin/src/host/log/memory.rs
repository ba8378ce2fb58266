//! The log of one plugin: what it said lately, and who wants to hear more.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::SystemTime,
};

use tokio::sync::broadcast;

use super::{LogLevel, LogLine, LogSource, LogWriter, classify::Parsed, text::shorten};
use crate::host::event::Follower;

/// Longest message that is remembered for reports, and longest fields, in bytes.
const REMEMBERED_MESSAGE: usize = 400;
const REMEMBERED_FIELDS: usize = 2 * 1024;
/// How many lines an exit report and a start error show.
const REPORTED: usize = 20;
/// How many lines are remembered for people who look.
const REMEMBERED: usize = 500;
/// How many lines a slow follower may lag behind, and how long a message, or
/// the fields, of each may be, in bytes: together with the number that bounds
/// what waits for it.
const FOLLOWED: usize = 1024;
const FOLLOWED_TEXT: usize = 16 * 1024;

/// What one plugin said recently, over all its processes: the last 500 lines,
/// each cut after 400 bytes, and a stream of the lines as they come.
///
/// Every line is also an event of `tracing` with the target `plugin`, at the
/// line's own level, with the fields `plugin`, and where there are any
/// `module`, `timestamp` and `fields`.
///
/// Cloning shares it.
#[derive(Clone)]
pub struct PluginLog(Arc<Shared>);

struct Shared {
    plugin: String,
    recent: Mutex<VecDeque<LogLine>>,
    /// Made for the first follower: its room for lines is a quarter of a megabyte.
    follow: OnceLock<broadcast::Sender<LogLine>>,
}

impl PluginLog {
    /// An empty log of the plugin called `plugin`.
    pub fn new(plugin: impl Into<String>) -> PluginLog {
        PluginLog(Arc::new(Shared {
            plugin: plugin.into(),
            recent: Mutex::new(VecDeque::new()),
            follow: OnceLock::new(),
        }))
    }

    /// Follows from now on. A follower that lags behind by more than 1,024
    /// lines loses the oldest and is told how many. A message, and a line's
    /// fields, come cut after 16 KiB; `tracing` has them up to 1 MiB.
    pub fn follow(&self) -> Follower<LogLine> {
        let sender = self.0.follow.get_or_init(|| broadcast::channel(FOLLOWED).0);
        Follower::new(sender.subscribe())
    }

    /// Takes in what process `pid` writes, for output that comes another way
    /// than a [`PluginSpec`](crate::host::PluginSpec) brings it.
    pub fn writer(&self, pid: u32, source: LogSource) -> LogWriter {
        LogWriter::new(self.clone(), pid, source)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<LogLine>> {
        self.0.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last lines, oldest first.
    pub fn recent(&self) -> Vec<LogLine> {
        self.lock().iter().cloned().collect()
    }

    /// The last lines of standard error, short enough for an error text.
    pub(in crate::host) fn last(&self, pid: u32) -> Vec<String> {
        let recent = self.lock();
        let lines = recent
            .iter()
            .rev()
            .filter(|line| line.pid == pid && line.source == LogSource::Stderr);
        let mut last: Vec<String> = lines
            .take(REPORTED)
            .map(|line| line.message.clone())
            .collect();
        last.reverse();
        last
    }

    pub(super) fn push(&self, pid: u32, source: LogSource, parsed: Parsed) {
        self.trace(&parsed);
        let Parsed {
            level,
            message,
            module,
            timestamp,
            fields,
        } = parsed;
        let mut line = LogLine {
            pid,
            at: SystemTime::now(),
            source,
            level,
            message,
            module,
            timestamp,
            fields,
        };
        if let Some(follow) = self.0.follow.get()
            && follow.receiver_count() > 0
        {
            // Nobody left to hear it is not an error.
            let _ = follow.send(cut(line.clone(), FOLLOWED_TEXT, FOLLOWED_TEXT));
        }
        line = cut(line, REMEMBERED_MESSAGE, REMEMBERED_FIELDS);
        let mut recent = self.lock();
        if recent.len() == REMEMBERED {
            recent.pop_front();
        }
        recent.push_back(line);
    }

    fn trace(&self, parsed: &Parsed) {
        let plugin = self.0.plugin.as_str();
        let Parsed {
            level,
            message,
            module,
            timestamp,
            fields,
        } = parsed;
        let (module, timestamp) = (module.as_deref(), timestamp.as_deref());
        let fields = fields.as_deref().map(tracing::field::display);
        macro_rules! emit {
            ($level:ident) => {
                tracing::$level!(target: "plugin", plugin, module, timestamp, fields, "{message}")
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

impl fmt::Debug for PluginLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginLog")
            .field("plugin", &self.0.plugin)
            .finish_non_exhaustive()
    }
}

/// The line with a message and fields of bounded length.
fn cut(mut line: LogLine, message: usize, fields: usize) -> LogLine {
    if line.message.len() > message {
        line.message = shorten(&line.message, message);
    }
    for text in [&mut line.module, &mut line.timestamp] {
        if let Some(text) = text
            && text.len() > message
        {
            *text = shorten(text, message);
        }
    }
    if let Some(text) = &mut line.fields
        && text.len() > fields
    {
        // Still a JSON object, which half of one would not be.
        *text = format!(r#"{{"@dropped_bytes":{}}}"#, text.len());
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(bytes: &[u8]) -> PluginLog {
        let log = PluginLog::new("p");
        log.writer(1, LogSource::Stderr).write(bytes);
        log
    }

    #[test]
    fn only_the_last_lines_are_remembered_and_each_of_them_is_short() {
        let long = "x".repeat(10_000);
        let line =
            format!(r#"{{"@level":"info","@message":"{long}","@module":"{long}","k":"{long}"}}"#);
        let log = log(format!("{line}\n").repeat(600).as_bytes());
        let lines = log.recent();
        assert_eq!(lines.len(), REMEMBERED);
        for line in lines {
            assert!(line.message.len() < REMEMBERED_MESSAGE + 40);
            assert!(line.module.unwrap().len() < REMEMBERED_MESSAGE + 40);
            assert_eq!(line.fields.unwrap(), r#"{"@dropped_bytes":10008}"#);
        }
        assert_eq!(log.last(1).len(), REPORTED);
        assert_eq!(log.last(2), [""; 0], "another process said nothing");
    }

    #[tokio::test]
    async fn a_follower_gets_bounded_lines_and_is_told_what_it_missed() {
        let log = PluginLog::new("p");
        let mut follower = log.follow();
        let mut writer = log.writer(1, LogSource::Stdout);
        for number in 0..FOLLOWED + 10 {
            writer.write(format!("{number} {}\n", "x".repeat(100_000)).as_bytes());
        }
        assert_eq!(follower.next().await.unwrap().unwrap_err(), 10);
        let line = follower.next().await.unwrap().unwrap();
        assert!(line.message.starts_with("10 xxx"), "{:.20}", line.message);
        assert!(line.message.ends_with("… (100003 bytes)"));
        assert!(line.message.len() < FOLLOWED_TEXT + 40);
    }
}
