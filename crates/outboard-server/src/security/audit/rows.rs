//! The table `audit`. All of it blocks.

use jiff::Timestamp;
use rusqlite::{Transaction, params};

use super::{AuditEntry, AuditQuery, Line};
use crate::{
    database::{Database, DatabaseError, doing},
    security::{AccessError, Via, time_text, tokens::write_use},
};

/// How many lines are kept.
const MAX_ROWS: i64 = 100_000;
/// Longest text of a column, in characters.
const MAX_TEXT: usize = 500;
/// How many lines a page has if nobody says how many, and how many it may have.
const PAGE: usize = 50;
const MAX_PAGE: usize = 500;

/// Writes lines and last uses, and how many lines were lost before them.
pub(super) fn write(
    database: &Database,
    lines: &[Line],
    uses: &[(String, Timestamp)],
    lost: u64,
) -> Result<(), DatabaseError> {
    let fail = doing("write the audit log");
    let mut connection = database.connection();
    let transaction = connection.transaction().map_err(&fail)?;
    if lost > 0 {
        tracing::warn!(lost, "lines of the audit log were lost");
        let server = super::Principal::local();
        let at = lines.first().map_or_else(Timestamp::now, |line| line.at);
        let mut line = Line::of(&server, "audit.lost", "", at);
        line.detail = format!("{lost} lines before this one are missing: there were too many");
        insert(&transaction, &line).map_err(&fail)?;
    }
    for line in lines {
        insert(&transaction, line).map_err(&fail)?;
    }
    for (id, at) in uses {
        write_use(&transaction, id, *at).map_err(&fail)?;
    }
    transaction
        .execute(
            "DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - ?1",
            params![MAX_ROWS],
        )
        .map_err(&fail)?;
    transaction.commit().map_err(&fail)
}

fn insert(transaction: &Transaction<'_>, line: &Line) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO audit
            (at, principal, name, via, address, action, target, status, request_id, detail)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    statement
        .execute(params![
            time_text(line.at),
            line.principal,
            line.name,
            word(line.via),
            line.address,
            short(&line.action),
            short(&line.target),
            line.status,
            line.request_id,
            short(&line.detail),
        ])
        .map(drop)
}

fn word(via: Via) -> &'static str {
    match via {
        Via::Local => "local",
        Via::Token => "token",
        Via::Session => "session",
        Via::Development => "development",
        Via::Anonymous => "anonymous",
    }
}

fn short(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

/// A page of lines, the newest first, and the cursor of the next one if there is more.
pub(in crate::security) fn page(
    database: &Database,
    query: &AuditQuery,
) -> Result<(Vec<AuditEntry>, Option<String>), AccessError> {
    let before = match &query.cursor {
        None => i64::MAX,
        Some(cursor) => cursor.parse().map_err(|_| {
            AccessError::invalid("the cursor is none of this list")
                .with_hint("take next_cursor from the page before")
        })?,
    };
    let limit = query.limit.unwrap_or(PAGE).clamp(1, MAX_PAGE);
    let fail = doing("read the audit log");
    let connection = database.connection();
    let mut statement = connection
        .prepare_cached(
            "SELECT id, at, principal, name, via, address, action, target, status, request_id,
                    detail
             FROM audit
             WHERE id < ?1 AND (?2 IS NULL OR principal = ?2 OR name = ?2)
                   AND (?3 IS NULL OR instr(action, ?3) > 0)
             ORDER BY id DESC LIMIT ?4",
        )
        .map_err(&fail)?;
    let most = i64::try_from(limit + 1).unwrap_or(i64::MAX);
    let rows = statement
        .query_map(
            params![before, query.principal, query.action, most],
            |row| {
                let at: String = row.get(1)?;
                Ok(AuditEntry {
                    id: row.get(0)?,
                    at: at.parse().unwrap_or(Timestamp::UNIX_EPOCH),
                    principal: row.get(2)?,
                    name: row.get(3)?,
                    via: row.get(4)?,
                    address: row.get(5)?,
                    action: row.get(6)?,
                    target: row.get(7)?,
                    status: row.get(8)?,
                    request_id: row.get(9)?,
                    detail: row.get(10)?,
                })
            },
        )
        .map_err(&fail)?;
    let mut entries = rows
        .collect::<rusqlite::Result<Vec<AuditEntry>>>()
        .map_err(&fail)?;
    let more = entries.len() > limit;
    entries.truncate(limit);
    let next = entries
        .last()
        .filter(|_| more)
        .map(|last| last.id.to_string());
    Ok((entries, next))
}
