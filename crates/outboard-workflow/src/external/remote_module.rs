//! A module that lives in a plugin's process.

use std::{
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use async_trait::async_trait;

use super::{
    PluginClient,
    client::ModuleCall,
    link::{Link, Remote, Session, outcome_of},
    remote_step::{Handles, destroy},
};
use crate::engine::{Application, EngineError, Map, Module};

/// How far a module has come in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Created,
    Initialized,
    Started,
    Destroyed,
}

/// A module in a plugin's process, seen by the engine as any other module.
///
/// When the process is replaced, the counterpart is made anew from the same
/// config, and initialized and started again if it had been.
/// [`destroy`](Module::destroy) stops and ends it.
///
/// # Services
///
/// [`invoke_service`](Module::invoke_service) calls a method of the module's
/// service. The protocol does not say beforehand whether a module has one: a
/// plugin without answers `Unsupported`. The engine offers it under the
/// module's own name.
pub struct RemoteModule {
    name: String,
    module_type: String,
    config: Map,
    dependencies: Vec<String>,
    link: Arc<Link>,
    handles: Handles,
    phase: Mutex<Phase>,
}

impl RemoteModule {
    /// A module whose counterpart exists already, behind `client`.
    pub fn new(
        name: impl Into<String>,
        handle_id: impl Into<String>,
        client: PluginClient,
    ) -> Arc<RemoteModule> {
        let session = Arc::new(Session::new(client, None));
        let handles = Handles::default();
        handles.insert(session.id, handle_id.into());
        Arc::new(RemoteModule {
            name: name.into(),
            module_type: String::new(),
            config: Map::new(),
            dependencies: Vec::new(),
            link: Link::unobserved(session.client.plugin(), Arc::clone(&session)),
            handles,
            phase: Mutex::new(Phase::Created),
        })
    }

    /// Makes the counterpart in the link's current process.
    pub(crate) async fn create(
        link: &Arc<Link>,
        module_type: &str,
        name: &str,
        config: Map,
    ) -> Result<Arc<RemoteModule>, EngineError> {
        let module = Arc::new(RemoteModule {
            name: name.to_owned(),
            module_type: module_type.to_owned(),
            config,
            dependencies: Vec::new(),
            link: Arc::clone(link),
            handles: Handles::default(),
            phase: Mutex::new(Phase::Created),
        });
        let operation = format!("create module {name:?}");
        link.call(&operation, WAIT, async |session| module.bind(session).await)
            .await?;
        let remote: Weak<dyn Remote> = Arc::downgrade(&module) as Weak<dyn Remote>;
        link.register(remote);
        Ok(module)
    }

    fn phase(&self) -> Phase {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_phase(&self, phase: Phase) {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = phase;
    }

    async fn step(&self, call: ModuleCall, then: Phase) -> Result<(), EngineError> {
        let operation = format!("{call:?} module {:?}", self.name);
        self.link
            .call(&operation, WAIT, async |session| {
                let handle = self.handles.get(session, &operation)?;
                session.client.module_call(call, &self.name, &handle).await
            })
            .await?;
        self.set_phase(then);
        Ok(())
    }
}

/// How long a call waits for a process that is being replaced.
const WAIT: Duration = Duration::from_secs(30);

#[async_trait]
impl Remote for RemoteModule {
    async fn bind(&self, session: &Session) -> Result<(), EngineError> {
        let wanted = self.phase();
        if wanted == Phase::Destroyed {
            return Ok(());
        }
        let client = &session.client;
        let handle = client
            .create_module(&self.module_type, &self.name, &self.config)
            .await?;
        self.handles.insert(session.id, handle.clone());
        for (phase, call) in [
            (Phase::Initialized, ModuleCall::Init),
            (Phase::Started, ModuleCall::Start),
        ] {
            if wanted >= phase
                && let Err(error) = client.module_call(call, &self.name, &handle).await
            {
                // Half a module is of no use to anybody.
                let _ = self.release(session).await;
                return Err(error);
            }
        }
        Ok(())
    }

    async fn release(&self, session: &Session) -> Result<(), EngineError> {
        let Some(handle) = self.handles.take(session.id) else {
            return Ok(());
        };
        // A plugin's destroy need not stop: older ones forget the module and
        // let it run.
        let stopped = if self.phase() == Phase::Started {
            session
                .client
                .module_call(ModuleCall::Stop, &self.name, &handle)
                .await
        } else {
            Ok(())
        };
        let destroyed = session
            .client
            .module_call(ModuleCall::Destroy, &self.name, &handle)
            .await;
        stopped.and(destroyed)
    }

    fn service(&self) -> Option<&str> {
        (self.phase() != Phase::Destroyed).then_some(self.name.as_str())
    }
}

#[async_trait]
impl Module for RemoteModule {
    fn name(&self) -> &str {
        &self.name
    }

    fn dependencies(&self) -> Vec<String> {
        self.dependencies.clone()
    }

    fn provides_services(&self) -> Vec<String> {
        vec![self.name.clone()]
    }

    async fn init(&self, _: &Application) -> Result<(), EngineError> {
        self.step(ModuleCall::Init, Phase::Initialized).await
    }

    async fn start(&self) -> Result<(), EngineError> {
        self.step(ModuleCall::Start, Phase::Started).await
    }

    async fn stop(&self) -> Result<(), EngineError> {
        self.step(ModuleCall::Stop, Phase::Initialized).await
    }

    async fn destroy(&self) -> Result<(), EngineError> {
        let outcome = destroy(self, &self.link).await;
        self.set_phase(Phase::Destroyed);
        outcome
    }

    async fn invoke_service(&self, method: &str, args: Map) -> Result<Map, EngineError> {
        let operation = format!("call {method:?} of module {:?}", self.name);
        let counted = format!("{}.{method}", self.module_type);
        let watched = self.link.watch(&counted, None);
        let outcome = self
            .link
            .call(&operation, WAIT, async |session| {
                let handle = self.handles.get(session, &operation)?;
                session
                    .client
                    .invoke_service(&self.name, &handle, method, &args)
                    .await
            })
            .await;
        watched.end(outcome_of(&outcome));
        outcome
    }
}

impl std::fmt::Debug for RemoteModule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemoteModule")
            .field("name", &self.name)
            .field("module_type", &self.module_type)
            .field("phase", &self.phase())
            .field("plugin", &self.link.plugin())
            .finish_non_exhaustive()
    }
}
