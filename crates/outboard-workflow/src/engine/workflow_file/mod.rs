//! The workflow file: YAML in, checked definitions out, or every problem at once.
//!
//! ```yaml
//! requires: { capabilities: [key-value] }     # optional
//! modules:
//!   - name: stock
//!     type: kv.sqlite
//!     config: { path: "${DATA_DIR}/stock.db" }
//!     depends_on: []                          # optional
//! pipelines:
//!   restock:
//!     description: ""                         # optional
//!     timeout: 30s                            # optional
//!     on_error: stop                          # stop | skip | compensate
//!     steps:
//!       - name: save
//!         type: step.kv_put
//!         config: { store: stock, items: "{{ trigger.items }}" }
//!         timeout: 5s                         # optional
//!         compensate: { type: step.kv_delete, config: { store: stock } }
//! triggers:
//!   - { type: http, path: /restock, method: POST, pipeline: restock }
//!   - { type: schedule, every: 1h, pipeline: restock, input: {} }
//!   - { type: PLUGIN.TYPE, name: x, pipeline: restock, config: {} }
//! plugins:                                    # optional
//!   clock: { may_trigger: [restock], may_look_up: [stock] }
//! ```
//!
//! [`check`] looks at the whole file before anything starts, and knows nothing of
//! processes: which types exist is told to it.

mod config;
mod definition;
mod duration;
mod fields;
mod node;
mod problem;
mod reader;
mod rights;
mod triggers;

use std::collections::BTreeMap;

pub use definition::{
    CompensationDefinition, ErrorStrategy, ModuleDefinition, PipelineDefinition, PluginRights,
    StepDefinition, TriggerDefinition, Workflow,
};
pub use problem::{Problem, Problems};

use super::KnownTypes;

/// The largest workflow file that is read: 1 MiB.
pub const MAX_FILE_BYTES: usize = 1024 * 1024;

/// What a check knows about the world.
#[derive(Clone, Copy)]
pub struct CheckOptions<'a> {
    /// Which types exist; `None` accepts every type.
    pub types: Option<&'a KnownTypes>,
    /// What `${NAME}` stands for.
    pub variables: &'a BTreeMap<String, String>,
    /// What `{{ env.NAME }}` stands for.
    pub env: &'a (dyn Fn(&str) -> Option<String> + Send + Sync),
    /// Paths that HTTP triggers cannot have, because the server has them; each with
    /// everything below it.
    pub reserved_paths: &'a [&'a str],
}

impl CheckOptions<'static> {
    /// No variables, the process's environment, every type, no reserved paths.
    pub fn permissive() -> Self {
        static NONE: BTreeMap<String, String> = BTreeMap::new();
        Self {
            types: None,
            variables: &NONE,
            env: &|name| std::env::var(name).ok(),
            reserved_paths: &[],
        }
    }
}

impl std::fmt::Debug for CheckOptions<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("CheckOptions")
            .field("types", &self.types)
            .finish_non_exhaustive()
    }
}

/// Checks a workflow file.
///
/// # Errors
///
/// Every problem that the file has, in the order of their places. A file that is no
/// YAML has one problem: the first.
pub fn check(file: &[u8], options: &CheckOptions<'_>) -> Result<Workflow, Problems> {
    let whole = |message: String| {
        let problem = Problem {
            line: 0,
            column: 0,
            path: String::new(),
            message,
            hint: None,
        };
        Problems::new(vec![problem])
    };
    if file.len() > MAX_FILE_BYTES {
        let bytes = file.len();
        return Err(whole(format!(
            "the file has {bytes} bytes, the limit is {MAX_FILE_BYTES}"
        )));
    }
    let text = std::str::from_utf8(file).map_err(|error| {
        let before = &file[..error.valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        whole(format!(
            "the file is not UTF-8: line {line} has bytes that are no text"
        ))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (root, problems) = node::load(text);
    match root {
        Some(root) => reader::read(&root, problems, options),
        None if problems.is_empty() => Err(whole("the file is empty".to_owned())),
        None => Err(Problems::new(problems)),
    }
}
