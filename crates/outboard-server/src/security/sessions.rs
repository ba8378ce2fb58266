//! Browsers that signed in: a cookie whose hash is kept in `outboard.db`, so that a restart
//! signs nobody out, and in memory for the question that every request asks.
//!
//! A session has the rights of the token that it was made with, looked up at each request:
//! it ends with that token.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use http::{HeaderMap, HeaderValue, header};
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, params};
use tokio::sync::watch;

use super::{
    AccessError,
    secret::{self, Hash},
    time_text,
};
use crate::database::{Database, DatabaseError, doing};

/// The cookie. Another server on this machine has the same, whatever its port.
const COOKIE: &str = "outboard_session";
/// How long a session lasts.
const LIFETIME: SignedDuration = SignedDuration::from_hours(12);
/// How many there are at once, and how many of one token. One more makes the oldest go.
const MAX_SESSIONS: usize = 1000;
const MAX_OF_ONE: usize = 50;
/// How many cookies of the name are looked at. A browser may send several.
const MAX_COOKIES: usize = 4;

/// A browser that signed in.
#[derive(Debug)]
pub(super) struct Session {
    hash: Hash,
    /// The id of the token behind it, or `local`.
    pub(super) principal: String,
    /// What a form of ours has in it, and no other site knows.
    pub(super) csrf: String,
    created_at: Timestamp,
    pub(super) expires_at: Timestamp,
    /// Closes when the session ends before its time.
    gone: watch::Sender<()>,
}

impl Session {
    /// Ends when somebody signs out, or the token behind it is revoked.
    pub(super) fn gone(&self) -> watch::Receiver<()> {
        self.gone.subscribe()
    }
}

/// The sessions of a server.
#[derive(Debug)]
pub(super) struct Sessions {
    database: Option<Arc<Database>>,
    known: RwLock<HashMap<Hash, Arc<Session>>>,
    /// Held over the disk; never by a request that only asks.
    changing: Mutex<()>,
}

impl Sessions {
    /// Those of a data directory that have not expired. Blocks.
    pub(super) fn open(
        database: Option<Arc<Database>>,
        now: Timestamp,
    ) -> Result<Sessions, DatabaseError> {
        let known = match &database {
            Some(database) => read(&database.connection(), now)?,
            None => HashMap::new(),
        };
        Ok(Sessions {
            database,
            known: RwLock::new(known),
            changing: Mutex::new(()),
        })
    }

    /// None yet, and none that outlive this.
    pub(super) fn in_memory() -> Sessions {
        Sessions {
            database: None,
            known: RwLock::default(),
            changing: Mutex::new(()),
        }
    }

    /// Signs a browser in; the answer is what its cookie has in it. Blocks.
    pub(super) fn begin(&self, principal: &str, now: Timestamp) -> Result<String, AccessError> {
        let cookie = secret::random()?;
        let session = Session {
            hash: secret::hash(&cookie),
            principal: principal.to_owned(),
            csrf: secret::random()?,
            created_at: now,
            expires_at: now.checked_add(LIFETIME).unwrap_or(Timestamp::MAX),
            gone: watch::Sender::new(()),
        };
        let _one_at_a_time = self.changing();
        let leaving = self.leaving(principal, now);
        if let Some(database) = &self.database {
            write(&mut database.connection(), Some(&session), &leaving)?;
        }
        let mut known = self.known_mut();
        leaving.iter().for_each(|hash| drop(known.remove(hash)));
        known.insert(session.hash, Arc::new(session));
        Ok(cookie)
    }

    /// Those that make room for one more of this principal.
    fn leaving(&self, principal: &str, now: Timestamp) -> Vec<Hash> {
        let known = self.known();
        let (mut alive, mut leaving) = (Vec::new(), Vec::new());
        for session in known.values() {
            match session.expires_at > now {
                true => alive.push(session),
                false => leaving.push(session.hash),
            }
        }
        alive.sort_by_key(|session| session.created_at);
        let own = alive
            .iter()
            .filter(|session| session.principal == principal);
        let oldest = match own.clone().count() >= MAX_OF_ONE {
            true => own.clone().next(),
            false => alive.first().filter(|_| alive.len() >= MAX_SESSIONS),
        };
        leaving.extend(oldest.map(|session| session.hash));
        leaving
    }

