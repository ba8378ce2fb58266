//! Typed calls to one plugin process, each with a deadline and a typed error.

use std::{future::Future, time::Duration};

use outboard_contracts::{
    schema::ModuleSchema,
    value::{self, Map, ValueError},
    workflow::proto::{
        self, ConfigureCallbackRequest, CreateModuleRequest, CreateStepRequest,
        CreateTriggerRequest, ExecuteStepRequest, HandleRequest, InvokeServiceRequest,
        plugin_service_client::PluginServiceClient,
    },
};
use outboard_go_plugin::{
    trace,
    transport::{Channel, MAX_MESSAGE_BYTES},
};
use tonic::{Code, Request, Response, Status};

use crate::engine::{EngineError, EngineErrorKind, PluginFailure, StepCall, StepResult};

/// How long calls to plugins may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallDeadlines {
    /// Questions about the plugin itself: manifest, types, schemas. 10 s by default.
    pub describe: Duration,
    /// Making, initializing, starting, stopping and destroying. 30 s by default.
    pub lifecycle: Duration,
    /// Calling a service. 30 s by default. How long a step may take is the
    /// pipeline's business: each execution brings its own deadline.
    pub invoke: Duration,
}

impl Default for CallDeadlines {
    fn default() -> Self {
        CallDeadlines {
            describe: Duration::from_secs(10),
            lifecycle: Duration::from_secs(30),
            invoke: Duration::from_secs(30),
        }
    }
}

/// The client of one plugin's `PluginService`.
///
/// Every call has a deadline and fails with [`EngineError::Plugin`], which says
/// whether the plugin refused, is gone, or did not answer in time. Dropping a
/// call cancels it at the plugin.
#[derive(Clone, Debug)]
pub struct PluginClient {
    plugin: String,
    client: PluginServiceClient<Channel>,
    deadlines: CallDeadlines,
}

/// What a plugin says about itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Description {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) author: String,
    pub(crate) description: String,
    pub(crate) module_types: Vec<String>,
    pub(crate) step_types: Vec<String>,
    pub(crate) trigger_types: Vec<String>,
    pub(crate) schemas: Vec<ModuleSchema>,
}

impl PluginClient {
    /// A client of the plugin called `plugin` at the other end of `channel`.
    pub fn new(plugin: impl Into<String>, channel: Channel) -> PluginClient {
        PluginClient {
            plugin: plugin.into(),
            client: PluginServiceClient::new(channel)
                .max_decoding_message_size(MAX_MESSAGE_BYTES)
                .max_encoding_message_size(MAX_MESSAGE_BYTES),
            deadlines: CallDeadlines::default(),
        }
    }

    /// The same client with other deadlines.
    #[must_use]
    pub fn with_deadlines(mut self, deadlines: CallDeadlines) -> PluginClient {
        self.deadlines = deadlines;
        self
    }

    /// The plugin's name, as it appears in errors.
    pub fn plugin(&self) -> &str {
        &self.plugin
    }

    /// The generated client, for calls that this one has no words for. Its calls
    /// have no deadline but the channel's limit on silence.
    pub fn raw(&self) -> PluginServiceClient<Channel> {
        self.client.clone()
    }

