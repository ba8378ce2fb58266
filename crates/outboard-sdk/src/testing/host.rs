//! The host's end of the connection.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use outboard_contracts::{
    schema::ModuleSchema,
    value,
    workflow::proto::{self, plugin_service_client::PluginServiceClient},
};
use outboard_go_plugin::transport::{Channel, Services, serve_connection};
use serde_json::Value;
use tonic::Request;

use super::{CallError, ModuleHandle, StepHandle, TestEngine, error::in_band};
use crate::{
    Error,
    workflow::{Manifest, PluginProvider, PluginServer},
};

/// How much fits into the in-memory connection in each direction.
const BUFFER_BYTES: usize = 64 * 1024;

/// How long a call may take unless [`Host::with_timeout`] says otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// A host that runs one plugin, in this process.
///
/// Dropping it closes the connection. Modules and steps that were not destroyed
/// are then let go of; [`Host::shut_down`] stops them first, as `serve` does.
#[derive(Debug)]
pub struct Host {
    caller: Caller,
    channel: Channel,
    server: PluginServer,
    connection: tokio::task::JoinHandle<()>,
    offered: Arc<Offered>,
}

/// What the host serves to the plugin, by the number that the plugin dials.
#[derive(Debug, Default)]
struct Offered {
    services: Mutex<HashMap<u32, Services>>,
    connections: Mutex<Vec<tokio::task::JoinHandle<()>>>,
}

impl Offered {
    /// Serves under a number of its own.
    fn add(&self, services: Services) -> u32 {
        let mut all = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        let id = u32::try_from(all.len()).unwrap_or(u32::MAX - 1) + 1;
        all.insert(id, services);
        id
    }

    async fn dial(&self, id: u32) -> Result<Channel, Error> {
        let services = {
            let all = self.services.lock().unwrap_or_else(PoisonError::into_inner);
            all.get(&id).cloned()
        };
        let services = services.ok_or_else(|| Error::new(format!("nothing is served as {id}")))?;
        let (near, far) = tokio::io::duplex(BUFFER_BYTES);
        let connection = tokio::spawn(serve(far, services));
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(connection);
        Ok(Channel::from_io(near).await?)
    }
}

impl Drop for Offered {
    fn drop(&mut self) {
        let connections = self.connections.get_mut();
        for connection in connections.unwrap_or_else(PoisonError::into_inner) {
            connection.abort();
        }
    }
}

async fn serve(end: tokio::io::DuplexStream, services: Services) {
    if let Err(error) = serve_connection(end, services).await {
        tracing::debug!(%error, "a connection in memory broke");
    }
}

/// What it takes to make a call. Handles have their own.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) client: PluginServiceClient<Channel>,
    timeout: Duration,
}

impl Caller {
    /// A request with the deadline that every call has.
    pub(super) fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(self.timeout);
        request
    }
}

