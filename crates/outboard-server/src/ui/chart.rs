//! The last hour as a small picture: SVG made here, with its numbers in words for those
//! who do not see it. No style and no script of its own; the classes are in `style.css`.
//!
//! ```text
//!  ▂   ▅ ▃        calls of a minute, upwards
//! ─┴───┴─┴──────
//!        ▀        those of them that failed, downwards: no colour is needed to tell
//! ```

use std::{fmt::Write as _, time::Duration};

use super::format::{count, duration};
use crate::stats::{Bucket, MINUTES};

/// The room of one minute, and how much of it is a bar.
const STEP: usize = 4;
const BAR: usize = 3;
const WIDTH: usize = MINUTES * STEP;
/// Room for what goes up, and for what goes down.
const UP: u64 = 40;
const DOWN: u64 = 12;

/// Calls and failures, a bar for each minute. `id` is unique on the page; `what` is the
/// plural of what is counted: `calls`, `runs`.
pub(crate) fn bars(id: &str, what: &str, hour: &[Bucket]) -> String {
    let most = hour.iter().map(|bucket| bucket.calls).max().unwrap_or(0);
    let mut marks = String::new();
    for (index, bucket) in hour.iter().enumerate() {
        let x = index * STEP;
        let up = height(bucket.calls, most, UP);
        if up > 0 {
            let y = UP - up;
            rect(&mut marks, "chart-bar", x, y, up);
        }
        let down = height(bucket.errors, most, DOWN);
        if down > 0 {
            rect(&mut marks, "chart-error", x, UP + 1, down);
        }
    }
    svg(
        id,
        &format!("{} in the last hour", capital(what)),
        &counted(what, hour),
        &marks,
    )
}

/// How long they took: for each minute a bar from what half of them did not exceed to what
/// 95 of 100 did not, and a line at the longest.
pub(crate) fn latency(id: &str, hour: &[Bucket]) -> String {
    let longest = |bucket: &Bucket| bucket.max_ms.unwrap_or(0.0);
    let most = hour.iter().map(longest).fold(0.0, f64::max);
    let mut marks = String::new();
    for (index, bucket) in hour.iter().enumerate() {
        let (Some(half), Some(high), Some(max)) = (bucket.p50_ms, bucket.p95_ms, bucket.max_ms)
        else {
            continue;
        };
        let x = index * STEP;
        let at = |value: f64| UP - share(value, most, UP);
        let top = at(high);
        rect(&mut marks, "chart-range", x, top, (at(half) - top).max(1));
        rect(&mut marks, "chart-longest", x, at(max).min(UP - 1), 1);
    }
    svg(id, "How long calls took", &took(hour), &marks)
}

/// The numbers of an hour in a sentence.
pub(crate) fn counted(what: &str, hour: &[Bucket]) -> String {
    let all: u64 = hour.iter().map(|bucket| bucket.calls).sum();
    let errors: u64 = hour.iter().map(|bucket| bucket.errors).sum();
    if all == 0 {
        return format!("no {what} in the last hour");
    }
    let (ago, most) = hour
        .iter()
        .rev()
        .enumerate()
        .max_by_key(|(ago, bucket)| (bucket.calls, std::cmp::Reverse(*ago)))
        .map_or((0, 0), |(ago, bucket)| (ago, bucket.calls));
    let when = match ago {
        0 => "this minute".to_owned(),
        ago => format!("{ago} min ago"),
    };
    format!(
        "{} {what} in the last hour, {} of them failed; most in a minute: {}, {when}",
        count(all),
        count(errors),
        count(most),
    )
}

/// The durations of an hour in a sentence.
pub(crate) fn took(hour: &[Bucket]) -> String {
    let highest = |of: fn(&Bucket) -> Option<f64>| {
        let values = hour.iter().filter_map(of);
        values.fold(None, |most: Option<f64>, value| {
            Some(most.map_or(value, |most| most.max(value)))
        })
    };
    let text = |millis: f64| duration(Duration::from_secs_f64(millis.max(0.0) / 1000.0));
    match (
        highest(|bucket| bucket.p95_ms),
        highest(|bucket| bucket.max_ms),
    ) {
        (Some(high), Some(max)) => format!(
            "in the slowest minute 95 of 100 calls took at most {}; the longest of all took {}",
            text(high),
            text(max)
        ),
        _ => "no calls in the last hour".to_owned(),
    }
}

