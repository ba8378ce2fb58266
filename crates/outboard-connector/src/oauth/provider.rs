//! The service, and the application that is registered with it.

use std::{collections::BTreeMap, net::IpAddr};

use outboard_contracts::connector::module::Module;
use url::{Host, Url};

use super::OAuthError;
use crate::{
    secrets::SecretText,
    state::{State, instances::Instance},
};

/// What the protocol sets itself.
pub(super) const RESERVED: [&str; 7] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
];

/// Where a connector's users sign in, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    pub(super) authorize_url: Url,
    pub(super) token_url: Url,
    pub(super) extra_params: BTreeMap<String, String>,
    pub(super) scopes: String,
}

impl Provider {
    /// Reads a connector's metadata.
    ///
    /// # Errors
    ///
    /// [`OAuthError::NotOffered`] when there is none; [`OAuthError::Url`] for a URL that is
    /// neither HTTPS nor plain HTTP on the loopback address, or has a user, a password or a
    /// fragment; [`OAuthError::ReservedParameter`].
    pub fn of(module: &Module) -> Result<Provider, OAuthError> {
        let Some(oauth) = &module.oauth else {
            return Err(OAuthError::NotOffered {
                connector: module.meta.key.clone(),
            });
        };
        for name in oauth.extra_params.keys() {
            if RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
                return Err(OAuthError::ReservedParameter { name: name.clone() });
            }
        }
        Ok(Provider {
            authorize_url: checked("authorisation URL", &oauth.authorize_url)?,
            token_url: checked("token URL", &oauth.token_url)?,
            extra_params: oauth.extra_params.clone(),
            scopes: oauth
                .scopes
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" "),
        })
    }
}

/// The application that is registered with the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    pub(super) id: String,
    /// A public client has none.
    pub(super) secret: Option<SecretText>,
}

impl Client {
    /// An application without a secret.
    pub fn public(id: impl Into<String>) -> Client {
        Client {
            id: id.into(),
            secret: None,
        }
    }

    /// An application with a secret.
    pub fn confidential(id: impl Into<String>, secret: SecretText) -> Client {
        Client {
            id: id.into(),
            secret: Some(secret),
        }
    }
}

impl State {
    /// The application of an instance: the values of its fields `client_id` and
    /// `client_secret`, with the same rules as [`State::credentials`]. Other required
    /// fields may be missing.
    ///
    /// # Errors
    ///
    /// [`OAuthError::NoClient`] without a client id; [`OAuthError::NotOffered`];
    /// [`OAuthError::State`] for a value that cannot be used.
    pub fn oauth_client(
        &self,
        instance: &Instance,
        module: &Module,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Client, OAuthError> {
        if module.oauth.is_none() {
            return Err(OAuthError::NotOffered {
                connector: module.meta.key.clone(),
            });
        }
        let resolved = self.resolve(instance, module, environment);
        let text = |key: &str| -> Result<Option<String>, OAuthError> {
            let value = resolved.value(key)?.map(str::trim);
            Ok(value.filter(|value| !value.is_empty()).map(str::to_owned))
        };
        Ok(Client {
            id: text("client_id")?.ok_or(OAuthError::NoClient)?,
            secret: text("client_secret")?.map(SecretText::from),
        })
    }
}

/// A URL that secrets may go to.
pub(super) fn checked(what: &'static str, text: &str) -> Result<Url, OAuthError> {
    let refused = |reason| OAuthError::Url {
        what,
        url: shown(text),
        reason,
    };
    if text.is_empty() {
        return Err(refused("it is empty"));
    }
    let url = Url::parse(text).map_err(|_| refused("it is no URL"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("there is a user in it"));
    }
    if url.fragment().is_some() {
        return Err(refused("there is a fragment in it"));
    }
    match url.scheme() {
        "https" if url.has_host() => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(refused(
            "it is not HTTPS, and plain HTTP goes to the loopback address only",
        )),
        _ => Err(refused("it is not HTTPS")),
    }
}

pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// The beginning of a URL without what may be secret in it.
fn shown(text: &str) -> String {
    match Url::parse(text) {
        Ok(url) if url.has_host() => {
            let place = format!(
                "{}://{}{}",
                url.scheme(),
                url.host_str().unwrap_or_default(),
                url.path()
            );
            place.chars().take(200).collect()
        }
        _ => text
            .chars()
            .take_while(|character| !matches!(character, '?' | '#' | '@'))
            .filter(|character| !character.is_control())
            .take(60)
            .collect(),
    }
}
