//! Who is signed in: tokens of OAuth, sealed.
//!
//! [`SignIns`](crate::oauth::SignIns) uses these rows; here is what others need: who it is,
//! and signing out. The row of an instance goes with the instance.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use uuid::Uuid;

use super::{Failure, State, StateError, from_millisecond};
use crate::secrets::{Place, SecretError, SecretText, Secrets};

/// Tokens as a service gives them. Debug output does not show them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// What is sent with each call.
    pub access: SecretText,
    /// What a new access token is had for, if there is one.
    pub refresh: Option<SecretText>,
    /// When the access token ends, if that is known.
    pub expires_at: Option<Timestamp>,
    /// What the user has allowed, separated by spaces.
    pub scopes: String,
    /// Whether the service wants client id and secret in the body of the request and not in
    /// a header.
    pub client_in_body: bool,
}

/// Whose account it is, as the connector says. Sealed as well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredIdentity {
    /// The user's id with the service.
    pub user_id: String,
    /// The user's name with the service.
    pub display_name: String,
}

/// Who is signed in to an instance. There are no tokens in it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignIn {
    /// Whose account it is, if that has been asked.
    pub identity: Option<StoredIdentity>,
    /// When the access token ends, if that is known.
    pub expires_at: Option<Timestamp>,
    /// Whether a new access token can be had without the user.
    pub renewable: bool,
    /// What the user has allowed, separated by spaces.
    pub scopes: String,
    /// Why the user must sign in again, if so.
    pub problem: Option<String>,
    /// When this changed last.
    pub updated_at: Timestamp,
}

const KIND: &str = "tokens";
const ACCESS: &str = "access";
const REFRESH: &str = "refresh";
const USER_ID: &str = "user_id";
const DISPLAY_NAME: &str = "display_name";

/// A row, sealed.
struct TokenRow {
    access: String,
    refresh: Option<String>,
    expires_at: Option<Timestamp>,
    scopes: String,
    client_in_body: bool,
    user_id: Option<String>,
    display_name: Option<String>,
    problem: Option<String>,
    claim: Option<String>,
    claimed_until: Option<Timestamp>,
    updated_at: Timestamp,
}

impl TokenRow {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<TokenRow> {
        let time = |at: usize| -> rusqlite::Result<Option<Timestamp>> {
            row.get::<_, Option<i64>>(at)?
                .map(from_millisecond)
                .transpose()
        };
        Ok(TokenRow {
            access: row.get(0)?,
            refresh: row.get(1)?,
            expires_at: time(2)?,
            scopes: row.get(3)?,
            client_in_body: row.get(4)?,
            user_id: row.get(5)?,
            display_name: row.get(6)?,
            problem: row.get(7)?,
            claim: row.get(8)?,
            claimed_until: time(9)?,
            updated_at: from_millisecond(row.get(10)?)?,
        })
    }

    fn load(connection: &Connection, instance: Uuid) -> Result<Option<TokenRow>, Failure> {
        Ok(connection
            .prepare_cached(
                "SELECT access, refresh, expires_at, scopes, client_in_body, user_id,
                     display_name, problem, claim, claimed_until, updated_at
                 FROM tokens WHERE instance = ?1",
            )?
            .query_row([instance.to_string()], TokenRow::from_row)
            .optional()?)
    }

    fn open(&self, secrets: &Secrets, instance: Uuid) -> Result<Tokens, StateError> {
        let refresh = self.refresh.as_deref();
        Ok(Tokens {
            access: open(secrets, instance, ACCESS, &self.access)?,
            refresh: refresh
                .map(|sealed| open(secrets, instance, REFRESH, sealed))
                .transpose()?,
            expires_at: self.expires_at,
            scopes: self.scopes.clone(),
            client_in_body: self.client_in_body,
        })
    }
}

fn refused(instance: Uuid, field: &str) -> impl FnOnce(SecretError) -> StateError {
    move |source| StateError::Secret {
        instance,
        field: field.to_owned(),
        source,
    }
}

fn open(
    secrets: &Secrets,
    instance: Uuid,
    field: &str,
    sealed: &str,
) -> Result<SecretText, StateError> {
    let owner = instance.to_string();
    secrets
        .open(&Place::new(KIND, &owner, field), sealed)
        .map_err(refused(instance, field))
}

fn seal(secrets: &Secrets, instance: Uuid, field: &str, text: &str) -> Result<String, StateError> {
    let owner = instance.to_string();
    secrets
        .seal(&Place::new(KIND, &owner, field), text)
        .map_err(refused(instance, field))
}

