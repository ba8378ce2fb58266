//! Config: instances, what of them a call gets, and who is signed in.

use std::{collections::BTreeMap, sync::Arc};

use outboard_contracts::connector::{
    Manifest, Module,
    arguments::{self, Arguments},
};
use serde_json::{Value, json};

use super::{
    ConnectorHost,
    error::{HostError, HostErrorKind, of_state},
    types::{IdentityView, InstanceChange, InstanceView},
};
use crate::{
    secrets::Masker,
    state::{
        State,
        instances::{By, Instance, NewInstance},
    },
};

/// The name of an instance that was given none.
const DEFAULT_NAME: &str = "default";

/// What a call is made with.
pub(super) struct CallConfig {
    pub(super) creds: Arguments,
    pub(super) masker: Masker,
    /// The instance's name; empty without one.
    pub(super) instance: String,
}

impl ConnectorHost {
    /// The instances of a connector, by name.
    ///
    /// # Errors
    ///
    /// [`HostErrorKind::NotFound`] when there is no such connector.
    pub async fn instances(&self, key: &str) -> Result<Vec<InstanceView>, HostError> {
        let manifest = self.manifest(key)?;
        let (host, key) = (self.clone(), key.to_owned());
        self.with_state(move |state| {
            let found = state.instances(Some(&key)).map_err(of_state)?;
            found
                .iter()
                .map(|instance| host.view(state, instance, &manifest.module))
                .collect()
        })
        .await
    }

    /// One instance, by name or id.
    ///
    /// # Errors
    ///
    /// [`HostErrorKind::NotFound`].
    pub async fn instance(&self, key: &str, instance: &str) -> Result<InstanceView, HostError> {
        let manifest = self.manifest(key)?;
        let (host, key, name) = (self.clone(), key.to_owned(), instance.to_owned());
        self.with_state(move |state| {
            let instance = state.instance(&key, &name).map_err(of_state)?;
            host.view(state, &instance, &manifest.module)
        })
        .await
    }

    /// Makes an instance. It is called `default` unless it is given a name.
    ///
    /// # Errors
    ///
    /// [`HostErrorKind::Conflict`] when there is one of that name,
    /// [`HostErrorKind::InvalidInput`] for values that its fields do not allow.
    pub async fn create_instance(
        &self,
        key: &str,
        change: InstanceChange,
    ) -> Result<InstanceView, HostError> {
        let manifest = self.manifest(key)?;
        let (host, key) = (self.clone(), key.to_owned());
        self.with_state(move |state| {
            let new = NewInstance {
                connector: &key,
                name: change.name.as_deref().unwrap_or(DEFAULT_NAME),
                owner: "",
            };
            let values = Value::Object(change.config);
            let instance = state
                .create_instance(&new, &manifest.module, &values, By::User)
                .map_err(of_state)?;
            host.view(state, &instance, &manifest.module)
        })
        .await
    }

    /// Changes values of an instance, or its name.
    ///
    /// # Errors
    ///
    /// As [`ConnectorHost::create_instance`].
    pub async fn update_instance(
        &self,
        key: &str,
        instance: &str,
        change: InstanceChange,
    ) -> Result<InstanceView, HostError> {
        let manifest = self.manifest(key)?;
        let (host, key, name) = (self.clone(), key.to_owned(), instance.to_owned());
        self.with_state(move |state| {
            let mut instance = state.instance(&key, &name).map_err(of_state)?;
            if let Some(name) = change.name.filter(|name| *name != instance.name) {
                instance = state
                    .rename_instance(instance.id, &name)
                    .map_err(of_state)?;
            }
            if !change.config.is_empty() {
                let values = Value::Object(change.config);
                instance = state
                    .update_instance(instance.id, &manifest.module, &values, By::User)
                    .map_err(of_state)?;
            }
            host.view(state, &instance, &manifest.module)
        })
        .await
    }

    /// Removes an instance with its tokens.
    ///
    /// # Errors
    ///
    /// [`HostErrorKind::NotFound`].
    pub async fn delete_instance(&self, key: &str, instance: &str) -> Result<(), HostError> {
        let (key, name) = (key.to_owned(), instance.to_owned());
        self.with_state(move |state| {
            let instance = state.instance(&key, &name).map_err(of_state)?;
            state.remove_instance(instance.id).map_err(of_state)
        })
        .await
    }

