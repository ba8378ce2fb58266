//! An engine for a plugin under test to call.

use std::{
    collections::{BTreeSet, VecDeque},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use outboard_contracts::{
    value::{self, Map},
    workflow::proto::{
        self,
        engine_callback_service_server::{EngineCallbackService, EngineCallbackServiceServer},
    },
};
use outboard_go_plugin::transport::Services;
use tokio::sync::Notify;
use tonic::{Request, Response, Status};

/// How long [`TestEngine::fired`] waits.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many firings and log lines are kept that nobody has looked at.
const KEPT: usize = 1000;

/// What a plugin asked the engine to start.
#[derive(Clone, Debug, PartialEq)]
pub struct Fired {
    /// The name of the trigger.
    pub trigger: String,
    /// What happened, in the trigger's words.
    pub action: String,
    /// The data to start with.
    pub data: Map,
}

/// A line that a plugin wrote into the engine's log.
#[derive(Clone, Debug, PartialEq)]
pub struct Logged {
    /// Such as `info`.
    pub level: String,
    /// The message.
    pub message: String,
    /// Its fields.
    pub fields: Map,
}

/// An engine that remembers what a plugin under test asks of it. Connect it with
/// [`Host::connect`](super::Host::connect). Clones are the same engine.
///
/// ```
/// use outboard_sdk::testing::{Host, TestEngine};
/// use outboard_sdk::workflow::{Manifest, Plugin, StepInput, StepInstance, StepResult, Engine};
/// use outboard_sdk::{Error, async_trait, json};
///
/// struct Remind(Engine);
///
/// #[async_trait]
/// impl StepInstance for Remind {
///     async fn execute(&self, input: StepInput) -> Result<StepResult, Error> {
///         self.0.trigger("reminders", "remind", input.current.clone()).await?;
///         Ok(StepResult::default())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), outboard_sdk::testing::CallError> {
/// let plugin = Plugin::new(Manifest::new("remind", "1.0.0"));
/// let handle = plugin.engine();
/// let plugin = plugin.step("step.remind", move |_, _| Ok(Remind(handle.clone())));
/// let host = Host::start(plugin).await?;
/// let engine = TestEngine::new();
/// host.connect(&engine).await?;
///
/// let step = host.create_step("step.remind", "later", json!({})).await?;
/// step.execute(StepInput::of_current(json!({ "in": "1h" }))?).await?;
/// assert_eq!(engine.fired().await.unwrap().trigger, "reminders");
///
/// engine.refuse("it may not");
/// let error = step.execute(StepInput::default()).await.unwrap_err();
/// assert_eq!(error.plugin_error(), Some("trigger \"reminders\": it may not"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct TestEngine(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    fired: Notify,
}

#[derive(Default)]
struct State {
    fired: VecDeque<Fired>,
    logged: VecDeque<Logged>,
    services: BTreeSet<String>,
    refusal: Option<String>,
    silent: bool,
}

impl TestEngine {
    /// An engine that accepts every trigger and has no services.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives it a service of this name.
    #[must_use]
    pub fn with_service(self, name: impl Into<String>) -> Self {
        self.state().services.insert(name.into());
        self
    }

    /// From now on it refuses every trigger, with these words.
    pub fn refuse(&self, reason: impl Into<String>) {
        self.state().refusal = Some(reason.into());
    }

    /// From now on it answers no call, as an engine that hangs.
    pub fn fall_silent(&self) {
        self.state().silent = true;
    }

    /// Takes the oldest firing that was not looked at, waiting up to 10 seconds for
    /// one. What was refused does not count.
    pub async fn fired(&self) -> Option<Fired> {
        let next = async {
            loop {
                let mut changed = std::pin::pin!(self.0.fired.notified());
                changed.as_mut().enable();
                if let Some(fired) = self.state().fired.pop_front() {
                    return fired;
                }
                changed.await;
            }
        };
        tokio::time::timeout(PATIENCE, next).await.ok()
    }

    /// How many firings nobody has looked at.
    pub fn waiting(&self) -> usize {
        self.state().fired.len()
    }

    /// Takes all lines of the log so far.
    pub fn logged(&self) -> Vec<Logged> {
        self.state().logged.drain(..).collect()
    }

    pub(super) fn services(&self) -> Services {
        Services::new().add_service(EngineCallbackServiceServer::new(self.clone()))
    }

    async fn unless_silent(&self) {
        let silent = self.state().silent;
        if silent {
            std::future::pending::<()>().await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn in_band(error: impl Into<String>) -> Response<proto::ErrorResponse> {
    let error = error.into();
    Response::new(proto::ErrorResponse { error })
}

fn no_messages() -> Status {
    Status::unimplemented("the engine of tests has no messages")
}

#[tonic::async_trait]
impl EngineCallbackService for TestEngine {
    async fn trigger_workflow(
        &self,
        request: Request<proto::TriggerWorkflowRequest>,
    ) -> Result<Response<proto::ErrorResponse>, Status> {
        self.unless_silent().await;
        let request = request.into_inner();
        let data = match value::optional_to_map(request.data) {
            Ok(data) => data,
            Err(error) => return Ok(in_band(error.within("data").to_string())),
        };
        let mut state = self.state();
        if let Some(refusal) = &state.refusal {
            return Ok(in_band(refusal.clone()));
        }
        if state.fired.len() >= KEPT {
            return Ok(in_band(format!(
                "the test has not looked at {KEPT} firings, which is the limit"
            )));
        }
        state.fired.push_back(Fired {
            trigger: request.trigger_type,
            action: request.action,
            data,
        });
        drop(state);
        self.0.fired.notify_waiters();
        Ok(in_band(""))
    }

    async fn get_service(
        &self,
        request: Request<proto::GetServiceRequest>,
    ) -> Result<Response<proto::GetServiceResponse>, Status> {
        self.unless_silent().await;
        let found = self.state().services.contains(&request.get_ref().name);
        Ok(Response::new(proto::GetServiceResponse { found }))
    }

    async fn log(&self, request: Request<proto::LogRequest>) -> Result<Response<()>, Status> {
        self.unless_silent().await;
        let request = request.into_inner();
        let fields = value::optional_to_map(request.fields)
            .map_err(|error| Status::invalid_argument(error.within("fields").to_string()))?;
        let mut state = self.state();
        if state.logged.len() >= KEPT {
            state.logged.pop_front();
        }
        state.logged.push_back(Logged {
            level: request.level,
            message: request.message,
            fields,
        });
        Ok(Response::new(()))
    }

    async fn publish_message(
        &self,
        _: Request<proto::PublishMessageRequest>,
    ) -> Result<Response<proto::PublishMessageResponse>, Status> {
        Err(no_messages())
    }

    async fn subscribe(
        &self,
        _: Request<proto::SubscribeRequest>,
    ) -> Result<Response<proto::ErrorResponse>, Status> {
        Err(no_messages())
    }

    async fn unsubscribe(
        &self,
        _: Request<proto::UnsubscribeRequest>,
    ) -> Result<Response<proto::ErrorResponse>, Status> {
        Err(no_messages())
    }
}

impl fmt::Debug for TestEngine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        formatter
            .debug_struct("TestEngine")
            .field("fired", &state.fired)
            .field("services", &state.services)
            .finish_non_exhaustive()
    }
}
