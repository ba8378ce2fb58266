//! What a new token is asked for with, and what of that can be used.
//!
//! ```json
//! {"name":"ci","role":"operator","permissions":["reports.see"],"expires_in":"30d"}
//! ```

use std::collections::BTreeSet;

use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{AccessError, Permission, Role};

/// Longest name, in characters.
const MAX_NAME: usize = 100;
/// How many permissions a token may be granted.
const MAX_PERMISSIONS: usize = 50;
/// The longest life that can be asked for. Whoever wants more leaves it out.
const MAX_LIFE: SignedDuration = SignedDuration::from_hours(24 * 3660);

/// A token that somebody wants.
#[derive(Clone, Debug, JsonSchema, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    /// For people; no two that can be used have the same.
    pub name: String,
    /// What it may do by default.
    pub role: Role,
    /// What it may do besides.
    #[serde(default)]
    pub permissions: Vec<String>,
    /// For how long it can be used, such as `30d` or `12h`; for ever if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<String>,
}

/// The same, checked.
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) permissions: BTreeSet<Permission>,
    pub(super) expires_at: Option<Timestamp>,
}

impl TokenRequest {
    pub(super) fn check(&self, now: Timestamp) -> Result<Wanted, AccessError> {
        let name = self.name.trim();
        let length = name.chars().count();
        if length == 0 || length > MAX_NAME || name.chars().any(char::is_control) {
            let message = format!("a token's name has 1 to {MAX_NAME} printable characters");
            return Err(AccessError::invalid(message));
        }
        // Ids stand where names stand.
        if name.starts_with("tok_") {
            return Err(
                AccessError::invalid("a token's name does not begin with \"tok_\"")
                    .with_hint("ids begin so; choose another name"),
            );
        }
        if self.permissions.len() > MAX_PERMISSIONS {
            let message = format!("a token has at most {MAX_PERMISSIONS} permissions");
            return Err(AccessError::invalid(message));
        }
        let mut permissions = BTreeSet::new();
        for word in &self.permissions {
            let permission = Permission::parse(word).ok_or_else(|| {
                let shown: String = word.chars().take(100).collect();
                AccessError::invalid(format!("{shown:?} is no permission")).with_hint(
                    "lower case letters, digits, `.`, `_`, `-` and `:`, such as plugins.manage",
                )
            })?;
            permissions.insert(permission);
        }
        let expires_at = match &self.expires_in {
            None => None,
            Some(text) => Some(expiry(text, now)?),
        };
        Ok(Wanted {
            name: name.to_owned(),
            role: self.role,
            permissions,
            expires_at,
        })
    }
}

fn expiry(text: &str, now: Timestamp) -> Result<Timestamp, AccessError> {
    let parsed = text.parse::<Span>().ok();
    // A day is 24 hours here: nobody says in which country.
    let life = parsed.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
    let usable = life.filter(|life| life.is_positive() && *life <= MAX_LIFE);
    let expires = usable.and_then(|life| now.checked_add(life).ok());
    expires.ok_or_else(|| {
        let shown: String = text.chars().take(40).collect();
        AccessError::invalid(format!("{shown:?} is no time for a token to live"))
            .with_hint("write a number and a unit, such as 12h, 30d or 8w, and ten years at most")
    })
}
