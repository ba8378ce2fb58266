//! From declared fields and stored values to what is sent, and to what is shown.

use std::{collections::BTreeMap, fmt};

use outboard_contracts::connector::{
    arguments::{self, Arguments},
    module::{Config, Module, Widget},
};
use serde_json::{Map, Value};

use super::rows::Instance;
use crate::{
    secrets::{Masker, SecretText, is_secret},
    state::StateError,
};

/// What is shown for a secret that has a value. Sent back, it keeps that value.
pub const SECRET_PLACEHOLDER: &str = "••••••••";

/// The longest value of one field, in bytes: 64 KiB.
pub const MAX_VALUE_BYTES: usize = 64 * 1024;

/// All values of an instance together, in bytes: 512 KiB.
pub const MAX_VALUES_BYTES: usize = 512 * 1024;

/// The host's own variables are none of a connector's business, whatever it declares.
const OWN_VARIABLES: &str = "OUTBOARD_";

/// Who changes values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// A person. Locked fields stay as they are.
    User,
    /// The host itself, or an administrator who overrides locks.
    Host,
}

/// Where a field's value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// There is none.
    Nothing,
    /// The connector's default.
    Default,
    /// The instance.
    Instance,
    /// The environment variable that the field names.
    Environment,
}

/// A field as it may be shown. No secret is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FieldView {
    /// The field's key.
    pub key: String,
    /// Its value; [`SECRET_PLACEHOLDER`] for a secret that has one.
    pub value: String,
    /// Where the value comes from.
    pub source: Source,
    /// Whether it is a secret.
    pub is_secret: bool,
    /// Whether users may not change it.
    pub locked: bool,
    /// Whether it must have a value and has none.
    pub missing: bool,
    /// Why its value cannot be used, if so: it does not fit, or it is a secret that cannot
    /// be decrypted.
    pub problem: Option<String>,
    /// Whether the connector declares it. What it does not declare is not sent.
    pub declared: bool,
}

/// What an operation gets, and a masker that knows its secrets. Debug output shows keys.
#[derive(Clone, Default)]
pub struct Credentials {
    values: Arguments,
    masker: Masker,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.values.keys()).finish()
    }
}

impl Credentials {
    /// The values by key, as the wire carries them.
    pub fn values(&self) -> &Arguments {
        &self.values
    }

    /// The same, by value, with the masker.
    pub fn into_parts(self) -> (Arguments, Masker) {
        (self.values, self.masker)
    }

    /// Masks these values in logs, errors and the history.
    pub fn masker(&self) -> &Masker {
        &self.masker
    }

    /// Adds the token of the user who is signed in, as `access_token`.
    pub fn set_access_token(&mut self, token: SecretText) {
        self.masker.add_secret(&token);
        self.values
            .insert("access_token".to_owned(), token.into_exposed());
    }
}

/// The fields that people fill in for a connector: those that it declares, and with OAuth
/// `client_id` and the secret `client_secret`, unless it declares them itself.
pub fn fields(module: &Module) -> Vec<Config> {
    let mut fields = module.configs.clone();
    if module.oauth.is_some() {
        for (key, secret, description) in [
            (
                "client_id",
                false,
                "The id of the application that was registered with the service.",
            ),
            (
                "client_secret",
                true,
                "Its secret, if it has one. It is used for signing in and not sent to the connector.",
            ),
        ] {
            if module.config(key).is_none() {
                fields.push(Config {
                    key: key.to_owned(),
                    widget: if secret { Widget::Secret } else { Widget::Text }
                        .as_str()
                        .to_owned(),
                    is_secret: secret,
                    description: description.to_owned(),
                    group: "OAuth".to_owned(),
                    ..Config::default()
                });
            }
        }
    }
    fields
}

/// What is to become of a stored value.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    Set(SecretText),
    Clear,
}

/// Reads what somebody wants changed: `null` clears a value, and so does an empty secret;
/// the placeholder of a secret, and a key that is absent, keep it.
pub(super) fn changes(
    fields: &[Config],
    stored: &BTreeMap<String, Result<SecretText, StateError>>,
    input: &Value,
    by: By,
) -> Result<BTreeMap<String, Change>, StateError> {
    let mut wanted = Map::new();
    let mut changes = BTreeMap::new();
    let field_of = |key: &str| fields.iter().find(|field| field.key == key);
    if let Value::Object(object) = input {
        for (key, value) in object {
            match (field_of(key), value) {
                (Some(field), Value::String(text))
                    if is_secret(field) && text == SECRET_PLACEHOLDER => {}
                (Some(field), Value::String(text)) if is_secret(field) && text.is_empty() => {
                    changes.insert(key.clone(), Change::Clear);
                }
                (Some(_), Value::Null) => {
                    changes.insert(key.clone(), Change::Clear);
                }
                _ => {
                    wanted.insert(key.clone(), value.clone());
                }
            }
        }
    }
    // Anything but an object is for the reader to refuse.
    let wanted = match input {
        Value::Object(_) => Value::Object(wanted),
        other => other.clone(),
    };
    for (key, text) in arguments::read(&optional(fields), &wanted)? {
        if text.len() > MAX_VALUE_BYTES {
            return Err(StateError::TooLong {
                bytes: text.len(),
                field: key,
                limit: MAX_VALUE_BYTES,
            });
        }
        changes.insert(key, Change::Set(text.into()));
    }
    // What changes nothing is no change: forms send every field.
    changes.retain(|key, change| match change {
        Change::Clear => stored.contains_key(key),
        Change::Set(text) => match stored.get(key) {
            // One that cannot be decrypted is there to be entered again.
            Some(Err(_)) => true,
            Some(Ok(before)) => before != text,
            None => field_of(key).is_none_or(|field| field.value != text.expose()),
        },
    });
    if by == By::User {
        let locked: Vec<String> = changes
            .keys()
            .filter(|key| field_of(key).is_some_and(|field| field.locked))
            .cloned()
            .collect();
        if !locked.is_empty() {
            return Err(StateError::Locked { fields: locked });
        }
    }
    Ok(changes)
}

