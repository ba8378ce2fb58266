//! Bytes that wait for a reader who may never come: a queue bounded in bytes
//! that drops its oldest pieces and counts them.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

/// What a piece costs besides its bytes: many small ones must not take more
/// memory than few large ones.
const OVERHEAD: usize = 64;

/// Cloning shares the queue.
#[derive(Debug)]
pub(crate) struct PieceQueue<T>(Arc<Shared<T>>);

#[derive(Debug)]
struct Shared<T> {
    state: Mutex<State<T>>,
    changed: Notify,
    limit: usize,
}

#[derive(Debug)]
struct State<T> {
    pieces: VecDeque<(T, usize)>,
    /// The bytes of all pieces, and the overhead of each.
    size: usize,
    dropped: u64,
    ended: bool,
}

/// What comes out of a [`PieceQueue`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next<T> {
    Piece(T),
    /// So many bytes were dropped here.
    Dropped(u64),
}

impl<T> Clone for PieceQueue<T> {
    fn clone(&self) -> Self {
        PieceQueue(Arc::clone(&self.0))
    }
}

impl<T> PieceQueue<T> {
    /// A queue that keeps at most `limit` bytes, 64 more counted for each piece.
    pub(crate) fn new(limit: usize) -> PieceQueue<T> {
        PieceQueue(Arc::new(Shared {
            state: Mutex::new(State {
                pieces: VecDeque::new(),
                size: 0,
                dropped: 0,
                ended: false,
            }),
            changed: Notify::new(),
            limit,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a piece of `length` bytes and drops the oldest ones where there is
    /// no room: the newest output says more. Never waits.
    pub(crate) fn push(&self, piece: T, length: usize) {
        {
            let mut state = self.lock();
            state.size += length + OVERHEAD;
            state.pieces.push_back((piece, length));
            while state.size > self.0.limit
                && let Some((_, oldest)) = state.pieces.pop_front()
            {
                state.size -= oldest + OVERHEAD;
                state.dropped += oldest as u64;
            }
        }
        self.0.changed.notify_waiters();
    }

    /// Nothing more will come: what waits can still be read.
    pub(crate) fn end(&self) {
        self.lock().ended = true;
        self.0.changed.notify_waiters();
    }

    /// Whether nothing waits to be read.
    #[cfg(feature = "plugin")]
    pub(crate) fn is_empty(&self) -> bool {
        let state = self.lock();
        state.pieces.is_empty() && state.dropped == 0
    }

    /// The next piece, or how much was dropped before it; nothing once the
    /// queue has ended and is empty. Cancel-safe.
    pub(crate) async fn next(&self) -> Option<Next<T>> {
        loop {
            let mut changed = std::pin::pin!(self.0.changed.notified());
            changed.as_mut().enable();
            {
                let mut state = self.lock();
                if state.dropped > 0 {
                    return Some(Next::Dropped(std::mem::take(&mut state.dropped)));
                }
                if let Some((piece, length)) = state.pieces.pop_front() {
                    state.size -= length + OVERHEAD;
                    return Some(Next::Piece(piece));
                }
                if state.ended {
                    return None;
                }
            }
            changed.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_nobody_reads_is_bounded_and_counted() {
        let queue = PieceQueue::new(10 * (10 + OVERHEAD));
        for number in 0..30 {
            queue.push(number, 10);
        }
        queue.end();
        assert_eq!(queue.next().await, Some(Next::Dropped(200)));
        for number in 20..30 {
            assert_eq!(queue.next().await, Some(Next::Piece(number)));
        }
        assert!(queue.is_empty());
        assert_eq!(queue.next().await, None);
    }

    #[tokio::test]
    async fn a_piece_above_the_limit_is_dropped_alone() {
        let queue = PieceQueue::new(100);
        queue.push('a', 101);
        queue.push('b', 1);
        assert_eq!(queue.next().await, Some(Next::Dropped(101)));
        assert_eq!(queue.next().await, Some(Next::Piece('b')));
    }

    #[tokio::test]
    async fn a_waiting_reader_is_woken_by_a_piece_and_by_the_end() {
        let queue = PieceQueue::new(100);
        let reader = {
            let queue = queue.clone();
            tokio::spawn(async move { (queue.next().await, queue.next().await) })
        };
        tokio::task::yield_now().await;
        queue.push("hello", 5);
        tokio::task::yield_now().await;
        queue.end();
        let (first, second) = reader.await.expect("the reader");
        assert_eq!((first, second), (Some(Next::Piece("hello")), None));
    }
}