    /// The session of a cookie, if it has not expired.
    pub(super) fn find(&self, headers: &HeaderMap, now: Timestamp) -> Option<Arc<Session>> {
        let cookies = cookies(headers).take(MAX_COOKIES);
        let known = self.known();
        let mut found = cookies.filter_map(|cookie| known.get(&secret::hash(cookie)));
        found.find(|session| session.expires_at > now).cloned()
    }

    /// Ends one. Blocks.
    pub(super) fn end(&self, session: &Session) -> Result<(), AccessError> {
        self.remove(vec![session.hash])
    }

    /// Ends all of a token that was revoked. Blocks.
    pub(super) fn end_of(&self, principal: &str) -> Result<(), AccessError> {
        let known = self.known();
        let of_it = known
            .values()
            .filter(|session| session.principal == principal);
        let hashes: Vec<Hash> = of_it.map(|session| session.hash).collect();
        drop(known);
        self.remove(hashes)
    }

    fn remove(&self, hashes: Vec<Hash>) -> Result<(), AccessError> {
        let _one_at_a_time = self.changing();
        // From memory in any case: what the disk cannot keep must not keep anybody in.
        let mut known = self.known_mut();
        hashes.iter().for_each(|hash| drop(known.remove(hash)));
        drop(known);
        if let Some(database) = &self.database {
            write(&mut database.connection(), None, &hashes)?;
        }
        Ok(())
    }

    fn known(&self) -> std::sync::RwLockReadGuard<'_, HashMap<Hash, Arc<Session>>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn known_mut(&self) -> std::sync::RwLockWriteGuard<'_, HashMap<Hash, Arc<Session>>> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn changing(&self) -> std::sync::MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The values of our cookie in a request, of which there may be several for different
/// paths; the browser sends the best first.
fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(header::COOKIE).iter();
    let pairs = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'));
    pairs.filter_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == COOKIE && !value.is_empty()).then_some(value)
    })
}

/// `Set-Cookie` of a session that begins.
pub(super) fn set_cookie(cookie: &str, secure: bool) -> Option<HeaderValue> {
    let secure = if secure { "; Secure" } else { "" };
    let life = LIFETIME.as_secs();
    let text =
        format!("{COOKIE}={cookie}; Path=/; HttpOnly; SameSite=Strict; Max-Age={life}{secure}");
    HeaderValue::from_str(&text).ok()
}

/// `Set-Cookie` that takes it away.
pub(super) fn clear_cookie(secure: bool) -> Option<HeaderValue> {
    let secure = if secure { "; Secure" } else { "" };
    let text = format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0{secure}");
    HeaderValue::from_str(&text).ok()
}

fn read(
    connection: &Connection,
    now: Timestamp,
) -> Result<HashMap<Hash, Arc<Session>>, DatabaseError> {
    let fail = doing("read the sessions");
    let mut statement = connection
        .prepare(
            "SELECT hash, principal, csrf, created_at, expires_at
             FROM access_sessions ORDER BY created_at DESC LIMIT ?1",
        )
        .map_err(&fail)?;
    let most = i64::try_from(MAX_SESSIONS).unwrap_or(i64::MAX);
    let rows = statement
        .query_map([most], |row| {
            let hash: Vec<u8> = row.get(0)?;
            let (created_at, expires_at): (String, String) = (row.get(3)?, row.get(4)?);
            // One that cannot be read is none.
            let (Ok(hash), Ok(created_at), Ok(expires_at)) = (
                Hash::try_from(hash),
                created_at.parse::<Timestamp>(),
                expires_at.parse::<Timestamp>(),
            ) else {
                return Ok(None);
            };
            Ok(Some(Session {
                hash,
                principal: row.get(1)?,
                csrf: row.get(2)?,
                created_at,
                expires_at,
                gone: watch::Sender::new(()),
            }))
        })
        .map_err(&fail)?;
    let mut known = HashMap::new();
    for row in rows {
        if let Some(session) = row.map_err(&fail)?
            && session.expires_at > now
        {
            known.insert(session.hash, Arc::new(session));
        }
    }
    Ok(known)
}