/// The fields with neither defaults nor demands: the reader then checks types alone.
fn optional(fields: &[Config]) -> Vec<Config> {
    fields
        .iter()
        .map(|field| Config {
            required: false,
            value: String::new(),
            ..field.clone()
        })
        .collect()
}

/// Every field's value, with where it comes from. Fields without any value are absent.
pub(crate) struct Resolved {
    fields: Vec<Config>,
    values: Arguments,
    sources: BTreeMap<String, Source>,
    problems: BTreeMap<String, StateError>,
}

impl Resolved {
    pub(super) fn new(
        module: &Module,
        stored: BTreeMap<String, Result<SecretText, StateError>>,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Resolved {
        let mut resolved = Resolved {
            fields: fields(module),
            values: Arguments::new(),
            sources: BTreeMap::new(),
            problems: BTreeMap::new(),
        };
        for field in &resolved.fields {
            let variable = override_of(field, environment);
            let (value, source) = match (variable, stored.get(&field.key)) {
                (Some(value), _) => (Ok(value), Source::Environment),
                (None, Some(Ok(value))) => (Ok(value.expose().to_owned()), Source::Instance),
                (None, Some(Err(error))) => (Err(error.clone()), Source::Instance),
                (None, None) if field.value.is_empty() => continue,
                (None, None) => (Ok(field.value.clone()), Source::Default),
            };
            resolved.sources.insert(field.key.clone(), source);
            // What was stored for an earlier version of the connector may not fit this one.
            match value.and_then(|value| check(field, source, value)) {
                Ok(value) => {
                    resolved.values.insert(field.key.clone(), value);
                }
                Err(problem) => {
                    resolved.problems.insert(field.key.clone(), problem);
                }
            }
        }
        resolved
    }

    /// The value of a field, or why it has none that can be used.
    pub(crate) fn value(&self, key: &str) -> Result<Option<&str>, StateError> {
        match self.problems.get(key) {
            Some(problem) => Err(problem.clone()),
            None => Ok(self.values.get(key).map(String::as_str)),
        }
    }

    fn is_missing(&self, field: &Config) -> bool {
        field.required
            && self.values.get(&field.key).is_none_or(String::is_empty)
            && !self.problems.contains_key(&field.key)
            && arguments::is_visible(field, &self.values)
    }

    /// The values of declared fields; the masker also knows the others. Fails for the first
    /// value that cannot be used, or with everything that is missing in `instance`.
    pub(super) fn credentials(
        mut self,
        module: &Module,
        instance: &Instance,
    ) -> Result<Credentials, StateError> {
        // One with what is not sent is none here.
        self.problems.retain(|key, _| module.config(key).is_some());
        if let Some((_, problem)) = self.problems.pop_first() {
            return Err(problem);
        }
        let missing: Vec<String> = self
            .fields
            .iter()
            .filter(|field| self.is_missing(field))
            .map(|field| field.key.clone())
            .collect();
        if !missing.is_empty() {
            return Err(StateError::Missing {
                connector: instance.connector.clone(),
                instance: instance.name.clone(),
                fields: missing,
            });
        }
        let mut masker = Masker::default();
        masker.add_fields(&self.fields, &self.values);
        for (key, value) in &self.values {
            if instance.is_sealed(key) {
                masker.add(value);
            }
        }
        self.values.retain(|key, _| module.config(key).is_some());
        Ok(Credentials {
            values: self.values,
            masker,
        })
    }

    pub(super) fn view(&self, module: &Module, instance: &Instance) -> Vec<FieldView> {
        self.fields
            .iter()
            .map(|field| {
                let source = self
                    .sources
                    .get(&field.key)
                    .copied()
                    .unwrap_or(Source::Nothing);
                let is_secret = is_secret(field)
                    || (source == Source::Instance && instance.is_sealed(&field.key));
                let value = match self.values.get(&field.key) {
                    Some(value) if is_secret && !value.is_empty() => SECRET_PLACEHOLDER.to_owned(),
                    Some(value) => value.clone(),
                    None => String::new(),
                };
                FieldView {
                    key: field.key.clone(),
                    value,
                    source,
                    is_secret,
                    locked: field.locked,
                    missing: self.is_missing(field),
                    problem: self.problems.get(&field.key).map(ToString::to_string),
                    declared: module.config(&field.key).is_some(),
                }
            })
            .collect()
    }
}

/// Whether a value fits its field.
fn check(field: &Config, source: Source, value: String) -> Result<String, StateError> {
    if value.len() > MAX_VALUE_BYTES {
        return Err(StateError::TooLong {
            field: field.key.clone(),
            bytes: value.len(),
            limit: MAX_VALUE_BYTES,
        });
    }
    let input = Map::from_iter([(field.key.clone(), Value::from(value.as_str()))]);
    match arguments::read(
        &optional(std::slice::from_ref(field)),
        &Value::Object(input),
    ) {
        Ok(_) => Ok(value),
        Err(source_error) if source == Source::Environment => Err(StateError::Environment {
            variable: field.env_override.clone(),
            source: source_error,
        }),
        Err(error) => Err(error.into()),
    }
}

/// The value of the environment variable that a field names. An empty one does not count.
fn override_of(field: &Config, environment: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let name = field.env_override.as_str();
    let usable = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !name.to_ascii_uppercase().starts_with(OWN_VARIABLES);
    if !usable {
        return None;
    }
    environment(name).filter(|value| !value.is_empty())
}