/// What [`State::claim_tokens`] finds.
#[derive(Debug)]
pub(crate) enum Claim {
    /// These can be used as they are.
    Fresh(Tokens),
    /// The caller is to renew these, and no one else does in the meantime.
    Yours { claim: String, tokens: Tokens },
    /// Somebody else is renewing them. These are the present ones.
    Theirs(Tokens),
    /// The user must sign in again.
    Problem(String),
    /// Nobody is signed in.
    Nobody,
}

impl State {
    /// Who is signed in to an instance, if anybody is.
    ///
    /// # Errors
    ///
    /// [`StateError::Secret`] when the identity cannot be decrypted, and those of the
    /// database.
    pub fn sign_in(&self, instance: Uuid) -> Result<Option<SignIn>, StateError> {
        let secrets = self.secrets();
        self.read("see who is signed in", |connection| {
            let Some(row) = TokenRow::load(connection, instance)? else {
                return Ok(None);
            };
            let identity = match (&row.user_id, &row.display_name) {
                (Some(user_id), Some(display_name)) => Some(StoredIdentity {
                    user_id: open(&secrets, instance, USER_ID, user_id)?.into_exposed(),
                    display_name: open(&secrets, instance, DISPLAY_NAME, display_name)?
                        .into_exposed(),
                }),
                _ => None,
            };
            Ok(Some(SignIn {
                identity,
                expires_at: row.expires_at,
                renewable: row.refresh.is_some(),
                scopes: row.scopes,
                problem: row.problem,
                updated_at: row.updated_at,
            }))
        })
    }

    /// Stores the tokens of a user who has just signed in. Whoever was signed in before, is
    /// not any more, and a renewal of the former tokens that is under way comes to nothing.
    ///
    /// # Errors
    ///
    /// [`StateError::NoInstance`], [`StateError::Secret`], and those of the database.
    pub fn set_tokens(&self, instance: Uuid, tokens: &Tokens) -> Result<(), StateError> {
        let secrets = self.secrets();
        self.write("store tokens", |transaction| {
            let known: bool = transaction.query_row(
                "SELECT EXISTS (SELECT 1 FROM instances WHERE id = ?1)",
                [instance.to_string()],
                |row| row.get(0),
            )?;
            if !known {
                return Err(StateError::NoInstance {
                    connector: String::new(),
                    name: instance.to_string(),
                }
                .into());
            }
            let refresh = tokens.refresh.as_ref();
            transaction.execute(
                "INSERT OR REPLACE INTO tokens
                     (instance, access, refresh, expires_at, scopes, client_in_body, updated_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    instance.to_string(),
                    seal(&secrets, instance, ACCESS, tokens.access.expose())?,
                    refresh
                        .map(|refresh| seal(&secrets, instance, REFRESH, refresh.expose()))
                        .transpose()?,
                    tokens.expires_at.map(Timestamp::as_millisecond),
                    tokens.scopes,
                    tokens.client_in_body,
                    Timestamp::now().as_millisecond(),
                ],
            )?;
            Ok(())
        })
    }

    /// Stores whose account it is, as the connector's `ResolveIdentity` says.
    ///
    /// # Errors
    ///
    /// [`StateError::NotSignedIn`], [`StateError::Secret`], and those of the database.
    pub fn set_identity(
        &self,
        instance: Uuid,
        identity: &StoredIdentity,
    ) -> Result<(), StateError> {
        let secrets = self.secrets();
        let user_id = seal(&secrets, instance, USER_ID, &identity.user_id)?;
        let display_name = seal(&secrets, instance, DISPLAY_NAME, &identity.display_name)?;
        self.write("store who is signed in", |transaction| {
            let changed = transaction.execute(
                "UPDATE tokens SET user_id = ?2, display_name = ?3 WHERE instance = ?1",
                params![instance.to_string(), user_id, display_name],
            )?;
            match changed {
                0 => Err(StateError::NotSignedIn { instance }.into()),
                _ => Ok(()),
            }
        })
    }

    /// Forgets the tokens of an instance, and says whether there were any. The service is
    /// not told.
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub fn sign_out(&self, instance: Uuid) -> Result<bool, StateError> {
        self.write("sign out", |transaction| {
            let deleted = transaction.execute(
                "DELETE FROM tokens WHERE instance = ?1",
                [instance.to_string()],
            )?;
            Ok(deleted > 0)
        })
    }

