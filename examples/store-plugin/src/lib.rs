//! Example: a SQLite-backed key-value module, steps that read, validate and transform JSON,
//! and a trigger for files that change.
//!
//! | type | config | what it does |
//! |---|---|---|
//! | module `kv.sqlite` | `path` | keeps JSON values by key; a service with `get`, `put`, `delete`, `list`, `count` |
//! | `step.read_json` | `path`, `max_bytes`? | reads a file of JSON into `items` |
//! | `step.validate` | `schema`, `items`?, `strict`? | parts `items` into `valid` and `invalid`, with reasons |
//! | `step.transform` | `items`?, `compute`?, `rename`?, `select`?, `sum`? | changes every item |
//! | `step.kv_put` | `store`, `items`?, `key`? | keeps every item in a store, all or none |
//! | `step.kv_delete` | `store`, `keys`? | deletes keys, or what the steps before created |
//! | trigger `file.changed` | `path`, `every_ms`? | starts a pipeline when the file is there anew or otherwise |
//!
//! Paths that are not absolute begin at the `_config_dir` that an engine adds to every
//! config, or else at the working directory. Steps without `items` in
//! their config take them from what the steps before gave.

mod config;
mod file_changed;
mod kv;
mod read_json;
mod store;
mod transform;
mod validate;

use outboard_sdk::workflow::{ConfigField, Manifest, ModuleSchema, Plugin, ServiceIo};

use self::{
    file_changed::FileChanged,
    kv::{Delete, Put},
    read_json::ReadJson,
    store::{Store, Stores},
    transform::Transform,
    validate::Validate,
};

/// The plugin, ready to be served or tested.
///
/// # Panics
///
/// Never: `plugin.json` is compiled in, and a test reads it.
pub fn plugin() -> Plugin {
    let manifest = Manifest::from_plugin_json(include_bytes!("../plugin.json"));
    let manifest = manifest.expect("plugin.json is valid, which a test checks");
    // Steps find the stores of this process by name.
    let stores = Stores::default();
    let (for_modules, for_put, for_delete) = (stores.clone(), stores.clone(), stores);
    Plugin::new(manifest)
        .module("kv.sqlite", move |name, config| {
            Store::new(name, &config, for_modules.clone())
        })
        .schema(store_schema())
        .step("step.read_json", |_name, config| Ok(ReadJson::new(config)))
        .step("step.validate", |_name, config| Ok(Validate::new(config)))
        .step("step.transform", |_name, config| Ok(Transform::new(config)))
        .step("step.kv_put", move |_name, config| {
            Ok(Put::new(config, for_put.clone()))
        })
        .step("step.kv_delete", move |_name, config| {
            Ok(Delete::new(config, for_delete.clone()))
        })
        .trigger("file.changed", |_name, config, callback| {
            FileChanged::new(&config, callback)
        })
}

fn store_schema() -> ModuleSchema {
    ModuleSchema {
        module_type: "kv.sqlite".into(),
        label: "Key-value store".into(),
        category: "storage".into(),
        description: "Keeps JSON values by key in a SQLite file.".into(),
        outputs: vec![ServiceIo {
            name: "store".into(),
            io_type: "key-value".into(),
            description: "get, put, delete, list, count".into(),
        }],
        config_fields: vec![ConfigField {
            key: "path".into(),
            label: "path".into(),
            field_type: "filepath".into(),
            description: "The database file; it is made if it does not exist.".into(),
            required: true,
            ..ConfigField::default()
        }],
        ..ModuleSchema::default()
    }
}