impl Host {
    /// Starts `provider` as a plugin and connects to it.
    ///
    /// # Errors
    ///
    /// The connection could not be made, which takes a broken runtime.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub async fn start(provider: impl PluginProvider) -> Result<Self, CallError> {
        let offered = Arc::new(Offered::default());
        let dial = Arc::downgrade(&offered);
        let server = PluginServer::new(provider).with_dial(Arc::new(move |id| {
            let offered = dial.upgrade();
            Box::pin(async move {
                let offered = offered.ok_or_else(|| Error::new("the host is gone"))?;
                offered.dial(id).await
            })
        }));
        let (near, far) = tokio::io::duplex(BUFFER_BYTES);
        let connection = tokio::spawn(serve(far, server.services()));
        let channel = Channel::from_io(near).await.map_err(CallError::Connect)?;
        let client =
            PluginServiceClient::new(channel.clone()).max_decoding_message_size(usize::MAX);
        Ok(Self {
            caller: Caller {
                client,
                timeout: DEFAULT_TIMEOUT,
            },
            channel,
            server,
            connection,
            offered,
        })
    }

    /// Another deadline for every call, also of handles made from now on. The default is 30 seconds.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.caller.timeout = timeout;
        self
    }

    /// The generated client, for calls that this host has no method for.
    pub fn client(&self) -> PluginServiceClient<Channel> {
        self.caller.client.clone()
    }

    /// The connection, for calls that the generated client has no method for.
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Who the plugin says it is.
    ///
    /// # Errors
    ///
    /// See [`CallError`], here and on every other call.
    pub async fn manifest(&self) -> Result<Manifest, CallError> {
        let request = self.caller.request(());
        Ok(self
            .client()
            .get_manifest(request)
            .await?
            .into_inner()
            .into())
    }

    /// The module types of the plugin.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub async fn module_types(&self) -> Result<Vec<String>, CallError> {
        let request = self.caller.request(());
        Ok(self
            .client()
            .get_module_types(request)
            .await?
            .into_inner()
            .types)
    }

    /// The step types of the plugin.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub async fn step_types(&self) -> Result<Vec<String>, CallError> {
        let request = self.caller.request(());
        Ok(self
            .client()
            .get_step_types(request)
            .await?
            .into_inner()
            .types)
    }

    /// The trigger types of the plugin.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub async fn trigger_types(&self) -> Result<Vec<String>, CallError> {
        let request = self.caller.request(());
        Ok(self
            .client()
            .get_trigger_types(request)
            .await?
            .into_inner()
            .types)
    }

    /// What the plugin says about its module types, as it arrives here.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub async fn module_schemas(&self) -> Result<Vec<ModuleSchema>, CallError> {
        let request = self.caller.request(());
        let schemas = self
            .client()
            .get_module_schemas(request)
            .await?
            .into_inner()
            .schemas;
        Ok(schemas.into_iter().map(ModuleSchema::from).collect())
    }

    /// Makes a module. `config` must be an object; `json!({})` is none.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub async fn create_module(
        &self,
        module_type: &str,
        name: &str,
        config: Value,
    ) -> Result<ModuleHandle, CallError> {
        let request = self.caller.request(proto::CreateModuleRequest {
            r#type: module_type.to_owned(),
            name: name.to_owned(),
            config: Some(value::map_to_struct(&value::map(config)?)?),
            ..Default::default()
        });
        let response = self.client().create_module(request).await?.into_inner();
        in_band(response.error)?;
        Ok(ModuleHandle::new(self.caller.clone(), response.handle_id))
    }

    /// Makes a step. `config` must be an object; `json!({})` is none.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub async fn create_step(
        &self,
        step_type: &str,
        name: &str,
        config: Value,
    ) -> Result<StepHandle, CallError> {
        let request = self.caller.request(proto::CreateStepRequest {
            r#type: step_type.to_owned(),
            name: name.to_owned(),
            config: Some(value::map_to_struct(&value::map(config)?)?),
            ..Default::default()
        });
        let response = self.client().create_step(request).await?.into_inner();
        in_band(response.error)?;
        Ok(StepHandle::new(self.caller.clone(), response.handle_id))
    }

    /// Gives the plugin an engine to call, as a host does before it makes anything.
    /// Without it the plugin sees a host that takes no calls.
    ///
    /// # Errors
    ///
    /// See [`CallError`]; a plugin that makes no calls answers `Unimplemented`.
    pub async fn connect(&self, engine: &TestEngine) -> Result<(), CallError> {
        let broker_id = self.offered.add(engine.services());
        let request = proto::ConfigureCallbackRequest { broker_id };
        let request = self.caller.request(request);
        let response = self.client().configure_callback(request).await?;
        in_band(response.into_inner().error)
    }

    /// Makes a trigger, whose life goes through the calls of a module. `config` must be
    /// an object; `json!({})` is none.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub async fn create_trigger(
        &self,
        trigger_type: &str,
        name: &str,
        config: Value,
    ) -> Result<ModuleHandle, CallError> {
        let request = self.caller.request(proto::CreateTriggerRequest {
            r#type: trigger_type.to_owned(),
            name: name.to_owned(),
            config: Some(value::map_to_struct(&value::map(config)?)?),
        });
        let response = self.client().create_trigger(request).await?.into_inner();
        in_band(response.error)?;
        Ok(ModuleHandle::new(self.caller.clone(), response.handle_id))
    }

    /// A module by its handle, also by one that the plugin does not know.
    pub fn module(&self, handle: &str) -> ModuleHandle {
        ModuleHandle::new(self.caller.clone(), handle.to_owned())
    }

    /// A step by its handle, also by one that the plugin does not know.
    pub fn step(&self, handle: &str) -> StepHandle {
        StepHandle::new(self.caller.clone(), handle.to_owned())
    }

    /// Ends the plugin in an orderly way: what still runs is stopped and destroyed.
    pub async fn shut_down(self) {
        self.server.shut_down().await;
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.connection.abort();
    }
}
