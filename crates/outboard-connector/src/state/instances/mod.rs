//! Instances: a connector with one set of values.
//!
//! What a connector's operations get is worked out from its declared fields by
//! [`State::credentials`](super::State::credentials):
//!
//! 1. the value of the environment variable that the field names, if it has one;
//! 2. else the stored value;
//! 3. else the field's default.
//!
//! Fields that are stored and no longer declared are never sent. A connector with OAuth has
//! the fields `client_id` and `client_secret` in any case, because signing in needs them
//! (see [`fields()`]); they are sent only if the connector declares them itself.
//!
//! Values may be stored before all required ones are there: what is missing is an error
//! when the instance is used, and [`FieldView`] shows it before.
//!
//! ```
//! use outboard_connector::{
//!     secrets::{SecretKey, Secrets},
//!     state::{State, instances::{By, NewInstance}},
//! };
//! use outboard_contracts::connector::module::{Config, Module};
//! use serde_json::json;
//!
//! # let directory = tempfile::tempdir()?;
//! # let state = State::open(&directory.path().join("outboard.db"), Secrets::new(SecretKey::generate()?))?;
//! let module = Module {
//!     configs: vec![Config { key: "token".into(), is_secret: true, required: true, ..Config::default() }],
//!     ..Module::default()
//! };
//! let new = NewInstance { connector: "github", name: "work", owner: "" };
//! let instance = state.create_instance(&new, &module, &json!({ "token": "hunter2" }), By::User)?;
//! let credentials = state.credentials(&instance, &module, &|_| None)?;
//! assert_eq!(credentials.values()["token"], "hunter2");
//! assert_eq!(credentials.masker().mask("401 for hunter2"), "401 for [secret]");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod fields;
mod rows;
mod store;

pub use fields::{
    By, Credentials, FieldView, MAX_VALUE_BYTES, MAX_VALUES_BYTES, SECRET_PLACEHOLDER, Source,
    fields,
};
pub use rows::{Instance, MAX_INSTANCES, MAX_NAME_CHARACTERS, NewInstance};

pub(super) use rows::{seal_again, to_json};
