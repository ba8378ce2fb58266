//! A trigger that lives in a plugin's process.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use async_trait::async_trait;

use super::{
    client::ModuleCall,
    link::{Link, LinkState, Remote, Session},
    remote_step::{Handles, destroy},
};
use crate::engine::{EngineError, Map, PluginFailure, Trigger, TriggerSink};

/// How long a call waits for a process that is being replaced.
const WAIT: Duration = Duration::from_secs(30);

/// A trigger in a plugin's process, seen by the engine as any other trigger.
///
/// Its counterpart is made by [`configure`](Trigger::configure), under the name that
/// the workflow file gives the trigger, and fires by calling the host with that name.
/// When the process is replaced, the counterpart is made anew from the same config,
/// and started again if it had been. During a reload those of both processes may fire
/// for a moment: so nothing is lost between them.
pub struct RemoteTrigger {
    name: String,
    trigger_type: String,
    link: Arc<Link>,
    handles: Handles,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    phase: Phase,
    config: Option<Map>,
    sink: Option<Arc<dyn TriggerSink>>,
    /// From before its start to after its stop.
    listening: bool,
}

/// How far a trigger has come in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Phase {
    #[default]
    Made,
    Configured,
    Started,
    Destroyed,
}

impl RemoteTrigger {
    /// A trigger without a counterpart yet.
    pub(crate) fn new(link: &Arc<Link>, trigger_type: &str, name: &str) -> Arc<RemoteTrigger> {
        let trigger = Arc::new(RemoteTrigger {
            name: name.to_owned(),
            trigger_type: trigger_type.to_owned(),
            link: Arc::clone(link),
            handles: Handles::default(),
            state: Mutex::default(),
        });
        let remote: Weak<dyn Remote> = Arc::downgrade(&trigger) as Weak<dyn Remote>;
        link.register(remote);
        trigger
    }

    pub(crate) fn trigger_name(&self) -> &str {
        &self.name
    }

    pub(crate) fn trigger_type(&self) -> &str {
        &self.trigger_type
    }

