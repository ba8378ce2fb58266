//! What one version of a connector changes over another: operations, config and rights.
//!
//! It compares what the two `plugin.json` say, which is what the host holds a connector to:
//! it gets the config fields that it declares and no others, and destructive operations ask
//! for a confirmation because the manifest calls them so.

use std::collections::BTreeSet;

use outboard_contracts::connector::{
    Manifest, Module,
    module::{Config, Operation, Widget},
};
use serde::{Deserialize, Serialize};

/// What changes from one manifest to the next. Lists are in the order of the manifest that
/// has the thing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "ConnectorChanges")
)]
pub struct Changes {
    /// Operations that are new.
    pub operations_added: Vec<String>,
    /// Operations that are gone: what calls them fails then.
    pub operations_removed: Vec<String>,
    /// Operations that are there in both and differ.
    pub operations_changed: Vec<OperationChanges>,
    /// What changes about the config fields.
    pub config: FieldChanges,
    /// What it may do afterwards that it could not do before.
    pub rights_added: Rights,
    /// What it could do before and may not do afterwards.
    pub rights_removed: Rights,
}

/// What changes about one operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OperationChanges {
    /// Its key.
    pub key: String,
    /// What changes about its input.
    pub input: FieldChanges,
}

/// What changes about some fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FieldChanges {
    /// Fields that are new.
    pub added: Vec<String>,
    /// Fields that are gone.
    pub removed: Vec<String>,
    /// Fields that must have a value now: new ones, and those that needed none before.
    pub now_required: Vec<String>,
    /// Fields whose values are of another kind now.
    pub other_type: Vec<String>,
}

/// What a manifest lets a connector do or have that somebody should know of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "ConnectorRights")
)]
pub struct Rights {
    /// Operations that destroy what cannot be had back.
    pub destructive: Vec<String>,
    /// Secrets that it is given.
    pub secrets: Vec<String>,
    /// Variables of the host's environment that it wants to read.
    pub variables: Vec<String>,
    /// What it asks of the service that a user signs in to.
    pub scopes: Vec<String>,
    /// Where users are sent to sign in, and where tokens come from.
    pub sign_in: Vec<String>,
}

impl Changes {
    /// Whether nothing of all this changes.
    pub fn is_empty(&self) -> bool {
        *self == Changes::default()
    }
}

impl FieldChanges {
    /// Whether no field changes.
    pub fn is_empty(&self) -> bool {
        *self == FieldChanges::default()
    }
}

impl Rights {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Rights::default()
    }

    /// The rights of a connector.
    pub fn of(module: &Module) -> Rights {
        let destructive = module.all_operations().filter(|one| one.destructive);
        let secrets = module.configs.iter().filter(|field| is_secret(field));
        let variables = module.configs.iter().map(|field| &field.env_override);
        let oauth = module.oauth.as_ref();
        let scopes = oauth.map(|oauth| oauth.scopes.split_whitespace());
        let sign_in = oauth.map(|oauth| [&oauth.authorize_url, &oauth.token_url]);
        Rights {
            destructive: destructive.map(|one| one.key.clone()).collect(),
            secrets: secrets.map(|field| field.key.clone()).collect(),
            variables: variables.filter(|name| !name.is_empty()).cloned().collect(),
            scopes: scopes.into_iter().flatten().map(str::to_owned).collect(),
            sign_in: sign_in.into_iter().flatten().cloned().collect(),
        }
    }

    /// Those that `other` has not.
    fn beyond(&self, other: &Rights) -> Rights {
        Rights {
            destructive: only_in(&self.destructive, &other.destructive),
            secrets: only_in(&self.secrets, &other.secrets),
            variables: only_in(&self.variables, &other.variables),
            scopes: only_in(&self.scopes, &other.scopes),
            sign_in: only_in(&self.sign_in, &other.sign_in),
        }
    }
}

/// What changes if `after` takes the place of `before`.
pub fn changes(before: &Manifest, after: &Manifest) -> Changes {
    let (old, new) = (&before.module, &after.module);
    let keys = |module: &Module| -> Vec<String> {
        module.all_operations().map(|one| one.key.clone()).collect()
    };
    let (old_keys, new_keys) = (keys(old), keys(new));
    let changed = |operation: &Operation| {
        let input = fields(&old.operation(&operation.key)?.input, &operation.input);
        (!input.is_empty()).then(|| OperationChanges {
            key: operation.key.clone(),
            input,
        })
    };
    let (had, has) = (Rights::of(old), Rights::of(new));
    Changes {
        operations_added: only_in(&new_keys, &old_keys),
        operations_removed: only_in(&old_keys, &new_keys),
        operations_changed: new.all_operations().filter_map(changed).collect(),
        config: fields(&old.configs, &new.configs),
        rights_added: has.beyond(&had),
        rights_removed: had.beyond(&has),
    }
}

