//! Whether and when a crashed plugin starts again: a decision, not an action.

use std::time::{Duration, Instant};

/// How a host treats crashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestartPolicy {
    /// How many times in a row it is started again; 0 for never.
    pub max_restarts: u32,
    /// The wait before the first restart; each further one doubles it.
    pub first_delay: Duration,
    /// The longest wait.
    pub max_delay: Duration,
    /// A plugin that ran this long is well again: its crashes count from zero.
    pub healthy_after: Duration,
}

impl Default for RestartPolicy {
    /// Five restarts in a row, after 100 ms and doubling up to 30 s; one minute
    /// of work wipes the slate clean.
    fn default() -> Self {
        RestartPolicy {
            max_restarts: 5,
            first_delay: Duration::from_millis(100),
            max_delay: Duration::from_secs(30),
            healthy_after: Duration::from_secs(60),
        }
    }
}

/// What to do after a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestartDecision {
    /// Start it again after `delay`; this is attempt number `attempt` in a row.
    Restart {
        /// From 1.
        attempt: u32,
        /// How long to wait first.
        delay: Duration,
    },
    /// Leave it; it crashed this many times in a row.
    GiveUp {
        /// How many restarts were tried.
        attempts: u32,
    },
}

/// The crashes of one plugin so far.
///
/// ```
/// use std::time::{Duration, Instant};
/// use outboard_go_plugin::host::{RestartDecision, RestartPolicy, RestartState};
///
/// let policy = RestartPolicy { max_restarts: 1, ..RestartPolicy::default() };
/// let mut state = RestartState::default();
/// let now = Instant::now();
/// state.started(now);
/// assert_eq!(
///     state.crashed(&policy, now),
///     RestartDecision::Restart { attempt: 1, delay: Duration::from_millis(100) }
/// );
/// assert_eq!(state.crashed(&policy, now), RestartDecision::GiveUp { attempts: 1 });
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct RestartState {
    attempts: u32,
    ready_since: Option<Instant>,
}

impl RestartState {
    /// The plugin answered.
    pub fn started(&mut self, now: Instant) {
        self.ready_since = Some(now);
    }

    /// The plugin crashed, or failed to start again.
    pub fn crashed(&mut self, policy: &RestartPolicy, now: Instant) -> RestartDecision {
        let ran = self
            .ready_since
            .take()
            .map(|since| now.saturating_duration_since(since));
        if ran.is_some_and(|ran| ran >= policy.healthy_after) {
            self.attempts = 0;
        }
        if self.attempts >= policy.max_restarts {
            return RestartDecision::GiveUp {
                attempts: self.attempts,
            };
        }
        let doubled = 2u32.checked_pow(self.attempts).unwrap_or(u32::MAX);
        let delay = policy
            .first_delay
            .saturating_mul(doubled)
            .min(policy.max_delay);
        self.attempts += 1;
        RestartDecision::Restart {
            attempt: self.attempts,
            delay,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RestartPolicy = RestartPolicy {
        max_restarts: 4,
        first_delay: Duration::from_secs(1),
        max_delay: Duration::from_secs(5),
        healthy_after: Duration::from_secs(60),
    };

    fn restart(attempt: u32, seconds: u64) -> RestartDecision {
        RestartDecision::Restart {
            attempt,
            delay: Duration::from_secs(seconds),
        }
    }

    #[test]
    fn delays_double_up_to_the_longest_and_then_it_gives_up() {
        let mut state = RestartState::default();
        let now = Instant::now();
        assert_eq!(state.crashed(&POLICY, now), restart(1, 1));
        assert_eq!(state.crashed(&POLICY, now), restart(2, 2));
        assert_eq!(state.crashed(&POLICY, now), restart(3, 4));
        assert_eq!(state.crashed(&POLICY, now), restart(4, 5));
        assert_eq!(
            state.crashed(&POLICY, now),
            RestartDecision::GiveUp { attempts: 4 }
        );
    }

    #[test]
    fn a_long_run_wipes_the_slate_and_a_short_one_does_not() {
        let mut state = RestartState::default();
        let mut now = Instant::now();
        assert_eq!(state.crashed(&POLICY, now), restart(1, 1));
        state.started(now);
        now += Duration::from_secs(59);
        assert_eq!(state.crashed(&POLICY, now), restart(2, 2));
        state.started(now);
        now += Duration::from_secs(60);
        assert_eq!(state.crashed(&POLICY, now), restart(1, 1));
    }

    #[test]
    fn no_restarts_means_none() {
        let policy = RestartPolicy {
            max_restarts: 0,
            ..POLICY
        };
        let decision = RestartState::default().crashed(&policy, Instant::now());
        assert_eq!(decision, RestartDecision::GiveUp { attempts: 0 });
    }
}
