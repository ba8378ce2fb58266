//! When a schedule fires. Decisions only: the clock is told, nothing sleeps here.

use std::time::Duration;

use tokio::time::Instant;

/// A schedule that fires every so often, but never while its last run goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    every: Duration,
    next: Instant,
}

/// What to do when a schedule was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tick {
    /// Start a run now.
    pub(crate) fire: bool,
    /// How many times it should have fired and did not: the last run still went on,
    /// or the machine slept.
    pub(crate) skipped: u64,
}

impl Schedule {
    /// Fires for the first time `every` after `now`.
    pub(crate) fn new(every: Duration, now: Instant) -> Self {
        Self {
            every,
            next: now + every,
        }
    }

    /// When to look again.
    pub(crate) fn next(&self) -> Instant {
        self.next
    }

    /// Decides at `now`. `busy`: the last run still goes on.
    ///
    /// Times that went by are not made up for. The rhythm stays that of the start.
    pub(crate) fn tick(&mut self, now: Instant, busy: bool) -> Tick {
        let Some(late) = now.checked_duration_since(self.next) else {
            return Tick {
                fire: false,
                skipped: 0,
            };
        };
        let step = self.every.as_nanos().max(1);
        let missed = u64::try_from(late.as_nanos() / step).unwrap_or(u64::MAX);
        let past = Duration::from_nanos(u64::try_from(late.as_nanos() % step).unwrap_or(0));
        self.next = now + (self.every - past.min(self.every));
        Tick {
            fire: !busy,
            skipped: missed.saturating_add(u64::from(busy)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{Schedule, Tick};

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn nothing_fires_before_its_time() {
        let start = Instant::now();
        let mut schedule = Schedule::new(HOUR, start);
        assert_eq!(
            schedule.tick(start, false),
            Tick {
                fire: false,
                skipped: 0
            }
        );
        assert_eq!(schedule.next(), start + HOUR);
    }

    #[test]
    fn it_fires_on_time_and_keeps_its_rhythm_when_it_was_looked_at_late() {
        let start = Instant::now();
        let mut schedule = Schedule::new(HOUR, start);
        let late = start + HOUR + Duration::from_secs(7);
        assert_eq!(
            schedule.tick(late, false),
            Tick {
                fire: true,
                skipped: 0
            }
        );
        assert_eq!(schedule.next(), start + 2 * HOUR);
    }

    #[test]
    fn a_run_that_still_goes_on_is_not_joined_by_another() {
        let start = Instant::now();
        let mut schedule = Schedule::new(HOUR, start);
        assert_eq!(
            schedule.tick(start + HOUR, true),
            Tick {
                fire: false,
                skipped: 1
            }
        );
        assert_eq!(
            schedule.tick(start + 2 * HOUR, false),
            Tick {
                fire: true,
                skipped: 0
            }
        );
    }

    #[test]
    fn times_that_went_by_asleep_are_counted_and_not_made_up_for() {
        let start = Instant::now();
        let mut schedule = Schedule::new(HOUR, start);
        assert_eq!(
            schedule.tick(start + 5 * HOUR, false),
            Tick {
                fire: true,
                skipped: 4
            }
        );
        assert_eq!(schedule.next(), start + 6 * HOUR);
    }
}
