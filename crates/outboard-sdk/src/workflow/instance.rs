//! What a plugin makes: modules, their services, and steps.

use std::collections::BTreeMap;

use async_trait::async_trait;
use outboard_contracts::value::{self, Map};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Error;

/// A module: something that lives from its creation until it is destroyed.
///
/// ```text
/// create ─▸ init ─▸ start ─▸ stop ─▸ destroy (drop)
///                     ▴        │
///                     └────────┘
/// ```
///
/// The SDK keeps that order whatever the host does: a start before init is
/// refused, a second init or start and a stop of what does not run do nothing, and a
/// destroy stops first. These methods are never run at once for one module, and
/// never abandoned half-way, also when the host gives up waiting.
/// A method that fails may be called again.
#[async_trait]
pub trait ModuleInstance: Send + Sync + 'static {
    /// Gets ready: checks what it needs, opens what it keeps open.
    async fn init(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Begins to work. Work in the background goes into tasks of its own that
    /// [`stop`](Self::stop) ends; the call itself should return.
    async fn start(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Ends the work that [`start`](Self::start) began.
    async fn stop(&self) -> Result<(), Error> {
        Ok(())
    }

    /// The module's service, if it has one. The host's calls of a module without
    /// one are answered with `Unimplemented`.
    fn service(&self) -> Option<&dyn ServiceInvoker> {
        None
    }
}

/// The named methods that a module offers to the host and to other plugins.
#[async_trait]
pub trait ServiceInvoker: Send + Sync {
    /// Calls one method. It may come in any state of the module, and several at once.
    ///
    /// # Errors
    ///
    /// For a method that is not known, arguments that are wrong, and failure.
    async fn invoke(&self, method: &str, args: Map) -> Result<Map, Error>;
}

/// A step: one piece of work in a pipeline, done once for each run.
#[async_trait]
pub trait StepInstance: Send + Sync + 'static {
    /// Does the work. Many may run at once. When the host gives up waiting, the
    /// future is dropped where it stands.
    ///
    /// # Errors
    ///
    /// The pipeline's error strategy decides what the host does about it.
    async fn execute(&self, input: StepInput) -> Result<StepResult, Error>;
}

/// What a step gets to see of the pipeline's run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepInput {
    /// What started the pipeline.
    pub trigger_data: Map,
    /// What earlier steps gave, by step name.
    pub step_outputs: BTreeMap<String, Map>,
    /// The trigger data and all outputs so far in one map, later ones on top.
    pub current: Map,
    /// About the run itself, such as the pipeline's name.
    pub metadata: Map,
    /// The step's config with its templates resolved for this run. Hosts older
    /// than v0.3.5 of the original do not send it; see [`StepInput::config_or`].
    pub config: Option<Map>,
}

impl StepInput {
    /// The config of this run, or else the one that the step was created with.
    ///
    /// ```
    /// use outboard_sdk::{Map, workflow::StepInput};
    ///
    /// let mut created = Map::new();
    /// created.insert("path".into(), "a.json".into());
    /// assert_eq!(StepInput::default().config_or(&created)["path"], "a.json");
    /// ```
    pub fn config_or<'a>(&'a self, created: &'a Map) -> &'a Map {
        self.config.as_ref().unwrap_or(created)
    }

    /// [`config_or`](Self::config_or), read into a type of the plugin's own.
    ///
    /// # Errors
    ///
    /// A field that is missing or of the wrong kind, by name.
    pub fn read_config<T: DeserializeOwned>(&self, created: &Map) -> Result<T, Error> {
        from_map(self.config_or(created)).map_err(|error| error.context("config"))
    }
}

/// What a step gives.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepResult {
    /// The step's output, under its name for later steps.
    pub output: Map,
    /// Ends the pipeline here, as a success.
    pub stop_pipeline: bool,
}

impl StepResult {
    /// A result with this output; the pipeline goes on. Made for `json!`.
    ///
    /// # Errors
    ///
    /// `output` is no JSON object.
    pub fn output(output: Value) -> Result<Self, Error> {
        Ok(Self {
            output: value::map(output)?,
            stop_pipeline: false,
        })
    }

    /// The same result, but the pipeline ends here, as a success.
    #[must_use]
    pub fn and_stop(mut self) -> Self {
        self.stop_pipeline = true;
        self
    }
}

impl From<Map> for StepResult {
    fn from(output: Map) -> Self {
        Self {
            output,
            stop_pipeline: false,
        }
    }
}

/// Reads a map into a type of the plugin's own.
///
/// ```
/// #[derive(serde::Deserialize)]
/// struct Config {
///     path: String,
///     #[serde(default)]
///     limit: u32,
/// }
///
/// let map = outboard_sdk::json!({ "path": "a.db" });
/// let config: Config = outboard_sdk::workflow::from_map(map.as_object().unwrap()).unwrap();
/// assert_eq!((config.path.as_str(), config.limit), ("a.db", 0));
/// ```
///
/// # Errors
///
/// A field that is missing or of the wrong kind, by name.
pub fn from_map<T: DeserializeOwned>(map: &Map) -> Result<T, Error> {
    Ok(T::deserialize(map)?)
}
