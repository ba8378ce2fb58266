//! The audit log: who changed what, and who was kept from it.
//!
//! ```text
//! a request ends ──▸ queue (1,024) ──▸ one task ──▸ audit, access_tokens.last_used_at
//!                      full: counted, and the next line that is written says how many
//! ```
//!
//! A request never waits for the disk here. What is written has no bodies and no secrets.

mod rows;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use super::{Principal, Via, limits::Rates};
use crate::database::{Database, DatabaseError};

pub(super) use self::rows::page;

/// How much waits to be written.
const QUEUE: usize = 1024;
/// How many lines are written in one transaction.
const BATCH: usize = 64;
/// How long a reader waits for what was said before it asked.
const FLUSH: Duration = Duration::from_secs(2);
/// How many lines a second people that nobody knows may cause, and twice that at once:
/// they must not be able to push everybody else's lines out.
const OF_STRANGERS: u32 = 5;

/// A line of the audit log.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct AuditEntry {
    /// Counts up; newer lines have larger ones.
    pub id: i64,
    /// When the request ended.
    #[serde(serialize_with = "super::serialize_time")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
    /// The id of who asked: of a token, or `local`, `development`, `anonymous`.
    pub principal: String,
    /// Its name then.
    pub name: String,
    /// How it showed who it is.
    pub via: String,
    /// Where the request came from.
    pub address: String,
    /// A method and the pattern of a route, or a word such as `sign_in`.
    pub action: String,
    /// What it was done to.
    pub target: String,
    /// What it was answered with; 0 if it went away before.
    pub status: u16,
    /// The request's id, as in the server's log.
    pub request_id: String,
    /// More, where there is more to say.
    pub detail: String,
}

/// What is said of a request when it has ended.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) at: Timestamp,
    pub(super) principal: String,
    pub(super) name: String,
    pub(super) via: Via,
    pub(super) address: String,
    pub(super) action: String,
    pub(super) target: String,
    pub(super) status: u16,
    pub(super) request_id: String,
    pub(super) detail: String,
}

impl Line {
    /// A line that no request caused.
    pub(super) fn of(who: &Principal, action: &str, target: &str, at: Timestamp) -> Line {
        Line {
            at,
            principal: who.id.clone(),
            name: who.name.clone(),
            via: who.via,
            address: String::new(),
            action: action.to_owned(),
            target: target.to_owned(),
            status: 0,
            request_id: String::new(),
            detail: String::new(),
        }
    }
}

/// What a route says of itself for the audit log, as an extension of its answer. What is
/// `None` is said of the request as it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct AuditNote {
    /// Who it turned out to be.
    pub(crate) principal: Option<Principal>,
    /// A word for what was done.
    pub(crate) action: Option<&'static str>,
    /// What it was done to.
    pub(crate) target: Option<String>,
    /// More.
    pub(crate) detail: Option<String>,
    /// How it went, where the status of the answer does not say so: a form that failed is
    /// answered with a page that says why.
    pub(crate) status: Option<u16>,
    /// Whether the log says it already, so that the same is not said a hundred times.
    pub(crate) is_known: bool,
}

enum Message {
    Line(Box<Line>),
    Used(String, Timestamp),
    Flush(oneshot::Sender<()>),
}

/// The queue, from its open end. Cloning shares it.
#[derive(Clone, Debug)]
pub(super) struct Audit(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    database: Option<Arc<Database>>,
    sender: mpsc::Sender<Message>,
    /// Taken by the task that writes.
    receiver: Mutex<Option<mpsc::Receiver<Message>>>,
    strangers: Mutex<Rates>,
    /// Lines that are not written yet to be missing.
    lost: AtomicU64,
    /// All that are missing since the server began.
    missing: AtomicU64,
}

/// Which lines somebody wants.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditQuery {
    pub(crate) cursor: Option<String>,
    pub(crate) limit: Option<usize>,
    /// An id or a name.
    pub(crate) principal: Option<String>,
    /// A part of the action.
    pub(crate) action: Option<String>,
}

impl Audit {
    pub(super) fn new(database: Option<Arc<Database>>) -> Audit {
        let (sender, receiver) = mpsc::channel(QUEUE);
        Audit(Arc::new(Shared {
            database,
            sender,
            receiver: Mutex::new(Some(receiver)),
            strangers: Mutex::new(Rates::new(OF_STRANGERS)),
            lost: AtomicU64::new(0),
            missing: AtomicU64::new(0),
        }))
    }

