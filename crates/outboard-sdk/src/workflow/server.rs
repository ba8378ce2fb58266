//! The plugin's end of the wire: turns calls into calls of the provider.

use std::{collections::BTreeMap, fmt, sync::Arc};

use outboard_contracts::{
    value::{self, Map, ValueError},
    workflow::proto::{self, plugin_service_server::PluginService},
};
use outboard_go_plugin::transport::Services;
use tonic::{Request, Response, Status};

use super::{
    PluginProvider, StepInput, StepResult,
    guard::{guarded, guarded_now},
    handles::{Handles, Step},
    module::{self, Module, to_the_end},
};
use crate::Error;

/// The largest message that a plugin takes: 64 MiB. A larger one is answered
/// with a gRPC status and not read.
pub const MAX_MESSAGE_BYTES: usize = 64 * 1024 * 1024;

/// A provider as a gRPC service. [`serve`](super::serve) makes one; it is
/// public for hosts in memory and for programs that serve more than one thing.
///
/// Cloning is cheap; clones share their modules and steps.
#[derive(Clone)]
pub struct PluginServer {
    shared: Arc<Shared>,
}

struct Shared {
    provider: Box<dyn PluginProvider>,
    handles: Handles,
}

impl PluginServer {
    /// A server for `provider`, without modules and steps yet.
    pub fn new(provider: impl PluginProvider) -> Self {
        Self {
            shared: Arc::new(Shared {
                provider: Box::new(provider),
                handles: Handles::default(),
            }),
        }
    }

    /// What to put on a connection.
    pub fn services(&self) -> Services {
        let service = proto::plugin_service_server::PluginServiceServer::new(self.clone())
            .max_decoding_message_size(MAX_MESSAGE_BYTES);
        Services::new().add_service(service)
    }

    /// Stops and destroys every module and step that the host left behind.
    pub async fn shut_down(&self) {
        let (modules, steps) = self.shared.handles.drain();
        drop(steps);
        module::destroy_all(modules).await;
    }

