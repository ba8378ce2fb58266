//! Conditional requests and ranges (RFC 9110, sections 13 and 14).

use std::ops::Range;

use http::{HeaderMap, HeaderName, header};
use jiff::{Timestamp, fmt::rfc2822};

/// What a request's conditions come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Conditions {
    /// Answer as if there were none.
    Proceed,
    /// The client has it already.
    NotModified,
    /// The client wants another state of it.
    Failed,
}

/// What a range comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// These bytes.
    Bytes(Range<u64>),
    /// None of the bytes that are wanted exists.
    Unsatisfiable,
}

/// In the order in which the standard says that conditions are looked at.
pub(super) fn conditions(
    headers: &HeaderMap,
    etag: &str,
    modified: Option<Timestamp>,
) -> Conditions {
    if let Some(tags) = text(headers, &header::IF_MATCH) {
        if !names(&tags, etag, false) {
            return Conditions::Failed;
        }
    } else if let (Some(since), Some(modified)) =
        (date(headers, &header::IF_UNMODIFIED_SINCE), modified)
        && modified > since
    {
        return Conditions::Failed;
    }
    if let Some(tags) = text(headers, &header::IF_NONE_MATCH) {
        if names(&tags, etag, true) {
            return Conditions::NotModified;
        }
    } else if let (Some(since), Some(modified)) =
        (date(headers, &header::IF_MODIFIED_SINCE), modified)
        && modified <= since
    {
        return Conditions::NotModified;
    }
    Conditions::Proceed
}

/// What `Range` and `If-Range` come to. Several ranges at once are answered with all of
/// it, as the standard allows.
pub(super) fn part(
    headers: &HeaderMap,
    etag: &str,
    modified: Option<Timestamp>,
    length: u64,
) -> Part {
    let Some(range) = text(headers, &header::RANGE) else {
        return Part::Whole;
    };
    if let Some(condition) = text(headers, &header::IF_RANGE) {
        let same = match condition.trim() {
            tag if tag.starts_with('"') => tag == etag,
            date => parse_date(date).is_some() && parse_date(date) == modified,
        };
        if !same {
            return Part::Whole;
        }
    }
    parse_range(&range, length)
}

fn parse_range(range: &str, length: u64) -> Part {
    let Some((unit, range)) = range.split_once('=') else {
        return Part::Whole;
    };
    if !unit.trim().eq_ignore_ascii_case("bytes") || range.contains(',') {
        return Part::Whole;
    }
    let Some((from, to)) = range.trim().split_once('-') else {
        return Part::Whole;
    };
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // More digits than a number has are more bytes than a file has.
        digits.then(|| text.parse::<u64>().unwrap_or(u64::MAX))
    };
    let bytes = match (number(from.trim()), number(to.trim())) {
        // The last so many.
        (None, Some(last)) if from.trim().is_empty() => length.saturating_sub(last)..length,
        (Some(from), None) if to.trim().is_empty() => from..length,
        (Some(from), Some(to)) if from <= to => from..to.saturating_add(1).min(length),
        _ => return Part::Whole,
    };
    if bytes.is_empty() {
        return Part::Unsatisfiable;
    }
    Part::Bytes(bytes)
}

/// Whether a list of entity tags names this one. Where it is for a cache (`weak`), a tag
/// counts although it is marked as weak.
fn names(tags: &str, etag: &str, weak: bool) -> bool {
    if tags.trim() == "*" {
        return true;
    }
    // Ours have no comma.
    tags.split(',').map(str::trim).any(|tag| match weak {
        true => tag.strip_prefix("W/").unwrap_or(tag) == etag,
        false => tag == etag,
    })
}

/// All lines of a header. One that is no text says nothing.
fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let lines: Option<Vec<&str>> = headers
        .get_all(name)
        .iter()
        .map(|line| line.to_str().ok())
        .collect();
    let lines = lines?;
    (!lines.is_empty()).then(|| lines.join(","))
}

fn date(headers: &HeaderMap, name: &HeaderName) -> Option<Timestamp> {
    parse_date(&text(headers, name)?)
}

fn parse_date(text: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new()
        .parse_timestamp(text.trim())
        .ok()
}

/// A moment as HTTP writes it.
pub(super) fn http_date(at: Timestamp) -> Option<String> {
    rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&at)
        .ok()
}

