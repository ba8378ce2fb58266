//! From the bytes of one process to the lines of its log.

use std::fmt;

use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::{
    LogLevel, LogSource, PluginLog,
    classify::{Classifier, Parsed},
    split::Splitter,
};

/// Takes in what one process writes to one of its outputs, and puts its lines
/// into a [`PluginLog`]. An unfinished last line counts when this is dropped.
pub struct LogWriter {
    log: PluginLog,
    pid: u32,
    source: LogSource,
    splitter: Splitter,
    classifier: Classifier,
}

impl LogWriter {
    pub(super) fn new(log: PluginLog, pid: u32, source: LogSource) -> LogWriter {
        LogWriter {
            log,
            pid,
            source,
            splitter: Splitter::default(),
            classifier: Classifier::default(),
        }
    }

    /// Takes in some bytes, of whatever kind and cut wherever. Never blocks.
    pub fn write(&mut self, bytes: &[u8]) {
        self.split(|splitter, line| splitter.feed(bytes, line));
    }

    fn split(&mut self, split: impl FnOnce(&mut Splitter, &mut dyn FnMut(&[u8]))) {
        let LogWriter {
            log,
            pid,
            source,
            splitter,
            classifier,
        } = self;
        split(splitter, &mut |line| {
            let text = String::from_utf8_lossy(line);
            let text = text.trim_end_matches('\r');
            if text.is_empty() {
                return;
            }
            let parsed = match source {
                LogSource::Stderr => classifier.classify(text),
                LogSource::Stdout => Parsed::text(LogLevel::Info, text),
            };
            log.push(*pid, *source, parsed);
        });
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        self.split(|splitter, line| splitter.finish(line));
    }
}

impl fmt::Debug for LogWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogWriter")
            .field("log", &self.log)
            .field("pid", &self.pid)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// Reads a pipe to its end. Never stops early: a plugin whose output nobody
/// reads would block.
pub(in crate::host) async fn pump(mut pipe: impl AsyncRead + Unpin, mut take: impl FnMut(&[u8])) {
    let mut buffer = vec![0; 8192];
    while let Ok(count) = pipe.read(&mut buffer).await {
        if count == 0 {
            break;
        }
        take(&buffer[..count]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(bytes: &[u8]) -> Vec<(LogLevel, String)> {
        let log = PluginLog::new("p");
        log.writer(1, LogSource::Stderr).write(bytes);
        let lines = log.recent().into_iter();
        lines.map(|line| (line.level, line.message)).collect()
    }

    #[test]
    fn both_kinds_of_line_ends_and_an_unfinished_line_are_lines() {
        let expected = ["one", "two", "three"].map(|text| (LogLevel::Debug, text.to_owned()));
        assert_eq!(messages(b"one\r\n\n\r\ntwo\nthree"), expected);
    }

    #[test]
    fn what_is_no_utf_8_is_replaced_and_the_next_line_is_whole() {
        assert_eq!(
            messages(b"[WARN] \xff\xfe\x00 odd\n[INFO] next\n"),
            [
                (LogLevel::Warn, "\u{fffd}\u{fffd}\\u0000 odd".to_owned()),
                (LogLevel::Info, "next".to_owned())
            ]
        );
    }

    #[test]
    fn a_line_of_ten_megabytes_is_cut_and_later_lines_are_intact() {
        let mut bytes = br#"{"@level":"info","@message":""#.to_vec();
        bytes.resize(10_000_000, b'x');
        bytes.extend_from_slice(b"\"}\n[ERROR] after\n");
        let lines = messages(&bytes);
        assert_eq!(lines.len(), 2);
        assert!(lines[0].1.starts_with(r#"{"@level":"info""#));
        assert_eq!(lines[1], (LogLevel::Error, "after".to_owned()));
    }
}
