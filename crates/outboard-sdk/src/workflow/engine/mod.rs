//! The way from a plugin back to the engine that runs it.
//!
//! ```text
//! host: ConfigureCallback(broker id) ─▸ PluginServer ── dials ─▸ Engine, from then on connected
//!                                                                  │ trigger, has_service, log
//! host: EngineCallbackService ◂────────────────────────────────────┘
//! ```

mod error;

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use outboard_contracts::{
    value::{self, Map},
    workflow::proto::{self, engine_callback_service_client::EngineCallbackServiceClient},
};
use outboard_go_plugin::{trace, transport::Channel};
use tonic::Request;

pub use self::error::{CallbackError, CallbackErrorKind};

/// How long a call to the engine may take unless [`Engine::with_timeout`] says
/// otherwise: 30 seconds.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// The engine that runs the plugin, as far as a plugin may call it.
///
/// A handle is made before there is an engine: [`Plugin::engine`](super::Plugin::engine)
/// gives one to put into modules and steps, and a
/// [`PluginProvider`](super::PluginProvider) of your own keeps one that it returns
/// from [`engine`](super::PluginProvider::engine). It works from the moment the host
/// offers calls, which is before it makes anything. With hosts that never do, every
/// call fails with [`CallbackErrorKind::NotConnected`].
///
/// Cloning is cheap, and clones are the same handle. Every call has a deadline.
///
/// ```
/// use outboard_sdk::{Error, Map, async_trait, json};
/// use outboard_sdk::workflow::{Engine, Manifest, Plugin, StepInput, StepInstance, StepResult};
///
/// struct Probe(Engine);
///
/// #[async_trait]
/// impl StepInstance for Probe {
///     async fn execute(&self, _: StepInput) -> Result<StepResult, Error> {
///         let mail = self.0.has_service("mail").await?;
///         StepResult::output(json!({ "mail": mail }))
///     }
/// }
///
/// let plugin = Plugin::new(Manifest::new("probe", "1.0.0"));
/// let engine = plugin.engine();
/// let plugin = plugin.step("step.probe", move |_name, _config| Ok(Probe(engine.clone())));
/// ```
#[derive(Clone, Default)]
pub struct Engine {
    connection: Arc<Connection>,
    timeout: Option<Duration>,
}

type Connection = RwLock<Option<EngineCallbackServiceClient<Channel>>>;

impl Engine {
    /// A handle that is not connected yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same handle with another deadline for its calls. 30 seconds unless set.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Whether the host takes calls.
    pub fn is_connected(&self) -> bool {
        self.client().is_some()
    }

    /// Starts what the trigger called `trigger` leads to, and returns when it has
    /// begun. A plugin may name its own triggers, by the name that each was made
    /// with, and what the host allows it besides.
    ///
    /// # Errors
    ///
    /// [`Refused`](CallbackErrorKind::Refused) where it may not, or the host cannot;
    /// see [`CallbackErrorKind`] for the others.
    pub async fn trigger(
        &self,
        trigger: &str,
        action: &str,
        data: Map,
    ) -> Result<(), CallbackError> {
        let operation = || format!("trigger {trigger:?}");
        let data = value::map_to_struct(&data)
            .map_err(|error| CallbackError::bad_value(operation(), error.within("data")))?;
        let (mut client, request) = self.call(
            &operation,
            proto::TriggerWorkflowRequest {
                trigger_type: trigger.to_owned(),
                action: action.to_owned(),
                data: Some(data),
                typed_data: None,
            },
        )?;
        let answer = client.trigger_workflow(request).await;
        let answer = answer.map_err(|status| CallbackError::status(operation(), &status))?;
        match answer.into_inner().error {
            error if error.is_empty() => Ok(()),
            error => Err(CallbackError::refused(operation(), error)),
        }
    }

    /// Whether the engine has a service of this name that the plugin may know of.
    ///
    /// # Errors
    ///
    /// See [`CallbackErrorKind`]; a service that does not exist is not one.
    pub async fn has_service(&self, name: &str) -> Result<bool, CallbackError> {
        let operation = || format!("look service {name:?} up");
        let name = name.to_owned();
        let (mut client, request) = self.call(&operation, proto::GetServiceRequest { name })?;
        let answer = client.get_service(request).await;
        let answer = answer.map_err(|status| CallbackError::status(operation(), &status))?;
        Ok(answer.into_inner().found)
    }

    /// Writes a line into the engine's log and waits until it is there. For ordinary
    /// logging use [`tracing`](crate::tracing), which never waits for the host.
    ///
    /// # Errors
    ///
    /// See [`CallbackErrorKind`].
    pub async fn log(
        &self,
        level: tracing::Level,
        message: &str,
        fields: Map,
    ) -> Result<(), CallbackError> {
        let operation = || "log".to_owned();
        let fields = value::map_to_struct(&fields)
            .map_err(|error| CallbackError::bad_value(operation(), error.within("fields")))?;
        let (mut client, request) = self.call(
            &operation,
            proto::LogRequest {
                level: level.as_str().to_ascii_lowercase(),
                message: message.to_owned(),
                fields: Some(fields),
            },
        )?;
        let answer = client.log(request).await;
        answer.map_err(|status| CallbackError::status(operation(), &status))?;
        Ok(())
    }

    /// Calls go over this connection from now on; the one before is let go of.
    pub(crate) fn connect(&self, channel: Channel) {
        let client = EngineCallbackServiceClient::new(channel);
        let mut connection = self
            .connection
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *connection = Some(client);
    }

    /// Whether anybody but the owner of this handle could make a call.
    pub(crate) fn is_shared(&self) -> bool {
        Arc::strong_count(&self.connection) > 1
    }

    fn client(&self) -> Option<EngineCallbackServiceClient<Channel>> {
        // Cloning is all that happens under the lock.
        let connection = self.connection.read();
        connection.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn call<T>(
        &self,
        operation: &dyn Fn() -> String,
        message: T,
    ) -> Result<(EngineCallbackServiceClient<Channel>, Request<T>), CallbackError> {
        let client = self.client();
        let client = client.ok_or_else(|| CallbackError::not_connected(operation()))?;
        let mut request = Request::new(message);
        request.set_timeout(self.timeout.unwrap_or(DEFAULT_TIMEOUT));
        trace::carry(request.metadata_mut());
        Ok((client, request))
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Engine")
            .field("connected", &self.is_connected())
            .finish_non_exhaustive()
    }
}
