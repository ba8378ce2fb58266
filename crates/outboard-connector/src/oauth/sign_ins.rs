//! Tokens of instances: stored, had and renewed.

use std::{
    collections::HashMap,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use outboard_contracts::connector::module::Module;
use url::Url;
use uuid::Uuid;

use super::{Callback, Client, Endpoint, Limits, Loopback, OAuthError, Pending, Provider, begin};
use crate::{
    secrets::SecretText,
    state::{
        State,
        instances::Instance,
        tokens::{Claim, Tokens},
    },
};

/// How often a renewal in another process is looked for.
const LOOK_UP: Duration = Duration::from_millis(100);

/// After a renewal that failed, a token that is still good is used for so long before it is
/// tried again.
const REST: Duration = Duration::from_secs(5);

/// Signs users in to instances and has their tokens. Share it in an `Arc`.
#[derive(Debug)]
pub struct SignIns {
    state: Arc<State>,
    endpoint: Endpoint,
    board: Mutex<Board>,
    changed: Condvar,
}

/// What threads that wait for a renewal look at.
#[derive(Debug, Default)]
struct Board {
    /// Grows with every renewal that ends.
    renewals: u64,
    /// The last renewal of an instance, if it failed: which one, when, and how.
    failed: HashMap<Uuid, (u64, Instant, OAuthError)>,
}

impl SignIns {
    /// Keeps tokens in `state`.
    pub fn new(state: Arc<State>, limits: Limits) -> SignIns {
        SignIns {
            state,
            endpoint: Endpoint::new(limits),
            board: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// What asks services for tokens.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Signs a user in through a port on the loopback address: `open` gets the URL for the
    /// browser. Blocks until the browser comes back, for at most
    /// [`Limits::sign_in`]; `cancelled` is asked ten times a second.
    ///
    /// # Errors
    ///
    /// Those of [`Provider::of`], [`State::oauth_client`], [`Loopback::wait`] and
    /// [`Pending::finish`].
    pub fn sign_in(
        &self,
        instance: &Instance,
        module: &Module,
        environment: &dyn Fn(&str) -> Option<String>,
        open: &mut dyn FnMut(&Url),
        cancelled: &dyn Fn() -> bool,
    ) -> Result<(), OAuthError> {
        let provider = Provider::of(module)?;
        let client = self.state.oauth_client(instance, module, environment)?;
        let loopback = Loopback::bind()?;
        let begun = begin(&provider, &client, &loopback.redirect_uri())?;
        let deadline = Instant::now() + self.endpoint.limits().sign_in;
        open(&begun.authorize_url);
        let callback = loopback.wait(&begun.pending, deadline, cancelled)?;
        self.finish(instance.id, begun.pending, &callback)
    }

    /// Exchanges the code that a browser has brought and stores the tokens. Whose account
    /// it is, is for the caller to ask the connector and to store with
    /// [`State::set_identity`].
    ///
    /// # Errors
    ///
    /// Those of [`Pending::finish`] and [`State::set_tokens`].
    pub fn finish(
        &self,
        instance: Uuid,
        pending: Pending,
        callback: &Callback,
    ) -> Result<(), OAuthError> {
        let tokens = pending.finish(callback, &self.endpoint)?;
        self.state.set_tokens(instance, &tokens)?;
        self.ended(instance, None);
        Ok(())
    }

    /// The token for a call: the stored one, or a new one if that ends within
    /// [`Limits::renew_before`]. Of all threads and processes that need a new one, one asks
    /// for it, and the others go on with the old one while it is good, or wait.
    ///
    /// Blocks for at most three times [`Limits::request`].
    ///
    /// # Errors
    ///
    /// [`OAuthError::NotSignedIn`] and [`OAuthError::SignInAgain`] when only the user can
    /// help; otherwise why the renewal failed. As long as the old token is good, no failed
    /// renewal is an error.
    pub fn access_token(
        &self,
        instance: Uuid,
        provider: &Provider,
        client: &Client,
    ) -> Result<SecretText, OAuthError> {
        self.token(instance, provider, client, None)
    }

    /// A token for a call that the service has just refused `rejected` for: the present one
    /// if that is another, else a new one.
    ///
    /// # Errors
    ///
    /// As [`SignIns::access_token`].
    pub fn renewed_token(
        &self,
        instance: Uuid,
        provider: &Provider,
        client: &Client,
        rejected: &SecretText,
    ) -> Result<SecretText, OAuthError> {
        self.token(instance, provider, client, Some(rejected))
    }

    fn token(
        &self,
        instance: Uuid,
        provider: &Provider,
        client: &Client,
        rejected: Option<&SecretText>,
    ) -> Result<SecretText, OAuthError> {
        let limits = *self.endpoint.limits();
        let allowed = limits.request * 3;
        let deadline = Instant::now() + allowed;
        loop {
            let now = Timestamp::now();
            let (seen, rest) = self.look(instance);
            let good = |tokens: &Tokens| {
                rejected != Some(&tokens.access) && tokens.expires_at.is_none_or(|end| end > now)
            };
            let soon = later(now, limits.renew_before);
            let stale = |tokens: &Tokens| {
                !good(tokens)
                    || tokens.refresh.is_some()
                        && tokens.expires_at.is_some_and(|end| end <= soon)
                        && !rest
            };
            let until = later(now, allowed);
            match self.state.claim_tokens(instance, &stale, now, until)? {
                Claim::Nobody => return Err(OAuthError::NotSignedIn),
                Claim::Problem(reason) => return Err(OAuthError::SignInAgain { reason }),
                Claim::Fresh(tokens) => return Ok(tokens.access),
                Claim::Theirs(tokens) if good(&tokens) => return Ok(tokens.access),
                Claim::Theirs(_) => {
                    if Instant::now() >= deadline {
                        return Err(OAuthError::Timeout {
                            seconds: allowed.as_secs(),
                        });
                    }
                    if let Some(error) = self.wait(instance, seen) {
                        return Err(error);
                    }
                }
                Claim::Yours { claim, tokens } => {
                    let renewed = self.renew(instance, provider, client, &claim, &tokens);
                    return match renewed {
                        Ok(Some(access)) => Ok(access),
                        // Somebody has signed in or out meanwhile.
                        Ok(None) if Instant::now() < deadline => continue,
                        Ok(None) => Err(OAuthError::NotSignedIn),
                        Err(error) if error.needs_sign_in() => Err(error),
                        Err(error) if good(&tokens) => {
                            tracing::warn!(%instance, %error, "a token could not be renewed yet");
                            Ok(tokens.access)
                        }
                        Err(error) => Err(error),
                    };
                }
            }
        }
    }

    /// Does what the claim gives the right to. `None` when the claim was lost.
    fn renew(
        &self,
        instance: Uuid,
        provider: &Provider,
        client: &Client,
        claim: &str,
        tokens: &Tokens,
    ) -> Result<Option<SecretText>, OAuthError> {
        // Gives the claim back also if something in between panics.
        let mut turn = Turn {
            sign_ins: self,
            instance,
            claim,
            ended: false,
        };
        let renewed = match self.endpoint.renew(provider, client, tokens) {
            Ok(renewed) => renewed,
            Err(error) => {
                if let Err(problem) = turn.end(Some(&error)) {
                    tracing::warn!(%instance, %problem, "a claim on tokens could not be given back");
                }
                return Err(error);
            }
        };
        let stored = self.state.renew_tokens(instance, claim, &renewed);
        match stored {
            Ok(kept) => {
                turn.ended = true;
                self.ended(instance, None);
                Ok(kept.then_some(renewed.access))
            }
            Err(error) => {
                // The service may have taken the old one back already.
                tracing::error!(%instance, %error, "renewed tokens could not be stored");
                let error = OAuthError::from(error);
                self.ended(instance, Some(&error));
                Err(error)
            }
        }
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many renewals have ended, and whether this instance's has just failed.
    fn look(&self, instance: Uuid) -> (u64, bool) {
        let board = self.board();
        let rest = board
            .failed
            .get(&instance)
            .is_some_and(|(_, at, _)| at.elapsed() < REST);
        (board.renewals, rest)
    }

    /// Waits until a renewal has ended, or for a moment: it may be another process's.
    /// Returns why it failed, if it was this instance's and did.
    fn wait(&self, instance: Uuid, seen: u64) -> Option<OAuthError> {
        let (board, _) = self
            .changed
            .wait_timeout_while(self.board(), LOOK_UP, |board| board.renewals == seen)
            .unwrap_or_else(PoisonError::into_inner);
        let (number, _, error) = board.failed.get(&instance)?;
        (*number > seen).then(|| error.clone())
    }

    fn ended(&self, instance: Uuid, error: Option<&OAuthError>) {
        let mut board = self.board();
        board.renewals += 1;
        let number = board.renewals;
        match error {
            Some(error) => {
                board
                    .failed
                    .insert(instance, (number, Instant::now(), error.clone()));
            }
            None => {
                board.failed.remove(&instance);
            }
        }
        self.changed.notify_all();
    }
}

/// A claim that is given back in any case.
struct Turn<'a> {
    sign_ins: &'a SignIns,
    instance: Uuid,
    claim: &'a str,
    ended: bool,
}

impl Turn<'_> {
    fn end(&mut self, error: Option<&OAuthError>) -> Result<(), OAuthError> {
        self.ended = true;
        let problem = match error {
            Some(OAuthError::SignInAgain { reason }) => Some(reason.as_str()),
            _ => None,
        };
        let released = self
            .sign_ins
            .state
            .release_tokens(self.instance, self.claim, problem);
        self.sign_ins.ended(self.instance, error);
        Ok(released?)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if !self.ended
            && let Err(error) = self.end(None)
        {
            // It ends by itself.
            tracing::warn!(%error, "a claim on tokens could not be given back");
        }
    }
}

fn later(now: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by)
        .ok()
        .and_then(|by| now.checked_add(by).ok())
        .unwrap_or(Timestamp::MAX)
}
