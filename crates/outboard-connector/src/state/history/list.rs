//! Reading the history, and keeping it small.

use std::time::Duration;

use jiff::Timestamp;
use outboard_contracts::connector::validate_key;
use rusqlite::{Connection, OptionalExtension as _, Row, named_params, params};

use super::{Call, Outcome};
use crate::state::{State, StateError, from_millisecond};

/// How many calls a page has if nothing is said.
pub const DEFAULT_PAGE: u32 = 100;

/// How many calls a page can have.
pub const MAX_PAGE: u32 = 500;

/// How many rows are deleted at once, so that others can write in between.
const DELETED_AT_ONCE: i64 = 1_000;

/// Which calls, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallFilter {
    /// Only of this connector.
    pub connector: Option<String>,
    /// Only of this operation.
    pub operation: Option<String>,
    /// Only of the instance of this name.
    pub instance: Option<String>,
    /// Only with this outcome.
    pub outcome: Option<Outcome>,
    /// Only those that failed: with an outcome that is neither [`Outcome::Ok`] nor
    /// [`Outcome::Cancelled`].
    pub failed: bool,
    /// Only by this caller.
    pub caller: Option<String>,
    /// Only with this in one of its texts, in any case.
    pub text: Option<String>,
    /// Only older than this one: [`CallPage::next`] of the page before.
    pub before: Option<i64>,
    /// How many, up to [`MAX_PAGE`]; 0 is [`DEFAULT_PAGE`].
    pub limit: u32,
}

/// A call with its number.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordedCall {
    /// Its number: larger ones were recorded later, none is used twice.
    pub id: i64,
    /// The call.
    pub call: Call,
}

/// Some calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallPage {
    /// The calls, newest first.
    pub calls: Vec<RecordedCall>,
    /// [`CallFilter::before`] of the next page, if there is one.
    pub next: Option<i64>,
}

/// How much history is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// For how long; 30 days.
    pub age: Duration,
    /// How many calls; 100,000.
    pub calls: u64,
}

impl Default for Retention {
    fn default() -> Retention {
        Retention {
            age: Duration::from_secs(30 * 24 * 60 * 60),
            calls: 100_000,
        }
    }
}

const COLUMNS: &str = "id, started_at, duration, connector, version, operation, instance, \
    caller, request_id, session_id, outcome, code, message, result_bytes, trace_id";

fn unsigned(row: &Row<'_>, at: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(at)?;
    u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(at, value))
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<RecordedCall> {
    let outcome: String = row.get(10)?;
    Ok(RecordedCall {
        id: row.get(0)?,
        call: Call {
            started_at: from_millisecond(row.get(1)?)?,
            duration: Duration::from_millis(unsigned(row, 2)?),
            connector: row.get(3)?,
            version: row.get(4)?,
            operation: row.get(5)?,
            instance: row.get(6)?,
            caller: row.get(7)?,
            request_id: row.get(8)?,
            session_id: row.get(9)?,
            outcome: Outcome::named(&outcome),
            code: row.get(11)?,
            message: row.get(12)?,
            result_bytes: unsigned(row, 13)?,
            trace_id: row.get(14)?,
        },
    })
}

/// The pattern of texts that have `text` in them.
fn containing(text: &str) -> String {
    let mut pattern = String::from("%");
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

pub(super) fn insert(connection: &Connection, call: &Call) -> rusqlite::Result<()> {
    let number = |value: u128| i64::try_from(value).unwrap_or(i64::MAX);
    connection
        .prepare_cached(
            "INSERT INTO calls (started_at, duration, connector, version, operation, instance,
                 caller, request_id, session_id, outcome, code, message, result_bytes,
                 trace_id)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        )?
        .execute(params![
            call.started_at.as_millisecond(),
            number(call.duration.as_millis()),
            call.connector,
            call.version,
            call.operation,
            call.instance,
            call.caller,
            call.request_id,
            call.session_id,
            call.outcome.as_str(),
            call.code,
            call.message,
            number(call.result_bytes.into()),
            call.trace_id,
        ])?;
    Ok(())
}

