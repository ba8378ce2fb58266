//! What an instance is configured with.

use outboard_sdk::connector::{Choice, Fields, Secret};

use crate::Pairs;

/// How to sign in to an API.
#[derive(Choice, Clone, Copy, Default, PartialEq)]
pub(crate) enum Auth {
    #[default]
    #[choice(label = "not at all")]
    None,
    #[choice(label = "bearer token")]
    Bearer,
    #[choice(label = "user name and password")]
    Basic,
    #[choice(label = "a header")]
    Header,
}

/// One API.
#[derive(Fields)]
#[fields(strict)]
pub struct Settings {
    /// Where the API is, such as `https://api.example.com/v2`.
    #[field(url, required)]
    pub(crate) base_url: String,
    /// How to sign in.
    #[field(default = "none", group = "Sign in")]
    pub(crate) auth: Auth,
    /// The token.
    #[field(required, visible_when = "auth:bearer", group = "Sign in")]
    pub(crate) token: Secret,
    /// The user's name.
    #[field(required, visible_when = "auth:basic", group = "Sign in")]
    pub(crate) username: String,
    /// The user's password.
    #[field(visible_when = "auth:basic", group = "Sign in")]
    pub(crate) password: Secret,
    /// The header's name.
    #[field(
        required,
        visible_when = "auth:header",
        default = "X-API-Key",
        group = "Sign in"
    )]
    pub(crate) header_name: String,
    /// The header's value.
    #[field(required, visible_when = "auth:header", group = "Sign in")]
    pub(crate) header_value: Secret,
    /// Headers that every request has. Not for secrets: they are shown.
    #[field(kvlist = "name|value")]
    pub(crate) headers: Pairs,
    /// How long a call may take, in seconds, with everything: at most 600.
    #[field(default = 30, group = "Limits")]
    pub(crate) timeout_seconds: u16,
    /// How large the body of an answer may be, in KiB: at most 65536.
    #[field(default = 10240, group = "Limits")]
    pub(crate) max_response_kib: u32,
    /// How often to repeat a request that may be repeated: at most 10.
    #[field(default = 2, group = "Limits")]
    pub(crate) retries: u8,
    /// Follow redirects and paths to other hosts. They get no credentials.
    #[field(group = "Limits")]
    pub(crate) allow_other_hosts: bool,
}
