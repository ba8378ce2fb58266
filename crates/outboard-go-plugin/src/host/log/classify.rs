//! What one line says: level, message, module, time and fields.
//!
//! A line is hclog's JSON, or text with a level in front, or the beginning of a
//! panic, or just text:
//!
//! ```text
//! {"@level":"info","@message":"ready","@module":"kv","@timestamp":"…","port":1}
//! [WARN]  disk nearly full
//! panic: runtime error: index out of range
//! thread 'main' (4711) panicked at src/main.rs:3:5:
//! ```

use serde_json::{Map, Value};

use super::{LogLevel, text::clean};

/// A line, taken apart and safe to show.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parsed {
    pub(super) level: LogLevel,
    pub(super) message: String,
    pub(super) module: Option<String>,
    pub(super) timestamp: Option<String>,
    pub(super) fields: Option<String>,
}

impl Parsed {
    /// Text without anything that could be told apart.
    pub(super) fn text(level: LogLevel, message: &str) -> Parsed {
        Parsed {
            level,
            message: clean(message).into_owned(),
            module: None,
            timestamp: None,
            fields: None,
        }
    }
}

/// Tells what the lines of one flow say. A panic colours the lines that follow
/// it, until one of them carries a level again.
#[derive(Debug, Default)]
pub(super) struct Classifier {
    panicking: bool,
}

impl Classifier {
    pub(super) fn classify(&mut self, line: &str) -> Parsed {
        if let Some(parsed) = hclog(line) {
            self.panicking = false;
            return parsed;
        }
        let line = clean(line);
        if let Some((level, message)) = prefixed(&line) {
            self.panicking = false;
            return Parsed::text(level, message);
        }
        self.panicking |= begins_panic(&line);
        let level = if self.panicking {
            LogLevel::Error
        } else {
            LogLevel::Debug
        };
        Parsed::text(level, &line)
    }
}

/// A line of hclog's JSON form. Anything that is not exactly that is text, also
/// where Go's host would panic over it: a message that is a number, say.
fn hclog(line: &str) -> Option<Parsed> {
    if !line.trim_start().starts_with('{') {
        return None;
    }
    let mut object: Map<String, Value> = serde_json::from_str(line).ok()?;
    let level = LogLevel::parse(&string(&mut object, "@level")??)?;
    let message = string(&mut object, "@message")?.unwrap_or_default();
    let timestamp = string(&mut object, "@timestamp")?;
    // Another kind of module is a field like any other.
    let module = match object.get("@module") {
        Some(Value::String(_)) => string(&mut object, "@module")?,
        _ => None,
    };
    let fields = (!object.is_empty()).then(|| Value::Object(object).to_string());
    let owned = |text: String| clean(&text).into_owned();
    Some(Parsed {
        level,
        message: owned(message),
        module: module.map(owned),
        timestamp: timestamp.map(owned),
        fields: fields.map(owned),
    })
}

/// Takes a text out of the object: `None` if it is something else, `Some(None)`
/// if it is not there.
fn string(object: &mut Map<String, Value>, key: &str) -> Option<Option<String>> {
    match object.remove(key) {
        Some(Value::String(text)) => Some(Some(text)),
        None => Some(None),
        Some(_) => None,
    }
}

/// The level in front of a text, as `log` packages of Go write it.
fn prefixed(line: &str) -> Option<(LogLevel, &str)> {
    const PREFIXES: [(&str, LogLevel); 5] = [
        ("[TRACE]", LogLevel::Trace),
        ("[DEBUG]", LogLevel::Debug),
        ("[INFO]", LogLevel::Info),
        ("[WARN]", LogLevel::Warn),
        ("[ERROR]", LogLevel::Error),
    ];
    PREFIXES.iter().find_map(|(prefix, level)| {
        let rest = line.strip_prefix(prefix)?;
        Some((*level, rest.trim_start()))
    })
}