/// Adds one and removes others in one transaction.
fn write(
    connection: &mut Connection,
    session: Option<&Session>,
    leaving: &[Hash],
) -> Result<(), DatabaseError> {
    let fail = doing("keep a session");
    let transaction = connection.transaction().map_err(&fail)?;
    for hash in leaving {
        transaction
            .execute(
                "DELETE FROM access_sessions WHERE hash = ?1",
                params![hash.as_slice()],
            )
            .map_err(&fail)?;
    }
    if let Some(session) = session {
        transaction
            .execute(
                "INSERT INTO access_sessions (hash, principal, csrf, created_at, expires_at)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    session.hash.as_slice(),
                    session.principal,
                    session.csrf,
                    time_text(session.created_at),
                    time_text(session.expires_at),
                ],
            )
            .map_err(&fail)?;
    }
    transaction.commit().map_err(&fail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).expect("a time")
    }

    fn headers(cookie: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let value = format!("theme=dark; {COOKIE}={cookie}");
        headers.insert(header::COOKIE, value.parse().expect("a header"));
        headers
    }

    fn open(directory: &tempfile::TempDir, now: Timestamp) -> Sessions {
        let path = directory.path().join("outboard.db");
        let database = Arc::new(Database::open(&path).expect("a database"));
        Sessions::open(Some(database), now).expect("sessions")
    }

    #[test]
    fn a_session_lasts_twelve_hours_and_over_a_restart() {
        let directory = tempfile::tempdir().expect("a directory");
        let sessions = open(&directory, at(0));
        let cookie = sessions.begin("tok_1", at(0)).expect("a session");
        let csrf = sessions
            .find(&headers(&cookie), at(1))
            .expect("it")
            .csrf
            .clone();
        assert!(sessions.find(&headers("other"), at(1)).is_none());
        drop(sessions);
        let sessions = open(&directory, at(2));
        let found = sessions.find(&headers(&cookie), at(3)).expect("the same");
        assert_eq!((found.principal.as_str(), &found.csrf), ("tok_1", &csrf));
        assert!(sessions.find(&headers(&cookie), at(12 * 3600)).is_none());
        assert!(open(&directory, at(12 * 3600)).known().is_empty());
    }

    #[test]
    fn whoever_signs_out_or_whose_token_is_revoked_is_out_at_once() {
        let directory = tempfile::tempdir().expect("a directory");
        let sessions = open(&directory, at(0));
        let one = sessions.begin("tok_1", at(0)).expect("a session");
        let two = sessions.begin("tok_1", at(0)).expect("a session");
        let other = sessions.begin("tok_2", at(0)).expect("a session");
        let found = sessions.find(&headers(&one), at(1)).expect("it");
        let gone = found.gone();
        sessions.end(&found).expect("ended");
        drop(found);
        assert!(gone.has_changed().is_err(), "streams are told");
        assert!(sessions.find(&headers(&one), at(1)).is_none());
        assert!(sessions.find(&headers(&two), at(1)).is_some());
        sessions.end_of("tok_1").expect("ended");
        let sessions = open(&directory, at(2));
        assert!(sessions.find(&headers(&two), at(3)).is_none());
        assert!(sessions.find(&headers(&other), at(3)).is_some());
    }

    #[test]
    fn one_more_than_there_may_be_makes_the_oldest_go_and_first_ones_own() {
        let sessions = Sessions::in_memory();
        let others = sessions.begin("tok_2", at(0)).expect("a session");
        let first = sessions.begin("tok_1", at(1)).expect("a session");
        for _ in 0..MAX_OF_ONE {
            sessions.begin("tok_1", at(2)).expect("a session");
        }
        assert!(sessions.find(&headers(&first), at(3)).is_none());
        assert!(sessions.find(&headers(&others), at(3)).is_some());
        for number in 0..MAX_SESSIONS {
            sessions
                .begin(&format!("tok_{number}"), at(4))
                .expect("a session");
        }
        assert_eq!(sessions.known().len(), MAX_SESSIONS);
        assert!(sessions.find(&headers(&others), at(5)).is_none());
    }

    #[test]
    fn the_cookie_is_out_of_reach_of_scripts_and_other_sites() {
        let text = |value: Option<HeaderValue>| {
            value.expect("a header").to_str().expect("text").to_owned()
        };
        assert_eq!(
            text(set_cookie("abc", false)),
            "outboard_session=abc; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200"
        );
        assert!(text(set_cookie("abc", true)).ends_with("; Secure"));
        assert!(text(clear_cookie(true)).contains("=; Path=/"));
        let mut many = HeaderMap::new();
        let value =
            "outboard_session; a=b; outboard_session=; outboard_session=x=y;outboard_session=z";
        many.insert(header::COOKIE, value.parse().expect("a header"));
        assert_eq!(cookies(&many).collect::<Vec<_>>(), ["x=y", "z"]);
    }
}
