//! What can go wrong with signing in.

use crate::state::StateError;

/// Why nobody could be signed in, or no token could be had. No text holds a token, a code
/// or a client secret, also not when the service repeats them.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OAuthError {
    /// The connector has no OAuth metadata.
    #[error("the connector {connector} has no sign-in")]
    NotOffered {
        /// The connector.
        connector: String,
    },
    /// A URL that is not used.
    #[error("the {what} {url:?} cannot be used: {reason}")]
    Url {
        /// Which URL.
        what: &'static str,
        /// Its beginning, without user, password and query.
        url: String,
        /// Why not.
        reason: &'static str,
    },
    /// The connector's metadata sets a parameter that is the protocol's own.
    #[error(
        "the connector sets the parameter {name:?} of the authorisation request, which is the host's"
    )]
    ReservedParameter {
        /// The parameter.
        name: String,
    },
    /// The instance has no client id.
    #[error(
        "the field \"client_id\" has no value: register an application with the service, with the redirect URL of this host, and enter its client id"
    )]
    NoClient,
    /// Nobody has signed in.
    #[error("nobody has signed in to this instance: sign in first")]
    NotSignedIn,
    /// Somebody was signed in and is not any more.
    #[error("the sign-in has ended ({reason}): sign in again")]
    SignInAgain {
        /// What the service said.
        reason: String,
    },
    /// The user or the service said no.
    #[error("the service did not sign the user in: {code}{}", with(description))]
    Denied {
        /// The service's code, such as `access_denied`.
        code: String,
        /// What the service says about it.
        description: String,
    },
    /// An answer that belongs to no sign-in of ours, or to another one.
    #[error("the answer belongs to no sign-in that is under way here: begin again")]
    StateMismatch,
    /// The user took too long.
    #[error("the sign-in took longer than {seconds} s: begin again")]
    Expired {
        /// How long it may take.
        seconds: u64,
    },
    /// The caller gave up.
    #[error("the sign-in was cancelled")]
    Cancelled,
    /// The answer that the browser brought cannot be read.
    #[error("the answer of the browser cannot be used: {reason}")]
    Callback {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The service refused to give tokens.
    #[error(
        "the service gave no tokens (status {status}): {code}{}",
        with(description)
    )]
    Refused {
        /// The status of its answer.
        status: u16,
        /// Its code, such as `invalid_client`; see RFC 6749, section 5.2.
        code: String,
        /// What it says about it.
        description: String,
    },
    /// The service failed without saying why.
    #[error("the service answered with status {status}{}", hint(*status))]
    Status {
        /// The status.
        status: u16,
    },
    /// The service sent something else than tokens.
    #[error("the answer of the service is no token answer: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The service sent too much.
    #[error("the answer of the service has more than {limit} bytes")]
    TooLarge {
        /// How many it may have.
        limit: u64,
    },
    /// The service took too long.
    #[error("the service did not answer within {seconds} s")]
    Timeout {
        /// How long it may take.
        seconds: u64,
    },
    /// The service could not be reached.
    #[error("the service cannot be reached: {reason}")]
    Network {
        /// Why not.
        reason: String,
    },
    /// No port could be opened for the browser.
    #[error("no port on the loopback address can be opened for the browser: {reason}")]
    Listen {
        /// Why not.
        reason: String,
    },
    /// Too many sign-ins are under way.
    #[error(
        "{limit} sign-ins are under way, and no more are possible: finish one, or wait until they expire"
    )]
    TooManyPending {
        /// How many there may be.
        limit: usize,
    },
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    NoRandomness,
    /// The database.
    #[error(transparent)]
    State(#[from] StateError),
}

fn with(description: &str) -> String {
    if description.is_empty() {
        String::new()
    } else {
        format!(" ({description})")
    }
}

fn hint(status: u16) -> &'static str {
    match status {
        300..=399 => ": redirects are not followed, since they would take secrets elsewhere",
        429 | 500.. => ": try again later",
        _ => "",
    }
}

impl OAuthError {
    /// Whether only the user can help, by signing in.
    pub fn needs_sign_in(&self) -> bool {
        matches!(
            self,
            OAuthError::NotSignedIn | OAuthError::SignInAgain { .. }
        )
    }

    /// Whether the same may work a little later.
    pub fn is_transient(&self) -> bool {
        match self {
            OAuthError::Timeout { .. } | OAuthError::Network { .. } => true,
            OAuthError::Status { status } => matches!(status, 408 | 429 | 500..),
            OAuthError::Refused { status, code, .. } => {
                matches!(status, 429 | 500..)
                    || matches!(code.as_str(), "temporarily_unavailable" | "server_error")
            }
            OAuthError::State(error) => matches!(error, StateError::Busy { .. }),
            _ => false,
        }
    }
}

/// A text of the service, fit for a line of a log.
pub(super) fn presentable(text: &str, limit: usize) -> String {
    text.chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .take(limit)
        .collect::<String>()
        .trim()
        .to_owned()
}