    /// Where it leads to, while it may fire.
    pub(crate) fn sink(&self) -> Option<Arc<dyn TriggerSink>> {
        let state = self.lock();
        state.sink.clone().filter(|_| state.listening)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn call(&self, call: ModuleCall) -> Result<(), EngineError> {
        let operation = format!("{call:?} trigger {:?}", self.name);
        self.link
            .call(&operation, WAIT, async |session| {
                let handle = self.handles.get(session, &operation)?;
                session.client.trigger_call(call, &self.name, &handle).await
            })
            .await
    }

    async fn make(&self, session: &Session, config: &Map) -> Result<String, EngineError> {
        let client = &session.client;
        if let Some(made) = self.handles.peek(session.id) {
            // A restart was quicker than the call that waited for it.
            return Ok(made);
        }
        if !session.has_callbacks() {
            let operation = format!("create trigger {:?}", self.name);
            let message = "it cannot call its host, so its triggers could not fire";
            return Err(client.error(&operation, PluginFailure::Unsupported, message));
        }
        let handle = client
            .create_trigger(&self.trigger_type, &self.name, config)
            .await?;
        self.handles.insert(session.id, handle.clone());
        let initialized = client
            .trigger_call(ModuleCall::Init, &self.name, &handle)
            .await;
        if let Err(error) = initialized {
            // Half a trigger is of no use to anybody.
            let _ = self.release(session).await;
            return Err(error);
        }
        Ok(handle)
    }
}

#[async_trait]
impl Remote for RemoteTrigger {
    async fn bind(&self, session: &Session) -> Result<(), EngineError> {
        let (phase, config) = {
            let state = self.lock();
            (state.phase, state.config.clone())
        };
        let Some(config) = config.filter(|_| phase != Phase::Destroyed) else {
            return Ok(());
        };
        let handle = self.make(session, &config).await?;
        if phase == Phase::Started {
            let client = &session.client;
            let started = client
                .trigger_call(ModuleCall::Start, &self.name, &handle)
                .await;
            if let Err(error) = started {
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
        let client = &session.client;
        let started = self.lock().phase == Phase::Started;
        // A plugin's destroy need not stop.
        let stopped = match started {
            true => {
                client
                    .trigger_call(ModuleCall::Stop, &self.name, &handle)
                    .await
            }
            false => Ok(()),
        };
        let destroyed = client
            .trigger_call(ModuleCall::Destroy, &self.name, &handle)
            .await;
        stopped.and(destroyed)
    }

    fn trigger(&self) -> Option<&RemoteTrigger> {
        Some(self)
    }
}

#[async_trait]
impl Trigger for RemoteTrigger {
    fn name(&self) -> &str {
        &self.name
    }

    /// Makes the counterpart. To configure it again with the same config does
    /// nothing; a trigger that could not be configured may be configured anew.
    async fn configure(&self, config: Map, sink: Arc<dyn TriggerSink>) -> Result<(), EngineError> {
        {
            let mut state = self.lock();
            match (&state.config, state.phase) {
                (_, Phase::Destroyed) => {
                    let what = format!("trigger {:?}", self.name);
                    return Err(EngineError::failed(what, "it is destroyed"));
                }
                (Some(before), _) if *before == config => return Ok(()),
                (Some(_), _) => {
                    let what = format!("trigger {:?}", self.name);
                    let reason = "already configured with different trigger config";
                    return Err(EngineError::invalid_config(what, reason));
                }
                (None, _) => {}
            }
            // A process that takes the place of this one meanwhile makes it too.
            state.sink = Some(sink);
            state.config = Some(config.clone());
            state.phase = Phase::Configured;
        }
        let operation = format!("create trigger {:?}", self.name);
        let made = self
            .link
            .call(&operation, WAIT, async |session| {
                self.make(session, &config).await
            })
            .await;
        if made.is_err() {
            {
                let mut state = self.lock();
                state.config = None;
                state.sink = None;
                state.phase = Phase::Made;
            }
            let _ = destroy(self, &self.link).await;
        }
        made.map(drop)
    }

    async fn start(&self) -> Result<(), EngineError> {
        {
            let mut state = self.lock();
            match state.phase {
                Phase::Configured => {}
                Phase::Started => return Ok(()),
                Phase::Made | Phase::Destroyed => {
                    return Err(EngineError::State {
                        what: format!("trigger {:?} cannot start", self.name),
                        reason: "it is not configured".to_owned(),
                    });
                }
            }
            // It may fire before its start has returned.
            state.listening = true;
        }
        let started = self.call(ModuleCall::Start).await;
        let mut state = self.lock();
        match started {
            Ok(()) => state.phase = Phase::Started,
            Err(_) => state.listening = false,
        }
        started
    }

    async fn stop(&self) -> Result<(), EngineError> {
        if self.lock().phase != Phase::Started {
            return Ok(());
        }
        // A plugin that was unloaded has stopped its triggers, one that is gone has none.
        let stopped = match self.link.state() {
            LinkState::Closed(_) => Ok(()),
            _ => self.call(ModuleCall::Stop).await,
        };
        let mut state = self.lock();
        state.listening = false;
        state.phase = Phase::Configured;
        stopped
    }

    async fn destroy(&self) -> Result<(), EngineError> {
        let outcome = destroy(self, &self.link).await;
        let mut state = self.lock();
        state.listening = false;
        state.phase = Phase::Destroyed;
        state.sink = None;
        outcome
    }
}

impl std::fmt::Debug for RemoteTrigger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemoteTrigger")
            .field("name", &self.name)
            .field("trigger_type", &self.trigger_type)
            .field("phase", &self.lock().phase)
            .field("plugin", &self.link.plugin())
            .finish_non_exhaustive()
    }
}
