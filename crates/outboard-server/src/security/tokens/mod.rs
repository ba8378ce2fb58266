//! Tokens that somebody made: kept in `outboard.db`, and in memory for the question that
//! every request asks.
//!
//! ```text
//! access_tokens    hash of the secret · name · role · permissions · expiry · revocation
//!       │ read once
//!       ▼
//! by hash, by id   what is not revoked; a request looks here and nowhere else
//! ```
//!
//! A change is written to the disk first, then to memory, and counts from then on. All
//! methods that change block.

mod request;
mod rows;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicI64, Ordering},
    },
};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::watch;

pub use self::request::TokenRequest;
use super::{
    AccessError, AccessErrorKind, Permission, Principal, Role, Via,
    secret::{self, Hash, TOKEN_PREFIX},
};
use crate::database::Database;

/// How many tokens may be usable at once.
const MAX_TOKENS: usize = 1000;
/// How many of those that were revoked are kept, for whoever reads the audit log.
const MAX_REVOKED: usize = 1000;
/// How often the last use is written down.
const USE_EVERY_MILLIS: i64 = 60_000;
/// The name of the token that a first start makes.
const FIRST: &str = "first-admin";

/// What may be known about a token: all but the secret.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[schemars(rename = "Token")]
pub struct TokenInfo {
    /// Never used again.
    pub id: String,
    /// No two that can be used have the same.
    pub name: String,
    /// What it may do by default.
    pub role: Role,
    /// What it may do besides.
    pub permissions: BTreeSet<Permission>,
    /// When it was made.
    #[serde(serialize_with = "super::serialize_time")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub created_at: Timestamp,
    /// The name of whoever made it.
    pub created_by: String,
    /// From when on it cannot be used.
    #[serde(
        serialize_with = "super::serialize_optional_time",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub expires_at: Option<Timestamp>,
    /// When it was used last, to the minute.
    #[serde(
        serialize_with = "super::serialize_optional_time",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub last_used_at: Option<Timestamp>,
}

/// A token that was just made. The secret is in here and nowhere else.
#[derive(Clone, JsonSchema, Serialize)]
pub struct NewToken {
    /// What to send as `Authorization: Bearer …`.
    pub token: String,
    /// What may be known about it.
    #[serde(flatten)]
    pub info: TokenInfo,
}

impl fmt::Debug for NewToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("NewToken")
            .field("info", &self.info)
            .finish_non_exhaustive()
    }
}

/// A token in memory.
#[derive(Debug)]
pub(super) struct Held {
    info: TokenInfo,
    hash: Hash,
    last_used: AtomicI64,
    /// When the last use was given away to be written down.
    told: AtomicI64,
    /// Closes when the token is revoked.
    gone: watch::Sender<()>,
}

impl Held {
    fn new(info: TokenInfo, hash: Hash) -> Held {
        let last_used = info.last_used_at.map_or(i64::MIN, |at| at.as_millisecond());
        Held {
            info,
            hash,
            last_used: AtomicI64::new(last_used),
            told: AtomicI64::new(last_used),
            gone: watch::Sender::new(()),
        }
    }

    fn is_usable(&self, now: Timestamp) -> bool {
        self.info.expires_at.is_none_or(|expires| expires > now)
    }

    /// Whoever has it.
    pub(super) fn principal(&self, via: Via) -> Principal {
        Principal {
            id: self.info.id.clone(),
            name: self.info.name.clone(),
            role: Some(self.info.role),
            permissions: self.info.permissions.clone(),
            via,
        }
    }

    pub(super) fn id(&self) -> &str {
        &self.info.id
    }

    pub(super) fn expires_at(&self) -> Option<Timestamp> {
        self.info.expires_at
    }

    /// Ends when the token is revoked.
    pub(super) fn gone(&self) -> watch::Receiver<()> {
        self.gone.subscribe()
    }

