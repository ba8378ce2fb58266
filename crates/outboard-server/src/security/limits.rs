//! How often somebody may fail to show who it is, and how many requests somebody may
//! make. Pure: both take the time, and remember a bounded number of callers.

use std::{collections::HashMap, hash::Hash, net::IpAddr};

use jiff::Timestamp;

/// How many callers are remembered. One more makes the one that was idle longest go.
const MAX_CALLERS: usize = 4096;
/// How many failures an address has in [`WINDOW_MILLIS`].
const MAX_FAILURES: u32 = 10;
const WINDOW_MILLIS: i64 = 60_000;

/// An address as failures are counted: of IPv6 the network, because whoever has one
/// address there has as many as they like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Peer(IpAddr);

impl Peer {
    pub(super) fn new(address: IpAddr) -> Peer {
        match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = u128::from(address) & !u128::from(u64::MAX);
                Peer(IpAddr::V6(network.into()))
            }
            address @ IpAddr::V4(_) => Peer(address),
        }
    }
}

/// It was too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooOften {
    /// When it can be tried again, in seconds from now.
    pub(super) retry_after: u64,
    /// Whether this is the first refusal since something was let through.
    pub(super) first: bool,
}

/// What is remembered of callers, and of no more than [`MAX_CALLERS`].
#[derive(Debug)]
struct Callers<K, V>(HashMap<K, (i64, V)>);

impl<K: Hash + Eq + Clone, V> Callers<K, V> {
    /// What is remembered of one; made if there is nothing. `idle` says of which others
    /// nothing has to be remembered any more.
    fn get(
        &mut self,
        key: K,
        now: i64,
        make: impl FnOnce() -> V,
        idle: impl Fn(i64, &V) -> bool,
    ) -> &mut V {
        if self.0.len() >= MAX_CALLERS && !self.0.contains_key(&key) {
            self.0.retain(|_, (last, value)| !idle(*last, value));
        }
        if self.0.len() >= MAX_CALLERS && !self.0.contains_key(&key) {
            let oldest = self.0.iter().min_by_key(|(_, (last, _))| *last);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                self.0.remove(&oldest);
            }
        }
        let entry = self.0.entry(key).or_insert_with(|| (now, make()));
        entry.0 = now;
        &mut entry.1
    }
}

impl<K, V> Default for Callers<K, V> {
    fn default() -> Self {
        Callers(HashMap::new())
    }
}

/// Failures to show who it is, by address.
#[derive(Debug, Default)]
pub(super) struct Failures(Callers<Peer, Window>);

#[derive(Debug)]
struct Window {
    began: i64,
    count: u32,
}

impl Failures {
    /// Counts one. From the eleventh in a minute on it is too often.
    pub(super) fn count(&mut self, peer: Peer, now: Timestamp) -> Result<(), TooOften> {
        let now = now.as_millisecond();
        let open = |began: i64| (0..WINDOW_MILLIS).contains(&(now - began));
        let make = || Window {
            began: now,
            count: 0,
        };
        let window = self.0.get(peer, now, make, |_, window| !open(window.began));
        if !open(window.began) {
            *window = make();
        }
        window.count = window.count.saturating_add(1);
        if window.count <= MAX_FAILURES {
            return Ok(());
        }
        let left = window.began + WINDOW_MILLIS - now;
        Err(TooOften {
            retry_after: u64::try_from(left).unwrap_or(0).div_ceil(1000),
            first: window.count == MAX_FAILURES + 1,
        })
    }
}

/// Requests by caller: each has a bucket that fills with so many a second and holds
/// twice that.
#[derive(Debug)]
pub(super) struct Rates {
    per_second: u32,
    callers: Callers<String, Bucket>,
}

#[derive(Debug)]
struct Bucket {
    /// In thousandths of a request.
    left: i64,
    filled: i64,
    refusing: bool,
}

impl Rates {
    pub(super) fn new(per_second: u32) -> Rates {
        Rates {
            per_second: per_second.max(1),
            callers: Callers::default(),
        }
    }