    /// The tokens, or the right to renew them until `until` if `stale` says so.
    pub(crate) fn claim_tokens(
        &self,
        instance: Uuid,
        stale: &dyn Fn(&Tokens) -> bool,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Claim, StateError> {
        let secrets = self.secrets();
        let look = |connection: &Connection| -> Result<(Claim, bool), Failure> {
            let Some(row) = TokenRow::load(connection, instance)? else {
                return Ok((Claim::Nobody, false));
            };
            if let Some(problem) = row.problem {
                return Ok((Claim::Problem(problem), false));
            }
            let tokens = row.open(&secrets, instance)?;
            if !stale(&tokens) {
                return Ok((Claim::Fresh(tokens), false));
            }
            if row.claim.is_some() && row.claimed_until.is_some_and(|until| until > now) {
                return Ok((Claim::Theirs(tokens), false));
            }
            let claim = Uuid::new_v4().to_string();
            Ok((Claim::Yours { claim, tokens }, true))
        };
        // Nearly always there is nothing to write.
        let (found, to_claim) = self.read("read tokens", look)?;
        if !to_claim {
            return Ok(found);
        }
        self.write("claim tokens", |transaction| {
            let (found, _) = look(transaction)?;
            if let Claim::Yours { claim, .. } = &found {
                transaction.execute(
                    "UPDATE tokens SET claim = ?2, claimed_until = ?3 WHERE instance = ?1",
                    params![instance.to_string(), claim, until.as_millisecond()],
                )?;
            }
            Ok(found)
        })
    }

    /// Stores renewed tokens, in one step with giving the claim back. `false` when the
    /// claim was lost, because somebody signed in or out in the meantime.
    pub(crate) fn renew_tokens(
        &self,
        instance: Uuid,
        claim: &str,
        tokens: &Tokens,
    ) -> Result<bool, StateError> {
        let secrets = self.secrets();
        let access = seal(&secrets, instance, ACCESS, tokens.access.expose())?;
        let refresh = match &tokens.refresh {
            Some(refresh) => Some(seal(&secrets, instance, REFRESH, refresh.expose())?),
            None => None,
        };
        self.write("store renewed tokens", |transaction| {
            let changed = transaction.execute(
                "UPDATE tokens SET access = ?3, refresh = ?4, expires_at = ?5, scopes = ?6,
                     client_in_body = ?7, updated_at = ?8, claim = NULL, claimed_until = NULL
                 WHERE instance = ?1 AND claim = ?2",
                params![
                    instance.to_string(),
                    claim,
                    access,
                    refresh,
                    tokens.expires_at.map(Timestamp::as_millisecond),
                    tokens.scopes,
                    tokens.client_in_body,
                    Timestamp::now().as_millisecond(),
                ],
            )?;
            Ok(changed > 0)
        })
    }

    /// Gives a claim back without new tokens; with `problem`, the user must sign in again.
    pub(crate) fn release_tokens(
        &self,
        instance: Uuid,
        claim: &str,
        problem: Option<&str>,
    ) -> Result<(), StateError> {
        self.write("give tokens back", |transaction| {
            transaction.execute(
                "UPDATE tokens SET claim = NULL, claimed_until = NULL, problem = ?3
                 WHERE instance = ?1 AND claim = ?2",
                params![instance.to_string(), claim, problem],
            )?;
            Ok(())
        })
    }
}

/// Seals anew what is sealed with a former key. Says how many there were.
pub(super) fn seal_again(connection: &Connection, secrets: &Secrets) -> Result<usize, Failure> {
    let instances: Vec<String> = connection
        .prepare("SELECT instance FROM tokens")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut count = 0;
    for instance in instances {
        let id = Uuid::parse_str(&instance).map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(
                0,
                rusqlite::types::Type::Text,
                Box::new(error),
            )
        })?;
        let Some(row) = TokenRow::load(connection, id)? else {
            continue;
        };
        for (field, sealed) in [
            (ACCESS, Some(row.access)),
            (REFRESH, row.refresh),
            (USER_ID, row.user_id),
            (DISPLAY_NAME, row.display_name),
        ] {
            let Some(sealed) = sealed.filter(|sealed| !secrets.is_current(sealed)) else {
                continue;
            };
            let text = open(secrets, id, field, &sealed)?;
            let again = seal(secrets, id, field, text.expose())?;
            // The field is one of the four names above.
            connection.execute(
                &format!("UPDATE tokens SET {field} = ?2 WHERE instance = ?1"),
                params![instance, again],
            )?;
            count += 1;
        }
    }
    Ok(count)
}
