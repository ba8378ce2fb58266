//! What a plugin wants in the host's log, made safe: one line, at a level that
//! exists, of bounded length.

use outboard_contracts::value::{self, ValueError};
use outboard_contracts::workflow::proto::LogRequest;
use tracing::Level;

/// Longest message, and longest fields as JSON, in bytes; the rest is cut.
const MAX_TEXT: usize = 64 * 1024;

/// A line that may be written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) level: Level,
    pub(super) message: String,
    pub(super) fields: String,
}

impl Line {
    pub(super) fn read(request: LogRequest) -> Result<Line, ValueError> {
        let fields = value::optional_to_map(request.fields);
        let fields = fields.map_err(|error| error.within("fields"))?;
        Ok(Line {
            level: level(&request.level),
            message: one_line(&request.message),
            fields: one_line(&serde_json::Value::Object(fields).to_string()),
        })
    }

    pub(super) fn write(&self, plugin: &str) {
        let Line {
            level,
            message,
            fields,
        } = self;
        macro_rules! emit {
            ($level:ident) => {
                tracing::$level!(target: "plugin", plugin, fields, "{message}")
            };
        }
        match *level {
            Level::TRACE => emit!(trace),
            Level::DEBUG => emit!(debug),
            Level::INFO => emit!(info),
            Level::WARN => emit!(warn),
            Level::ERROR => emit!(error),
        }
    }
}

/// A level that nobody knows must not hide the line.
fn level(text: &str) -> Level {
    match text.trim().to_ascii_lowercase().as_str() {
        "trace" => Level::TRACE,
        "debug" => Level::DEBUG,
        "warn" | "warning" => Level::WARN,
        "error" => Level::ERROR,
        _ => Level::INFO,
    }
}

/// A text that cannot pretend to be several lines, or to read otherwise than it is.
fn one_line(text: &str) -> String {
    let end = text.floor_char_boundary(MAX_TEXT);
    let safe = |character: char| match character {
        '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => ' ',
        character if character.is_control() => ' ',
        character => character,
    };
    text[..end].chars().map(safe).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use outboard_contracts::value::map_to_struct;
    use serde_json::json;

    use super::*;

    fn line(level: &str, message: &str, fields: &serde_json::Value) -> Line {
        let fields = map_to_struct(fields.as_object().unwrap()).unwrap();
        Line::read(LogRequest {
            level: level.to_owned(),
            message: message.to_owned(),
            fields: Some(fields),
        })
        .unwrap()
    }

    #[test]
    fn line_ends_escapes_and_marks_of_direction_become_spaces_also_in_fields() {
        let forged = "ok\r\n2026 ERROR other plugin\u{1b}[31m\u{85}\u{2028}\u{202e}end";
        let line = line("info", forged, &json!({ "k\n": forged }));
        for text in [&line.message, &line.fields] {
            assert!(!text.contains(char::is_control), "{text:?}");
            assert!(!text.contains(['\u{2028}', '\u{202e}']), "{text:?}");
        }
        assert_eq!(line.message, "ok  2026 ERROR other plugin [31m   end");
    }

    #[test]
    fn levels_are_read_as_loggers_write_them_and_any_other_word_is_info() {
        for (text, level) in [
            ("trace", Level::TRACE),
            (" Debug ", Level::DEBUG),
            ("INFO", Level::INFO),
            ("warning", Level::WARN),
            ("Error", Level::ERROR),
            ("error\nother", Level::INFO),
            ("", Level::INFO),
        ] {
            assert_eq!(line(text, "m", &json!({})).level, level, "{text:?}");
        }
    }

    #[test]
    fn what_is_too_long_is_cut_between_characters() {
        let line = line(
            "info",
            &"é".repeat(MAX_TEXT),
            &json!({ "k": "é".repeat(MAX_TEXT) }),
        );
        assert!(line.message.len() <= MAX_TEXT && line.message.len() > MAX_TEXT - 2);
        assert!(line.fields.len() <= MAX_TEXT);
    }
}
