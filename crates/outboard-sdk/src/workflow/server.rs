//! The plugin's end of the wire: turns calls into calls of the provider.

use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use outboard_contracts::workflow::proto::{self, plugin_service_server::PluginService};
use outboard_go_plugin::{
    broker::Broker,
    trace,
    transport::{Channel, Services},
};
use tonic::{Request, Response, Status};

use super::{
    Engine, PluginProvider, StepResult, TriggerCallback,
    guard::{guarded, guarded_now},
    handles::{Handles, Step},
    module::{self, Module, to_the_end},
    trigger::TriggerModule,
    wire::{
        decode, encode, error_response, handle_response, internal, later, not_only_typed,
        step_input, type_list,
    },
};
use crate::Error;

/// How long the host's end of a brokered connection may take to be there: 5 seconds,
/// as in Go.
const DIAL_LIMIT: Duration = Duration::from_secs(5);

pub use outboard_go_plugin::transport::MAX_MESSAGE_BYTES;

/// A provider as a gRPC service. [`serve`](super::serve) makes one; it is
/// public for hosts in memory and for programs that serve more than one thing.
///
/// Cloning is cheap; clones share their modules and steps.
#[derive(Clone)]
pub struct PluginServer {
    shared: Arc<Shared>,
    dial: Option<Dial>,
}

/// Opens a connection that the host serves under this number.
pub(crate) type Dial =
    Arc<dyn Fn(u32) -> Pin<Box<dyn Future<Output = Result<Channel, Error>> + Send>> + Send + Sync>;

struct Shared {
    provider: Box<dyn PluginProvider>,
    handles: Handles,
    /// `None` for a provider that nobody could call the engine from.
    engine: Option<Engine>,
}

impl PluginServer {
    /// A server for `provider`, without modules and steps yet.
    pub fn new(provider: impl PluginProvider) -> Self {
        let triggers = provider.triggers().map(|_| Engine::new());
        let engine = provider.engine().cloned().or(triggers);
        Self {
            shared: Arc::new(Shared {
                provider: Box::new(provider),
                handles: Handles::default(),
                engine,
            }),
            dial: None,
        }
    }

    /// The same plugin, with the broker over which its calls reach the host.
    #[must_use]
    pub fn with_broker(self, broker: &Broker) -> Self {
        let broker = broker.clone();
        self.with_dial(Arc::new(move |id| {
            let broker = broker.clone();
            Box::pin(async move { Ok(broker.dial(id).await?) })
        }))
    }

    /// The same plugin, with a way to the connections that the host offers.
    #[must_use]
    pub(crate) fn with_dial(mut self, dial: Dial) -> Self {
        self.dial = Some(dial);
        self
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
        let Shared {
            provider, handles, ..
        } = &*self.shared;
        handles.check_room()?;
        not_only_typed(
            request.config.as_ref(),
            request.typed_config.as_ref(),
            "config",
        )?;
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

    async fn create_trigger(&self, request: proto::CreateTriggerRequest) -> Result<String, Error> {
        let Shared {
            provider,
            handles,
            engine,
        } = &*self.shared;
        handles.check_room()?;
        let config = decode(request.config, "config")?;
        let (trigger_type, mut name) = (request.r#type, request.name);
        if name.is_empty() {
            name.clone_from(&trigger_type);
        }
        let engine = engine.clone().unwrap_or_default();
        let callback = TriggerCallback::new(engine, &name);
        let instance = guarded(|| format!("creation of trigger {name:?}"), async {
            let triggers = provider.triggers();
            let triggers =
                triggers.ok_or_else(|| Error::new("plugin does not provide triggers"))?;
            if !triggers.trigger_types().contains(&trigger_type) {
                return Err(Error::new(format!("unknown trigger type {trigger_type:?}")));
            }
            triggers
                .create_trigger(&trigger_type, &name, config, callback)
                .await
        })
        .await?;
        handles.add_module(Module::trigger(name, Box::new(TriggerModule(instance))))
    }

    async fn configure_callback(&self, engine: &Engine, id: u32) -> Result<(), Error> {
        if id == 0 {
            return Err(Error::new("callback broker id is required"));
        }
        let dial = self.dial.as_ref();
        let dial = dial.ok_or_else(|| Error::new("callback broker is not configured"))?;
        let channel = match tokio::time::timeout(DIAL_LIMIT, dial(id)).await {
            Ok(channel) => channel,
            Err(_) => Err(Error::new(format!(
                "the host did not serve it within {DIAL_LIMIT:?}"
            ))),
        };
        engine.connect(channel.map_err(|error| error.context("dial callback broker"))?);
        Ok(())
    }

    async fn create_step(&self, request: proto::CreateStepRequest) -> Result<String, Error> {
        let Shared {
            provider, handles, ..
        } = &*self.shared;
        handles.check_room()?;
        not_only_typed(
            request.config.as_ref(),
            request.typed_config.as_ref(),
            "config",
        )?;
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
            not_only_typed(request.args.as_ref(), request.typed_input.as_ref(), "args")?;
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
        let provider = &self.shared.provider;
        type_list(|| provider.triggers().map(|triggers| triggers.trigger_types()))
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
        let trace = trace::of(request.metadata());
        Ok(Response::new(
            trace::scope(trace, self.execute(request.into_inner()))
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
        let trace = trace::of(request.metadata());
        match trace::scope(trace, self.invoke(request.into_inner())).await {
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

    async fn configure_callback(
        &self,
        request: Request<proto::ConfigureCallbackRequest>,
    ) -> Result<Response<proto::ErrorResponse>, Status> {
        let Some(engine) = &self.shared.engine else {
            // The host need not keep a connection that nobody would use.
            return Err(later("ConfigureCallback"));
        };
        let id = request.get_ref().broker_id;
        Ok(error_response(self.configure_callback(engine, id).await))
    }

    async fn create_trigger(
        &self,
        request: Request<proto::CreateTriggerRequest>,
    ) -> Result<Response<proto::HandleResponse>, Status> {
        Ok(handle_response(
            self.create_trigger(request.into_inner()).await,
        ))
    }

    // What came later than v0.1.1 and is not offered. Hosts of every version take
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

impl fmt::Debug for PluginServer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PluginServer")
            .finish_non_exhaustive()
    }
}
