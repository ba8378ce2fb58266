//! Numbers and times as people read them.

use std::time::Duration;

use jiff::Timestamp;

/// A moment as a page shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// RFC 3339, to the second.
    pub(crate) exact: String,
    /// How long ago.
    pub(crate) relative: String,
}

impl Moment {
    /// A moment as seen at `now`.
    pub(crate) fn new(at: Timestamp, now: Timestamp) -> Moment {
        let seconds = now.duration_since(at).as_secs();
        Moment {
            exact: at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            relative: relative(seconds),
        }
    }

    /// A moment that somebody wrote down. `None` if it cannot be read.
    pub(crate) fn parse(at: &str, now: Timestamp) -> Option<Moment> {
        Some(Moment::new(at.parse().ok()?, now))
    }
}

fn relative(seconds: i64) -> String {
    let text = |count: i64, unit: &str| match seconds < 0 {
        true => format!("in {count} {unit}"),
        false => format!("{count} {unit} ago"),
    };
    match seconds.abs() {
        0..5 => "just now".to_owned(),
        size @ 5..60 => text(size, "s"),
        size @ 60..3_600 => text(size / 60, "min"),
        size @ 3_600..86_400 => text(size / 3_600, "h"),
        size => text(size / 86_400, "d"),
    }
}

/// A duration in a unit that fits: `340 µs`, `12 ms`, `3.4 s`, `2 min 5 s`, `3 h 20 min`.
pub(crate) fn duration(duration: Duration) -> String {
    let micros = duration.as_micros();
    let seconds = duration.as_secs();
    match seconds {
        0 if micros < 1_000 => format!("{micros} µs"),
        0 if micros < 10_000 => format!("{:.1} ms", micros as f64 / 1_000.0),
        0 => format!("{} ms", micros / 1_000),
        1..60 => format!("{:.1} s", duration.as_secs_f64()),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// A number of bytes: `812 B`, `4.5 KiB`, `12 MiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    let mut size = bytes as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if size < 1024.0 {
            return match unit {
                "B" => format!("{bytes} B"),
                _ if size < 10.0 => format!("{size:.1} {unit}"),
                _ => format!("{size:.0} {unit}"),
            };
        }
        size /= 1024.0;
    }
    format!("{size:.1} TiB")
}

/// A count with a thin space between thousands.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A text as HTML, in which what stands between backticks is code.
pub(crate) fn ticked(text: impl AsRef<str>) -> String {
    let escaped = crate::http::escape(text.as_ref());
    let parts: Vec<&str> = escaped.split('`').collect();
    let mut html = String::with_capacity(escaped.len());
    for (index, part) in parts.iter().enumerate() {
        let closed = index % 2 == 1 && index + 1 < parts.len();
        match (index % 2, closed) {
            (1, true) => html.push_str(&format!("<code>{part}</code>")),
            // One that is never closed is a backtick.
            (1, false) => html.push_str(&format!("`{part}")),
            _ => html.push_str(part),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_the_unit_that_fits() {
        for (duration_us, text) in [
            (0, "0 µs"),
            (340, "340 µs"),
            (3_400, "3.4 ms"),
            (12_900, "12 ms"),
            (3_400_000, "3.4 s"),
            (125_000_000, "2 min 5 s"),
            (12_000_000_000, "3 h 20 min"),
            (190_000_000_000, "2 d 4 h"),
        ] {
            assert_eq!(duration(Duration::from_micros(duration_us)), text);
        }
    }

    #[test]
    fn moments_are_told_from_now() {
        let now: Timestamp = "2026-01-02T03:04:05Z".parse().expect("a time");
        let at = |text: &str| Moment::parse(text, now).expect("a time");
        assert_eq!(at("2026-01-02T03:04:02Z").relative, "just now");
        assert_eq!(at("2026-01-02T03:01:02.5Z").relative, "3 min ago");
        assert_eq!(at("2026-01-02T05:04:05Z").relative, "in 2 h");
        assert_eq!(at("2025-12-30T03:04:05Z").relative, "3 d ago");
        assert_eq!(at("2026-01-02T03:01:02.5Z").exact, "2026-01-02T03:01:02Z");
        assert_eq!(Moment::parse("yesterday", now), None);
    }

    #[test]
    fn what_stands_between_backticks_is_code_and_nothing_is_markup() {
        assert_eq!(ticked("a `b` <c>"), "a <code>b</code> &lt;c&gt;");
        assert_eq!(ticked("`a<` and ` alone"), "<code>a&lt;</code> and ` alone");
        assert_eq!(ticked("plain"), "plain");
    }

    #[test]
    fn sizes_and_counts_are_short() {
        assert_eq!(bytes(812), "812 B");
        assert_eq!(bytes(4_608), "4.5 KiB");
        assert_eq!(bytes(12_582_912), "12 MiB");
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(count(12), "12");
    }
}
