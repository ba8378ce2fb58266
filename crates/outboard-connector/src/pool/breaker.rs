//! Whether one connector may be started at this moment: a decision, not an action.
//!
//! ```text
//!            failed start, or a crash too many
//!   closed ────────────────────────────────────▸ open ──(1 s, 2 s, 4 s … 60 s)──▸ half open
//!     ▴                                           ▴                                 │
//!     └────── it answered ────────────────────────┼──────────── one trial ──────────┤
//!                                                 └──────────── it failed ──────────┘
//! ```
//!
//! An answer closes the breaker, and yet its failures count on until the process has
//! run for a while: one that starts well and dies at each call must not start over and
//! over at full speed.

use std::time::{Duration, Instant};

/// When a connector that fails is left alone, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// How long after the first failure; each further one doubles it. 1 s unless set.
    pub first_delay: Duration,
    /// The longest time. 60 s unless set.
    pub max_delay: Duration,
    /// A process that ran this long is well: what failed before it is forgotten. 30 s
    /// unless set.
    pub healthy_after: Duration,
    /// How many crashes in a row are met with an immediate restart, which the next call
    /// brings. 1 unless set. A failed start is never met so.
    pub free_crashes: u32,
}

impl Default for BreakerPolicy {
    fn default() -> BreakerPolicy {
        BreakerPolicy {
            first_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(60),
            healthy_after: Duration::from_secs(30),
            free_crashes: 1,
        }
    }
}

/// Where a breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Starts are allowed.
    Closed,
    /// No start before this moment.
    Open {
        /// When the next is allowed.
        until: Instant,
    },
    /// The time is over: one start is allowed, or on its way, and decides.
    HalfOpen,
}

/// The failures of one connector so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Breaker {
    failures: u32,
    crashes: u32,
    open_until: Option<Instant>,
}

impl Breaker {
    pub(super) fn state(&self, now: Instant) -> BreakerState {
        match self.open_until {
            None => BreakerState::Closed,
            Some(until) if now < until => BreakerState::Open { until },
            Some(_) => BreakerState::HalfOpen,
        }
    }

    /// How many failures in a row.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// Whether the process that runs has to prove itself.
    pub(super) fn is_wary(&self) -> bool {
        self.failures > 0
    }

    /// A process answered.
    pub(super) fn started(&mut self) {
        self.open_until = None;
    }

    /// A start failed. Says until when there is none now.
    pub(super) fn start_failed(&mut self, policy: &BreakerPolicy, now: Instant) -> Option<Instant> {
        self.failures = self.failures.saturating_add(1);
        self.open(policy, now)
    }

    /// A process that answered ended by itself, or had to be ended, after `ran`. Says
    /// until when there is no start, if the next may not come at once.
    pub(super) fn crashed(
        &mut self,
        policy: &BreakerPolicy,
        ran: Duration,
        now: Instant,
    ) -> Option<Instant> {
        if ran >= policy.healthy_after {
            *self = Breaker::default();
        }
        self.crashes = self.crashes.saturating_add(1);
        if self.failures == 0 && self.crashes <= policy.free_crashes {
            return None;
        }
        self.failures = self.failures.saturating_add(1);
        self.open(policy, now)
    }

    fn open(&mut self, policy: &BreakerPolicy, now: Instant) -> Option<Instant> {
        let doublings = self.failures.saturating_sub(1);
        let factor = 2u32.checked_pow(doublings).unwrap_or(u32::MAX);
        let delay = policy.first_delay.saturating_mul(factor);
        // A delay beyond the clock's end would be a breaker that never closes.
        self.open_until = now.checked_add(delay.min(policy.max_delay));
        self.open_until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn delays(count: usize) -> Vec<u64> {
        let (policy, now) = (BreakerPolicy::default(), Instant::now());
        let mut breaker = Breaker::default();
        let delay = |_| {
            let until = breaker.start_failed(&policy, now).unwrap();
            (until - now).as_secs()
        };
        (0..count).map(delay).collect()
    }

    #[test]
    fn the_delay_doubles_from_one_second_to_sixty() {
        assert_eq!(delays(9), [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(delays(100)[99], 60);
    }

    #[test]
    fn it_is_open_until_its_time_and_then_allows_a_trial() {
        let (policy, now) = (BreakerPolicy::default(), Instant::now());
        let mut breaker = Breaker::default();
        assert_eq!(breaker.state(now), BreakerState::Closed);
        let until = breaker.start_failed(&policy, now).unwrap();
        assert_eq!(breaker.state(now), BreakerState::Open { until });
        let almost = until - Duration::from_nanos(1);
        assert_eq!(breaker.state(almost), BreakerState::Open { until });
        assert_eq!(breaker.state(until), BreakerState::HalfOpen);
        breaker.started();
        assert_eq!(breaker.state(until), BreakerState::Closed);
    }

    #[test]
    fn a_first_crash_is_free_and_the_next_ones_are_not() {
        let (policy, now) = (BreakerPolicy::default(), Instant::now());
        let mut breaker = Breaker::default();
        assert_eq!(breaker.crashed(&policy, SECOND, now), None);
        for delay in [1, 2, 4] {
            breaker.started();
            let until = breaker.crashed(&policy, SECOND, now).unwrap();
            assert_eq!((until - now).as_secs(), delay);
        }
    }

    #[test]
    fn a_long_run_wipes_the_slate_and_a_start_alone_does_not() {
        let (policy, now) = (BreakerPolicy::default(), Instant::now());
        let mut breaker = Breaker::default();
        breaker.start_failed(&policy, now);
        breaker.start_failed(&policy, now);
        breaker.started();
        assert!(breaker.is_wary());
        let until = breaker.start_failed(&policy, now).unwrap();
        assert_eq!((until - now).as_secs(), 4);
        breaker.started();
        assert_eq!(breaker.crashed(&policy, 30 * SECOND, now), None);
        assert_eq!(breaker.failures(), 0);
    }
}
