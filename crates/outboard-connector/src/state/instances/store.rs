//! Making, reading, changing and removing instances.

use jiff::Timestamp;
use outboard_contracts::connector::{module::Module, validate_key};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::Value;
use uuid::Uuid;

use super::{
    fields::{By, Change, Credentials, FieldView, Resolved, changes, fields},
    rows::{
        COLUMNS, Instance, MAX_INSTANCES, NewInstance, check_name, seal_secrets, stored, to_json,
    },
};
use crate::{
    secrets::{Secrets, is_secret},
    state::{Failure, State, StateError},
};

impl State {
    /// Makes an instance with these values: a JSON object, as
    /// [`arguments::read`](outboard_contracts::connector::arguments::read) takes it, except
    /// that required ones may be missing for now.
    ///
    /// # Errors
    ///
    /// [`StateError::Key`], [`StateError::Name`], [`StateError::NameTaken`],
    /// [`StateError::TooManyInstances`], those of [`State::update_instance`].
    pub fn create_instance(
        &self,
        new: &NewInstance<'_>,
        module: &Module,
        input: &Value,
        by: By,
    ) -> Result<Instance, StateError> {
        let now = now();
        let mut instance = blank(new, now)?;
        apply(&mut instance, &self.secrets(), module, input, by)?;
        self.write("make an instance", |transaction| {
            if find(transaction, new.connector, new.name)?.is_some() {
                return Err(StateError::NameTaken {
                    connector: new.connector.to_owned(),
                    name: new.name.to_owned(),
                }
                .into());
            }
            insert(transaction, &instance)?;
            Ok(())
        })?;
        Ok(instance)
    }

    /// The instance of that name, which is made without values if it is not there: for
    /// connectors that always have one.
    ///
    /// # Errors
    ///
    /// [`StateError::Key`], [`StateError::Name`], [`StateError::TooManyInstances`].
    pub fn ensure_instance(&self, new: &NewInstance<'_>) -> Result<Instance, StateError> {
        let instance = blank(new, now())?;
        self.write("make an instance", |transaction| {
            if let Some(found) = find(transaction, new.connector, new.name)? {
                return Ok(found);
            }
            insert(transaction, &instance)?;
            Ok(instance)
        })
    }

    /// A connector's instance, by its name or its id.
    ///
    /// # Errors
    ///
    /// [`StateError::NoInstance`].
    pub fn instance(&self, connector: &str, name_or_id: &str) -> Result<Instance, StateError> {
        self.read("read an instance", |connection| {
            find(connection, connector, name_or_id)?
                .ok_or_else(|| none(connector, name_or_id).into())
        })
    }

    /// An instance by its id.
    ///
    /// # Errors
    ///
    /// [`StateError::NoInstance`].
    pub fn instance_by_id(&self, id: Uuid) -> Result<Instance, StateError> {
        self.read("read an instance", |connection| by_id(connection, id))
    }

