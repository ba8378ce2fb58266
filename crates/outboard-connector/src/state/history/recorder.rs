//! Writes calls in the background.

use std::{
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior};

use super::{
    Call, MAX_MESSAGE_BYTES, MAX_TEXT_BYTES,
    list::{Retention, insert, prune},
};
use crate::{
    secrets::Masker,
    state::{State, StateError, file},
};

/// How many calls are written in one transaction.
const WRITTEN_AT_ONCE: usize = 256;

/// After how many calls the history is pruned, and after how long at the latest.
const PRUNE_AFTER_CALLS: usize = 1_000;
const PRUNE_AFTER: Duration = Duration::from_secs(60 * 60);

/// How a [`Recorder`] works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecorderConfig {
    /// How many calls may wait to be written; 1,024. What comes while so many wait is lost
    /// and counted.
    pub queue: usize,
    /// How much is kept.
    pub retention: Retention,
}

impl Default for RecorderConfig {
    fn default() -> RecorderConfig {
        RecorderConfig {
            queue: 1_024,
            retention: Retention::default(),
        }
    }
}

/// Calls that are not in the history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lost {
    /// Because too many were waiting.
    pub dropped: u64,
    /// Because the database refused them.
    pub failed: u64,
}

/// The background writer of the history, with a thread and a connection of its own.
/// Dropping it writes what is left and ends the thread.
pub struct Recorder {
    /// `None` once the recorder is being dropped.
    queue: Option<SyncSender<Call>>,
    thread: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Recorder")
            .field("lost", &self.lost())
            .finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Shared {
    accepted: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
    /// How many of the accepted calls are done with.
    done: Mutex<u64>,
    more_done: Condvar,
}

impl Shared {
    fn add_done(&self, count: usize) {
        *self.done.lock().unwrap_or_else(PoisonError::into_inner) += count as u64;
        self.more_done.notify_all();
    }
}

impl State {
    /// Starts a background writer. One for each process is enough.
    ///
    /// # Errors
    ///
    /// Those of the database, and [`StateError::NotWritable`] when the system gives no
    /// thread.
    pub fn recorder(&self, config: RecorderConfig) -> Result<Recorder, StateError> {
        let doing = "record calls";
        let connection = file::connect(self.path())
            .and_then(|connection| {
                // After a power cut, the last calls may be missing from the history, and
                // nothing else is.
                connection.pragma_update(None, "synchronous", "normal")?;
                Ok(connection)
            })
            .map_err(|error| StateError::from_sqlite(self.path(), doing, error))?;
        let (queue, calls) = sync_channel(config.queue.max(1));
        let shared = Arc::new(Shared::default());
        let writer = Writer {
            connection,
            calls,
            shared: shared.clone(),
            retention: config.retention,
            unpruned: 0,
            pruned_at: Instant::now(),
        };
        let thread = std::thread::Builder::new()
            .name("outboard-history".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| StateError::NotWritable {
                path: self.path().to_owned(),
                reason: error.to_string(),
            })?;
        Ok(Recorder {
            queue: Some(queue),
            thread: Some(thread),
            shared,
        })
    }
}

impl Recorder {
    /// Records a call, without its secrets. Never waits: when too many calls are waiting,
    /// this one is lost and counted.
    pub fn record(&self, call: Call, masker: &Masker) {
        let call = presentable(call, masker);
        let Some(queue) = &self.queue else { return };
        // Counted first, so that a flush cannot miss it.
        self.shared.accepted.fetch_add(1, Ordering::SeqCst);
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = queue.try_send(call) {
            self.shared.dropped.fetch_add(1, Ordering::SeqCst);
            self.shared.add_done(1);
        }
    }

    /// How many calls were lost since the recorder was started.
    pub fn lost(&self) -> Lost {
        Lost {
            dropped: self.shared.dropped.load(Ordering::SeqCst),
            failed: self.shared.failed.load(Ordering::SeqCst),
        }
    }

    /// Waits until every call recorded so far is written, or lost; `false` when `timeout`
    /// passed before. Blocks.
    pub fn flush(&self, timeout: Duration) -> bool {
        let wanted = self.shared.accepted.load(Ordering::SeqCst);
        let done = self
            .shared
            .done
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let (_done, waited) = self
            .shared
            .more_done
            .wait_timeout_while(done, timeout, |done| *done < wanted)
            .unwrap_or_else(PoisonError::into_inner);
        !waited.timed_out()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // Without a sender, the writer finishes what is queued and ends.
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Writer {
    connection: Connection,
    calls: Receiver<Call>,
    shared: Arc<Shared>,
    retention: Retention,
    unpruned: usize,
    pruned_at: Instant,
}

impl Writer {
    fn run(mut self) {
        self.prune();
        loop {
            let wait = PRUNE_AFTER.saturating_sub(self.pruned_at.elapsed());
            match self.calls.recv_timeout(wait) {
                Ok(call) => {
                    let mut batch = vec![call];
                    batch.extend(self.calls.try_iter().take(WRITTEN_AT_ONCE - 1));
                    self.write(&batch);
                    if self.unpruned >= PRUNE_AFTER_CALLS {
                        self.prune();
                    }
                }
                Err(RecvTimeoutError::Timeout) => self.prune(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn write(&mut self, batch: &[Call]) {
        if let Err(error) = self.try_write(batch) {
            let lost = batch.len() as u64;
            self.shared.failed.fetch_add(lost, Ordering::SeqCst);
            tracing::warn!(%error, lost, "calls could not be recorded in the history");
        }
        self.unpruned += batch.len();
        self.shared.add_done(batch.len());
    }

    fn try_write(&mut self, batch: &[Call]) -> rusqlite::Result<()> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        for call in batch {
            insert(&transaction, call)?;
        }
        transaction.commit()
    }

    fn prune(&mut self) {
        self.unpruned = 0;
        self.pruned_at = Instant::now();
        if let Err(error) = prune(&self.connection, &self.retention, Timestamp::now()) {
            tracing::warn!(%error, "the history could not be pruned");
        }
    }
}

/// The call as it may be kept: masked, then cut.
fn presentable(mut call: Call, masker: &Masker) -> Call {
    let tidy = |text: &mut String, limit: usize| {
        let masked = masker.mask(text);
        if masked.len() > limit || matches!(masked, std::borrow::Cow::Owned(_)) {
            let end = (0..=limit.min(masked.len()))
                .rev()
                .find(|at| masked.is_char_boundary(*at))
                .unwrap_or(0);
            *text = masked[..end].to_owned();
        }
    };
    for text in [
        &mut call.connector,
        &mut call.version,
        &mut call.operation,
        &mut call.instance,
        &mut call.caller,
        &mut call.request_id,
        &mut call.session_id,
        &mut call.trace_id,
        &mut call.code,
    ] {
        tidy(text, MAX_TEXT_BYTES);
    }
    tidy(&mut call.message, MAX_MESSAGE_BYTES);
    call
}