    /// Everything that a plugin says about itself, in five questions.
    ///
    /// A plugin may not know some of them: that counts as nothing to say. One
    /// that knows neither its manifest nor its types is not of this family.
    pub(crate) async fn describe(&self) -> Result<Description, EngineError> {
        let limit = self.deadlines.describe;
        let known = |answer: Result<_, EngineError>| match answer {
            Err(error) if error.kind() == EngineErrorKind::Plugin(PluginFailure::Unsupported) => {
                Ok(None)
            }
            answer => answer.map(Some),
        };
        macro_rules! ask {
            ($question:literal, $method:ident) => {{
                let call = |mut client: PluginServiceClient<Channel>, request| async move {
                    client.$method(request).await
                };
                self.unary($question, limit, (), call).await
            }};
        }
        let manifest = known(ask!("get manifest", get_manifest).map(Answer::Manifest))?;
        let modules = known(ask!("get module types", get_module_types).map(Answer::Types))?;
        let steps = known(ask!("get step types", get_step_types).map(Answer::Types))?;
        let triggers = known(ask!("get trigger types", get_trigger_types).map(Answer::Types))?;
        let schemas = known(ask!("get module schemas", get_module_schemas).map(Answer::Schemas))?;
        if manifest.is_none() && modules.is_none() && steps.is_none() {
            let message = "it does not serve workflow.plugin.v1.PluginService, so it is no \
                           workflow plugin";
            return Err(self.error("get manifest", PluginFailure::Unsupported, message));
        }
        let mut description = Description {
            module_types: modules.map(Answer::types).unwrap_or_default(),
            step_types: steps.map(Answer::types).unwrap_or_default(),
            trigger_types: triggers.map(Answer::types).unwrap_or_default(),
            ..Description::default()
        };
        if let Some(Answer::Manifest(manifest)) = manifest {
            description.name = manifest.name;
            description.version = manifest.version;
            description.author = manifest.author;
            description.description = manifest.description;
        }
        if let Some(Answer::Schemas(schemas)) = schemas {
            description.schemas = schemas
                .schemas
                .into_iter()
                .map(ModuleSchema::from)
                .collect();
        }
        Ok(description)
    }

    pub(crate) async fn create_module(
        &self,
        module_type: &str,
        name: &str,
        config: &Map,
    ) -> Result<String, EngineError> {
        let operation = format!("create module {name:?} of type {module_type:?}");
        let request = CreateModuleRequest {
            r#type: module_type.to_owned(),
            name: name.to_owned(),
            config: Some(self.encode(&operation, "config", config)?),
            typed_config: None,
        };
        let limit = self.deadlines.lifecycle;
        let answer = self
            .unary(
                &operation,
                limit,
                request,
                |mut client, request| async move { client.create_module(request).await },
            )
            .await?;
        self.handle(&operation, answer)
    }

    pub(crate) async fn create_step(
        &self,
        step_type: &str,
        name: &str,
        config: &Map,
    ) -> Result<String, EngineError> {
        let operation = format!("create step {name:?} of type {step_type:?}");
        let request = CreateStepRequest {
            r#type: step_type.to_owned(),
            name: name.to_owned(),
            config: Some(self.encode(&operation, "config", config)?),
            typed_config: None,
        };
        let limit = self.deadlines.lifecycle;
        let answer = self
            .unary(
                &operation,
                limit,
                request,
                |mut client, request| async move { client.create_step(request).await },
            )
            .await?;
        self.handle(&operation, answer)
    }

