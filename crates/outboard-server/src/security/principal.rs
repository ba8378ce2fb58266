//! Who makes a request, and what it may do.
//!
//! ```text
//! viewer ⊂ editor ⊂ operator ⊂ admin        each may what the one before may, and more
//! ```

use std::{collections::BTreeSet, fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much a caller may do by default. Each role may do what those before it may.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    JsonSchema,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sees plugins, runs and logs.
    #[default]
    Viewer,
    /// Also runs pipelines, calls operations and keeps the config of instances.
    Editor,
    /// Also loads, installs and removes.
    Operator,
    /// May everything: also who else may what.
    Admin,
}

impl Role {
    /// All of them, the least first.
    pub const ALL: [Role; 4] = [Role::Viewer, Role::Editor, Role::Operator, Role::Admin];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Editor => "editor",
            Role::Operator => "operator",
            Role::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(word: &str) -> Result<Role, UnknownRole> {
        let known = Role::ALL.into_iter().find(|role| role.as_str() == word);
        known.ok_or_else(|| UnknownRole(word.chars().take(40).collect()))
    }
}

/// A word that is no role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no role: there are viewer, editor, operator and admin")]
pub struct UnknownRole(String);

/// A right to do one kind of thing, by its word, such as `plugins.manage`.
///
/// Those below are the server's own. UI plugins may ask for words of their own, which
/// are granted to tokens by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema, Serialize)]
#[serde(transparent)]
pub struct Permission(std::borrow::Cow<'static, str>);

/// Longest word of a permission, in bytes.
const MAX_WORD: usize = 100;

impl Permission {
    /// See plugins, UI plugins and pipelines.
    pub const PLUGINS_READ: Permission = Permission::known("plugins.read");
    /// See connectors, catalogs and instances without their secrets.
    pub const CONNECTORS_READ: Permission = Permission::known("connectors.read");
    /// See runs and calls.
    pub const RUNS_READ: Permission = Permission::known("runs.read");
    /// See what plugins and connectors say.
    pub const LOGS_READ: Permission = Permission::known("logs.read");
    /// Follow what changes.
    pub const EVENTS_READ: Permission = Permission::known("events.read");
    /// See metrics and whether the server is ready.
    pub const METRICS_READ: Permission = Permission::known("metrics.read");
    /// Run pipelines.
    pub const PIPELINES_RUN: Permission = Permission::known("pipelines.run");
    /// Call operations of connectors.
    pub const OPERATIONS_CALL: Permission = Permission::known("operations.call");
    /// Make, change and remove instances, and sign them in.
    pub const INSTANCES_WRITE: Permission = Permission::known("instances.write");
    /// Load, unload, reload, enable and disable plugins.
    pub const PLUGINS_MANAGE: Permission = Permission::known("plugins.manage");
    /// Install, update, enable, disable and remove connectors.
    pub const CONNECTORS_MANAGE: Permission = Permission::known("connectors.manage");
    /// Make and revoke tokens.
    pub const TOKENS_MANAGE: Permission = Permission::known("tokens.manage");
    /// See who changed what.
    pub const AUDIT_READ: Permission = Permission::known("audit.read");
    /// Change what the server trusts.
    pub const SETTINGS_MANAGE: Permission = Permission::known("settings.manage");

    /// The server's own, with the least role that has each without being granted it.
    pub const KNOWN: &[(Permission, Role)] = &[
        (Permission::PLUGINS_READ, Role::Viewer),
        (Permission::CONNECTORS_READ, Role::Viewer),
        (Permission::RUNS_READ, Role::Viewer),
        (Permission::LOGS_READ, Role::Viewer),
        (Permission::EVENTS_READ, Role::Viewer),
        (Permission::METRICS_READ, Role::Viewer),
        (Permission::PIPELINES_RUN, Role::Editor),
        (Permission::OPERATIONS_CALL, Role::Editor),
        (Permission::INSTANCES_WRITE, Role::Editor),
        (Permission::PLUGINS_MANAGE, Role::Operator),
        (Permission::CONNECTORS_MANAGE, Role::Operator),
        (Permission::TOKENS_MANAGE, Role::Admin),
        (Permission::AUDIT_READ, Role::Admin),
        (Permission::SETTINGS_MANAGE, Role::Admin),
    ];

    const fn known(word: &'static str) -> Permission {
        Permission(std::borrow::Cow::Borrowed(word))
    }

    /// A permission by its word: lower case letters, digits, `.`, `_`, `-` and `:`, a
    /// letter first, 100 bytes at most. `None` for anything else.
    pub fn parse(word: &str) -> Option<Permission> {
        let usable = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-:".contains(&byte)
        };
        let begins = word.bytes().next()?.is_ascii_lowercase();
        let fits = word.len() <= MAX_WORD && word.bytes().all(usable);
        (begins && fits).then(|| Permission(word.to_owned().into()))
    }

    /// Its word.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The least role that has it without being granted it. A word that is not the
    /// server's own only an admin has.
    pub fn least_role(&self) -> Role {
        let known = Permission::KNOWN
            .iter()
            .find(|(permission, _)| permission == self);
        known.map_or(Role::Admin, |(_, role)| *role)
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// How a caller showed who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    /// With the token of `server.json`, which only the user who runs the server can read.
    Local,
    /// With a token that somebody made.
    Token,
    /// With the cookie of a browser that signed in.
    Session,
    /// Not at all: the server runs with `--dev`.
    Development,
    /// Not at all: the route is open to everybody.
    Anonymous,
}

/// Who makes a request; an extension of every request that reaches a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Never changes and is never used again: of the token behind it, or `local`,
    /// `development`, `anonymous`.
    pub id: String,
    /// For people and the audit log.
    pub name: String,
    /// What it may do by default. `None` may nothing by default.
    pub role: Option<Role>,
    /// What it may do besides.
    pub permissions: BTreeSet<Permission>,
    /// How it showed who it is.
    pub via: Via,
}

