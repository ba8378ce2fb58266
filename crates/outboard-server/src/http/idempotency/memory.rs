//! What is remembered of requests with a key: which are being worked on, and the
//! answers of those that were done. Bounded in number, bytes and time.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use tokio::sync::watch;

/// What is remembered, and for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// How many requests with a key may be worked on at once.
    pub(super) running: usize,
    /// How many answers are kept.
    pub(super) answers: usize,
    /// How many bytes all kept answers may have.
    pub(super) bytes: usize,
    /// How many bytes one may have; of a longer one only its end is remembered.
    pub(super) answer_bytes: usize,
    /// How long one is kept.
    pub(super) keep: Duration,
}

/// An answer that can be given again.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// `None` if it was too long to be kept.
    pub(super) body: Option<Bytes>,
}

/// What there is to do about a request.
#[derive(Debug)]
pub(super) enum Look {
    /// It is new, and noted as being worked on.
    New,
    /// The same one is being worked on. Wait until this changes or closes, then look
    /// again.
    Running(watch::Receiver<()>),
    /// The same one was done, with this answer.
    Done(Arc<Answer>),
    /// The key was used for another request.
    Conflict,
    /// Too many are being worked on.
    Full,
}

#[derive(Debug)]
pub(super) struct Memory {
    bounds: Bounds,
    entries: HashMap<String, Entry>,
    running: usize,
    /// The keys of kept answers and when they were given, oldest first.
    order: VecDeque<(String, Instant)>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    fingerprint: u128,
    progress: Progress,
}

#[derive(Debug)]
enum Progress {
    /// Waiters hear of its end when the sender goes.
    Running(watch::Sender<()>),
    Done(Arc<Answer>),
}

impl Memory {
    pub(super) fn new(bounds: Bounds) -> Memory {
        Memory {
            bounds,
            entries: HashMap::new(),
            running: 0,
            order: VecDeque::new(),
            bytes: 0,
        }
    }

    /// Looks a request up, and notes a new one.
    pub(super) fn look(&mut self, key: &str, fingerprint: u128, now: Instant) -> Look {
        self.forget_old(now);
        match self.entries.get(key) {
            Some(entry) if entry.fingerprint != fingerprint => Look::Conflict,
            Some(entry) => match &entry.progress {
                Progress::Running(end) => Look::Running(end.subscribe()),
                Progress::Done(answer) => Look::Done(Arc::clone(answer)),
            },
            None if self.running >= self.bounds.running => Look::Full,
            None => {
                let progress = Progress::Running(watch::channel(()).0);
                let entry = Entry {
                    fingerprint,
                    progress,
                };
                self.entries.insert(key.to_owned(), entry);
                self.running += 1;
                Look::New
            }
        }
    }

    /// Notes how a request that was new has ended; `None` if it is as if it had never
    /// been there. The oldest answers make room.
    pub(super) fn finish(&mut self, key: &str, answer: Option<Answer>, now: Instant) {
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        self.running -= 1;
        let Some(answer) = answer else {
            self.entries.remove(key);
            return;
        };
        self.bytes += size(&answer);
        entry.progress = Progress::Done(Arc::new(answer));
        self.order.push_back((key.to_owned(), now));
        while self.order.len() > self.bounds.answers || self.bytes > self.bounds.bytes {
            self.forget_oldest();
        }
    }

    fn forget_old(&mut self, now: Instant) {
        let keep = self.bounds.keep;
        while let Some((_, at)) = self.order.front()
            && now.saturating_duration_since(*at) >= keep
        {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some((key, _)) = self.order.pop_front() else {
            return;
        };
        if let Some(Entry {
            progress: Progress::Done(answer),
            ..
        }) = self.entries.remove(&key)
        {
            self.bytes -= size(&answer);
        }
    }
}

/// What an answer counts for, headers included roughly.
fn size(answer: &Answer) -> usize {
    let headers = answer.headers.iter();
    let headers: usize = headers
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    headers + answer.body.as_ref().map_or(0, Bytes::len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    const BOUNDS: Bounds = Bounds {
        running: 2,
        answers: 3,
        bytes: 100,
        answer_bytes: 50,
        keep: Duration::from_secs(60),
    };

    fn answer(length: usize) -> Option<Answer> {
        Some(Answer {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: Some(Bytes::from(vec![b'x'; length])),
        })
    }

    fn done(memory: &mut Memory, key: &str, length: usize, now: Instant) {
        assert!(matches!(memory.look(key, 1, now), Look::New), "{key}");
        memory.finish(key, answer(length), now);
    }

    #[test]
    fn a_request_is_new_then_running_then_done_and_a_different_one_is_a_conflict() {
        let (mut memory, now) = (Memory::new(BOUNDS), Instant::now());
        assert!(matches!(memory.look("a", 1, now), Look::New));
        let Look::Running(mut end) = memory.look("a", 1, now) else {
            panic!("it is being worked on");
        };
        assert!(end.changed().now_or_never().is_none());
        assert!(matches!(memory.look("a", 2, now), Look::Conflict));
        memory.finish("a", answer(1), now);
        assert!(end.changed().now_or_never().is_some());
        assert!(matches!(memory.look("a", 1, now), Look::Done(_)));
        assert!(matches!(memory.look("a", 2, now), Look::Conflict));
    }

    #[test]
    fn what_was_not_done_is_forgotten_and_can_be_tried_again() {
        let (mut memory, now) = (Memory::new(BOUNDS), Instant::now());
        assert!(matches!(memory.look("a", 1, now), Look::New));
        memory.finish("a", None, now);
        assert!(matches!(memory.look("a", 2, now), Look::New));
        memory.finish("a", None, now);
        assert!(memory.entries.is_empty());
        assert_eq!((memory.running, memory.bytes), (0, 0));
    }

    #[test]
    fn answers_are_bounded_in_number_bytes_and_time() {
        let (mut memory, now) = (Memory::new(BOUNDS), Instant::now());
        for key in ["a", "b", "c", "d"] {
            done(&mut memory, key, 1, now);
        }
        assert!(matches!(memory.look("b", 1, now), Look::Done(_)));
        assert!(!memory.entries.contains_key("a"), "four are one too many");
        done(&mut memory, "e", 99, now);
        assert!(memory.bytes <= 100, "{}", memory.bytes);
        assert!(matches!(memory.look("e", 1, now), Look::Done(_)));
        let later = now + BOUNDS.keep;
        assert!(matches!(memory.look("e", 2, later), Look::New));
        memory.finish("e", None, later);
        assert!(memory.entries.is_empty() && memory.order.is_empty());
        assert_eq!(memory.bytes, 0);
    }

    #[test]
    fn no_more_than_so_many_are_worked_on_at_once() {
        let (mut memory, now) = (Memory::new(BOUNDS), Instant::now());
        assert!(matches!(memory.look("a", 1, now), Look::New));
        assert!(matches!(memory.look("b", 1, now), Look::New));
        assert!(matches!(memory.look("c", 1, now), Look::Full));
        memory.finish("a", answer(1), now);
        assert!(matches!(memory.look("c", 1, now), Look::New));
    }
}
