//! Sign-ins that wait for a server's callback route.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use ring::digest;
use uuid::Uuid;

use super::{Callback, OAuthError, Pending};

/// How many sign-ins can be under way at once.
pub const MAX_PENDING: usize = 1_000;

/// Finds the sign-in that a browser comes back for. Each is found once, and not after it
/// has expired.
#[derive(Debug)]
pub struct PendingSignIns {
    allowed: Duration,
    /// By a hash of the state, so that how long a search takes says nothing about states.
    waiting: Mutex<HashMap<[u8; 32], (Uuid, Pending)>>,
}

impl PendingSignIns {
    /// None so far. `allowed` is how long a user may take:
    /// [`Limits::sign_in`](super::Limits::sign_in).
    pub fn new(allowed: Duration) -> PendingSignIns {
        PendingSignIns {
            allowed,
            waiting: Mutex::default(),
        }
    }

    /// Keeps a sign-in to an instance until its browser comes back.
    ///
    /// # Errors
    ///
    /// [`OAuthError::TooManyPending`] when [`MAX_PENDING`] are under way.
    pub fn insert(&self, instance: Uuid, pending: Pending) -> Result<(), OAuthError> {
        let mut waiting = self.lock();
        waiting.retain(|_, (_, pending)| pending.begun().elapsed() <= self.allowed);
        if waiting.len() >= MAX_PENDING {
            return Err(OAuthError::TooManyPending { limit: MAX_PENDING });
        }
        waiting.insert(hash(pending.state().expose()), (instance, pending));
        Ok(())
    }

    /// The sign-in that an answer belongs to, with its instance.
    ///
    /// # Errors
    ///
    /// [`OAuthError::StateMismatch`] when there is none, any more or at all;
    /// [`OAuthError::Expired`] when it took too long.
    pub fn take(&self, callback: &Callback) -> Result<(Uuid, Pending), OAuthError> {
        let found = self.lock().remove(&hash(callback.state()));
        let (instance, pending) = found.ok_or(OAuthError::StateMismatch)?;
        if Instant::now().duration_since(pending.begun()) > self.allowed {
            return Err(OAuthError::Expired {
                seconds: self.allowed.as_secs(),
            });
        }
        Ok((instance, pending))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; 32], (Uuid, Pending)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hash(state: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest::digest(&digest::SHA256, state.as_bytes()).as_ref());
    bytes
}