/// Deletes what is too old or too much, in small steps.
pub(super) fn prune(
    connection: &Connection,
    retention: &Retention,
    now: Timestamp,
) -> rusqlite::Result<usize> {
    let age = i64::try_from(retention.age.as_millis()).unwrap_or(i64::MAX);
    let oldest = now.as_millisecond().saturating_sub(age);
    let last: Option<i64> = connection
        .query_row(
            "SELECT id FROM calls ORDER BY id DESC LIMIT 1 OFFSET ?1",
            [i64::try_from(retention.calls).unwrap_or(i64::MAX)],
            |row| row.get(0),
        )
        .optional()?;
    let mut deleted = 0;
    let mut by_steps = |condition: &str, value: i64| -> rusqlite::Result<()> {
        let mut statement = connection.prepare_cached(&format!(
            "DELETE FROM calls WHERE id IN (SELECT id FROM calls WHERE {condition} LIMIT ?2)"
        ))?;
        loop {
            let count = statement.execute([value, DELETED_AT_ONCE])?;
            deleted += count;
            if count == 0 {
                return Ok(());
            }
        }
    };
    by_steps("started_at < ?1", oldest)?;
    if let Some(last) = last {
        by_steps("id <= ?1", last)?;
    }
    Ok(deleted)
}

impl State {
    /// Recorded calls, newest first.
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub fn calls(&self, filter: &CallFilter) -> Result<CallPage, StateError> {
        let limit = match filter.limit {
            0 => DEFAULT_PAGE,
            limit => limit.min(MAX_PAGE),
        };
        self.read("list calls", |connection| {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM calls
                 WHERE id < :before
                   AND (:connector IS NULL OR connector = :connector)
                   AND (:operation IS NULL OR operation = :operation)
                   AND (:instance IS NULL OR instance = :instance)
                   AND (:outcome IS NULL OR outcome = :outcome)
                   AND (NOT :failed OR outcome NOT IN ('ok', 'cancelled'))
                   AND (:caller IS NULL OR caller = :caller)
                   AND (:text IS NULL OR
                        connector || char(10) || operation || char(10) || instance || char(10)
                        || caller || char(10) || request_id || char(10) || code || char(10)
                        || message || char(10) || trace_id LIKE :text ESCAPE '\\')
                 ORDER BY id DESC LIMIT :limit"
            ))?;
            let rows = statement.query_map(
                named_params! {
                    ":before": filter.before.unwrap_or(i64::MAX),
                    ":connector": filter.connector,
                    ":operation": filter.operation,
                    ":instance": filter.instance,
                    ":outcome": filter.outcome.map(Outcome::as_str),
                    ":failed": filter.failed,
                    ":caller": filter.caller,
                    ":text": filter.text.as_deref().map(containing),
                    // One more says whether there is another page.
                    ":limit": limit + 1,
                },
                from_row,
            )?;
            let mut page = CallPage {
                calls: rows.collect::<Result<_, _>>()?,
                next: None,
            };
            if page.calls.len() > limit as usize {
                page.calls.truncate(limit as usize);
                page.next = page.calls.last().map(|call| call.id);
            }
            Ok(page)
        })
    }

    /// The call of that number.
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub fn call(&self, id: i64) -> Result<Option<RecordedCall>, StateError> {
        self.read("read a call", |connection| {
            Ok(connection
                .prepare_cached(&format!("SELECT {COLUMNS} FROM calls WHERE id = ?1"))?
                .query_row([id], from_row)
                .optional()?)
        })
    }

    /// Deletes calls that are older or more than `retention` allows, and says how many. A
    /// [`Recorder`](super::Recorder) does this by itself.
    ///
    /// # Errors
    ///
    /// Those of the database. What was deleted before the error stays deleted.
    pub fn prune_calls(&self, retention: &Retention, now: Timestamp) -> Result<usize, StateError> {
        self.at_length("prune the history", |connection| {
            Ok(prune(connection, retention, now)?)
        })
    }

    /// Deletes the history of one connector, and says how many calls that were.
    ///
    /// # Errors
    ///
    /// [`StateError::Key`], and those of the database.
    pub fn forget_calls(&self, connector: &str) -> Result<usize, StateError> {
        validate_key(connector)?;
        self.write("forget the history of a connector", |transaction| {
            Ok(transaction.execute("DELETE FROM calls WHERE connector = ?1", [connector])?)
        })
    }
}