/// What is there is seen, however small its share.
fn height(value: u64, most: u64, room: u64) -> u64 {
    match (value, most) {
        (0, _) | (_, 0) => 0,
        _ => share(value as f64, most as f64, room).max(1),
    }
}

fn share(value: f64, most: f64, room: u64) -> u64 {
    if most <= 0.0 {
        return 0;
    }
    ((value / most * room as f64).round() as u64).min(room)
}

fn rect(marks: &mut String, class: &str, x: usize, y: u64, height: u64) {
    // Writing to a string does not fail.
    let _ = write!(
        marks,
        "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{BAR}\" height=\"{height}\"/>"
    );
}

fn svg(id: &str, title: &str, words: &str, marks: &str) -> String {
    let (id, title, words) = (escaped(id), escaped(title), escaped(words));
    let height = UP + 1 + DOWN;
    format!(
        "<svg class=\"chart\" role=\"img\" aria-labelledby=\"{id}-title {id}-words\" \
         viewBox=\"0 0 {WIDTH} {height}\" preserveAspectRatio=\"none\" focusable=\"false\">\
         <title id=\"{id}-title\">{title}</title><desc id=\"{id}-words\">{words}</desc>\
         <line class=\"chart-axis\" x1=\"0\" y1=\"{UP}.5\" x2=\"{WIDTH}\" y2=\"{UP}.5\"/>\
         {marks}</svg>"
    )
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

fn capital(word: &str) -> String {
    let mut characters = word.chars();
    characters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(characters).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(calls: &[(usize, u64, u64)]) -> Vec<Bucket> {
        let mut hour = vec![Bucket::default(); MINUTES];
        for (index, calls, errors) in calls {
            hour[*index] = Bucket {
                calls: *calls,
                errors: *errors,
                p50_ms: Some(1.0),
                p95_ms: Some(8.0),
                max_ms: Some(16.0),
                ..Bucket::default()
            };
        }
        hour
    }

    #[test]
    fn each_minute_with_calls_is_a_bar_and_failures_hang_below_the_line() {
        let svg = bars("calls", "calls", &hour(&[(0, 1000, 0), (59, 1, 1)]));
        assert_eq!(svg.matches("chart-bar").count(), 2);
        assert_eq!(svg.matches("chart-error").count(), 1);
        assert!(
            svg.contains("x=\"0\" y=\"0\" width=\"3\" height=\"40\""),
            "{svg}"
        );
        assert!(
            svg.contains("x=\"236\" y=\"39\" width=\"3\" height=\"1\""),
            "one of a thousand is seen: {svg}"
        );
        assert!(svg.contains("x=\"236\" y=\"41\""), "{svg}");
    }

    #[test]
    fn who_does_not_see_it_reads_the_same() {
        let hour = hour(&[(40, 5, 2), (59, 3, 0)]);
        let svg = bars("calls", "calls", &hour);
        assert!(svg.contains("role=\"img\" aria-labelledby=\"calls-title calls-words\""));
        assert_eq!(
            counted("calls", &hour),
            "8 calls in the last hour, 2 of them failed; most in a minute: 5, 19 min ago"
        );
        assert!(svg.contains(&counted("calls", &hour)));
        assert_eq!(
            took(&hour),
            "in the slowest minute 95 of 100 calls took at most 8.0 ms; the longest of all took 16 ms"
        );
        assert!(latency("took", &hour).contains(&took(&hour)));
    }

    #[test]
    fn an_hour_without_calls_is_a_line_and_a_sentence() {
        let svg = bars("calls", "calls", &hour(&[]));
        assert!(!svg.contains("<rect"), "{svg}");
        assert!(svg.contains("no calls in the last hour"));
        assert!(!latency("took", &hour(&[])).contains("<rect"));
    }

    #[test]
    fn nothing_in_it_needs_more_than_the_pages_allow() {
        let svg = bars("a\"><script>", "<b>", &hour(&[(1, 1, 1)]));
        assert!(!svg.contains("<script>") && !svg.contains("<b>"), "{svg}");
        assert!(!svg.contains("style="), "{svg}");
        let latency = latency("took", &hour(&[(1, 1, 1)]));
        assert!(!latency.contains("style="), "{latency}");
        assert_eq!(latency.matches("chart-range").count(), 1);
    }
}