    /// The instances of one connector, or of all, by connector and name: at most
    /// [`MAX_INSTANCES`].
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub fn instances(&self, connector: Option<&str>) -> Result<Vec<Instance>, StateError> {
        self.read("list instances", |connection| {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM instances
                 WHERE ?1 IS NULL OR connector = ?1 ORDER BY connector, name"
            ))?;
            let rows = statement.query_map([connector], Instance::from_row)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Changes values: an absent key keeps its value, `null` goes back to the default, and
    /// so does an empty text for a secret. The placeholder that a secret is shown as keeps
    /// it.
    ///
    /// # Errors
    ///
    /// [`StateError::NoInstance`]; [`StateError::Input`] for a field that is not declared
    /// or a value that does not fit; [`StateError::Locked`]; [`StateError::TooLong`].
    pub fn update_instance(
        &self,
        id: Uuid,
        module: &Module,
        input: &Value,
        by: By,
    ) -> Result<Instance, StateError> {
        let secrets = self.secrets();
        self.write("change an instance", |transaction| {
            let mut instance = by_id(transaction, id)?;
            apply(&mut instance, &secrets, module, input, by)?;
            instance.updated_at = now();
            transaction.execute(
                "UPDATE instances SET fields = ?2, updated_at = ?3 WHERE id = ?1",
                params![
                    id.to_string(),
                    to_json(&instance.stored)?,
                    instance.updated_at.as_millisecond()
                ],
            )?;
            Ok(instance)
        })
    }

    /// Gives an instance another name. Its id and its values stay.
    ///
    /// # Errors
    ///
    /// [`StateError::NoInstance`], [`StateError::Name`], [`StateError::NameTaken`].
    pub fn rename_instance(&self, id: Uuid, name: &str) -> Result<Instance, StateError> {
        check_name(name)?;
        self.write("rename an instance", |transaction| {
            let mut instance = by_id(transaction, id)?;
            if find(transaction, &instance.connector, name)?.is_some_and(|other| other.id != id) {
                return Err(StateError::NameTaken {
                    connector: instance.connector,
                    name: name.to_owned(),
                }
                .into());
            }
            name.clone_into(&mut instance.name);
            instance.updated_at = now();
            transaction.execute(
                "UPDATE instances SET name = ?2, updated_at = ?3 WHERE id = ?1",
                params![id.to_string(), name, instance.updated_at.as_millisecond()],
            )?;
            Ok(instance)
        })
    }

    /// Removes an instance, its values and who is signed in to it.
    ///
    /// # Errors
    ///
    /// [`StateError::NoInstance`].
    pub fn remove_instance(&self, id: Uuid) -> Result<(), StateError> {
        self.write("remove an instance", |transaction| {
            let removed =
                transaction.execute("DELETE FROM instances WHERE id = ?1", [id.to_string()])?;
            match removed {
                0 => Err(none("", &id.to_string()).into()),
                _ => Ok(()),
            }
        })
    }

    /// What an operation of this instance gets: values of declared fields and no others.
    /// `environment` looks variables up for fields with an override. It decides which ones
    /// a connector may see, since the connector's author names them; the host's own
    /// (`OUTBOARD_…`) are never asked for.
    ///
    /// # Errors
    ///
    /// [`StateError::Missing`] with every required field that has no value;
    /// [`StateError::Input`] for a stored value that the connector's present version does
    /// not take; [`StateError::Environment`]; [`StateError::Secret`].
    pub fn credentials(
        &self,
        instance: &Instance,
        module: &Module,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Credentials, StateError> {
        self.resolve(instance, module, environment)
            .credentials(module, instance)
    }

    /// The fields of an instance as they may be shown, in the order of their declaration.
    pub fn view(
        &self,
        instance: &Instance,
        module: &Module,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Vec<FieldView> {
        self.resolve(instance, module, environment)
            .view(module, instance)
    }

    pub(crate) fn resolve(
        &self,
        instance: &Instance,
        module: &Module,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Resolved {
        Resolved::new(module, instance.open(&self.secrets()), environment)
    }
}

/// With the precision that is stored.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

fn blank(new: &NewInstance<'_>, now: Timestamp) -> Result<Instance, StateError> {
    validate_key(new.connector)?;
    check_name(new.name)?;
    Ok(Instance {
        id: Uuid::new_v4(),
        connector: new.connector.to_owned(),
        name: new.name.to_owned(),
        owner: new.owner.to_owned(),
        created_at: now,
        updated_at: now,
        stored: Default::default(),
    })
}

fn none(connector: &str, name: &str) -> StateError {
    StateError::NoInstance {
        connector: connector.to_owned(),
        name: name.chars().take(100).collect(),
    }
}

fn find(
    connection: &Connection,
    connector: &str,
    name_or_id: &str,
) -> Result<Option<Instance>, Failure> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM instances WHERE connector = ?1 AND (name = ?2 OR id = ?3)"
    ))?;
    let id = Uuid::try_parse(name_or_id).map(|id| id.to_string()).ok();
    Ok(statement
        .query_row(params![connector, name_or_id, id], Instance::from_row)
        .optional()?)
}

fn by_id(connection: &Connection, id: Uuid) -> Result<Instance, Failure> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM instances WHERE id = ?1"))?;
    let id = id.to_string();
    statement
        .query_row([&id], Instance::from_row)
        .optional()?
        .ok_or_else(|| none("", &id).into())
}

fn insert(connection: &Connection, instance: &Instance) -> Result<(), Failure> {
    let count: i64 =
        connection.query_row("SELECT count(*) FROM instances", [], |row| row.get(0))?;
    if count.unsigned_abs() >= MAX_INSTANCES {
        return Err(StateError::TooManyInstances {
            limit: MAX_INSTANCES,
        }
        .into());
    }
    connection.execute(
        &format!("INSERT INTO instances ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"),
        params![
            instance.id.to_string(),
            instance.connector,
            instance.name,
            instance.owner,
            to_json(&instance.stored)?,
            instance.created_at.as_millisecond(),
            instance.updated_at.as_millisecond()
        ],
    )?;
    Ok(())
}

fn apply(
    instance: &mut Instance,
    secrets: &Secrets,
    module: &Module,
    input: &Value,
    by: By,
) -> Result<(), StateError> {
    let fields = fields(module);
    let before = instance.open(secrets);
    for (key, change) in changes(&fields, &before, input, by)? {
        match change {
            Change::Clear => {
                instance.stored.remove(&key);
            }
            Change::Set(text) => {
                let secret = fields
                    .iter()
                    .any(|field| field.key == key && is_secret(field));
                let value = stored(secrets, instance.id, &key, text.expose(), secret)?;
                instance.stored.insert(key, value);
            }
        }
    }
    seal_secrets(secrets, instance.id, &fields, &mut instance.stored)?;
    to_json(&instance.stored).map(drop)
}