    /// Tells the plugin under which number of the broker its calls to the host are
    /// served. `false` where the plugin makes none, as those from before v0.27.3.
    pub(crate) async fn configure_callback(&self, broker_id: u32) -> Result<bool, EngineError> {
        let operation = "configure callbacks";
        let request = ConfigureCallbackRequest { broker_id };
        let limit = self.deadlines.describe;
        let answer = self
            .unary(
                operation,
                limit,
                request,
                |mut client, request| async move { client.configure_callback(request).await },
            )
            .await;
        match answer {
            Ok(answer) => self.in_band(operation, answer.error).map(|()| true),
            Err(error) if error.kind() == EngineErrorKind::Plugin(PluginFailure::Unsupported) => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn create_trigger(
        &self,
        trigger_type: &str,
        name: &str,
        config: &Map,
    ) -> Result<String, EngineError> {
        let operation = format!("create trigger {name:?} of type {trigger_type:?}");
        let request = CreateTriggerRequest {
            r#type: trigger_type.to_owned(),
            name: name.to_owned(),
            config: Some(self.encode(&operation, "config", config)?),
        };
        let limit = self.deadlines.lifecycle;
        let answer = self
            .unary(
                &operation,
                limit,
                request,
                |mut client, request| async move { client.create_trigger(request).await },
            )
            .await?;
        self.handle(&operation, answer)
    }

    pub(crate) async fn module_call(
        &self,
        call: ModuleCall,
        name: &str,
        handle: &str,
    ) -> Result<(), EngineError> {
        self.life_call(call, format!("{} module {name:?}", call.verb()), handle)
            .await
    }

    /// A trigger's life goes through the calls of a module.
    pub(crate) async fn trigger_call(
        &self,
        call: ModuleCall,
        name: &str,
        handle: &str,
    ) -> Result<(), EngineError> {
        self.life_call(call, format!("{} trigger {name:?}", call.verb()), handle)
            .await
    }

    async fn life_call(
        &self,
        call: ModuleCall,
        operation: String,
        handle: &str,
    ) -> Result<(), EngineError> {
        let request = HandleRequest {
            handle_id: handle.to_owned(),
        };
        let answer = self
            .unary(
                &operation,
                self.deadlines.lifecycle,
                request,
                |mut client, request| async move {
                    match call {
                        ModuleCall::Init => client.init_module(request).await,
                        ModuleCall::Start => client.start_module(request).await,
                        ModuleCall::Stop => client.stop_module(request).await,
                        ModuleCall::Destroy => client.destroy_module(request).await,
                    }
                },
            )
            .await?;
        self.in_band(&operation, answer.error)
    }

    pub(crate) async fn destroy_step(&self, name: &str, handle: &str) -> Result<(), EngineError> {
        let operation = format!("destroy step {name:?}");
        let request = HandleRequest {
            handle_id: handle.to_owned(),
        };
        let limit = self.deadlines.lifecycle;
        let answer = self
            .unary(
                &operation,
                limit,
                request,
                |mut client, request| async move { client.destroy_step(request).await },
            )
            .await?;
        self.in_band(&operation, answer.error)
    }

    pub(crate) async fn execute_step(
        &self,
        name: &str,
        handle: &str,
        call: &StepCall<'_>,
    ) -> Result<StepResult, EngineError> {
        let StepCall {
            context,
            config,
            timeout,
            ..
        } = *call;
        let operation = format!("execute step {name:?}");
        let mut step_outputs = std::collections::BTreeMap::new();
        for (step, output) in context.step_outputs() {
            let field = format!("step_outputs.{step}");
            step_outputs.insert(step.clone(), self.encode(&operation, &field, output)?);
        }
        let request = ExecuteStepRequest {
            handle_id: handle.to_owned(),
            trigger_data: Some(self.encode(&operation, "trigger_data", context.trigger_data())?),
            step_outputs,
            current: Some(self.encode(&operation, "current", context.current())?),
            metadata: Some(self.encode(&operation, "metadata", context.metadata())?),
            // Plugins from before v0.3.5 pass over it.
            config: Some(self.encode(&operation, "config", config)?),
            ..ExecuteStepRequest::default()
        };
        let answer = self
            .unary(
                &operation,
                timeout,
                request,
                |mut client, request| async move { client.execute_step(request).await },
            )
            .await?;
        self.in_band(&operation, answer.error)?;
        self.not_only_typed(
            &operation,
            "output",
            answer.output.is_some(),
            answer.typed_output.as_ref(),
        )?;
        let output = value::optional_to_map(answer.output).map_err(|error| {
            self.bad_value(&operation, "output", error, PluginFailure::BadAnswer)
        })?;
        Ok(StepResult {
            output,
            next_step: None,
            stop: answer.stop_pipeline,
        })
    }

    pub(crate) async fn invoke_service(
        &self,
        module: &str,
        handle: &str,
        method: &str,
        args: &Map,
    ) -> Result<Map, EngineError> {
        let operation = format!("call {method:?} of module {module:?}");
        let request = InvokeServiceRequest {
            handle_id: handle.to_owned(),
            method: method.to_owned(),
            args: Some(self.encode(&operation, "args", args)?),
            typed_input: None,
        };
        let answer = self
            .unary(
                &operation,
                self.deadlines.invoke,
                request,
                |mut client, request| async move { client.invoke_service(request).await },
            )
            .await?;
        self.in_band(&operation, answer.error)?;
        self.not_only_typed(
            &operation,
            "result",
            answer.result.is_some(),
            answer.typed_output.as_ref(),
        )?;
        value::optional_to_map(answer.result)
            .map_err(|error| self.bad_value(&operation, "result", error, PluginFailure::BadAnswer))
    }

    async fn unary<Q, A, F>(
        &self,
        operation: &str,
        limit: Duration,
        message: Q,
        call: impl FnOnce(PluginServiceClient<Channel>, Request<Q>) -> F,
    ) -> Result<A, EngineError>
    where
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let mut request = Request::new(message);
        request.set_timeout(limit);
        trace::carry(request.metadata_mut());
        match call(self.client.clone(), request).await {
            Ok(answer) => Ok(answer.into_inner()),
            Err(status) => Err(self.failed(operation, &status)),
        }
    }

    fn failed(&self, operation: &str, status: &Status) -> EngineError {
        let failure = match status.code() {
            Code::Unimplemented => PluginFailure::Unsupported,
            Code::DeadlineExceeded => PluginFailure::Timeout,
            Code::Unavailable | Code::Cancelled => PluginFailure::Unavailable,
            Code::ResourceExhausted | Code::OutOfRange => PluginFailure::BadRequest,
            _ => PluginFailure::Refused,
        };
        let message = match failure {
            PluginFailure::BadRequest => format!(
                "{}; the message is larger than one of the two sides accepts",
                status.message()
            ),
            _ if status.message().is_empty() => status.code().to_string(),
            _ => status.message().to_owned(),
        };
        self.error(operation, failure, message)
    }

    pub(crate) fn error(
        &self,
        operation: &str,
        failure: PluginFailure,
        message: impl Into<String>,
    ) -> EngineError {
        EngineError::Plugin {
            plugin: self.plugin.clone(),
            operation: operation.to_owned(),
            failure,
            message: message.into(),
        }
    }

    fn in_band(&self, operation: &str, error: String) -> Result<(), EngineError> {
        if error.is_empty() {
            return Ok(());
        }
        Err(self.error(operation, PluginFailure::Refused, error))
    }

    /// Refuses an answer that came in its typed form alone, which only plugins with
    /// strict contracts give: an empty map in its place would lose it.
    fn not_only_typed(
        &self,
        operation: &str,
        field: &str,
        plain: bool,
        typed: Option<&prost_types::Any>,
    ) -> Result<(), EngineError> {
        match typed {
            Some(typed) if !plain => {
                let message = format!(
                    "its {field} came as {} alone, and this host takes no typed contracts",
                    typed.type_url
                );
                Err(self.error(operation, PluginFailure::BadAnswer, message))
            }
            _ => Ok(()),
        }
    }

    fn handle(
        &self,
        operation: &str,
        answer: proto::HandleResponse,
    ) -> Result<String, EngineError> {
        self.in_band(operation, answer.error)?;
        if answer.handle_id.is_empty() {
            let message = "it answered with neither a handle nor an error";
            return Err(self.error(operation, PluginFailure::BadAnswer, message));
        }
        Ok(answer.handle_id)
    }

    fn encode(
        &self,
        operation: &str,
        field: &str,
        map: &Map,
    ) -> Result<prost_types::Struct, EngineError> {
        value::map_to_struct(map)
            .map_err(|error| self.bad_value(operation, field, error, PluginFailure::BadRequest))
    }

    fn bad_value(
        &self,
        operation: &str,
        field: &str,
        error: ValueError,
        failure: PluginFailure,
    ) -> EngineError {
        self.error(operation, failure, error.within(field).to_string())
    }
}

/// One answer to a question about the plugin itself.
enum Answer {
    Manifest(proto::Manifest),
    Types(proto::TypeList),
    Schemas(proto::ModuleSchemaList),
}

impl Answer {
    fn types(self) -> Vec<String> {
        match self {
            Answer::Types(list) => list.types,
            Answer::Manifest(_) | Answer::Schemas(_) => Vec::new(),
        }
    }
}

/// The four calls of a module's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ModuleCall {
    Init,
    Start,
    Stop,
    Destroy,
}

impl ModuleCall {
    fn verb(self) -> &'static str {
        match self {
            ModuleCall::Init => "initialize",
            ModuleCall::Start => "start",
            ModuleCall::Stop => "stop",
            ModuleCall::Destroy => "destroy",
        }
    }
}
