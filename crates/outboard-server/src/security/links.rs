//! One-time links: a code that signs a browser in once, as whoever asked for it. Pure:
//! it takes the time.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

use super::secret::Hash;

/// How long a link can be followed.
const LIFETIME: SignedDuration = SignedDuration::from_mins(2);
/// How many there are at once. One more makes the oldest go.
const MAX_LINKS: usize = 100;

/// The links that were not followed yet, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Links(VecDeque<Link>);

#[derive(Debug)]
struct Link {
    hash: Hash,
    principal: String,
    expires_at: Timestamp,
}

impl Links {
    /// Keeps one, and says until when.
    pub(super) fn add(&mut self, hash: Hash, principal: &str, now: Timestamp) -> Timestamp {
        self.0.retain(|link| link.expires_at > now);
        while self.0.len() >= MAX_LINKS {
            self.0.pop_front();
        }
        let expires_at = now.checked_add(LIFETIME).unwrap_or(Timestamp::MAX);
        self.0.push_back(Link {
            hash,
            principal: principal.to_owned(),
            expires_at,
        });
        expires_at
    }

    /// Whose it is. It is gone then.
    pub(super) fn redeem(&mut self, hash: &Hash, now: Timestamp) -> Option<String> {
        let at = self.0.iter().position(|link| link.hash == *hash)?;
        let link = self.0.remove(at)?;
        (link.expires_at > now).then_some(link.principal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).expect("a time")
    }

    #[test]
    fn a_link_works_once_and_for_two_minutes() {
        let mut links = Links::default();
        assert_eq!(links.add([1; 32], "a", at(0)), at(120));
        links.add([2; 32], "b", at(0));
        assert_eq!(links.redeem(&[3; 32], at(1)), None);
        assert_eq!(links.redeem(&[1; 32], at(119)).as_deref(), Some("a"));
        assert_eq!(links.redeem(&[1; 32], at(119)), None, "once");
        assert_eq!(links.redeem(&[2; 32], at(120)), None, "too late");
    }

    #[test]
    fn there_are_so_many_at_once_and_the_oldest_goes() {
        let mut links = Links::default();
        for number in 0..=100 {
            links.add([number; 32], "a", at(0));
        }
        assert_eq!(links.0.len(), 100);
        assert_eq!(links.redeem(&[0; 32], at(1)), None);
        assert_eq!(links.redeem(&[100; 32], at(1)).as_deref(), Some("a"));
        links.add([200; 32], "a", at(1000));
        assert_eq!(links.0.len(), 1, "those that expired are forgotten");
    }
}
