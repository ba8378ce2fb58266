//! Writes the text format: names, labels and values, each on a line of its own.

use std::{
    fmt::{Display, Write as _},
    time::Duration,
};

use crate::stats::{BOUNDS, Durations};

/// What kind of number a metric is.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// A document that grows.
#[derive(Default)]
pub(super) struct Text(String);

/// Labels of one sample: names and values.
pub(super) type Labels<'a> = &'a [(&'static str, &'a str)];

impl Text {
    /// Begins a metric. All its samples follow.
    pub(super) fn metric(&mut self, name: &'static str, kind: Kind, help: &str) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    pub(super) fn sample(&mut self, name: &str, labels: Labels<'_>, value: impl Display) {
        let labels = Written(labels, None);
        self.line(format_args!("{name}{labels} {value}"));
    }

    /// The three sorts of samples of a histogram.
    pub(super) fn histogram(&mut self, name: &str, labels: Labels<'_>, durations: &Durations) {
        let mut so_far = 0;
        let ends = BOUNDS.iter().map(|(_, seconds)| *seconds).chain(["+Inf"]);
        for (count, end) in durations.steps.iter().zip(ends) {
            so_far += count;
            let labels = Written(labels, Some(("le", end)));
            self.line(format_args!("{name}_bucket{labels} {so_far}"));
        }
        let labels = Written(labels, None);
        self.line(format_args!(
            "{name}_sum{labels} {}",
            seconds(durations.total)
        ));
        self.line(format_args!("{name}_count{labels} {so_far}"));
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "{line}");
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// Seconds as a number.
pub(super) fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

struct Written<'a>(Labels<'a>, Option<(&'static str, &'a str)>);

impl Display for Written<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut before = '{';
        for (name, value) in self.0.iter().copied().chain(self.1) {
            write!(f, "{before}{name}=\"{}\"", Escaped(value))?;
            before = ',';
        }
        if before == ',' {
            f.write_char('}')?;
        }
        Ok(())
    }
}

struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for character in self.0.chars() {
            match character {
                '\\' => f.write_str("\\\\")?,
                '"' => f.write_str("\\\"")?,
                '\n' => f.write_str("\\n")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_from_outside_cannot_leave_its_label() {
        let mut text = Text::default();
        text.sample("up", &[("plugin", "a\"} 1\nup{x=\"\\")], 1);
        assert_eq!(text.finish(), "up{plugin=\"a\\\"} 1\\nup{x=\\\"\\\\\"} 1\n");
    }

    #[test]
    fn the_steps_of_a_histogram_add_up_to_its_count() {
        let mut durations = Durations::default();
        durations.steps[0] = 2;
        durations.steps[BOUNDS.len()] = 1;
        durations.total = Duration::from_millis(1500);
        let mut text = Text::default();
        text.metric("took", Kind::Histogram, "How long.");
        text.histogram("took", &[("of", "it")], &durations);
        let text = text.finish();
        assert!(
            text.contains("took_bucket{of=\"it\",le=\"0.0001\"} 2\n"),
            "{text}"
        );
        assert!(
            text.contains("took_bucket{of=\"it\",le=\"120\"} 2\n"),
            "{text}"
        );
        assert!(
            text.contains("took_bucket{of=\"it\",le=\"+Inf\"} 3\n"),
            "{text}"
        );
        assert!(
            text.ends_with("took_sum{of=\"it\"} 1.5\ntook_count{of=\"it\"} 3\n"),
            "{text}"
        );
    }

    #[test]
    fn a_sample_without_labels_has_no_braces() {
        let mut text = Text::default();
        text.sample("up", &[], 1.5);
        assert_eq!(text.finish(), "up 1.5\n");
    }
}
