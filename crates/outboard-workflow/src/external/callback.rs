//! The calls that a plugin makes to its host: start a workflow, ask for a
//! service, write a log line.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use outboard_contracts::{
    value::{self, Map},
    workflow::proto::{
        ErrorResponse, GetServiceRequest, GetServiceResponse, LogRequest, PublishMessageRequest,
        PublishMessageResponse, SubscribeRequest, TriggerWorkflowRequest, UnsubscribeRequest,
        engine_callback_service_server::EngineCallbackService,
    },
};
use tonic::{Request, Response, Status};

/// Longest log message that is passed on, in bytes; the rest is cut.
const MAX_LOG_MESSAGE: usize = 64 * 1024;

/// A plugin's wish to start a workflow.
#[derive(Debug, Clone, PartialEq)]
pub struct TriggerCall {
    /// The plugin that asks; empty where the server was not made for one.
    pub plugin: String,
    /// The trigger's type.
    pub trigger_type: String,
    /// What happened, in the trigger's words.
    pub action: String,
    /// What to start the workflow with.
    pub data: Map,
}

/// Called when a plugin fires a trigger. An error's text goes to the plugin.
pub type TriggerFunc = Arc<
    dyn Fn(TriggerCall) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync,
>;

/// Tells whether the host has a service of this name.
pub type ServiceLookupFunc = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// The host's implementation of `EngineCallbackService`.
///
/// ```
/// use std::sync::Arc;
/// use outboard_workflow::external::{CallbackServer, TriggerFunc};
///
/// let on_trigger: TriggerFunc = Arc::new(|call| Box::pin(async move {
///     println!("{} fired {}", call.plugin, call.action);
///     Ok(())
/// }));
/// let server = CallbackServer::new(Some(on_trigger), Some(Arc::new(|name| name == "mail")));
/// # let _ = server;
/// ```
#[derive(Clone, Default)]
pub struct CallbackServer {
    plugin: String,
    on_trigger: Option<TriggerFunc>,
    lookup: Option<ServiceLookupFunc>,
}

impl CallbackServer {
    /// A server that hands triggers to `on_trigger` and questions to `lookup`.
    /// Without the first, triggering answers an error; without the second, no
    /// service exists.
    pub fn new(
        on_trigger: Option<TriggerFunc>,
        lookup: Option<ServiceLookupFunc>,
    ) -> CallbackServer {
        CallbackServer {
            plugin: String::new(),
            on_trigger,
            lookup,
        }
    }

    /// The same server for one plugin, whose name it puts on what it passes on.
    #[must_use]
    pub fn for_plugin(&self, plugin: &str) -> CallbackServer {
        CallbackServer {
            plugin: plugin.to_owned(),
            ..self.clone()
        }
    }
}

impl fmt::Debug for CallbackServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallbackServer")
            .field("plugin", &self.plugin)
            .field("on_trigger", &self.on_trigger.is_some())
            .field("lookup", &self.lookup.is_some())
            .finish()
    }
}

fn in_band(error: impl Into<String>) -> Response<ErrorResponse> {
    Response::new(ErrorResponse {
        error: error.into(),
    })
}

#[tonic::async_trait]
impl EngineCallbackService for CallbackServer {
    async fn trigger_workflow(
        &self,
        request: Request<TriggerWorkflowRequest>,
    ) -> Result<Response<ErrorResponse>, Status> {
        let request = request.into_inner();
        let Some(on_trigger) = &self.on_trigger else {
            return Ok(in_band("trigger handler not configured"));
        };
        let data = match value::optional_to_map(request.data) {
            Ok(data) => data,
            Err(error) => return Ok(in_band(error.within("data").to_string())),
        };
        let call = TriggerCall {
            plugin: self.plugin.clone(),
            trigger_type: request.trigger_type,
            action: request.action,
            data,
        };
        Ok(match on_trigger(call).await {
            Ok(()) => in_band(""),
            Err(error) => in_band(error),
        })
    }

    async fn get_service(
        &self,
        request: Request<GetServiceRequest>,
    ) -> Result<Response<GetServiceResponse>, Status> {
        let name = request.into_inner().name;
        let found = self.lookup.as_ref().is_some_and(|lookup| lookup(&name));
        Ok(Response::new(GetServiceResponse { found }))
    }

    async fn log(&self, request: Request<LogRequest>) -> Result<Response<()>, Status> {
        let LogRequest {
            level,
            message,
            fields,
        } = request.into_inner();
        let fields = match value::optional_to_map(fields) {
            Ok(fields) => serde_json::Value::Object(fields).to_string(),
            Err(error) => return Err(Status::invalid_argument(error.within("fields").to_string())),
        };
        let (message, plugin) = (one_line(&message), self.plugin.as_str());
        macro_rules! emit {
            ($level:ident) => {
                tracing::$level!(target: "plugin", plugin, fields, "{message}")
            };
        }
        match level.trim().to_ascii_lowercase().as_str() {
            "trace" => emit!(trace),
            "debug" => emit!(debug),
            "warn" | "warning" => emit!(warn),
            "error" => emit!(error),
            // A level that nobody knows must not hide the line.
            _ => emit!(info),
        }
        Ok(Response::new(()))
    }

    async fn publish_message(
        &self,
        _: Request<PublishMessageRequest>,
    ) -> Result<Response<PublishMessageResponse>, Status> {
        Err(Status::unimplemented("this host has no messages"))
    }

    async fn subscribe(
        &self,
        _: Request<SubscribeRequest>,
    ) -> Result<Response<ErrorResponse>, Status> {
        Err(Status::unimplemented("this host has no messages"))
    }

    async fn unsubscribe(
        &self,
        _: Request<UnsubscribeRequest>,
    ) -> Result<Response<ErrorResponse>, Status> {
        Err(Status::unimplemented("this host has no messages"))
    }
}

/// A message that cannot pretend to be several log lines, of bounded length.
fn one_line(message: &str) -> String {
    let end = message.floor_char_boundary(MAX_LOG_MESSAGE);
    message[..end]
        .chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect()
}
