//! Instances as they are stored.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use outboard_contracts::connector::module::Config;
use rusqlite::{Row, types::Type};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::fields::MAX_VALUES_BYTES;
use crate::{
    secrets::{Place, SecretError, SecretText, Secrets, is_secret},
    state::{StateError, from_millisecond},
};

/// The longest name of an instance, in characters.
pub const MAX_NAME_CHARACTERS: usize = 100;

/// How many instances are kept, of all connectors together.
pub const MAX_INSTANCES: u64 = 10_000;

/// An instance to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewInstance<'a> {
    /// The connector's key.
    pub connector: &'a str,
    /// Its name: 1 to [`MAX_NAME_CHARACTERS`] characters that can be printed, unique in the
    /// connector, with no white space around it, and no UUID, which is an instance's id.
    pub name: &'a str,
    /// Who owns it, in whatever way the host names people; may be empty.
    pub owner: &'a str,
}

/// A connector with one set of values. The values themselves are read with
/// [`State::credentials`](crate::state::State::credentials) and shown with
/// [`State::view`](crate::state::State::view).
#[derive(Clone)]
#[non_exhaustive]
pub struct Instance {
    /// Its id, for good.
    pub id: Uuid,
    /// The connector's key.
    pub connector: String,
    /// Its name, unique in the connector.
    pub name: String,
    /// Who owns it; may be empty.
    pub owner: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its values or its name changed last.
    pub updated_at: Timestamp,
    pub(in crate::state) stored: StoredValues,
}

impl fmt::Debug for Instance {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Instance")
            .field("id", &self.id)
            .field("connector", &self.connector)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// One value in the JSON of a row. A plain text can look like a sealed one and is not.
#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub(in crate::state) enum StoredValue {
    Plain(String),
    Sealed { sealed: String },
}

pub(in crate::state) type StoredValues = BTreeMap<String, StoredValue>;

pub(super) const COLUMNS: &str = "id, connector, name, owner, fields, created_at, updated_at";

impl Instance {
    /// Every instance there is.
    pub(in crate::state) fn all(
        connection: &rusqlite::Connection,
    ) -> rusqlite::Result<Vec<Instance>> {
        connection
            .prepare(&format!("SELECT {COLUMNS} FROM instances"))?
            .query_map([], Instance::from_row)?
            .collect()
    }

    pub(super) fn from_row(row: &Row<'_>) -> rusqlite::Result<Instance> {
        let unreadable =
            |column, error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error);
        let id: String = row.get(0)?;
        let stored: String = row.get(4)?;
        Ok(Instance {
            id: Uuid::parse_str(&id).map_err(|error| unreadable(0, Box::new(error)))?,
            connector: row.get(1)?,
            name: row.get(2)?,
            owner: row.get(3)?,
            // The reader's own error would quote what it reads.
            stored: serde_json::from_str(&stored)
                .map_err(|_| unreadable(4, "the fields of an instance cannot be read".into()))?,
            created_at: from_millisecond(row.get(5)?)?,
            updated_at: from_millisecond(row.get(6)?)?,
        })
    }

    /// All values in the clear, or why one is not to be had.
    pub(super) fn open(
        &self,
        secrets: &Secrets,
    ) -> BTreeMap<String, Result<SecretText, StateError>> {
        self.stored
            .iter()
            .map(|(key, value)| {
                let text = match value {
                    StoredValue::Plain(text) => Ok(SecretText::from(text.as_str())),
                    StoredValue::Sealed { sealed } => open(secrets, self.id, key, sealed),
                };
                (key.clone(), text)
            })
            .collect()
    }

    pub(super) fn is_sealed(&self, key: &str) -> bool {
        matches!(self.stored.get(key), Some(StoredValue::Sealed { .. }))
    }
}

fn refused(id: Uuid, key: &str) -> impl FnOnce(SecretError) -> StateError {
    move |source| StateError::Secret {
        instance: id,
        field: key.to_owned(),
        source,
    }
}

fn open(secrets: &Secrets, id: Uuid, key: &str, sealed: &str) -> Result<SecretText, StateError> {
    let owner = id.to_string();
    secrets
        .open(&Place::new("instance", &owner, key), sealed)
        .map_err(refused(id, key))
}

/// A value as it is stored under `key`.
pub(super) fn stored(
    secrets: &Secrets,
    id: Uuid,
    key: &str,
    text: &str,
    secret: bool,
) -> Result<StoredValue, StateError> {
    if !secret {
        return Ok(StoredValue::Plain(text.to_owned()));
    }
    let owner = id.to_string();
    let sealed = secrets
        .seal(&Place::new("instance", &owner, key), text)
        .map_err(refused(id, key))?;
    Ok(StoredValue::Sealed { sealed })
}

/// Seals anew what is sealed with a former key. Says how many there were.
pub(in crate::state) fn seal_again(
    secrets: &Secrets,
    id: Uuid,
    values: &mut StoredValues,
) -> Result<usize, StateError> {
    let mut count = 0;
    for (key, value) in values {
        if let StoredValue::Sealed { sealed } = value
            && !secrets.is_current(sealed)
        {
            let text = open(secrets, id, key, sealed)?;
            *value = stored(secrets, id, key, text.expose(), true)?;
            count += 1;
        }
    }
    Ok(count)
}

/// Seals what was stored before the connector said that it is a secret.
pub(super) fn seal_secrets(
    secrets: &Secrets,
    id: Uuid,
    fields: &[Config],
    values: &mut StoredValues,
) -> Result<(), StateError> {
    for field in fields.iter().filter(|field| is_secret(field)) {
        if let Some(StoredValue::Plain(text)) = values.get(&field.key) {
            let sealed = stored(secrets, id, &field.key, text, true)?;
            values.insert(field.key.clone(), sealed);
        }
    }
    Ok(())
}

/// The JSON of a row.
pub(in crate::state) fn to_json(values: &StoredValues) -> Result<String, StateError> {
    let json = serde_json::to_string(values).unwrap_or_else(|_| {
        // Texts in a map with texts as keys are always JSON.
        "{}".to_owned()
    });
    if json.len() > MAX_VALUES_BYTES {
        return Err(StateError::TooLong {
            field: String::new(),
            bytes: json.len(),
            limit: MAX_VALUES_BYTES,
        });
    }
    Ok(json)
}

pub(super) fn check_name(name: &str) -> Result<(), StateError> {
    let reason = if name.is_empty() {
        "it is empty"
    } else if name.chars().count() > MAX_NAME_CHARACTERS {
        "it has more than 100 characters"
    } else if name.trim() != name {
        "there is white space around it"
    } else if name.chars().any(char::is_control) {
        "it has characters that cannot be printed"
    } else if Uuid::try_parse(name).is_ok() {
        "it looks like an instance's id"
    } else {
        return Ok(());
    };
    Err(StateError::Name { reason })
}
