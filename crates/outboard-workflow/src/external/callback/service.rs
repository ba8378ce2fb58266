//! The calls as they come over the wire.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use outboard_contracts::{
    value,
    workflow::proto::{
        ErrorResponse, GetServiceRequest, GetServiceResponse, LogRequest, PublishMessageRequest,
        PublishMessageResponse, SubscribeRequest, TriggerWorkflowRequest, UnsubscribeRequest,
        engine_callback_service_server::EngineCallbackService,
    },
};
use outboard_go_plugin::trace;
use tonic::{Request, Response, Status};

use super::{MAX_CALLS, Own, PluginCallbacks, Taken, TriggerCall, line::Line, may_not_trigger};

/// How long the start of a workflow may take: 30 seconds. The run itself is not waited for.
const START_LIMIT: Duration = Duration::from_secs(30);
/// Longest name and longest action of a trigger, in bytes.
const MAX_NAME: usize = 1024;

pub(super) struct Service(pub(super) Arc<PluginCallbacks>);

impl Service {
    async fn trigger(&self, request: TriggerWorkflowRequest) -> Result<(), String> {
        let callbacks = &*self.0;
        let Ok(_place) = callbacks.places.try_acquire() else {
            return Err(format!(
                "a plugin may start {MAX_CALLS} workflows at once; try again later"
            ));
        };
        let TriggerWorkflowRequest {
            trigger_type,
            action,
            data,
            typed_data,
        } = request;
        if trigger_type.len() > MAX_NAME || action.len() > MAX_NAME {
            return Err(format!(
                "the name and the action of a trigger have at most {MAX_NAME} bytes each"
            ));
        }
        if let (None, Some(typed)) = (&data, &typed_data) {
            return Err(format!(
                "data came as {} alone; send it as a Struct",
                typed.type_url
            ));
        }
        let data =
            value::optional_to_map(data).map_err(|error| error.within("data").to_string())?;
        let started = async {
            match callbacks.own_trigger(&trigger_type) {
                Own::Listening(sink) => match sink.fire(&action, data).await {
                    Ok(_run) => Ok(()),
                    Err(error) => Err(error.to_string()),
                },
                Own::NotStarted => Err(format!("trigger {trigger_type:?} is not started")),
                Own::Several(names) => Err(format!(
                    "several triggers are of type {trigger_type:?}; say which: {}",
                    names.join(", ")
                )),
                Own::Gone(reason) => Err(format!("nothing can be triggered any more: {reason}")),
                Own::None => self.other(trigger_type, action, data).await,
            }
        };
        match tokio::time::timeout(START_LIMIT, started).await {
            Ok(outcome) => outcome,
            Err(_) => Err(format!("the workflow did not begin within {START_LIMIT:?}")),
        }
    }

    /// What is not the plugin's own, the host decides.
    async fn other(
        &self,
        trigger_type: String,
        action: String,
        data: value::Map,
    ) -> Result<(), String> {
        let PluginCallbacks {
            plugin,
            server,
            link,
            ..
        } = &*self.0;
        match &server.on_trigger {
            Some(on_trigger) => {
                on_trigger(TriggerCall {
                    plugin: plugin.clone(),
                    trigger_type,
                    action,
                    data,
                })
                .await
            }
            None if link.get().is_some() => Err(may_not_trigger(plugin, &trigger_type)),
            None => Err("trigger handler not configured".to_owned()),
        }
    }
}

#[tonic::async_trait]
impl EngineCallbackService for Service {
    async fn trigger_workflow(
        &self,
        request: Request<TriggerWorkflowRequest>,
    ) -> Result<Response<ErrorResponse>, Status> {
        let trace = trace::of(request.metadata());
        let error = trace::scope(trace, self.trigger(request.into_inner())).await;
        let error = error.err().unwrap_or_default();
        if !error.is_empty() {
            tracing::debug!(plugin = self.0.plugin, error, "a plugin could not trigger");
        }
        Ok(Response::new(ErrorResponse { error }))
    }

    async fn get_service(
        &self,
        request: Request<GetServiceRequest>,
    ) -> Result<Response<GetServiceResponse>, Status> {
        let found = self.0.has_service(&request.get_ref().name);
        Ok(Response::new(GetServiceResponse { found }))
    }

    async fn log(&self, request: Request<LogRequest>) -> Result<Response<()>, Status> {
        let plugin = self.0.plugin.as_str();
        match self.0.line(Instant::now()) {
            // The call has no place for an error, and a plugin need not mind.
            Taken::Dropped => return Ok(Response::new(())),
            Taken::Allowed { dropped: 0 } => {}
            Taken::Allowed { dropped } => {
                tracing::warn!(
                    plugin,
                    dropped,
                    "a plugin logs too much; lines were dropped"
                );
            }
        }
        let line = Line::read(request.into_inner());
        let line = line.map_err(|error| Status::invalid_argument(error.to_string()))?;
        line.write(plugin);
        Ok(Response::new(()))
    }

    async fn publish_message(
        &self,
        _: Request<PublishMessageRequest>,
    ) -> Result<Response<PublishMessageResponse>, Status> {
        Err(no_messages())
    }

    async fn subscribe(
        &self,
        _: Request<SubscribeRequest>,
    ) -> Result<Response<ErrorResponse>, Status> {
        Err(no_messages())
    }

    async fn unsubscribe(
        &self,
        _: Request<UnsubscribeRequest>,
    ) -> Result<Response<ErrorResponse>, Status> {
        Err(no_messages())
    }
}

/// Whoever gets it knows that no message will ever come.
fn no_messages() -> Status {
    Status::unimplemented("this host has no messages")
}
