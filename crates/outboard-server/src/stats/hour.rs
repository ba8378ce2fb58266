//! One hour of calls, minute by minute.

use std::{collections::VecDeque, time::Duration};

use schemars::JsonSchema;
use serde::Serialize;

use super::histogram::Histogram;

/// How many minutes are remembered, the one that runs included.
pub(crate) const MINUTES: usize = 60;

/// One minute as it is told. A minute without calls has no durations.
#[derive(Clone, Copy, Debug, Default, PartialEq, JsonSchema, Serialize)]
pub(crate) struct Bucket {
    /// Minutes since 1970.
    #[serde(skip)]
    pub(crate) minute: u64,
    pub(crate) calls: u64,
    pub(crate) errors: u64,
    /// What half of the calls did not exceed, in milliseconds.
    pub(crate) p50_ms: Option<f64>,
    /// What 95 of 100 calls did not exceed.
    pub(crate) p95_ms: Option<f64>,
    pub(crate) max_ms: Option<f64>,
}

/// What was counted in one minute.
#[derive(Clone, Debug, Default)]
pub(super) struct Minute {
    minute: u64,
    pub(super) calls: u64,
    pub(super) errors: u64,
    durations: Histogram,
}

impl Minute {
    fn of(minute: u64) -> Minute {
        Minute {
            minute,
            ..Minute::default()
        }
    }

    fn bucket(&self) -> Bucket {
        let millis = |took: Duration| took.as_secs_f64() * 1000.0;
        Bucket {
            minute: self.minute,
            calls: self.calls,
            errors: self.errors,
            p50_ms: self.durations.quantile(0.5).map(millis),
            p95_ms: self.durations.quantile(0.95).map(millis),
            max_ms: self.durations.longest().map(millis),
        }
    }
}

/// The minutes that had calls, oldest first. One without calls takes no room.
#[derive(Clone, Debug, Default)]
pub(super) struct Hour(VecDeque<Minute>);

impl Hour {
    pub(super) fn record(&mut self, now: u64, failed: bool, took: Duration) {
        // A clock that was set back: what comes after now has not happened.
        while self.0.back().is_some_and(|last| last.minute > now) {
            self.0.pop_back();
        }
        while self.0.front().is_some_and(|first| is_past(first, now)) {
            self.0.pop_front();
        }
        if self.0.back().is_none_or(|last| last.minute < now) {
            self.0.push_back(Minute::of(now));
        }
        if let Some(minute) = self.0.back_mut() {
            minute.calls += 1;
            minute.errors += u64::from(failed);
            minute.durations.record(took);
        }
    }

    /// What counts now.
    pub(super) fn minutes(&self, now: u64) -> impl Iterator<Item = &Minute> {
        self.0
            .iter()
            .filter(move |minute| minute.minute <= now && !is_past(minute, now))
    }

    pub(super) fn sums(&self, now: u64) -> (u64, u64) {
        self.minutes(now).fold((0, 0), |(calls, errors), minute| {
            (calls + minute.calls, errors + minute.errors)
        })
    }
}

fn is_past(minute: &Minute, now: u64) -> bool {
    minute.minute + MINUTES as u64 <= now
}

/// Hours one over the other, every minute of the last 60 in its place.
pub(super) fn buckets<'a>(now: u64, hours: impl Iterator<Item = &'a Hour>) -> [Bucket; MINUTES] {
    let first = now.saturating_sub(MINUTES as u64 - 1);
    let mut sums: Vec<Minute> = (first..first + MINUTES as u64).map(Minute::of).collect();
    for minute in hours.flat_map(|hour| hour.minutes(now)) {
        if let Some(sum) = sums.get_mut((minute.minute.saturating_sub(first)) as usize) {
            sum.calls += minute.calls;
            sum.errors += minute.errors;
            sum.durations.add(&minute.durations);
        }
    }
    let mut buckets = [Bucket::default(); MINUTES];
    for (bucket, sum) in buckets.iter_mut().zip(&sums) {
        *bucket = sum.bucket();
    }
    buckets
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    #[test]
    fn a_call_is_in_its_minute_for_an_hour_and_then_gone() {
        let mut hour = Hour::default();
        hour.record(1000, false, MILLI);
        hour.record(1000, true, 9 * MILLI);
        let shown = buckets(1000, [&hour].into_iter());
        assert_eq!(shown[59].minute, 1000);
        assert_eq!((shown[59].calls, shown[59].errors), (2, 1));
        assert_eq!(shown[59].max_ms, Some(9.0));
        assert!(shown[59].p50_ms < Some(2.0));
        assert_eq!(
            shown[58],
            Bucket {
                minute: 999,
                ..Bucket::default()
            }
        );
        assert_eq!(buckets(1059, [&hour].into_iter())[0].calls, 2);
        assert_eq!(hour.sums(1059), (2, 1));
        assert_eq!(hour.sums(1060), (0, 0));
        assert!(
            buckets(1060, [&hour].into_iter())
                .iter()
                .all(|bucket| bucket.calls == 0)
        );
    }

    #[test]
    fn what_is_remembered_does_not_grow() {
        let mut hour = Hour::default();
        for minute in 0..1000 {
            hour.record(minute, false, MILLI);
        }
        assert_eq!(hour.0.len(), MINUTES);
        assert_eq!(hour.sums(999), (60, 0));
    }

    #[test]
    fn a_clock_that_is_set_back_loses_what_was_to_come() {
        let mut hour = Hour::default();
        hour.record(1000, false, MILLI);
        hour.record(500, false, MILLI);
        assert_eq!(hour.sums(500), (1, 0));
        assert_eq!(hour.sums(1000), (0, 0));
    }

    #[test]
    fn the_minutes_of_several_add_up() {
        let (mut one, mut other) = (Hour::default(), Hour::default());
        one.record(100, false, MILLI);
        other.record(100, true, 4 * MILLI);
        let shown = buckets(100, [&one, &other].into_iter());
        assert_eq!((shown[59].calls, shown[59].errors), (2, 1));
        assert_eq!(shown[59].max_ms, Some(4.0));
    }

    #[test]
    fn the_first_hour_after_1970_is_no_trap() {
        assert_eq!(buckets(3, std::iter::empty())[0].minute, 0);
    }
}