fn fields(before: &[Config], after: &[Config]) -> FieldChanges {
    let keys = |fields: &[Config]| -> Vec<String> {
        fields.iter().map(|field| field.key.clone()).collect()
    };
    let old = |key: &str| before.iter().find(|field| field.key == key);
    // One with a default has a value.
    let needs = |field: &Config| field.required && field.value.is_empty();
    let chosen = |is: &dyn Fn(&Config) -> bool| -> Vec<String> {
        let chosen = after.iter().filter(|field| is(field));
        chosen.map(|field| field.key.clone()).collect()
    };
    FieldChanges {
        added: only_in(&keys(after), &keys(before)),
        removed: only_in(&keys(before), &keys(after)),
        now_required: chosen(&|field| needs(field) && !old(&field.key).is_some_and(needs)),
        other_type: chosen(&|field| {
            old(&field.key)
                .is_some_and(|old| Widget::named(&old.widget) != Widget::named(&field.widget))
        }),
    }
}

fn is_secret(field: &Config) -> bool {
    field.is_secret || Widget::named(&field.widget) == Widget::Secret
}

fn only_in(these: &[String], those: &[String]) -> Vec<String> {
    let those: BTreeSet<&String> = those.iter().collect();
    let only = these.iter().filter(|one| !those.contains(one));
    only.cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(module: serde_json::Value) -> Manifest {
        let text = serde_json::json!({ "module": module }).to_string();
        Manifest::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_version_that_can_more_says_what() {
        let before = manifest(serde_json::json!({
            "Configs": [
                { "Key": "url", "Type": "url" },
                { "Key": "old", "Type": "text" },
                { "Key": "retries", "Type": "text" },
            ],
            "Operations": [{ "Ops": [
                { "Key": "list", "Input": [{ "Key": "page", "Type": "number" }] },
                { "Key": "drop", "Destructive": true },
                { "Key": "same", "Input": [{ "Key": "id", "Required": true }] },
            ] }],
            "OAuth": { "AuthorizeURL": "https://a", "TokenURL": "https://t", "Scopes": "read" },
        }));
        let after = manifest(serde_json::json!({
            "Configs": [
                { "Key": "url", "Type": "url", "Required": true },
                { "Key": "key", "Type": "secret", "Required": true },
                { "Key": "mode", "Type": "text", "Required": true, "Value": "fast" },
                { "Key": "retries", "Type": "number", "env_override": "RETRIES" },
            ],
            "Operations": [{ "Ops": [
                { "Key": "list", "Input": [{ "Key": "page", "Type": "number" }, { "Key": "q" }] },
                { "Key": "same", "Input": [{ "Key": "id", "Required": true }] },
            ] }, { "Ops": [{ "Key": "purge", "Destructive": true }] }],
            "OAuth": { "AuthorizeURL": "https://b", "TokenURL": "https://t", "Scopes": "read write" },
        }));
        let texts = |texts: &[&str]| -> Vec<String> {
            texts.iter().map(|text| (*text).to_owned()).collect()
        };
        let found = changes(&before, &after);
        assert_eq!(
            found,
            Changes {
                operations_added: texts(&["purge"]),
                operations_removed: texts(&["drop"]),
                operations_changed: vec![OperationChanges {
                    key: "list".to_owned(),
                    input: FieldChanges {
                        added: texts(&["q"]),
                        ..FieldChanges::default()
                    },
                }],
                config: FieldChanges {
                    added: texts(&["key", "mode"]),
                    removed: texts(&["old"]),
                    now_required: texts(&["url", "key"]),
                    other_type: texts(&["retries"]),
                },
                rights_added: Rights {
                    destructive: texts(&["purge"]),
                    secrets: texts(&["key"]),
                    variables: texts(&["RETRIES"]),
                    scopes: texts(&["write"]),
                    sign_in: texts(&["https://b"]),
                },
                rights_removed: Rights {
                    destructive: texts(&["drop"]),
                    sign_in: texts(&["https://a"]),
                    ..Rights::default()
                },
            }
        );
        assert!(changes(&after, &after).is_empty());
        assert!(!found.is_empty());
    }

    #[test]
    fn what_has_a_secrets_widget_is_one_and_a_word_for_the_same_widget_is_no_change() {
        let before = manifest(serde_json::json!({ "Configs": [
            { "Key": "a", "Type": "bool" }, { "Key": "b", "Type": "text", "IsSecret": true },
        ] }));
        let after = manifest(serde_json::json!({ "Configs": [
            { "Key": "a", "Type": "checkbox" }, { "Key": "b", "Type": "text", "IsSecret": true },
        ] }));
        assert!(changes(&before, &after).is_empty());
        assert_eq!(Rights::of(&after.module).secrets, ["b"]);
    }
}
