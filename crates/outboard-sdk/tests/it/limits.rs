//! How much a plugin keeps and takes.

use outboard_contracts::workflow::proto::{self, plugin_service_server::PluginService};
use outboard_sdk::workflow::{MAX_HANDLES, PluginServer};
use tonic::Request;

use crate::kitchen::Kitchen;

#[tokio::test]
async fn the_number_of_live_handles_is_bounded_and_destroying_makes_room() {
    // Without the wire: this is about the table, and it is filled up.
    let server = PluginServer::new(Kitchen);
    let create = || async {
        let request = proto::CreateStepRequest {
            r#type: "step.echo".into(),
            ..Default::default()
        };
        PluginService::create_step(&server, Request::new(request))
            .await
            .unwrap()
            .into_inner()
    };
    let first = create().await;
    for _ in 1..MAX_HANDLES {
        assert_eq!(create().await.error, "");
    }
    let refused = create().await;
    assert!(
        refused.error.contains("100000") && refused.error.contains("destroy"),
        "{}",
        refused.error
    );
    assert_eq!(refused.handle_id, "");

    let module = proto::CreateModuleRequest::default();
    let refused = PluginService::create_module(&server, Request::new(module))
        .await
        .unwrap()
        .into_inner();
    assert!(refused.error.contains("100000"), "{}", refused.error);

    let destroy = proto::HandleRequest {
        handle_id: first.handle_id,
    };
    assert_eq!(
        server
            .destroy_step(Request::new(destroy))
            .await
            .unwrap()
            .into_inner()
            .error,
        ""
    );
    assert_eq!(create().await.error, "");
}
