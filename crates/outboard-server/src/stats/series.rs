//! What is counted of one thing that is done again and again.

use std::time::Duration;

use super::hour::Hour;

/// The upper ends of the steps in which `/metrics` tells durations, in microseconds and in
/// the seconds that are written there.
pub(crate) const BOUNDS: [(u64, &str); 14] = [
    (100, "0.0001"),
    (250, "0.00025"),
    (500, "0.0005"),
    (1_000, "0.001"),
    (2_500, "0.0025"),
    (5_000, "0.005"),
    (10_000, "0.01"),
    (25_000, "0.025"),
    (100_000, "0.1"),
    (250_000, "0.25"),
    (1_000_000, "1"),
    (5_000_000, "5"),
    (30_000_000, "30"),
    (120_000_000, "120"),
];

/// How long it took, since the server began.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Durations {
    /// By [`BOUNDS`], each without those below it; the last is of what exceeds all.
    pub(crate) steps: [u64; BOUNDS.len() + 1],
    pub(crate) total: Duration,
}

impl Durations {
    pub(crate) fn record(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let step = BOUNDS.partition_point(|(bound, _)| *bound < micros);
        if let Some(count) = self.steps.get_mut(step) {
            *count += 1;
        }
        self.total = self.total.saturating_add(took);
    }
}

/// How often it ended in which way, and how long it took.
#[derive(Clone, Debug, Default)]
pub(crate) struct Series {
    /// By the word for the way it ended; there are few.
    pub(crate) ended: Vec<(&'static str, u64)>,
    pub(crate) durations: Durations,
    pub(super) hour: Hour,
}

impl Series {
    pub(super) fn record(&mut self, now: u64, ended: &'static str, failed: bool, took: Duration) {
        match self.ended.iter_mut().find(|(word, _)| *word == ended) {
            Some((_, count)) => *count += 1,
            None => self.ended.push((ended, 1)),
        }
        self.durations.record(took);
        self.hour.record(now, failed, took);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_in_the_step_whose_end_it_does_not_exceed() {
        let mut durations = Durations::default();
        for micros in [100, 101, 999_999_999] {
            durations.record(Duration::from_micros(micros));
        }
        assert_eq!(durations.steps[0], 1);
        assert_eq!(durations.steps[1], 1);
        assert_eq!(durations.steps[BOUNDS.len()], 1);
        assert_eq!(durations.total, Duration::from_micros(1_000_000_200));
    }

    #[test]
    fn the_ends_grow_and_are_written_as_they_are() {
        for pair in BOUNDS.windows(2) {
            assert!(pair[0].0 < pair[1].0);
        }
        for (micros, seconds) in BOUNDS {
            let written: f64 = seconds.parse().unwrap();
            assert!((written - micros as f64 / 1e6).abs() < 1e-12, "{seconds}");
        }
    }
}
