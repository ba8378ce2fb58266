//! How many log lines a plugin may write through the host, as pure state.

use std::time::{Duration, Instant};

/// Lines in one go.
const BURST: u32 = 1000;
/// How long it takes until one more line is allowed: 500 lines a second.
const PER_LINE: Duration = Duration::from_millis(2);

/// A bucket that holds `BURST` lines and fills up again by itself.
#[derive(Debug)]
pub(super) struct RateLimit {
    left: u32,
    /// When the last line that is in `left` came in.
    filled: Instant,
    dropped: u64,
}

/// Whether a line may be written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Yes; so many before it were dropped and have not been told of.
    Allowed { dropped: u64 },
    /// No. It is counted.
    Dropped,
}

impl RateLimit {
    pub(super) fn new(now: Instant) -> RateLimit {
        RateLimit {
            left: BURST,
            filled: now,
            dropped: 0,
        }
    }

    pub(super) fn take(&mut self, now: Instant) -> Taken {
        let passed = now.saturating_duration_since(self.filled);
        let come = u32::try_from(passed.as_nanos() / PER_LINE.as_nanos()).unwrap_or(u32::MAX);
        if come >= BURST - self.left {
            self.left = BURST;
            self.filled = now;
        } else {
            self.left += come;
            self.filled += PER_LINE * come;
        }
        if self.left == 0 {
            self.dropped += 1;
            return Taken::Dropped;
        }
        self.left -= 1;
        Taken::Allowed {
            dropped: std::mem::take(&mut self.dropped),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_allowed_then_lines_are_dropped_and_counted() {
        let now = Instant::now();
        let mut limit = RateLimit::new(now);
        for _ in 0..BURST {
            assert_eq!(limit.take(now), Taken::Allowed { dropped: 0 });
        }
        assert_eq!(limit.take(now), Taken::Dropped);
        assert_eq!(limit.take(now), Taken::Dropped);
        let later = now + PER_LINE;
        assert_eq!(limit.take(later), Taken::Allowed { dropped: 2 });
        assert_eq!(limit.take(later), Taken::Dropped);
    }

    #[test]
    fn a_pause_gives_the_whole_burst_back_and_not_more() {
        let now = Instant::now();
        let mut limit = RateLimit::new(now);
        for _ in 0..BURST {
            limit.take(now);
        }
        let later = now + Duration::from_secs(3600);
        for _ in 0..BURST {
            assert_eq!(limit.take(later), Taken::Allowed { dropped: 0 });
        }
        assert_eq!(limit.take(later), Taken::Dropped);
    }

    #[test]
    fn a_clock_that_stands_still_or_goes_back_is_no_harm() {
        let now = Instant::now() + Duration::from_secs(10);
        let mut limit = RateLimit::new(now);
        limit.take(now);
        let earlier = now.checked_sub(Duration::from_secs(5)).unwrap_or(now);
        assert_eq!(limit.take(earlier), Taken::Allowed { dropped: 0 });
    }
}