    /// Notes a use. Whether it shall be written down: once a minute.
    pub(super) fn used(&self, now: Timestamp) -> bool {
        let now = now.as_millisecond();
        self.last_used.store(now, Ordering::Relaxed);
        let told = self.told.load(Ordering::Relaxed);
        let due = now.saturating_sub(told) >= USE_EVERY_MILLIS || now < told;
        // One of several at the same time.
        due && self
            .told
            .compare_exchange(told, now, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }

    fn info(&self) -> TokenInfo {
        let used = self.last_used.load(Ordering::Relaxed);
        let mut info = self.info.clone();
        info.last_used_at = match used {
            i64::MIN => None,
            used => Timestamp::from_millisecond(used).ok(),
        };
        info
    }
}

#[derive(Debug, Default)]
struct Known {
    by_hash: HashMap<Hash, Arc<Held>>,
    by_id: BTreeMap<String, Arc<Held>>,
}

/// The tokens of a server. Cloning shares them.
#[derive(Clone, Debug)]
pub struct Tokens(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Without one, tokens are forgotten at the end.
    database: Option<Arc<Database>>,
    known: RwLock<Known>,
    /// Held over the disk, so that two changes do not meet; never by a request that
    /// only asks.
    changing: Mutex<()>,
}

impl Tokens {
    /// Those of a data directory.
    ///
    /// # Errors
    ///
    /// The table cannot be read.
    pub fn open(database: Arc<Database>) -> Result<Tokens, AccessError> {
        let mut known = Known::default();
        for (info, hash) in rows::usable(&database)? {
            known.add(Arc::new(Held::new(info, hash)));
        }
        Ok(Tokens(Arc::new(Shared {
            database: Some(database),
            known: RwLock::new(known),
            changing: Mutex::new(()),
        })))
    }

    /// None yet, and none that outlive this.
    pub(super) fn in_memory() -> Tokens {
        Tokens(Arc::new(Shared {
            database: None,
            known: RwLock::default(),
            changing: Mutex::new(()),
        }))
    }

    /// All that are not revoked, in the order of their names.
    pub fn list(&self) -> Vec<TokenInfo> {
        let known = self.known();
        let mut list: Vec<TokenInfo> = known.by_id.values().map(|held| held.info()).collect();
        list.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
        list
    }

    /// Makes one.
    ///
    /// # Errors
    ///
    /// [`AccessErrorKind::InvalidInput`]; [`AccessErrorKind::Forbidden`] if it should do
    /// more than its maker may; [`AccessErrorKind::Conflict`] if a usable one has that name,
    /// or there are too many; [`AccessErrorKind::Storage`].
    pub fn create(
        &self,
        request: &TokenRequest,
        maker: &Principal,
        now: Timestamp,
    ) -> Result<NewToken, AccessError> {
        let wanted = request.check(now)?;
        let beyond = match wanted.permissions.iter().find(|word| !maker.may(word)) {
            _ if !maker.has_role(wanted.role) => Some(format!("the role {}", wanted.role)),
            Some(word) => Some(format!("the permission {word}")),
            None => None,
        };
        if let Some(beyond) = beyond {
            let message = format!(
                "{:?} cannot give away {beyond}, which it has not",
                maker.name
            );
            return Err(AccessError::new(AccessErrorKind::Forbidden, message)
                .with_hint("ask for less, or let an admin make it"));
        }
        let token = format!("{TOKEN_PREFIX}{}", secret::random()?);
        let hash = secret::hash(&token);
        let info = TokenInfo {
            id: secret::identifier()?,
            name: wanted.name,
            role: wanted.role,
            permissions: wanted.permissions,
            created_at: now,
            created_by: maker.name.clone(),
            expires_at: wanted.expires_at,
            last_used_at: None,
        };
        let _one_at_a_time = self.changing();
        self.check_room(&info.name, now)?;
        if let Some(database) = &self.0.database {
            rows::insert(database, &info, &hash)?;
        }
        let held = Arc::new(Held::new(info.clone(), hash));
        self.known_mut().add(held);
        Ok(NewToken { token, info })
    }

