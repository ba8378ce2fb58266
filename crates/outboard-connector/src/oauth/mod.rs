//! Signing in to the service behind a connector, with OAuth 2: an authorisation code with
//! PKCE (S256), its exchange for tokens, and their renewal.
//!
//! What is asked where stands in the connector's metadata ([`Provider`]). The application
//! that was registered with the service is the instance's: its config fields `client_id`
//! and `client_secret` are read ([`Client`]); a public client has no secret. Every
//! connector with OAuth has these two fields, whether or not it declares them, and only
//! those that it declares are sent to it.
//!
//! There are two ways to the code. On the command line, [`SignIns::sign_in`] opens a port
//! on the loopback address and waits for the browser. A server has a callback route of its
//! own: it gets the URL from [`begin`], keeps the [`Pending`] in a [`PendingSignIns`], and
//! calls [`SignIns::finish`] when the browser comes back.
//!
//! ```text
//! begin ─▸ authorize_url ─▸ browser ─▸ service ─▸ redirect_uri?code&state
//!   └─▸ Pending ──────────────────────────────────────┴─▸ finish ─▸ tokens, sealed
//! ```
//!
//! From then on [`SignIns::access_token`] has the token for a call, and renews it a minute
//! before it ends, once for everyone who asks. It goes to the connector as `access_token`.
//!
//! Everything here blocks, for as long as [`Limits`] says: call it in `spawn_blocking`.
//! Services are reached over HTTPS; plain HTTP only on the loopback address.
//!
//! ```
//! use outboard_connector::oauth::{self, Client, Provider};
//! use outboard_contracts::connector::module::{Module, OAuth};
//!
//! let module = Module {
//!     oauth: Some(OAuth {
//!         authorize_url: "https://id.example/authorize".into(),
//!         token_url: "https://id.example/token".into(),
//!         scopes: "read".into(),
//!         ..OAuth::default()
//!     }),
//!     ..Module::default()
//! };
//! let provider = Provider::of(&module)?;
//! let begun = oauth::begin(&provider, &Client::public("my-app"), "https://me.example/callback")?;
//! assert!(begun.authorize_url.as_str().contains("code_challenge_method=S256"));
//! # Ok::<(), outboard_connector::oauth::OAuthError>(())
//! ```

mod callback;
mod endpoint;
mod error;
mod flow;
mod loopback;
mod pending;
mod provider;
mod sign_ins;

use std::time::Duration;

pub use callback::Callback;
pub use endpoint::Endpoint;
pub use error::OAuthError;
pub use flow::{Begun, Pending, begin};
pub use loopback::Loopback;
pub use pending::{MAX_PENDING, PendingSignIns};
pub use provider::{Client, Provider};
pub use sign_ins::SignIns;

/// How long and how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a service may take for tokens, connecting included; 30 s.
    pub request: Duration,
    /// How many bytes its answer may have; 64 KiB.
    pub answer_bytes: u64,
    /// How long a user may take to sign in; 10 minutes.
    pub sign_in: Duration,
    /// How long before its end a token is renewed; 60 s.
    pub renew_before: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            request: Duration::from_secs(30),
            answer_bytes: 64 * 1024,
            sign_in: Duration::from_secs(10 * 60),
            renew_before: Duration::from_secs(60),
        }
    }
}
