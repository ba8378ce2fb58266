//! Between an operation and the call that it answers: data, progress and the end.
//!
//! ```text
//! operation ── data, at most 1 MiB waits ──▸ ┐
//!           ── progress, the newest only ──▸ ├─ pieces of at most 1 MiB ──▸ the call
//!           ── the end: success or error ──▸ ┘
//!           ◂── whether anybody still reads ──
//! ```

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context as TaskContext, Poll, Waker},
};

use bytes::{Bytes, BytesMut};
use outboard_contracts::connector::MAX_CHUNK_BYTES;
use tokio::sync::{Notify, watch};

use super::{OperationError, error::error_code};

/// How far along an operation is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// How much is done, in units of the operation's own.
    pub done: u64,
    /// How much there is to do; 0: not known.
    pub total: u64,
    /// What is being done; may be empty.
    pub message: String,
}

impl Progress {
    pub(crate) fn new(done: u64, total: u64, message: impl Into<String>) -> Progress {
        Progress {
            done,
            total,
            message: message.into(),
        }
    }
}

/// One thing that came through.
pub(super) enum Piece {
    Data {
        data: Bytes,
        progress: Option<Progress>,
    },
    End(Result<(), OperationError>),
}

#[derive(Default)]
struct State {
    written: BytesMut,
    /// A result that was there as a whole. It is handed on without being copied.
    whole: Bytes,
    progress: Option<Progress>,
    end: Option<Result<(), OperationError>>,
    reader: Option<Waker>,
}

struct Shared {
    state: Mutex<State>,
    room: Notify,
    gone: watch::Sender<bool>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and tells the reader, if there is still one.
    fn change(&self, change: impl FnOnce(&mut State)) {
        let reader = {
            let mut state = self.state();
            change(&mut state);
            state.reader.take()
        };
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

/// The operation's end.
#[derive(Clone)]
pub(super) struct Writer(Arc<Shared>);

/// The call's end. Dropping it is how the operation learns that nobody waits.
pub(super) struct Reader(Arc<Shared>);

pub(super) fn pipe() -> (Writer, Reader) {
    let shared = Arc::new(Shared {
        state: Mutex::default(),
        room: Notify::new(),
        gone: watch::Sender::new(false),
    });
    (Writer(shared.clone()), Reader(shared))
}

impl Writer {
    /// Hands `data` on, waiting while 1 MiB is on the way.
    pub(super) async fn write(&self, mut data: &[u8]) -> Result<(), OperationError> {
        while !data.is_empty() {
            if self.is_gone() {
                return Err(cancelled());
            }
            let mut room = std::pin::pin!(self.0.room.notified());
            // From here on no change is missed.
            room.as_mut().enable();
            let mut taken = 0;
            self.0.change(|state| {
                taken = data
                    .len()
                    .min(MAX_CHUNK_BYTES - state.written.len().min(MAX_CHUNK_BYTES));
                state.written.extend_from_slice(&data[..taken]);
            });
            data = &data[taken..];
            if taken == 0 {
                room.await;
            }
        }
        Ok(())
    }

    pub(super) fn whole(&self, data: Bytes) {
        self.0.change(|state| state.whole = data);
    }

    /// Never waits: a newer progress takes the place of one that nobody has read.
    pub(super) fn progress(&self, progress: Progress) {
        self.0.change(|state| state.progress = Some(progress));
    }

    pub(super) fn end(&self, outcome: Result<(), OperationError>) {
        self.0.change(|state| state.end = Some(outcome));
    }

    pub(super) fn is_gone(&self) -> bool {
        *self.0.gone.borrow()
    }

    /// Waits until nobody reads any more.
    pub(super) async fn gone(&self) {
        // The sender is in `self`, so it is there as long as this waits.
        let _ = self.0.gone.subscribe().wait_for(|gone| *gone).await;
    }
}

pub(super) fn cancelled() -> OperationError {
    OperationError::coded(
        error_code::CANCELLED,
        "nobody waits for the result any more",
    )
}

impl Reader {
    pub(super) fn poll_next(&mut self, context: &mut TaskContext<'_>) -> Poll<Piece> {
        let mut state = self.0.state();
        let progress = state.progress.take();
        let data = if state.whole.is_empty() {
            let length = state.written.len().min(MAX_CHUNK_BYTES);
            let data = state.written.split_to(length).freeze();
            self.0.room.notify_waiters();
            data
        } else {
            let length = state.whole.len().min(MAX_CHUNK_BYTES);
            state.whole.split_to(length)
        };
        if !data.is_empty() || progress.is_some() {
            return Poll::Ready(Piece::Data { data, progress });
        }
        if let Some(end) = state.end.take() {
            return Poll::Ready(Piece::End(end));
        }
        state.reader = Some(context.waker().clone());
        Poll::Pending
    }

    /// Everything, up to `limit` bytes. Progress goes nowhere.
    pub(super) async fn collect(mut self, limit: usize) -> Result<Bytes, OperationError> {
        let mut collected = BytesMut::new();
        loop {
            let piece = std::future::poll_fn(|context| {
                // A result that is there as a whole stays one piece.
                let whole = std::mem::take(&mut self.0.state().whole);
                if whole.is_empty() {
                    return self.poll_next(context);
                }
                Poll::Ready(Piece::Data {
                    data: whole,
                    progress: None,
                })
            })
            .await;
            match piece {
                Piece::Data { data, .. } if collected.len() + data.len() > limit => {
                    return Err(OperationError::coded(
                        error_code::TOO_LARGE,
                        format!(
                            "the result has more than {limit} bytes; call the operation as a stream"
                        ),
                    ));
                }
                Piece::Data { data, .. } if collected.is_empty() => {
                    // Takes over without copying where it can.
                    collected = data
                        .try_into_mut()
                        .unwrap_or_else(|data| BytesMut::from(&data[..]));
                }
                Piece::Data { data, .. } => collected.extend_from_slice(&data),
                Piece::End(outcome) => return outcome.map(|()| collected.freeze()),
            }
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.gone.send_replace(true);
        self.0.room.notify_waiters();
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Reader").finish_non_exhaustive()
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Writer")
            .field("gone", &self.is_gone())
            .finish_non_exhaustive()
    }
}
