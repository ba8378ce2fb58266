//! The last events, numbered, so that a reader who lost its connection goes on where
//! it was.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::watch;

/// One event, written once and read by many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recorded {
    /// Counts from 1 without gaps.
    pub(crate) number: u64,
    /// Its name, such as `plugin.ready`.
    pub(crate) name: &'static str,
    /// Its data, as JSON.
    pub(crate) json: Arc<str>,
}

/// A bounded memory of events that wakes its readers. Cloning shares it.
#[derive(Clone, Debug)]
pub(crate) struct EventRing(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    capacity: usize,
    recent: Mutex<VecDeque<Recorded>>,
    newest: watch::Sender<u64>,
    /// How many somebody has missed.
    lost: AtomicU64,
}

/// What a reader gets next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Events in their order, at least one.
    Events(Vec<Recorded>),
    /// The events between what was read last and what is still there are gone.
    Lost {
        /// How many.
        count: u64,
    },
}

impl EventRing {
    pub(crate) fn new(capacity: usize) -> EventRing {
        EventRing(Arc::new(Shared {
            capacity: capacity.max(1),
            recent: Mutex::default(),
            newest: watch::channel(0).0,
            lost: AtomicU64::new(0),
        }))
    }

    /// Adds an event; the oldest one makes room.
    pub(crate) fn push(&self, name: &'static str, data: &impl serde::Serialize) {
        let Ok(json) = serde_json::to_string(data) else {
            return;
        };
        let mut recent = self.lock();
        // Under the lock, so that the numbers have the order of the queue.
        let number = *self.0.newest.borrow() + 1;
        if recent.len() == self.0.capacity {
            recent.pop_front();
        }
        recent.push_back(Recorded {
            number,
            name,
            json: json.into(),
        });
        self.0.newest.send_replace(number);
    }

    /// The number of the newest event; 0 if there was none.
    pub(crate) fn newest(&self) -> u64 {
        *self.0.newest.borrow()
    }

    /// Counts events that somebody has missed.
    pub(crate) fn miss(&self, count: u64) {
        self.0.lost.fetch_add(count, Ordering::Relaxed);
    }

    /// How many events were missed, by readers or before they came here.
    pub(crate) fn lost(&self) -> u64 {
        self.0.lost.load(Ordering::Relaxed)
    }

    /// Waits for events after the one with this number, and moves the number on.
    pub(crate) async fn after(&self, number: &mut u64) -> Next {
        let mut newest = self.0.newest.subscribe();
        loop {
            newest.borrow_and_update();
            if let Some(next) = self.look(number) {
                return next;
            }
            // The sender lives in `self`.
            let _ = newest.changed().await;
        }
    }

    fn look(&self, number: &mut u64) -> Option<Next> {
        let recent = self.lock();
        let oldest = recent.front()?.number;
        if *number + 1 < oldest {
            let count = oldest - *number - 1;
            *number = oldest - 1;
            self.miss(count);
            return Some(Next::Lost { count });
        }
        let skip = usize::try_from(*number + 1 - oldest).unwrap_or(usize::MAX);
        let events: Vec<Recorded> = recent.iter().skip(skip).cloned().collect();
        *number = events.last()?.number;
        Some(Next::Events(events))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Recorded>> {
        self.0.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    fn numbers(next: Option<Next>) -> Vec<u64> {
        match next {
            Some(Next::Events(events)) => events.iter().map(|event| event.number).collect(),
            other => panic!("no events but {other:?}"),
        }
    }

    #[test]
    fn a_reader_goes_on_where_it_was() {
        let ring = EventRing::new(4);
        let mut at = 0;
        assert!(ring.after(&mut at).now_or_never().is_none());
        ring.push("a", &1);
        ring.push("a", &2);
        assert_eq!(numbers(ring.after(&mut at).now_or_never()), [1, 2]);
        assert!(ring.after(&mut at).now_or_never().is_none());
        ring.push("a", &3);
        assert_eq!(numbers(ring.after(&mut at).now_or_never()), [3]);
        assert_eq!(ring.newest(), 3);
    }

    #[test]
    fn a_reader_that_was_away_too_long_is_told_how_much_it_missed() {
        let ring = EventRing::new(2);
        (0..5).for_each(|number| ring.push("a", &number));
        let mut at = 1;
        assert_eq!(
            ring.after(&mut at).now_or_never(),
            Some(Next::Lost { count: 2 })
        );
        assert_eq!(numbers(ring.after(&mut at).now_or_never()), [4, 5]);
    }

    #[test]
    fn a_number_from_the_future_waits_for_nothing_that_is_there() {
        let ring = EventRing::new(2);
        ring.push("a", &1);
        assert!(ring.after(&mut 9).now_or_never().is_none());
    }
}