    /// Takes one request of a caller's.
    pub(super) fn take(&mut self, caller: &str, now: Timestamp) -> Result<(), TooOften> {
        let now = now.as_millisecond();
        // So many thousandths in each millisecond.
        let per_milli = i64::from(self.per_second);
        let full = per_milli * 2000;
        let fills = |bucket: &Bucket| {
            // A clock that was set back fills nothing, and must not keep it empty either.
            let elapsed = (now - bucket.filled).max(0);
            elapsed
                .saturating_mul(per_milli)
                .saturating_add(bucket.left)
                .min(full)
        };
        let make = || Bucket {
            left: full,
            filled: now,
            refusing: false,
        };
        let idle = |_, bucket: &Bucket| fills(bucket) == full;
        let bucket = self.callers.get(caller.to_owned(), now, make, idle);
        bucket.left = fills(bucket);
        bucket.filled = now;
        if bucket.left < 1000 {
            let first = !std::mem::replace(&mut bucket.refusing, true);
            return Err(TooOften {
                retry_after: 1,
                first,
            });
        }
        bucket.left -= 1000;
        bucket.refusing = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + millis).expect("a time")
    }

    fn peer(address: &str) -> Peer {
        Peer::new(address.parse().expect("an address"))
    }

    #[test]
    fn the_eleventh_failure_in_a_minute_is_too_often_and_the_next_minute_begins_anew() {
        let mut failures = Failures::default();
        for _ in 0..10 {
            assert_eq!(failures.count(peer("192.0.2.1"), at(0)), Ok(()));
        }
        let refused = |retry_after, first| Err(TooOften { retry_after, first });
        assert_eq!(
            failures.count(peer("192.0.2.1"), at(500)),
            refused(60, true)
        );
        assert_eq!(
            failures.count(peer("192.0.2.1"), at(59_500)),
            refused(1, false)
        );
        assert_eq!(failures.count(peer("192.0.2.2"), at(500)), Ok(()));
        assert_eq!(failures.count(peer("192.0.2.1"), at(60_000)), Ok(()));
        // A clock that was set back locks nobody out.
        assert_eq!(failures.count(peer("192.0.2.1"), at(-1)), Ok(()));
    }

    #[test]
    fn an_address_of_version_6_counts_as_its_network() {
        assert_eq!(peer("2001:db8::1"), peer("2001:db8::ffff:2"));
        assert_ne!(peer("2001:db8::1"), peer("2001:db8:0:1::1"));
        assert_eq!(peer("::ffff:192.0.2.1"), peer("192.0.2.1"));
    }

    #[test]
    fn a_caller_has_twice_its_rate_at_once_and_then_its_rate() {
        let mut rates = Rates::new(5);
        for _ in 0..10 {
            assert_eq!(rates.take("a", at(0)), Ok(()));
        }
        let refused = rates.take("a", at(0)).expect_err("the eleventh");
        assert_eq!((refused.retry_after, refused.first), (1, true));
        assert!(!rates.take("a", at(199)).expect_err("too early").first);
        assert_eq!(rates.take("a", at(200)), Ok(()));
        assert!(rates.take("a", at(200)).is_err());
        assert_eq!(rates.take("b", at(200)), Ok(()), "each has its own");
        assert!(rates.take("a", at(-10_000)).is_err(), "set back");
        assert_eq!(
            rates.take("a", at(-9_800)),
            Ok(()),
            "and goes on from there"
        );
    }

    #[test]
    fn a_bounded_number_of_callers_is_remembered_and_the_busy_ones_stay() {
        let mut failures = Failures::default();
        let busy = peer("192.0.2.1");
        for number in 0..20_000_u32 {
            if number % 1000 == 0 {
                let _ = failures.count(busy, at(i64::from(number)));
            }
            let other = Peer::new(IpAddr::V4((0x0a00_0000 + number).into()));
            let _ = failures.count(other, at(i64::from(number)));
        }
        assert!(failures.0.0.len() <= MAX_CALLERS);
        assert!(failures.count(busy, at(20_000)).is_err());
        let mut rates = Rates::new(1);
        for number in 0..20_000 {
            let _ = rates.take(&number.to_string(), at(number));
        }
        assert!(rates.callers.0.len() <= MAX_CALLERS);
    }
}