    pub(super) fn database(&self) -> Option<Arc<Database>> {
        self.0.database.clone()
    }

    /// Says what a request did.
    pub(super) fn say(&self, line: Line) {
        if self.0.database.is_none() {
            return;
        }
        let shared = &self.0;
        let stranger = matches!(line.via, Via::Anonymous);
        let let_in = !stranger
            || shared
                .strangers
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take("strangers", line.at)
                .is_ok();
        if !let_in
            || shared
                .sender
                .try_send(Message::Line(Box::new(line)))
                .is_err()
        {
            self.lose(1);
        }
    }

    fn lose(&self, lines: u64) {
        self.0.lost.fetch_add(lines, Ordering::Relaxed);
        self.0.missing.fetch_add(lines, Ordering::Relaxed);
    }

    /// How many lines are missing since the server began.
    pub(super) fn missing(&self) -> u64 {
        self.0.missing.load(Ordering::Relaxed)
    }

    /// Says that a token was used. Of one that finds no room the next is as good.
    pub(super) fn used(&self, id: &str, at: Timestamp) {
        if self.0.database.is_some() {
            let _ = self.0.sender.try_send(Message::Used(id.to_owned(), at));
        }
    }

    /// Waits until what was said before is written, or for a moment.
    pub(super) async fn flush(&self) {
        let (written, is_written) = oneshot::channel();
        if self.0.database.is_none() || self.0.sender.try_send(Message::Flush(written)).is_err() {
            return;
        }
        // Without the task that writes nothing comes; then the log is as old as it is.
        let _ = tokio::time::timeout(FLUSH, is_written).await;
    }

    /// Writes what is said until `stop` is ready and the queue is empty.
    pub(super) async fn write(self, stop: impl Future<Output = ()>) {
        let Some(database) = self.0.database.clone() else {
            return;
        };
        let taken = self
            .0
            .receiver
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(mut receiver) = taken else {
            return;
        };
        let mut stop = std::pin::pin!(stop);
        let (mut stopped, mut batch) = (false, Vec::new());
        loop {
            let received = tokio::select! {
                biased;
                () = &mut stop, if !stopped => {
                    stopped = true;
                    receiver.close();
                    continue;
                }
                received = receiver.recv_many(&mut batch, BATCH) => received,
            };
            if received == 0 {
                return;
            }
            let lost = self.0.lost.swap(0, Ordering::Relaxed);
            let database = Arc::clone(&database);
            let messages = std::mem::take(&mut batch);
            let work = move || write_batch(&database, messages, lost);
            match tokio::task::spawn_blocking(work).await {
                Ok(Ok(())) => {}
                Ok(Err((error, unwritten))) => {
                    self.lose(unwritten);
                    tracing::error!(%error, unwritten, "the audit log cannot be written");
                }
                Err(error) => tracing::error!(%error, "the audit log's writer failed"),
            }
        }
    }
}

/// Writes a batch; an error says how many lines are not written.
fn write_batch(
    database: &Database,
    messages: Vec<Message>,
    lost: u64,
) -> Result<(), (DatabaseError, u64)> {
    let (mut lines, mut uses, mut readers) = (Vec::new(), Vec::new(), Vec::new());
    for message in messages {
        match message {
            Message::Line(line) => lines.push(*line),
            Message::Used(id, at) => uses.push((id, at)),
            Message::Flush(reader) => readers.push(reader),
        }
    }
    let count = lines.len() as u64 + lost;
    let written = match lines.is_empty() && uses.is_empty() && lost == 0 {
        true => Ok(()),
        false => rows::write(database, &lines, &uses, lost),
    };
    for reader in readers {
        // One that has gone away does not want to know.
        let _ = reader.send(());
    }
    written.map_err(|error| (error, count))
}

/// Writes one line at once, where no server runs.
///
/// # Errors
///
/// The table cannot be written.
pub(super) fn write_now(database: &Database, line: Line) -> Result<(), DatabaseError> {
    rows::write(database, &[line], &[], 0)
}

#[cfg(test)]
mod tests;
