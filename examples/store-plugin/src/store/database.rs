//! A SQLite connection on a thread of its own.
//!
//! SQLite blocks, and a plugin's calls share one thread. So the connection has its own
//! thread, which takes one piece of work after the other from a bounded queue and ends
//! when the last [`Database`] is dropped.

use std::{path::PathBuf, thread, time::Duration};

use outboard_sdk::{Error, Value, tracing};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use tokio::sync::{mpsc, oneshot};

/// How long SQLite waits for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How much work may wait. More waits for a place.
const QUEUE: usize = 64;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

pub(crate) struct Database {
    jobs: mpsc::Sender<Job>,
}

/// What a put has done.
pub(crate) struct Kept {
    /// The keys that were not there before.
    pub(crate) created: Vec<String>,
}

impl Database {
    pub(crate) async fn open(path: PathBuf) -> Result<Self, Error> {
        let (jobs, mut queue) = mpsc::channel::<Job>(QUEUE);
        let (opened, outcome) = oneshot::channel();
        thread::Builder::new().name("sqlite".to_owned()).spawn(move || {
            let mut connection = match connect(&path) {
                Ok(connection) => connection,
                Err(error) => {
                    let _ = opened.send(Err(error));
                    return;
                }
            };
            let _ = opened.send(Ok(()));
            while let Some(job) = queue.blocking_recv() {
                job(&mut connection);
            }
            if let Err((_, error)) = connection.close() {
                tracing::warn!(path = %path.display(), %error, "the database did not close cleanly");
            }
        })?;
        outcome.await??;
        Ok(Self { jobs })
    }

    /// The value of a key.
    pub(crate) async fn get(&self, key: String) -> Result<Option<Value>, Error> {
        self.run(move |connection| {
            let text: Option<String> = connection
                .prepare_cached("SELECT value FROM items WHERE key = ?1")?
                .query_row([key], |row| row.get(0))
                .optional()?;
            text.map(|text| Ok(serde_json::from_str(&text)?))
                .transpose()
        })
        .await
    }

    /// Keeps all of the values or none.
    pub(crate) async fn put(&self, items: Vec<(String, Value)>) -> Result<Kept, Error> {
        self.in_transaction(move |transaction| {
            let mut created = Vec::new();
            let mut exists = transaction.prepare_cached("SELECT 1 FROM items WHERE key = ?1")?;
            let mut upsert = transaction.prepare_cached(
                "INSERT INTO items (key, value) VALUES (?1, ?2)
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            )?;
            for (key, value) in items {
                let is_new = !exists.exists([&key])?;
                upsert.execute(params![key, value.to_string()])?;
                if is_new {
                    created.push(key);
                }
            }
            Ok(Kept { created })
        })
        .await
    }

    /// Deletes all of the keys or none, and counts those that were there.
    pub(crate) async fn delete(&self, keys: Vec<String>) -> Result<usize, Error> {
        self.in_transaction(move |transaction| {
            let mut delete = transaction.prepare_cached("DELETE FROM items WHERE key = ?1")?;
            let mut deleted = 0;
            for key in keys {
                deleted += delete.execute([key])?;
            }
            Ok(deleted)
        })
        .await
    }

    /// At most `limit` items in the order of their keys, of those that begin with
    /// `prefix` and come after `after`.
    pub(crate) async fn list(
        &self,
        prefix: String,
        after: String,
        limit: u32,
    ) -> Result<Vec<(String, Value)>, Error> {
        self.run(move |connection| {
            let mut select = connection.prepare_cached(
                "SELECT key, value FROM items
                 WHERE substr(key, 1, length(?1)) = ?1 AND key > ?2 ORDER BY key LIMIT ?3",
            )?;
            let rows = select.query_map(params![prefix, after, limit], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
            let mut items = Vec::new();
            for row in rows {
                let (key, text): (String, String) = row?;
                items.push((key, serde_json::from_str(&text)?));
            }
            Ok(items)
        })
        .await
    }

    /// How many items there are.
    pub(crate) async fn count(&self) -> Result<u64, Error> {
        self.run(|connection| {
            let count: i64 =
                connection.query_row("SELECT count(*) FROM items", [], |row| row.get(0))?;
            Ok(u64::try_from(count)?)
        })
        .await
    }

    async fn in_transaction<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.run(move |connection| {
            // Writing from the start, so that it cannot fail half-way for want of the lock.
            let transaction =
                connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            let result = work(&transaction)?;
            transaction.commit()?;
            Ok(result)
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (done, outcome) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // A caller that gave up no longer wants the result.
            let _ = done.send(work(connection));
        });
        let ended = |_| Error::new("the database's thread has ended");
        self.jobs
            .send(job)
            .await
            .map_err(|_| Error::new("the database's thread has ended"))?;
        outcome.await.map_err(ended)?
    }
}

fn connect(path: &PathBuf) -> Result<Connection, Error> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // Readers of other processes do not wait for us then.
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS items (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID, STRICT",
    )?;
    Ok(connection)
}
