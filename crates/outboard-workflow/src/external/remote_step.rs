//! A pipeline step that runs in a plugin's process.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use async_trait::async_trait;

use super::{
    PluginClient,
    link::{Link, Remote, Session, outcome_of},
};
use crate::engine::{EngineError, Map, PipelineStep, PluginFailure, StepCall, StepResult};

/// A step in a plugin's process, seen by the engine as any other step.
///
/// Its counterpart is made with the raw config and gets the resolved config
/// with each execution; plugins of protocol releases before v0.3.5 know the
/// raw one only. When the plugin's process is replaced, the counterpart is made
/// anew. [`destroy`](PipelineStep::destroy) ends it.
pub struct RemoteStep {
    name: String,
    step_type: String,
    config: Map,
    link: Arc<Link>,
    handles: Handles,
}

/// The counterparts of one object, by process.
#[derive(Default)]
pub(crate) struct Handles(Mutex<BTreeMap<u64, String>>);

impl Handles {
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn insert(&self, session: u64, handle: String) {
        self.lock().insert(session, handle);
    }

    pub(crate) fn take(&self, session: u64) -> Option<String> {
        self.lock().remove(&session)
    }

    pub(crate) fn peek(&self, session: u64) -> Option<String> {
        self.lock().get(&session).cloned()
    }

    pub(crate) fn get(&self, session: &Session, operation: &str) -> Result<String, EngineError> {
        let handle = self.lock().get(&session.id).cloned();
        handle.ok_or_else(|| {
            let message = "it was destroyed";
            session
                .client
                .error(operation, PluginFailure::Refused, message)
        })
    }
}

impl RemoteStep {
    /// A step whose counterpart exists already, behind `client`.
    pub fn new(
        name: impl Into<String>,
        handle_id: impl Into<String>,
        client: PluginClient,
    ) -> Arc<RemoteStep> {
        let session = Arc::new(Session::new(client, None));
        let handles = Handles::default();
        handles.insert(session.id, handle_id.into());
        Arc::new(RemoteStep {
            name: name.into(),
            step_type: String::new(),
            config: Map::new(),
            link: Link::unobserved(session.client.plugin(), Arc::clone(&session)),
            handles,
        })
    }

    /// Makes the counterpart in the link's current process.
    pub(crate) async fn create(
        link: &Arc<Link>,
        step_type: &str,
        name: &str,
        config: Map,
    ) -> Result<Arc<RemoteStep>, EngineError> {
        let step = Arc::new(RemoteStep {
            name: name.to_owned(),
            step_type: step_type.to_owned(),
            config,
            link: Arc::clone(link),
            handles: Handles::default(),
        });
        let operation = format!("create step {name:?}");
        let wait = std::time::Duration::from_secs(30);
        link.call(&operation, wait, async |session| step.bind(session).await)
            .await?;
        let remote: Weak<dyn Remote> = Arc::downgrade(&step) as Weak<dyn Remote>;
        link.register(remote);
        Ok(step)
    }
}

#[async_trait]
impl Remote for RemoteStep {
    async fn bind(&self, session: &Session) -> Result<(), EngineError> {
        let handle = session
            .client
            .create_step(&self.step_type, &self.name, &self.config)
            .await?;
        self.handles.insert(session.id, handle);
        Ok(())
    }

    async fn release(&self, session: &Session) -> Result<(), EngineError> {
        match self.handles.take(session.id) {
            Some(handle) => session.client.destroy_step(&self.name, &handle).await,
            None => Ok(()),
        }
    }
}

#[async_trait]
impl PipelineStep for RemoteStep {
    fn name(&self) -> &str {
        &self.name
    }

    async fn execute(&self, call: &StepCall<'_>) -> Result<StepResult, EngineError> {
        let operation = format!("execute step {:?}", self.name);
        let watched = self.link.watch(&self.step_type, Some(call.timeout));
        let outcome = self
            .link
            .call(&operation, call.timeout, async |session| {
                let handle = self.handles.get(session, &operation)?;
                session.client.execute_step(&self.name, &handle, call).await
            })
            .await;
        watched.end(outcome_of(&outcome));
        outcome
    }

    async fn destroy(&self) -> Result<(), EngineError> {
        destroy(self, &self.link).await
    }
}

/// Ends an object's counterpart in the current process. Where there is no
/// process there is no counterpart either.
pub(crate) async fn destroy(object: &dyn Remote, link: &Link) -> Result<(), EngineError> {
    use super::link::LinkState;
    match link.state() {
        LinkState::Up(session) => object.release(&session).await,
        LinkState::Restarting | LinkState::Closed(_) => Ok(()),
    }
}

impl std::fmt::Debug for RemoteStep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemoteStep")
            .field("name", &self.name)
            .field("step_type", &self.step_type)
            .field("plugin", &self.link.plugin())
            .finish_non_exhaustive()
    }
}