    fn view(
        &self,
        state: &State,
        instance: &Instance,
        module: &Module,
    ) -> Result<InstanceView, HostError> {
        let fields = state.view(instance, module, &|name| self.variable(name));
        let missing = fields.iter().filter(|field| field.missing);
        let signed_in = state.sign_in(instance.id).map_err(of_state)?;
        Ok(InstanceView {
            id: instance.id.to_string(),
            connector: instance.connector.clone(),
            name: instance.name.clone(),
            missing: missing.map(|field| field.key.clone()).collect(),
            config: fields
                .iter()
                .filter(|field| !field.value.is_empty())
                .map(|field| (field.key.clone(), field.value.clone()))
                .collect(),
            problems: fields
                .iter()
                .filter_map(|field| Some((field.key.clone(), field.problem.clone()?)))
                .collect::<BTreeMap<_, _>>(),
            identity: signed_in.map(|signed_in| {
                let identity = signed_in.identity.unwrap_or_default();
                IdentityView {
                    user_id: identity.user_id,
                    display_name: identity.display_name,
                    expires_at: signed_in.expires_at.map(|at| at.to_string()),
                    problem: signed_in.problem,
                }
            }),
            created_at: instance.created_at.to_string(),
            updated_at: instance.updated_at.to_string(),
        })
    }

    /// A variable that fields with an override may take their value from. A connector's
    /// author names them, so it is the operator who says which ones may be seen.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        let allowed = &self.inner.config.environment_overrides;
        allowed
            .iter()
            .any(|allowed| allowed == name)
            .then(|| std::env::var(name).ok())
            .flatten()
    }

    /// What a call of an instance is made with, or of the only one that there is.
    pub(super) async fn call_config(
        &self,
        key: &str,
        manifest: &Arc<Manifest>,
        wanted: Option<String>,
        given: Option<Value>,
    ) -> Result<CallConfig, HostError> {
        if let Some(given) = given {
            return given_config(key, &manifest.module, &given);
        }
        let (host, owned_key, declared) = (self.clone(), key.to_owned(), Arc::clone(manifest));
        let found = self
            .with_state(move |state| {
                let Some(instance) = chosen(state, &owned_key, wanted.as_deref())? else {
                    return Ok(None);
                };
                let creds = state
                    .credentials(&instance, &declared.module, &|name| host.variable(name))
                    .map_err(of_state)?;
                Ok(Some((instance, creds)))
            })
            .await?;
        let Some((instance, mut creds)) = found else {
            // Without an instance there are the defaults, if they are enough.
            return given_config(key, &manifest.module, &json!({}));
        };
        if let Some(token) = self.access_token(&manifest.module, &instance).await? {
            creds.set_access_token(token);
        }
        let (creds, masker) = creds.into_parts();
        Ok(CallConfig {
            creds,
            masker,
            instance: instance.name,
        })
    }
}

/// The instance that is named, or the only one.
fn chosen(state: &State, key: &str, wanted: Option<&str>) -> Result<Option<Instance>, HostError> {
    if let Some(wanted) = wanted {
        return state.instance(key, wanted).map(Some).map_err(of_state);
    }
    let mut all = state.instances(Some(key)).map_err(of_state)?;
    if all.len() > 1 {
        // One that is called so was meant for those who do not choose.
        if let Some(at) = all.iter().position(|one| one.name == DEFAULT_NAME) {
            return Ok(Some(all.swap_remove(at)));
        }
        let names: Vec<_> = all.iter().map(|one| one.name.as_str()).collect();
        let message = format!("{key} has {} instances, and none was chosen", names.len());
        return Err(HostError::new(HostErrorKind::NotConfigured, message)
            .hint(format!("choose one of {}", names.join(", "))));
    }
    Ok(all.pop())
}

fn given_config(key: &str, module: &Module, given: &Value) -> Result<CallConfig, HostError> {
    let creds = arguments::read(&module.configs, given).map_err(|error| {
        let kind = match error {
            arguments::ArgumentError::Missing { .. } => HostErrorKind::NotConfigured,
            _ => HostErrorKind::InvalidInput,
        };
        HostError::new(kind, format!("{key}: config: {error}")).hint(format!(
            "`outboard connector config set {key} FIELD=VALUE` sets it"
        ))
    })?;
    let mut masker = Masker::default();
    masker.add_fields(&module.configs, &creds);
    Ok(CallConfig {
        creds,
        masker,
        instance: String::new(),
    })
}
