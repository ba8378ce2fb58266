//! How long calls took, in steps that grow with the duration.
//!
//! ```text
//! microseconds   0 1 2 3 | 4 5 6 7 | 8-9 10-11 12-13 14-15 | 16-19 …
//! ```
//!
//! Four steps for each doubling, so a quantile is off by less than a fifth.

use std::time::Duration;

/// Up to about 19 hours; what takes longer is in the last step.
const STEPS: usize = 140;

/// Counts of durations.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    steps: Box<[u32; STEPS]>,
    count: u64,
    longest: Duration,
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram {
            steps: Box::new([0; STEPS]),
            count: 0,
            longest: Duration::ZERO,
        }
    }
}

impl Histogram {
    pub(super) fn record(&mut self, took: Duration) {
        let step = &mut self.steps[step_of(took)];
        *step = step.saturating_add(1);
        self.count += 1;
        self.longest = self.longest.max(took);
    }

    pub(super) fn add(&mut self, other: &Histogram) {
        for (step, more) in self.steps.iter_mut().zip(other.steps.iter()) {
            *step = step.saturating_add(*more);
        }
        self.count += other.count;
        self.longest = self.longest.max(other.longest);
    }

    /// The longest, if there is any.
    pub(super) fn longest(&self) -> Option<Duration> {
        (self.count > 0).then_some(self.longest)
    }

    /// What `share` of all did not exceed, from 0 to 1.
    pub(super) fn quantile(&self, share: f64) -> Option<Duration> {
        if self.count == 0 {
            return None;
        }
        let wanted = (share.clamp(0.0, 1.0) * self.count as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (step, count) in self.steps.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= wanted {
                return Some(end_of(step).min(self.longest));
            }
        }
        Some(self.longest)
    }
}

fn step_of(took: Duration) -> usize {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    if micros < 4 {
        return micros as usize;
    }
    let doublings = u64::BITS - 1 - micros.leading_zeros();
    let quarter = (micros >> (doublings - 2)) & 3;
    let step = (doublings as usize - 1) * 4 + quarter as usize;
    step.min(STEPS - 1)
}

/// The longest duration of a step.
fn end_of(step: usize) -> Duration {
    if step < 4 {
        return Duration::from_micros(step as u64);
    }
    let (doublings, quarter) = (step / 4 + 1, (step % 4) as u64);
    let width = 1_u64 << (doublings - 2);
    Duration::from_micros((1_u64 << doublings) + (quarter + 1) * width - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_lies_in_a_step_that_ends_no_earlier() {
        let mut before = 0;
        for micros in (0..100_000).chain([1 << 30, (1 << 36) - 1]) {
            let took = Duration::from_micros(micros);
            let step = step_of(took);
            assert!(step >= before, "{micros}");
            before = step;
            let end = end_of(step);
            assert!(end >= took, "{micros} {end:?}");
            assert!(
                end.as_micros() <= u128::from(micros + micros / 4),
                "{micros} {end:?}"
            );
        }
        assert_eq!(step_of(Duration::MAX), STEPS - 1);
    }

    #[test]
    fn quantiles_are_of_what_was_recorded() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), None);
        assert_eq!(histogram.longest(), None);
        for millis in 1..=100 {
            histogram.record(Duration::from_millis(millis));
        }
        let median = histogram.quantile(0.5).unwrap().as_millis();
        assert!((50..=62).contains(&median), "{median}");
        let high = histogram.quantile(0.95).unwrap().as_millis();
        assert!((95..=100).contains(&high), "{high}");
        assert_eq!(histogram.longest(), Some(Duration::from_millis(100)));
        assert_eq!(histogram.quantile(1.0), histogram.longest());
    }

    #[test]
    fn one_duration_is_every_quantile() {
        let mut histogram = Histogram::default();
        histogram.record(Duration::from_micros(777));
        let one = Some(Duration::from_micros(777));
        assert_eq!(histogram.quantile(0.5), one);
        assert_eq!(histogram.quantile(0.95), one);
    }

    #[test]
    fn two_histograms_add_up() {
        let (mut one, mut other) = (Histogram::default(), Histogram::default());
        one.record(Duration::from_millis(1));
        other.record(Duration::from_millis(9));
        one.add(&other);
        assert_eq!(one.longest(), Some(Duration::from_millis(9)));
        assert!(one.quantile(0.5).unwrap() < Duration::from_millis(2));
    }
}