/// Whether the client takes gzip, by `Accept-Encoding`.
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let Some(accepted) = text(headers, &header::ACCEPT_ENCODING) else {
        return false;
    };
    let mut any = false;
    for coding in accepted.split(',') {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let refused = parts.any(|part| {
            let weight = part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="));
            weight.is_some_and(|weight| weight.trim().parse() == Ok(0.0_f32))
        });
        if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
            return !refused;
        }
        any |= name == "*" && !refused;
    }
    any
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().expect("a value"));
        }
        headers
    }

    const ETAG: &str = "\"abc\"";
    const AT: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const LATER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
    const EARLIER: &str = "Sun, 06 Nov 1994 08:49:36 GMT";

    #[test]
    fn conditions_are_looked_at_in_the_standards_order() {
        use Conditions::{Failed, NotModified, Proceed};
        let modified = parse_date(AT);
        assert_eq!(modified.and_then(http_date).as_deref(), Some(AT));
        for (given, expected) in [
            (&[][..], Proceed),
            (&[("if-none-match", "\"abc\"")], NotModified),
            (&[("if-none-match", "W/\"abc\"")], NotModified),
            (&[("if-none-match", "\"x\", \"abc\"")], NotModified),
            (&[("if-none-match", "*")], NotModified),
            (&[("if-none-match", "\"x\"")], Proceed),
            (&[("if-modified-since", AT)], NotModified),
            (&[("if-modified-since", LATER)], NotModified),
            (&[("if-modified-since", EARLIER)], Proceed),
            (&[("if-modified-since", "yesterday")], Proceed),
            // The tag counts, the date does not.
            (
                &[("if-none-match", "\"x\""), ("if-modified-since", AT)],
                Proceed,
            ),
            (&[("if-match", "\"x\"")], Failed),
            (&[("if-match", "W/\"abc\"")], Failed),
            (&[("if-match", "\"abc\"")], Proceed),
            (&[("if-unmodified-since", EARLIER)], Failed),
            (&[("if-unmodified-since", AT)], Proceed),
            (
                &[("if-match", "\"abc\""), ("if-none-match", "*")],
                NotModified,
            ),
        ] {
            let outcome = conditions(&headers(given), ETAG, modified);
            assert_eq!(outcome, expected, "{given:?}");
        }
    }

    #[test]
    fn one_range_is_cut_to_the_length_and_anything_odd_is_answered_whole() {
        for (range, expected) in [
            ("bytes=0-6", Part::Bytes(0..7)),
            ("bytes=0-", Part::Bytes(0..10)),
            ("bytes=-3", Part::Bytes(7..10)),
            ("bytes=-30", Part::Bytes(0..10)),
            ("bytes=5-99999999999999999999999", Part::Bytes(5..10)),
            ("bytes=10-", Part::Unsatisfiable),
            ("bytes=99999999999999999999999-", Part::Unsatisfiable),
            ("bytes=-0", Part::Unsatisfiable),
            ("bytes=3-2", Part::Whole),
            ("bytes=0-1,3-4", Part::Whole),
            ("bytes=a-b", Part::Whole),
            ("bytes=-", Part::Whole),
            ("bytes=+1-2", Part::Whole),
            ("lines=0-1", Part::Whole),
            ("0-1", Part::Whole),
        ] {
            let given = headers(&[("range", range)]);
            assert_eq!(part(&given, ETAG, None, 10), expected, "{range}");
        }
        assert_eq!(
            part(&headers(&[("range", "bytes=0-")]), ETAG, None, 0),
            Part::Unsatisfiable
        );
    }

    #[test]
    fn no_way_of_writing_a_range_leaves_the_file() {
        const PIECES: [&str; 8] = [
            "bytes",
            "=",
            "-",
            ",",
            "0",
            "7",
            " ",
            "99999999999999999999",
        ];
        for number in 0..8_usize.pow(5) {
            let pieces = (0..5).map(|place| PIECES[number / 8_usize.pow(place) % 8]);
            let range = format!("bytes={}", pieces.collect::<String>());
            let given = headers(&[("range", &range)]);
            for length in [0, 1, 8] {
                if let Part::Bytes(bytes) = part(&given, ETAG, None, length) {
                    assert!(bytes.start < bytes.end && bytes.end <= length, "{given:?}");
                }
            }
        }
    }

    #[test]
    fn a_range_of_what_has_changed_is_answered_whole() {
        let modified = parse_date(AT);
        for (condition, part_of_it) in [
            (ETAG, true),
            ("\"x\"", false),
            ("W/\"abc\"", false),
            (AT, true),
            (LATER, false),
        ] {
            let given = headers(&[("range", "bytes=1-2"), ("if-range", condition)]);
            let outcome = part(&given, ETAG, modified, 10);
            assert_eq!(outcome == Part::Bytes(1..3), part_of_it, "{condition}");
            assert!(part_of_it || outcome == Part::Whole, "{condition}");
        }
        let undated = headers(&[("range", "bytes=1-2"), ("if-range", "never")]);
        assert_eq!(part(&undated, ETAG, None, 10), Part::Whole);
    }

    #[test]
    fn gzip_is_for_those_who_take_it() {
        for (accepted, takes) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip; q=0.000", false),
            ("*", true),
            ("*;q=0", false),
            ("gzip;q=0, *", false),
            ("br", false),
            ("identity", false),
        ] {
            let given = headers(&[("accept-encoding", accepted)]);
            assert_eq!(accepts_gzip(&given), takes, "{accepted}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
