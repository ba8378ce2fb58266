//! A module or a step of the plugin, as the host holds it.

use outboard_contracts::{
    value::{self, Map, ValueError},
    workflow::proto,
};
use serde_json::Value;

use super::{CallError, error::in_band, host::Caller};
use crate::workflow::{StepInput, StepResult};

/// A module in the plugin. Dropping it does nothing there; see [`ModuleHandle::destroy`].
#[derive(Clone, Debug)]
pub struct ModuleHandle {
    caller: Caller,
    handle: String,
}

impl ModuleHandle {
    pub(super) fn new(caller: Caller, handle: String) -> Self {
        Self { caller, handle }
    }

    /// The handle that the plugin gave it.
    pub fn id(&self) -> &str {
        &self.handle
    }

    /// Makes it ready.
    ///
    /// # Errors
    ///
    /// See [`CallError`], here and on every other call.
    pub async fn init(&self) -> Result<(), CallError> {
        in_band(
            self.caller
                .client
                .clone()
                .init_module(self.request())
                .await?
                .into_inner()
                .error,
        )
    }

    /// Makes it work.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub async fn start(&self) -> Result<(), CallError> {
        in_band(
            self.caller
                .client
                .clone()
                .start_module(self.request())
                .await?
                .into_inner()
                .error,
        )
    }

    /// Makes it stop working.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub async fn stop(&self) -> Result<(), CallError> {
        in_band(
            self.caller
                .client
                .clone()
                .stop_module(self.request())
                .await?
                .into_inner()
                .error,
        )
    }

    /// Lets go of it. Its handle is unknown afterwards.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub async fn destroy(&self) -> Result<(), CallError> {
        in_band(
            self.caller
                .client
                .clone()
                .destroy_module(self.request())
                .await?
                .into_inner()
                .error,
        )
    }

    /// Calls a method of its service. `args` must be an object; `json!({})` is none.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub async fn invoke(&self, method: &str, args: Value) -> Result<Map, CallError> {
        let request = self.caller.request(proto::InvokeServiceRequest {
            handle_id: self.handle.clone(),
            method: method.to_owned(),
            args: Some(value::map_to_struct(&value::map(args)?)?),
            ..Default::default()
        });
        let response = self
            .caller
            .client
            .clone()
            .invoke_service(request)
            .await?
            .into_inner();
        in_band(response.error)?;
        Ok(value::optional_to_map(response.result)?)
    }

    fn request(&self) -> tonic::Request<proto::HandleRequest> {
        self.caller.request(proto::HandleRequest {
            handle_id: self.handle.clone(),
        })
    }
}

/// A step in the plugin. Dropping it does nothing there; see [`StepHandle::destroy`].
#[derive(Clone, Debug)]
pub struct StepHandle {
    caller: Caller,
    handle: String,
}

impl StepHandle {
    pub(super) fn new(caller: Caller, handle: String) -> Self {
        Self { caller, handle }
    }

    /// The handle that the plugin gave it.
    pub fn id(&self) -> &str {
        &self.handle
    }

    /// Runs it once.
    ///
    /// # Errors
    ///
    /// See [`CallError`], here and on every other call.
    pub async fn execute(&self, input: StepInput) -> Result<StepResult, CallError> {
        let mut step_outputs = std::collections::BTreeMap::new();
        for (name, output) in &input.step_outputs {
            step_outputs.insert(name.clone(), value::map_to_struct(output)?);
        }
        let request = self.caller.request(proto::ExecuteStepRequest {
            handle_id: self.handle.clone(),
            trigger_data: Some(value::map_to_struct(&input.trigger_data)?),
            step_outputs,
            current: Some(value::map_to_struct(&input.current)?),
            metadata: Some(value::map_to_struct(&input.metadata)?),
            config: input
                .config
                .as_ref()
                .map(value::map_to_struct)
                .transpose()?,
            ..Default::default()
        });
        let response = self
            .caller
            .client
            .clone()
            .execute_step(request)
            .await?
            .into_inner();
        in_band(response.error)?;
        let output = value::optional_to_map(response.output)?;
        Ok(StepResult {
            output,
            stop_pipeline: response.stop_pipeline,
        })
    }

    /// Lets go of it. Its handle is unknown afterwards.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub async fn destroy(&self) -> Result<(), CallError> {
        let request = self.caller.request(proto::HandleRequest {
            handle_id: self.handle.clone(),
        });
        in_band(
            self.caller
                .client
                .clone()
                .destroy_step(request)
                .await?
                .into_inner()
                .error,
        )
    }
}

impl StepInput {
    /// An input of which only `current` is set, as the first step of a pipeline
    /// sees it but for the trigger data.
    ///
    /// # Errors
    ///
    /// `current` is no object.
    pub fn of_current(current: Value) -> Result<Self, ValueError> {
        Ok(Self {
            current: value::map(current)?,
            ..Self::default()
        })
    }

    /// An input of which only `config` is set, as a host sends it whose templates are resolved.
    ///
    /// # Errors
    ///
    /// `config` is no object.
    pub fn of_config(config: Value) -> Result<Self, ValueError> {
        Ok(Self {
            config: Some(value::map(config)?),
            ..Self::default()
        })
    }
}
