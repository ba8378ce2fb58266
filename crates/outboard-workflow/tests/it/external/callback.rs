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
    CallbackServer, GrpcPlugin, MAX_CALLS, ServiceLookupFunc, TriggerCall, TriggerFunc,
};
use serde_json::json;
use tonic::Code;

use super::support::map;

pub(super) async fn client(server: CallbackServer) -> EngineCallbackServiceClient<Channel> {
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

#[tokio::test]
async fn a_plugin_starts_a_bounded_number_of_workflows_at_once_and_others_are_not_held_up() {
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let waiting = Arc::new(tokio::sync::Semaphore::new(0));
    let on_trigger: TriggerFunc = {
        let (gate, waiting) = (Arc::clone(&gate), Arc::clone(&waiting));
        Arc::new(move |_| {
            let (gate, waiting) = (Arc::clone(&gate), Arc::clone(&waiting));
            Box::pin(async move {
                waiting.add_permits(1);
                gate.acquire().await.unwrap().forget();
                Ok(())
            })
        })
    };
    let server = CallbackServer::new(Some(on_trigger), None);
    let mut client = client(server.clone()).await;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..MAX_CALLS {
        let mut client = client.clone();
        calls.spawn(async move { client.trigger_workflow(trigger("tick")).await });
    }
    let all = u32::try_from(MAX_CALLS).unwrap();
    waiting.acquire_many(all).await.unwrap().forget();
    let answer = client.trigger_workflow(trigger("tick")).await.unwrap();
    assert_eq!(
        answer.into_inner().error,
        "a plugin may start 64 workflows at once; try again later"
    );
    gate.add_permits(MAX_CALLS + 1);
    while let Some(call) = calls.join_next().await {
        assert_eq!(call.unwrap().unwrap().into_inner().error, "");
    }
    let answer = client.trigger_workflow(trigger("tick")).await.unwrap();
    assert_eq!(answer.into_inner().error, "", "there is room again");
}

#[tokio::test]
async fn names_that_are_too_long_and_calls_that_are_too_large_are_refused() {
    let on_trigger: TriggerFunc = Arc::new(|_| Box::pin(std::future::ready(Ok(()))));
    let mut client = client(CallbackServer::new(Some(on_trigger), None)).await;
    let answer = client
        .trigger_workflow(trigger(&"x".repeat(1025)))
        .await
        .unwrap();
    assert_eq!(
        answer.into_inner().error,
        "the name and the action of a trigger have at most 1024 bytes each"
    );
    let mut large = trigger("tick");
    let text = "x".repeat(5 * 1024 * 1024);
    large.data = Some(map_to_struct(&map(json!({ "text": text }))).unwrap());
    let status = client.trigger_workflow(large).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange, "{status}");
    // The connection lives on.
    let answer = client.trigger_workflow(trigger("tick")).await.unwrap();
    assert_eq!(answer.into_inner().error, "");
}
