//! `step.validate`: which items follow a JSON Schema, and why the others do not.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use jsonschema::Validator;
use outboard_sdk::{
    Error, Map, Value, async_trait, json,
    workflow::{StepInput, StepInstance, StepResult},
};
use serde::Deserialize;

use crate::{
    config::{items, kind, on_a_thread, resolve_path},
    read_json::read_limited,
};

/// How large a schema may be: 1 MiB.
const MAX_SCHEMA_BYTES: u64 = 1024 * 1024;
/// How many reasons are given for one item.
const MAX_REASONS: usize = 10;

#[derive(Deserialize)]
struct Config {
    /// A path, or the schema itself.
    schema: Value,
    /// Whether an invalid item fails the step.
    #[serde(default)]
    strict: bool,
}

pub(crate) struct Validate {
    created: Map,
    /// The schema file that was compiled last. Held for a look, never while compiling.
    compiled: Arc<Mutex<Option<Compiled>>>,
}

#[derive(Clone)]
struct Compiled {
    path: PathBuf,
    modified: Option<SystemTime>,
    validator: Arc<Validator>,
}

impl Validate {
    pub(crate) fn new(created: Map) -> Self {
        Self {
            created,
            compiled: Arc::default(),
        }
    }
}

#[async_trait]
impl StepInstance for Validate {
    /// Gives `valid` (items), `invalid` (`index`, `item`, `reasons`) and `counts`.
    async fn execute(&self, input: StepInput) -> Result<StepResult, Error> {
        let config: Config = input.read_config(&self.created)?;
        let items = items(input.config_or(&self.created), &input)?;
        let source = match config.schema {
            Value::String(path) => {
                Source::File(resolve_path(input.config_or(&self.created), &path))
            }
            schema @ (Value::Object(_) | Value::Bool(_)) => Source::Inline(schema),
            other => {
                return Err(Error::new(format!(
                    "config: schema is {}, not a path or a schema",
                    kind(&other)
                )));
            }
        };
        let compiled = self.compiled.clone();
        let (valid, invalid) = on_a_thread(move || {
            let validator = source.validator(&compiled)?;
            Ok(split(&validator, items))
        })
        .await?;
        if config.strict
            && let Some(first) = invalid.first()
        {
            let (count, index, reason) = (invalid.len(), &first["index"], &first["reasons"][0]);
            return Err(Error::new(format!(
                "{count} items are not valid; the first is items[{index}]: {reason}"
            )));
        }
        let counts = json!({ "valid": valid.len(), "invalid": invalid.len() });
        StepResult::output(json!({ "valid": valid, "invalid": invalid, "counts": counts }))
    }
}

enum Source {
    File(PathBuf),
    Inline(Value),
}

impl Source {
    fn validator(self, compiled: &Mutex<Option<Compiled>>) -> Result<Arc<Validator>, Error> {
        match self {
            Source::Inline(schema) => Ok(Arc::new(compile(&schema)?)),
            Source::File(path) => from_file(&path, compiled)
                .map_err(|error| error.context(format!("schema {}", path.display()))),
        }
    }
}

fn from_file(path: &Path, compiled: &Mutex<Option<Compiled>>) -> Result<Arc<Validator>, Error> {
    let modified = path.metadata()?.modified().ok();
    let lock = || compiled.lock().unwrap_or_else(PoisonError::into_inner);
    let known = lock()
        .clone()
        .filter(|known| known.path == path && known.modified == modified);
    if let Some(known) = known {
        return Ok(known.validator);
    }
    let schema = serde_json::from_slice(&read_limited(path, MAX_SCHEMA_BYTES)?)?;
    let validator = Arc::new(compile(&schema)?);
    *lock() = Some(Compiled {
        path: path.to_owned(),
        modified,
        validator: validator.clone(),
    });
    Ok(validator)
}

fn compile(schema: &Value) -> Result<Validator, Error> {
    jsonschema::validator_for(schema)
        .map_err(|error| Error::from(error).context("it is no usable JSON Schema"))
}

fn split(validator: &Validator, items: Vec<Value>) -> (Vec<Value>, Vec<Value>) {
    let (mut valid, mut invalid) = (Vec::new(), Vec::new());
    for (index, item) in items.into_iter().enumerate() {
        let reasons: Vec<String> = validator
            .iter_errors(&item)
            .take(MAX_REASONS)
            .map(|error| match error.instance_path().to_string() {
                path if path.is_empty() => error.to_string(),
                path => format!("{path}: {error}"),
            })
            .collect();
        if reasons.is_empty() {
            valid.push(item);
        } else {
            invalid.push(json!({ "index": index, "item": item, "reasons": reasons }));
        }
    }
    (valid, invalid)
}