    async fn create_module(&self, request: proto::CreateModuleRequest) -> Result<String, Error> {
        let Shared { provider, handles } = &*self.shared;
        handles.check_room()?;
        let config = decode(request.config, "config")?;
        let (module_type, name) = (request.r#type, request.name);
        let instance = guarded(|| format!("creation of module {name:?}"), async {
            let modules = provider.modules();
            let modules = modules.ok_or_else(|| Error::new("plugin does not provide modules"))?;
            modules.create_module(&module_type, &name, config).await
        })
        .await?;
        handles.add_module(Module::new(name, instance))
    }

    async fn create_step(&self, request: proto::CreateStepRequest) -> Result<String, Error> {
        let Shared { provider, handles } = &*self.shared;
        handles.check_room()?;
        let config = decode(request.config, "config")?;
        let (step_type, name) = (request.r#type, request.name);
        let instance = guarded(|| format!("creation of step {name:?}"), async {
            let steps = provider.steps();
            let steps = steps.ok_or_else(|| Error::new("plugin does not provide steps"))?;
            steps.create_step(&step_type, &name, config).await
        })
        .await?;
        handles.add_step(Step { name, instance })
    }

    async fn execute(
        &self,
        request: proto::ExecuteStepRequest,
    ) -> Result<proto::ExecuteStepResponse, Error> {
        let step = self.shared.handles.step(&request.handle_id)?;
        let input = step_input(request)?;
        let what = || format!("step {:?}", step.name);
        let StepResult {
            output,
            stop_pipeline,
        } = guarded(what, async { step.instance.execute(input).await }).await?;
        let output = encode(&output, "output").map_err(|error| error.context(what()))?;
        Ok(proto::ExecuteStepResponse {
            output: Some(output),
            stop_pipeline,
            ..Default::default()
        })
    }

    /// `None` where the module has no service.
    async fn invoke(
        &self,
        request: proto::InvokeServiceRequest,
    ) -> Result<Option<prost_types::Struct>, Error> {
        let module = self.shared.handles.module(&request.handle_id)?;
        let what = || format!("method {:?} of module {:?}", request.method, module.name);
        let result = guarded(what, async {
            let Some(service) = module.instance.service() else {
                return Ok(None);
            };
            let args = decode(request.args, "args")?;
            service.invoke(&request.method, args).await.map(Some)
        })
        .await?;
        match result {
            Some(result) => {
                let result = encode(&result, "result").map_err(|error| error.context(what()))?;
                Ok(Some(result))
            }
            None => Ok(None),
        }
    }
}

#[tonic::async_trait]
impl PluginService for PluginServer {
    async fn get_manifest(&self, _: Request<()>) -> Result<Response<proto::Manifest>, Status> {
        let manifest = guarded_now("the manifest", || self.shared.provider.manifest());
        Ok(Response::new(manifest.map_err(internal)?.into()))
    }

    async fn get_module_types(&self, _: Request<()>) -> Result<Response<proto::TypeList>, Status> {
        let provider = &self.shared.provider;
        type_list(|| provider.modules().map(|modules| modules.module_types()))
    }

    async fn get_step_types(&self, _: Request<()>) -> Result<Response<proto::TypeList>, Status> {
        let provider = &self.shared.provider;
        type_list(|| provider.steps().map(|steps| steps.step_types()))
    }

    async fn get_trigger_types(&self, _: Request<()>) -> Result<Response<proto::TypeList>, Status> {
        type_list(|| None)
    }

    async fn get_module_schemas(
        &self,
        _: Request<()>,
    ) -> Result<Response<proto::ModuleSchemaList>, Status> {
        let provider = &self.shared.provider;
        let schemas = guarded_now("the list of schemas", || {
            provider
                .schemas()
                .map(|schemas| schemas.module_schemas())
                .unwrap_or_default()
        });
        let schemas = schemas
            .map_err(internal)?
            .into_iter()
            .map(Into::into)
            .collect();
        Ok(Response::new(proto::ModuleSchemaList { schemas }))
    }

    async fn create_module(
        &self,
        request: Request<proto::CreateModuleRequest>,
    ) -> Result<Response<proto::HandleResponse>, Status> {
        Ok(handle_response(
            self.create_module(request.into_inner()).await,
        ))
    }

    async fn init_module(
        &self,
        request: Request<proto::HandleRequest>,
    ) -> Result<Response<proto::ErrorResponse>, Status> {
        let module = self.shared.handles.module(&request.get_ref().handle_id);
        life(module, |module| async move { module.init().await }).await
    }

    async fn start_module(
        &self,
        request: Request<proto::HandleRequest>,
    ) -> Result<Response<proto::ErrorResponse>, Status> {
        let module = self.shared.handles.module(&request.get_ref().handle_id);
        life(module, |module| async move { module.start().await }).await
    }

    async fn stop_module(
        &self,
        request: Request<proto::HandleRequest>,
    ) -> Result<Response<proto::ErrorResponse>, Status> {
        let module = self.shared.handles.module(&request.get_ref().handle_id);
        life(module, |module| async move { module.stop().await }).await
    }

    async fn destroy_module(
        &self,
        request: Request<proto::HandleRequest>,
    ) -> Result<Response<proto::ErrorResponse>, Status> {
        // Out of the table first: whatever happens now, the handle is gone.
        let module = self
            .shared
            .handles
            .remove_module(&request.get_ref().handle_id);
        life(module, |module| async move { module.destroy().await }).await
    }

    async fn create_step(
        &self,
        request: Request<proto::CreateStepRequest>,
    ) -> Result<Response<proto::HandleResponse>, Status> {
        Ok(handle_response(
            self.create_step(request.into_inner()).await,
        ))
    }

    async fn execute_step(
        &self,
        request: Request<proto::ExecuteStepRequest>,
    ) -> Result<Response<proto::ExecuteStepResponse>, Status> {
        Ok(Response::new(
            self.execute(request.into_inner())
                .await
                .unwrap_or_else(|error| proto::ExecuteStepResponse {
                    error: error.to_string(),
                    ..Default::default()
                }),
        ))
    }

    async fn destroy_step(
        &self,
        request: Request<proto::HandleRequest>,
    ) -> Result<Response<proto::ErrorResponse>, Status> {
        let removed = self
            .shared
            .handles
            .remove_step(&request.get_ref().handle_id);
        // Runs that are under way keep the step until they end.
        Ok(error_response(removed.and_then(|step| {
            guarded_now("the end of a step", || drop(step))
        })))
    }

    async fn invoke_service(
        &self,
        request: Request<proto::InvokeServiceRequest>,
    ) -> Result<Response<proto::InvokeServiceResponse>, Status> {
        match self.invoke(request.into_inner()).await {
            Ok(None) => Err(Status::unimplemented("InvokeService not implemented")),
            Ok(result) => Ok(Response::new(proto::InvokeServiceResponse {
                result,
                ..Default::default()
            })),
            Err(error) => {
                let error = error.to_string();
                Ok(Response::new(proto::InvokeServiceResponse {
                    error,
                    ..Default::default()
                }))
            }
        }
    }

    // What came later than v0.1.1 and is not offered yet. Hosts of every version take
    // `Unimplemented` as "this plugin does not have it".

    async fn get_contract_registry(
        &self,
        _: Request<()>,
    ) -> Result<Response<proto::ContractRegistry>, Status> {
        Err(later("GetContractRegistry"))
    }

    async fn deliver_message(
        &self,
        _: Request<proto::DeliverMessageRequest>,
    ) -> Result<Response<proto::DeliverMessageResponse>, Status> {
        Err(later("DeliverMessage"))
    }

    async fn get_config_fragment(
        &self,
        _: Request<()>,
    ) -> Result<Response<proto::ConfigFragmentResponse>, Status> {
        Err(later("GetConfigFragment"))
    }

    async fn get_asset(
        &self,
        _: Request<proto::GetAssetRequest>,
    ) -> Result<Response<proto::GetAssetResponse>, Status> {
        Err(later("GetAsset"))
    }

    async fn configure_callback(
        &self,
        _: Request<proto::ConfigureCallbackRequest>,
    ) -> Result<Response<proto::ErrorResponse>, Status> {
        Err(later("ConfigureCallback"))
    }

    async fn create_trigger(
        &self,
        _: Request<proto::CreateTriggerRequest>,
    ) -> Result<Response<proto::HandleResponse>, Status> {
        Err(later("CreateTrigger"))
    }
}

/// One call of a module's life, if there is such a module.
async fn life<F, W>(
    module: Result<Arc<Module>, Error>,
    call: F,
) -> Result<Response<proto::ErrorResponse>, Status>
where
    F: FnOnce(Arc<Module>) -> W,
    W: Future<Output = Result<(), Error>> + Send + 'static,
{
    Ok(error_response(match module {
        Ok(module) => to_the_end(call(module)).await,
        Err(error) => Err(error),
    }))
}

fn step_input(request: proto::ExecuteStepRequest) -> Result<StepInput, Error> {
    let mut step_outputs = BTreeMap::new();
    for (name, output) in request.step_outputs {
        let output = decode(Some(output), "step_outputs").map_err(|error| error.context(&name))?;
        step_outputs.insert(name, output);
    }
    Ok(StepInput {
        trigger_data: decode(request.trigger_data, "trigger_data")?,
        step_outputs,
        current: decode(request.current, "current")?,
        metadata: decode(request.metadata, "metadata")?,
        config: request
            .config
            .map(|config| decode(Some(config), "config"))
            .transpose()?,
    })
}

/// Reads a field of a request; an absent one is an empty map.
fn decode(wire: Option<prost_types::Struct>, field: &str) -> Result<Map, Error> {
    value::optional_to_map(wire).map_err(|error| within(error, field))
}

fn encode(map: &Map, field: &str) -> Result<prost_types::Struct, Error> {
    value::map_to_struct(map).map_err(|error| within(error, field))
}

fn within(error: ValueError, field: &str) -> Error {
    error.within(field).into()
}

fn type_list(
    types: impl FnOnce() -> Option<Vec<String>>,
) -> Result<Response<proto::TypeList>, Status> {
    let types = guarded_now("the list of types", types).map_err(internal)?;
    Ok(Response::new(proto::TypeList {
        types: types.unwrap_or_default(),
    }))
}

fn handle_response(outcome: Result<String, Error>) -> Response<proto::HandleResponse> {
    Response::new(match outcome {
        Ok(handle_id) => proto::HandleResponse {
            handle_id,
            ..Default::default()
        },
        Err(error) => proto::HandleResponse {
            error: error.to_string(),
            ..Default::default()
        },
    })
}

fn error_response(outcome: Result<(), Error>) -> Response<proto::ErrorResponse> {
    let error = outcome
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default();
    Response::new(proto::ErrorResponse { error })
}

/// For answers that have no place for an error.
fn internal(error: Error) -> Status {
    Status::internal(error.to_string())
}

fn later(method: &str) -> Status {
    Status::unimplemented(format!("{method} not implemented"))
}

impl fmt::Debug for PluginServer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PluginServer")
            .finish_non_exhaustive()
    }
}