impl Principal {
    /// Whoever has the token of `server.json`.
    pub fn local() -> Principal {
        Principal::bare("local", Some(Role::Admin), Via::Local)
    }

    /// Whoever calls a server that asks nobody.
    pub fn development() -> Principal {
        Principal::bare("development", Some(Role::Admin), Via::Development)
    }

    /// Whoever calls an open route.
    pub fn anonymous() -> Principal {
        Principal::bare("anonymous", None, Via::Anonymous)
    }

    fn bare(name: &str, role: Option<Role>, via: Via) -> Principal {
        Principal {
            id: name.to_owned(),
            name: name.to_owned(),
            role,
            permissions: BTreeSet::new(),
            via,
        }
    }

    /// Whether it may do what needs this permission.
    pub fn may(&self, permission: &Permission) -> bool {
        self.has_role(permission.least_role()) || self.permissions.contains(permission)
    }

    /// Whether it has at least this role.
    pub fn has_role(&self, least: Role) -> bool {
        self.role.is_some_and(|role| role >= least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(role: Role) -> Principal {
        Principal::bare("somebody", Some(role), Via::Token)
    }

    #[test]
    fn each_role_may_what_those_before_it_may_and_more() {
        let count = |role| {
            let who = of(role);
            let may = |(permission, _): &&(Permission, Role)| who.may(permission);
            Permission::KNOWN.iter().filter(may).count()
        };
        assert_eq!(Role::ALL.map(count), [6, 9, 11, 14]);
        for pair in Role::ALL.windows(2) {
            for (permission, _) in Permission::KNOWN {
                assert!(!of(pair[0]).may(permission) || of(pair[1]).may(permission));
            }
        }
    }

    #[test]
    fn what_is_granted_is_had_besides_the_role() {
        let mut who = of(Role::Viewer);
        let own = Permission::parse("reports.see").expect("a word");
        assert!(!who.may(&own) && !who.may(&Permission::PLUGINS_MANAGE));
        who.permissions
            .extend([own.clone(), Permission::PLUGINS_MANAGE]);
        assert!(who.may(&own) && who.may(&Permission::PLUGINS_MANAGE));
        assert!(of(Role::Admin).may(&own), "an admin may everything");
        assert!(!Principal::anonymous().may(&Permission::PLUGINS_READ));
    }

    #[test]
    fn only_plain_words_are_permissions_and_roles() {
        for word in ["plugins.manage", "a", "operations.call:weather", "a-b_c.d9"] {
            assert_eq!(Permission::parse(word).expect(word).as_str(), word);
        }
        for word in ["", "A", "9a", "a b", "ü", "a\n", &"x".repeat(101)] {
            assert_eq!(Permission::parse(word), None, "{word}");
        }
        assert_eq!("operator".parse(), Ok(Role::Operator));
        assert!("Admin".parse::<Role>().is_err());
    }
}
