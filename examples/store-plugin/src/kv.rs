//! `step.kv_put` and `step.kv_delete`: items into a store of this plugin, and out of it.

use std::collections::BTreeSet;

use outboard_sdk::{
    Error, Map, Value, async_trait, json,
    workflow::{StepInput, StepInstance, StepResult},
};
use serde::Deserialize;

use crate::{
    config::{items, kind},
    store::Stores,
};

#[derive(Deserialize)]
struct PutConfig {
    /// The name of a `kv.sqlite` module.
    store: String,
    /// The field of an item that is its key.
    #[serde(default = "default_key")]
    key: String,
}

fn default_key() -> String {
    "id".to_owned()
}

pub(crate) struct Put {
    created: Map,
    stores: Stores,
}

impl Put {
    pub(crate) fn new(created: Map, stores: Stores) -> Self {
        Self { created, stores }
    }
}

#[async_trait]
impl StepInstance for Put {
    /// Gives `store`, `stored`, `keys`, and of those `created`: what was not there before.
    async fn execute(&self, input: StepInput) -> Result<StepResult, Error> {
        let config: PutConfig = input.read_config(&self.created)?;
        let items = items(input.config_or(&self.created), &input)?;
        let database = self.stores.get(&config.store)?;
        let mut keyed = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let key = key_of(&item, &config.key)
                .map_err(|error| error.context(format!("items[{index}]")))?;
            keyed.push((key, item));
        }
        let keys: Vec<_> = keyed.iter().map(|(key, _)| key.clone()).collect();
        let kept = database
            .put(keyed)
            .await
            .map_err(|error| error.context(format!("store {:?}", config.store)))?;
        StepResult::output(json!({
            "store": config.store, "stored": keys.len(), "keys": keys, "created": kept.created,
        }))
    }
}

fn key_of(item: &Value, field: &str) -> Result<String, Error> {
    match item.get(field) {
        Some(Value::String(key)) if !key.is_empty() => Ok(key.clone()),
        Some(Value::Number(key)) if key.is_i64() || key.is_u64() => Ok(key.to_string()),
        Some(other) => {
            let what = kind(other);
            Err(Error::new(format!(
                "field {field:?} is the key and must be text or an integer, but is {what}"
            )))
        }
        None => Err(Error::new(format!(
            "there is no field {field:?}, which is the key; set `key` in the config"
        ))),
    }
}

#[derive(Deserialize)]
struct DeleteConfig {
    store: String,
    keys: Option<Vec<String>>,
}

pub(crate) struct Delete {
    created: Map,
    stores: Stores,
}

impl Delete {
    pub(crate) fn new(created: Map, stores: Stores) -> Self {
        Self { created, stores }
    }
}

#[async_trait]
impl StepInstance for Delete {
    /// Deletes the config's `keys`. Without them it undoes what the puts before it
    /// in this run created in that store, which makes it a compensation.
    /// Gives `store` and `deleted`.
    async fn execute(&self, input: StepInput) -> Result<StepResult, Error> {
        let config: DeleteConfig = input.read_config(&self.created)?;
        let keys = config
            .keys
            .unwrap_or_else(|| created_before(&input, &config.store));
        let database = self.stores.get(&config.store)?;
        let deleted = database
            .delete(keys)
            .await
            .map_err(|error| error.context(format!("store {:?}", config.store)))?;
        StepResult::output(json!({ "store": config.store, "deleted": deleted }))
    }
}

fn created_before(input: &StepInput, store: &str) -> Vec<String> {
    let outputs = input
        .step_outputs
        .values()
        .filter(|output| output.get("store").and_then(Value::as_str) == Some(store));
    let keys = outputs
        .filter_map(|output| output.get("created")?.as_array())
        .flatten();
    let keys: BTreeSet<_> = keys.filter_map(Value::as_str).map(str::to_owned).collect();
    keys.into_iter().collect()
}
