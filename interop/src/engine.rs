//! What a plugin may call in our host while it runs a list: it starts nothing and
//! remembers everything, as its twin in `go/internal/workflow` does.

use std::{sync::Arc, time::Duration};

use outboard_contracts::{
    value::{Map, optional_to_map},
    workflow::proto::{
        self,
        engine_callback_service_server::{EngineCallbackService, EngineCallbackServiceServer},
    },
};
use outboard_go_plugin::{
    broker::{Broker, Served},
    transport::Services,
};
use serde_json::{Value, json};
use tokio::sync::{Mutex, mpsc};
use tonic::{Request, Response, Status};

/// How many calls are kept that the list has not asked for.
const KEPT: usize = 100;

/// The engine of one run of a list.
pub(crate) struct Engine {
    broker: Broker,
    calls: Calls,
    fired: Mutex<mpsc::Receiver<Value>>,
    logged: Mutex<mpsc::Receiver<Value>>,
    served: Mutex<Vec<Served>>,
}

#[derive(Clone)]
struct Calls(Arc<(mpsc::Sender<Value>, mpsc::Sender<Value>)>);

impl Engine {
    pub(crate) fn new(broker: &Broker) -> Engine {
        let (fired, fired_end) = mpsc::channel(KEPT);
        let (logged, logged_end) = mpsc::channel(KEPT);
        Engine {
            broker: broker.clone(),
            calls: Calls(Arc::new((fired, logged))),
            fired: Mutex::new(fired_end),
            logged: Mutex::new(logged_end),
            served: Mutex::default(),
        }
    }

    /// Answers the list's questions about the engine.
    pub(crate) async fn call(&self, question: &str, deadline: Duration) -> Result<Value, Status> {
        match question {
            "Offer" => {
                let id = self.broker.next_id();
                let service = EngineCallbackServiceServer::new(self.calls.clone());
                let services = Services::new().add_service(service);
                let served = self.broker.accept_and_serve(id, services).await;
                let served = served.map_err(|error| Status::unavailable(error.to_string()))?;
                self.served.lock().await.push(served);
                Ok(json!({ "handle_id": id.to_string() }))
            }
            "Fired" => next(&self.fired, deadline).await,
            "Logged" => next(&self.logged, deadline).await,
            other => Err(Status::unimplemented(format!(
                "the Rust host knows no Engine.{other}"
            ))),
        }
    }
}

async fn next(from: &Mutex<mpsc::Receiver<Value>>, deadline: Duration) -> Result<Value, Status> {
    let mut from = from.lock().await;
    match tokio::time::timeout(deadline, from.recv()).await {
        Ok(Some(value)) => Ok(value),
        _ => Err(Status::not_found("the plugin did not call")),
    }
}

fn map(wire: Option<prost_types::Struct>) -> Result<Map, Status> {
    optional_to_map(wire).map_err(|error| Status::invalid_argument(error.to_string()))
}

fn keep(calls: &mpsc::Sender<Value>, value: Value) -> Result<(), Status> {
    let full = |_| Status::resource_exhausted("the list does not ask for what the plugin calls");
    calls.try_send(value).map_err(full)
}

#[tonic::async_trait]
impl EngineCallbackService for Calls {
    /// Refuses what is forbidden by its name.
    async fn trigger_workflow(
        &self,
        request: Request<proto::TriggerWorkflowRequest>,
    ) -> Result<Response<proto::ErrorResponse>, Status> {
        let request = request.into_inner();
        if request.trigger_type.starts_with("forbidden") {
            let error = format!("no handler for {}", request.trigger_type);
            return Ok(Response::new(proto::ErrorResponse { error }));
        }
        let data = map(request.data)?;
        let call = json!({
            "trigger_type": request.trigger_type, "action": request.action, "data": data,
        });
        keep(&self.0.0, call)?;
        Ok(Response::new(proto::ErrorResponse::default()))
    }

    /// Knows one service.
    async fn get_service(
        &self,
        request: Request<proto::GetServiceRequest>,
    ) -> Result<Response<proto::GetServiceResponse>, Status> {
        let found = request.get_ref().name == "mail";
        Ok(Response::new(proto::GetServiceResponse { found }))
    }

    async fn log(&self, request: Request<proto::LogRequest>) -> Result<Response<()>, Status> {
        let request = request.into_inner();
        let fields = map(request.fields)?;
        let call = json!({ "level": request.level, "message": request.message, "fields": fields });
        keep(&self.0.1, call)?;
        Ok(Response::new(()))
    }

    async fn publish_message(
        &self,
        _: Request<proto::PublishMessageRequest>,
    ) -> Result<Response<proto::PublishMessageResponse>, Status> {
        Err(Status::unimplemented("PublishMessage"))
    }

    async fn subscribe(
        &self,
        _: Request<proto::SubscribeRequest>,
    ) -> Result<Response<proto::ErrorResponse>, Status> {
        Err(Status::unimplemented("Subscribe"))
    }

    async fn unsubscribe(
        &self,
        _: Request<proto::UnsubscribeRequest>,
    ) -> Result<Response<proto::ErrorResponse>, Status> {
        Err(Status::unimplemented("Unsubscribe"))
    }
}