/// Whether a program in Go or Rust begins to tell of its end.
fn begins_panic(line: &str) -> bool {
    let go = line.starts_with("panic: ") || line.starts_with("fatal error: ");
    let thread = line.starts_with("thread '")
        && (line.contains(" panicked at ") || line.contains(" has overflowed its stack"));
    let rust = thread
        || line.starts_with("fatal runtime error: ")
        || (line.starts_with("memory allocation of ") && line.contains(" bytes failed"));
    go || rust
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn classify(line: &str) -> Parsed {
        Classifier::default().classify(line)
    }

    #[test]
    fn hclog_lines_give_level_message_module_time_and_fields() {
        let parsed = classify(
            r#"{"@level":" WARN","@message":"slow","@module":"kv","@timestamp":"2026-01-01T00:00:00.000000Z","ms":12}"#,
        );
        assert_eq!(
            (parsed.level, parsed.message.as_str()),
            (LogLevel::Warn, "slow")
        );
        assert_eq!(parsed.module.as_deref(), Some("kv"));
        assert_eq!(
            parsed.timestamp.as_deref(),
            Some("2026-01-01T00:00:00.000000Z")
        );
        assert_eq!(parsed.fields.as_deref(), Some(r#"{"ms":12}"#));
    }

    #[test]
    fn json_of_another_shape_is_text_and_never_a_panic() {
        for line in [
            r#"{"@message":5}"#,
            r#"{"@level":"info","@message":5}"#,
            r#"{"@level":"info","@message":{}}"#,
            r#"{"@level":3}"#,
            r#"{"@level":null,"@message":"x"}"#,
            r#"{"@level":"info","@timestamp":7}"#,
            r#"{"@level":"loud","@message":"x"}"#,
            r#"{"@message":"no level"}"#,
            "[1,2]",
            "{",
        ] {
            assert_eq!(
                classify(line),
                Parsed::text(LogLevel::Debug, line),
                "{line}"
            );
        }
        // Deeper than any parser's stack.
        assert_eq!(classify(&"{\"a\":".repeat(100_000)).level, LogLevel::Debug);
    }

    #[test]
    fn a_module_that_is_no_text_stays_a_field() {
        let parsed = classify(r#"{"@level":"info","@message":"x","@module":7}"#);
        assert_eq!(parsed.module, None);
        assert_eq!(parsed.fields.as_deref(), Some(r#"{"@module":7}"#));
    }

    #[test]
    fn prefixes_name_the_level_also_in_colour() {
        assert_eq!(
            classify("[WARN]  careful"),
            Parsed::text(LogLevel::Warn, "careful")
        );
        assert_eq!(classify("[ERROR] no").level, LogLevel::Error);
        assert_eq!(
            classify("\u{1b}[31m[ERROR]\u{1b}[0m no"),
            Parsed::text(LogLevel::Error, "no")
        );
        assert_eq!(classify(" [ERROR] not at the start").level, LogLevel::Debug);
        assert_eq!(
            classify("[error] in lower case").level,
            LogLevel::Debug,
            "as in Go"
        );
    }

    #[test]
    fn a_panic_colours_what_follows_until_a_line_carries_a_level() {
        let mut classifier = Classifier::default();
        let mut level = |line| classifier.classify(line).level;
        assert_eq!(level("panic: oh no"), LogLevel::Error);
        assert_eq!(level("goroutine 1 [running]:"), LogLevel::Error);
        assert_eq!(level("[INFO] going on"), LogLevel::Info);
        assert_eq!(level("just text"), LogLevel::Debug);
        for first in [
            "thread 'main' panicked at src/main.rs:1:1:",
            "thread 'main' (4711) panicked at src/main.rs:3:5:",
            "thread '<unnamed>' (12) panicked at src/main.rs:3:5:",
            "thread 'main' panicked at 'as before 1.73', src/main.rs:3:5",
            "thread 'deep' (12) has overflowed its stack",
            "fatal runtime error: stack overflow, aborting",
            "memory allocation of 99999999999 bytes failed",
            "fatal error: all goroutines are asleep - deadlock!",
        ] {
            assert_eq!(level(first), LogLevel::Error, "{first}");
            assert_eq!(level("index out of bounds"), LogLevel::Error);
            assert_eq!(
                level(r#"{"@level":"debug","@message":"on"}"#),
                LogLevel::Debug
            );
            assert_eq!(level("just text"), LogLevel::Debug);
        }
    }

    #[test]
    fn a_message_cannot_forge_a_second_line_or_steer_a_terminal() {
        let parsed = classify(
            r#"{"@level":"info","@message":"a\n2026 ERROR host: forged\u001b[2J","@module":"m\r","k":"\u009b1A\u202e"}"#,
        );
        assert_eq!(parsed.message, r"a\n2026 ERROR host: forged\u001b[2J");
        assert_eq!(parsed.module.as_deref(), Some(r"m\r"));
        // The fields are still the JSON of what the plugin sent.
        let fields = parsed.fields.unwrap();
        assert_eq!(fields, r#"{"k":"\u009b1A\u202e"}"#);
        let value: Value = serde_json::from_str(&fields).unwrap();
        assert_eq!(value["k"], "\u{9b}1A\u{202e}");
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
