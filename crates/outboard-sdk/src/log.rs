//! Logs of a plugin: `tracing` events as lines of JSON on standard error.
//!
//! go-plugin hosts read standard error line by line and put JSON lines of this
//! form into their own log, with level and fields:
//!
//! ```text
//! {"@level":"info","@message":"opened","@module":"store","@timestamp":"2026-02-03T04:05:06.000007Z","path":"a.db"}
//! ```
//!
//! A line that was written for a call has the call's [trace](crate::trace) as `trace_id`.
//!
//! `OUTBOARD_LOG` sets the least level that is written: `trace`, `debug`,
//! `info` (the default), `warn`, `error` or `off`. Events of spans are written, the
//! spans themselves are not. A host that closed its end loses lines and nothing else happens.

use std::{
    fmt,
    io::{self, Write as _},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

use outboard_go_plugin::trace;
use serde_json::{Map, Value};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span,
    subscriber::Interest,
};

/// The environment variable that sets the least level.
pub const LEVEL_VARIABLE: &str = "OUTBOARD_LOG";

/// Installs the log for the whole process, unless the program has set a
/// `tracing` subscriber of its own. [`serve`](crate::workflow::serve) calls it.
/// Returns whether it is now installed.
pub fn install() -> bool {
    let text = std::env::var(LEVEL_VARIABLE).unwrap_or_default();
    let level = parse_level(&text);
    let installed =
        tracing::subscriber::set_global_default(JsonLines::new(level.unwrap_or(DEFAULT))).is_ok();
    if installed && level.is_none() {
        tracing::warn!(value = text, "{LEVEL_VARIABLE} is no level; using info");
    }
    installed
}

const DEFAULT: LevelFilter = LevelFilter::INFO;

fn parse_level(text: &str) -> Option<LevelFilter> {
    match text.trim().to_ascii_lowercase().as_str() {
        "" => Some(DEFAULT),
        "trace" => Some(LevelFilter::TRACE),
        "debug" => Some(LevelFilter::DEBUG),
        "info" => Some(LevelFilter::INFO),
        "warn" => Some(LevelFilter::WARN),
        "error" => Some(LevelFilter::ERROR),
        "off" => Some(LevelFilter::OFF),
        _ => None,
    }
}

/// Writes every event that is important enough as one line.
struct JsonLines {
    level: LevelFilter,
    next_span: AtomicU64,
}

impl JsonLines {
    fn new(level: LevelFilter) -> Self {
        Self {
            level,
            next_span: AtomicU64::new(1),
        }
    }
}

