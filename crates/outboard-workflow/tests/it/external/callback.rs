//! The calls that a plugin makes to its host, over a connection in memory.

use std::sync::{Arc, Mutex};

use outboard_contracts::{
    value::map_to_struct,
    workflow::proto::{
        GetServiceRequest, LogRequest, PublishMessageRequest, TriggerWorkflowRequest,
        engine_callback_service_client::EngineCallbackServiceClient,
    },
};
use outboard_go_plugin::transport::{Channel, serve_connection};
use outboard_workflow::external::{
    CallbackServer, GrpcPlugin, ServiceLookupFunc, TriggerCall, TriggerFunc,
};
use serde_json::json;
use tonic::Code;

use super::support::map;

async fn client(server: CallbackServer) -> EngineCallbackServiceClient<Channel> {
    let (ours, theirs) = tokio::io::duplex(4096);
    let plugin = GrpcPlugin::new().with_callback_server(server);
    let services = plugin.callback_services("kv").unwrap();
    tokio::spawn(async move { serve_connection(theirs, services).await });
    EngineCallbackServiceClient::new(Channel::from_io(ours).await.unwrap())
}

fn trigger(action: &str) -> TriggerWorkflowRequest {
    TriggerWorkflowRequest {
        trigger_type: "timer".to_owned(),
        action: action.to_owned(),
        data: Some(map_to_struct(&map(json!({ "n": [1, { "two": null }] }))).unwrap()),
        ..TriggerWorkflowRequest::default()
    }
}

#[tokio::test]
async fn a_fired_trigger_reaches_the_handler_and_its_error_the_plugin() {
    let calls: Arc<Mutex<Vec<TriggerCall>>> = Arc::default();
    let on_trigger: TriggerFunc = {
        let calls = Arc::clone(&calls);
        Arc::new(move |call| {
            let outcome = match call.action.as_str() {
                "fail" => Err("no such workflow".to_owned()),
                _ => Ok(()),
            };
            calls.lock().unwrap().push(call);
            Box::pin(std::future::ready(outcome))
        })
    };
    let mut client = client(CallbackServer::new(Some(on_trigger), None)).await;
    assert_eq!(
        client
            .trigger_workflow(trigger("tick"))
            .await
            .unwrap()
            .into_inner()
            .error,
        ""
    );
    let answer = client
        .trigger_workflow(trigger("fail"))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(answer.error, "no such workflow");
    let calls = calls.lock().unwrap();
    let expected = TriggerCall {
        plugin: "kv".to_owned(),
        trigger_type: "timer".to_owned(),
        action: "tick".to_owned(),
        data: map(json!({ "n": [1, { "two": null }] })),
    };
    assert_eq!(calls[0], expected);
}

#[tokio::test]
async fn without_handlers_triggering_is_an_error_and_no_service_exists() {
    let mut client = client(CallbackServer::new(None, None)).await;
    let answer = client
        .trigger_workflow(trigger("tick"))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(answer.error, "trigger handler not configured");
    let request = GetServiceRequest {
        name: "mail".to_owned(),
    };
    assert!(
        !client
            .get_service(request)
            .await
            .unwrap()
            .into_inner()
            .found
    );
}

#[tokio::test]
async fn services_are_looked_up_by_name() {
    let lookup: ServiceLookupFunc =
        Arc::new(|query| query.service == "mail" && query.plugin == "kv");
    let mut client = client(CallbackServer::new(None, Some(lookup))).await;
    for (name, found) in [("mail", true), ("fax", false)] {
        let request = GetServiceRequest {
            name: name.to_owned(),
        };
        assert_eq!(
            client
                .get_service(request)
                .await
                .unwrap()
                .into_inner()
                .found,
            found
        );
    }
}

#[tokio::test]
async fn a_panic_in_a_handler_fails_that_call_and_not_the_connection() {
    let on_trigger: TriggerFunc = Arc::new(|_| panic!("as it happens"));
    let mut client = client(CallbackServer::new(Some(on_trigger), None)).await;
    let status = client.trigger_workflow(trigger("tick")).await.unwrap_err();
    assert_eq!(status.code(), Code::Internal);
    let request = GetServiceRequest {
        name: "mail".to_owned(),
    };
    client.get_service(request).await.unwrap();
}

#[tokio::test]
async fn log_lines_are_taken_at_any_level_and_later_calls_are_unimplemented() {
    let mut client = client(CallbackServer::default()).await;
    for level in ["debug", "INFO", "loud", ""] {
        let request = LogRequest {
            level: level.to_owned(),
            message: "one\ntwo [ERROR] three".to_owned(),
            fields: Some(map_to_struct(&map(json!({ "a": 1 }))).unwrap()),
        };
        client.log(request).await.unwrap();
    }
    let status = client
        .publish_message(PublishMessageRequest::default())
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
}
