//! One sign-in: the URL for the browser, and the way back.

use std::{fmt, time::Instant};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    digest,
    rand::{SecureRandom as _, SystemRandom},
};
use subtle::ConstantTimeEq as _;
use url::Url;

use super::{Callback, Client, Endpoint, OAuthError, Provider, provider::checked};
use crate::{secrets::SecretText, state::tokens::Tokens};

/// A sign-in that has begun.
#[derive(Debug)]
#[non_exhaustive]
pub struct Begun {
    /// Where the user's browser goes.
    pub authorize_url: Url,
    /// What is needed when it comes back.
    pub pending: Pending,
}

/// A sign-in that waits for the browser. It is used once: finishing it takes it.
pub struct Pending {
    provider: Provider,
    client: Client,
    redirect_uri: String,
    state: SecretText,
    verifier: SecretText,
    begun: Instant,
}

impl fmt::Debug for Pending {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Pending")
            .field("redirect_uri", &self.redirect_uri)
            .field("begun", &self.begun)
            .finish_non_exhaustive()
    }
}

/// Begins a sign-in. `redirect_uri` is where the service sends the browser back to; it has
/// to be registered with the service.
///
/// # Errors
///
/// [`OAuthError::Url`] for a redirect that is neither HTTPS nor on the loopback address;
/// [`OAuthError::NoClient`]; [`OAuthError::NoRandomness`].
pub fn begin(
    provider: &Provider,
    client: &Client,
    redirect_uri: &str,
) -> Result<Begun, OAuthError> {
    checked("redirect URL", redirect_uri)?;
    if client.id.is_empty() {
        return Err(OAuthError::NoClient);
    }
    let state = random()?;
    let verifier = random()?;
    let challenge = URL_SAFE_NO_PAD.encode(digest::digest(
        &digest::SHA256,
        verifier.expose().as_bytes(),
    ));
    let mut authorize_url = provider.authorize_url.clone();
    {
        let mut query = authorize_url.query_pairs_mut();
        query
            .extend_pairs(&provider.extra_params)
            .append_pair("response_type", "code")
            .append_pair("client_id", &client.id)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("state", state.expose())
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        if !provider.scopes.is_empty() {
            query.append_pair("scope", &provider.scopes);
        }
    }
    Ok(Begun {
        authorize_url,
        pending: Pending {
            provider: provider.clone(),
            client: client.clone(),
            redirect_uri: redirect_uri.to_owned(),
            state,
            verifier,
            begun: Instant::now(),
        },
    })
}

impl Pending {
    /// The state that the browser must bring back.
    pub(super) fn state(&self) -> &SecretText {
        &self.state
    }

    /// When it began.
    pub(super) fn begun(&self) -> Instant {
        self.begun
    }

    /// Whether an answer belongs to this sign-in; compared in constant time.
    pub(super) fn is_mine(&self, callback: &Callback) -> bool {
        self.state
            .expose()
            .as_bytes()
            .ct_eq(callback.state.as_bytes())
            .into()
    }

    /// Exchanges the code that the browser brought for tokens. Blocks for as long as the
    /// endpoint's limits say.
    ///
    /// # Errors
    ///
    /// [`OAuthError::StateMismatch`] for the answer to another sign-in;
    /// [`OAuthError::Expired`]; [`OAuthError::Denied`] when the user or the service said
    /// no; those of the token request.
    pub fn finish(self, callback: &Callback, endpoint: &Endpoint) -> Result<Tokens, OAuthError> {
        if !self.is_mine(callback) {
            return Err(OAuthError::StateMismatch);
        }
        let allowed = endpoint.limits().sign_in;
        if self.begun.elapsed() > allowed {
            return Err(OAuthError::Expired {
                seconds: allowed.as_secs(),
            });
        }
        match &callback.answer {
            Err((code, description)) => Err(OAuthError::Denied {
                code: code.clone(),
                description: description.clone(),
            }),
            Ok(code) => endpoint.exchange(
                &self.provider,
                &self.client,
                code,
                &self.verifier,
                &self.redirect_uri,
            ),
        }
    }
}

/// 256 random bits as 43 characters: what RFC 7636 recommends for a verifier.
fn random() -> Result<SecretText, OAuthError> {
    let mut bytes = [0; 32];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| OAuthError::NoRandomness)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes).into())
}