impl Subscriber for JsonLines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.level
    }

    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.enabled(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = line(event, SystemTime::now());
        line.push('\n');
        // One write, so that lines of several threads do not mix. Nobody is left to tell
        // about a failure, and a plugin must not die of a host that does not listen.
        let _ = io::stderr().lock().write_all(line.as_bytes());
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(self.next_span.fetch_add(1, Ordering::Relaxed).max(1))
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

fn line(event: &Event<'_>, now: SystemTime) -> String {
    let metadata = event.metadata();
    let mut fields = Fields::default();
    event.record(&mut fields);
    let mut line = fields.others;
    let level = match *metadata.level() {
        Level::TRACE => "trace",
        Level::DEBUG => "debug",
        Level::INFO => "info",
        Level::WARN => "warn",
        Level::ERROR => "error",
    };
    line.insert("@level".into(), level.into());
    line.insert("@message".into(), fields.message.into());
    line.insert("@module".into(), metadata.target().into());
    line.insert("@timestamp".into(), timestamp(now).into());
    if let Some(trace) = trace::current() {
        line.entry("trace_id")
            .or_insert_with(|| trace.trace_id().into());
    }
    Value::Object(line).to_string()
}

/// What an event says.
#[derive(Default)]
struct Fields {
    message: String,
    others: Map<String, Value>,
}

impl Fields {
    fn insert(&mut self, field: &Field, value: Value) {
        self.others.insert(field.name().to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        // What is not finite has no JSON number.
        let number = serde_json::Number::from_f64(value);
        self.insert(
            field,
            number.map_or_else(|| value.to_string().into(), Value::Number),
        );
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.message);
        } else {
            self.insert(field, value.into());
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.insert(field, crate::Error::from(value).to_string().into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

/// `2006-01-02T15:04:05.000000Z`, always in UTC.
fn timestamp(now: SystemTime) -> String {
    let since = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    let (seconds, micros) = (since.as_secs(), since.subsec_micros());
    let (year, month, day) = civil_date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
}

/// The date that is `days` after 1970-01-01, in the proleptic Gregorian calendar.
///
/// Years begin in March here, so that the leap day is a year's last, and
/// count in eras of 400 years, which all have the same number of days.
fn civil_date(days: u64) -> (u64, u64, u64) {
    const DAYS_PER_ERA: u64 = 146_097;
    // From 0000-03-01 to 1970-01-01.
    let days = days + 719_468;
    let (era, day_of_era) = (days / DAYS_PER_ERA, days % DAYS_PER_ERA);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::{Arc, Mutex};

    use serde_json::json;

    use super::*;

    /// Keeps the lines instead of writing them.
    struct Kept(JsonLines, Arc<Mutex<Vec<Value>>>);

    impl Subscriber for Kept {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            self.0.enabled(metadata)
        }
        fn event(&self, event: &Event<'_>) {
            let at = SystemTime::UNIX_EPOCH + Duration::from_micros(1_770_091_506_000_007);
            self.1
                .lock()
                .unwrap()
                .push(serde_json::from_str(&line(event, at)).unwrap());
        }
        fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
            self.0.new_span(span)
        }
        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
        fn enter(&self, _: &span::Id) {}
        fn exit(&self, _: &span::Id) {}
    }

    fn lines_of(level: LevelFilter, log: impl FnOnce()) -> Vec<Value> {
        let lines = Arc::new(Mutex::new(Vec::new()));
        tracing::subscriber::with_default(Kept(JsonLines::new(level), lines.clone()), log);
        std::mem::take(&mut *lines.lock().unwrap())
    }

    #[test]
    fn an_event_is_a_line_that_go_hosts_read() {
        let lines = lines_of(LevelFilter::INFO, || {
            let error = io::Error::other("no space");
            let error: &(dyn std::error::Error + 'static) = &error;
            tracing::info!(target: "store", path = "a\n\"b", count = 3, ratio = f64::NAN, error, "opened {}", 1);
        });
        let expected = json!({
            "@level": "info", "@message": "opened 1", "@module": "store", "@timestamp": "2026-02-03T04:05:06.000007Z",
            "path": "a\n\"b", "count": 3, "ratio": "NaN", "error": "no space",
        });
        assert_eq!(lines, [expected]);
    }

    #[test]
    fn events_below_the_level_are_not_written_and_spans_do_no_harm() {
        let lines = lines_of(LevelFilter::WARN, || {
            let _span = tracing::error_span!("work", id = 1).entered();
            tracing::info!("quiet");
            tracing::warn!("loud");
        });
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["@message"], "loud");
    }

    #[test]
    fn levels_are_read_as_people_write_them() {
        assert_eq!(parse_level(" WARN "), Some(LevelFilter::WARN));
        assert_eq!(parse_level(""), Some(LevelFilter::INFO));
        assert_eq!(parse_level("loud"), None);
    }

    #[test]
    fn timestamps_are_right_around_leap_days_and_centuries() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (951_782_400, "2000-02-29T00:00:00.000000Z"),
            (951_868_799, "2000-02-29T23:59:59.000000Z"),
            (1_709_164_800, "2024-02-29T00:00:00.000000Z"),
            (1_735_689_599, "2024-12-31T23:59:59.000000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000000Z"),
        ] {
            assert_eq!(
                timestamp(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)),
                text
            );
        }
    }
}