    fn check_room(&self, name: &str, now: Timestamp) -> Result<(), AccessError> {
        let known = self.known();
        let conflict = |message: String| AccessError::new(AccessErrorKind::Conflict, message);
        let taken = |held: &Arc<Held>| held.info.name == name && held.is_usable(now);
        if known.by_id.values().any(taken) {
            return Err(conflict(format!("there is a token {name:?} already"))
                .with_hint("choose another name, or revoke that one first"));
        }
        if known.by_id.len() >= MAX_TOKENS {
            return Err(conflict(format!("there are {MAX_TOKENS} tokens already"))
                .with_hint("revoke those that nobody uses: `outboard token list`"));
        }
        Ok(())
    }

    /// The first admin's token of a data directory that never had any; `None` if it had.
    ///
    /// # Errors
    ///
    /// As [`Tokens::create`].
    pub fn create_first(&self, now: Timestamp) -> Result<Option<NewToken>, AccessError> {
        if let Some(database) = &self.0.database
            && rows::any(database)?
        {
            return Ok(None);
        }
        let request = TokenRequest {
            name: FIRST.to_owned(),
            role: Role::Admin,
            permissions: Vec::new(),
            expires_in: None,
        };
        let new = self.create(&request, &Principal::local(), now)?;
        Ok(Some(new))
    }

    /// Revokes one, by its id or its name: nothing can be done with it from then on.
    ///
    /// # Errors
    ///
    /// [`AccessErrorKind::NotFound`]; [`AccessErrorKind::Forbidden`] if the token may more
    /// than the one who asks; [`AccessErrorKind::Storage`].
    pub fn revoke(
        &self,
        id_or_name: &str,
        by: &Principal,
        now: Timestamp,
    ) -> Result<TokenInfo, AccessError> {
        let _one_at_a_time = self.changing();
        let held = self.find(id_or_name, now).ok_or_else(|| {
            let shown: String = id_or_name.chars().take(100).collect();
            let message = format!("there is no token {shown:?}");
            AccessError::new(AccessErrorKind::NotFound, message)
                .with_hint("`outboard token list` shows all of them")
        })?;
        if !by.has_role(held.info.role) {
            let message = format!("{:?} has the role {}", held.info.name, held.info.role);
            return Err(AccessError::new(AccessErrorKind::Forbidden, message)
                .with_hint("only somebody with that role can revoke it"));
        }
        if let Some(database) = &self.0.database {
            rows::revoke(database, held.id(), now)?;
        }
        self.known_mut().remove(&held);
        Ok(held.info())
    }

    /// One that can be used, by its secret.
    pub(super) fn by_secret(&self, presented: &str, now: Timestamp) -> Option<Arc<Held>> {
        let hash = secret::hash(presented);
        let held = self.known().by_hash.get(&hash).cloned()?;
        held.is_usable(now).then_some(held)
    }

    /// One that can be used, by its id.
    pub(super) fn by_id(&self, id: &str, now: Timestamp) -> Option<Arc<Held>> {
        let held = self.known().by_id.get(id).cloned()?;
        held.is_usable(now).then_some(held)
    }

    /// By its id, else by its name; of several with that name the one that can be used.
    fn find(&self, id_or_name: &str, now: Timestamp) -> Option<Arc<Held>> {
        let known = self.known();
        if let Some(held) = known.by_id.get(id_or_name) {
            return Some(Arc::clone(held));
        }
        let named = |held: &&Arc<Held>| held.info.name == id_or_name;
        let named = known.by_id.values().filter(named);
        named.max_by_key(|held| held.is_usable(now)).cloned()
    }

    fn known(&self) -> std::sync::RwLockReadGuard<'_, Known> {
        self.0.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn known_mut(&self) -> std::sync::RwLockWriteGuard<'_, Known> {
        self.0.known.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn changing(&self) -> std::sync::MutexGuard<'_, ()> {
        self.0
            .changing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn add(&mut self, held: Arc<Held>) {
        self.by_hash.insert(held.hash, Arc::clone(&held));
        self.by_id.insert(held.info.id.clone(), held);
    }

    fn remove(&mut self, held: &Held) {
        self.by_hash.remove(&held.hash);
        self.by_id.remove(&held.info.id);
    }
}

pub(super) use self::rows::write_use;

#[cfg(test)]
mod tests;
