//! Tokens in the table `access_tokens`. All of it blocks.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::{Row, params};

use super::{MAX_REVOKED, TokenInfo};
use crate::{
    database::{Database, DatabaseError, doing},
    security::{Permission, Role, secret::Hash, time_text},
};

/// All that are not revoked. A row that cannot be read is left out, and said so: one
/// that somebody else wrote must not keep everybody out.
pub(super) fn usable(database: &Database) -> Result<Vec<(TokenInfo, Hash)>, DatabaseError> {
    let fail = doing("read the tokens");
    let connection = database.connection();
    let mut statement = connection
        .prepare(
            "SELECT id, hash, name, role, permissions, created_at, created_by, expires_at,
                    last_used_at
             FROM access_tokens WHERE revoked_at IS NULL ORDER BY created_at DESC LIMIT 10000",
        )
        .map_err(&fail)?;
    let rows = statement
        .query_map([], |row| Ok((row.get::<_, String>(0)?, read(row)?)))
        .map_err(&fail)?;
    let mut tokens = Vec::new();
    for row in rows {
        match row.map_err(&fail)? {
            (_, Some(token)) => tokens.push(token),
            (id, None) => tracing::warn!(id, "a token's row cannot be read; it is not accepted"),
        }
    }
    Ok(tokens)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Option<(TokenInfo, Hash)>> {
    let hash: Vec<u8> = row.get(1)?;
    let role: String = row.get(3)?;
    let permissions: String = row.get(4)?;
    let created_at: String = row.get(5)?;
    let expires_at: Option<String> = row.get(7)?;
    let last_used_at: Option<String> = row.get(8)?;
    let (Ok(hash), Ok(role), Ok(created_at)) = (
        Hash::try_from(hash),
        role.parse::<Role>(),
        created_at.parse::<Timestamp>(),
    ) else {
        return Ok(None);
    };
    let permissions: BTreeSet<Permission> = permissions
        .split_whitespace()
        .filter_map(Permission::parse)
        .collect();
    // An expiry that cannot be read must not become none.
    let Ok(expires_at) = expires_at.map(|text| text.parse()).transpose() else {
        return Ok(None);
    };
    let info = TokenInfo {
        id: row.get(0)?,
        name: row.get(2)?,
        role,
        permissions,
        created_at,
        created_by: row.get(6)?,
        expires_at,
        last_used_at: last_used_at.and_then(|text| text.parse().ok()),
    };
    Ok(Some((info, hash)))
}

/// Whether there is any token, or was.
pub(super) fn any(database: &Database) -> Result<bool, DatabaseError> {
    let query = "SELECT EXISTS (SELECT 1 FROM access_tokens)";
    database
        .connection()
        .query_row(query, [], |row| row.get(0))
        .map_err(doing("count the tokens"))
}

pub(super) fn insert(
    database: &Database,
    info: &TokenInfo,
    hash: &Hash,
) -> Result<(), DatabaseError> {
    let words: Vec<&str> = info.permissions.iter().map(Permission::as_str).collect();
    database
        .connection()
        .execute(
            "INSERT INTO access_tokens
                (id, name, hash, role, permissions, created_at, created_by, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                info.id,
                info.name,
                hash.as_slice(),
                info.role.as_str(),
                words.join(" "),
                time_text(info.created_at),
                info.created_by,
                info.expires_at.map(time_text),
            ],
        )
        .map(drop)
        .map_err(doing("keep a token"))
}

pub(super) fn revoke(database: &Database, id: &str, now: Timestamp) -> Result<(), DatabaseError> {
    let fail = doing("revoke a token");
    let connection = database.connection();
    connection
        .execute(
            "UPDATE access_tokens SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL",
            params![id, time_text(now)],
        )
        .map_err(&fail)?;
    connection
        .execute(
            "DELETE FROM access_tokens WHERE revoked_at IS NOT NULL AND id NOT IN (
                SELECT id FROM access_tokens WHERE revoked_at IS NOT NULL
                ORDER BY revoked_at DESC LIMIT ?1)",
            params![i64::try_from(MAX_REVOKED).unwrap_or(i64::MAX)],
        )
        .map(drop)
        .map_err(&fail)
}

/// Writes down when a token was used.
pub(in crate::security) fn write_use(
    connection: &rusqlite::Connection,
    id: &str,
    at: Timestamp,
) -> rusqlite::Result<()> {
    connection
        .execute(
            "UPDATE access_tokens SET last_used_at = ?2 WHERE id = ?1",
            params![id, time_text(at)],
        )
        .map(drop)
}
