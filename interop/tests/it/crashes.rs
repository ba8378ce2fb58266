//! A plugin's process that ends by itself, as our host sees it.

use std::{path::Path, time::Duration};

use outboard_contracts::workflow::proto::{
    CreateStepRequest, ExecuteStepRequest, plugin_service_client::PluginServiceClient,
};
use outboard_go_plugin::host::{EventBus, ExitCause, ExitReport, PluginEventKind, PluginProcess};
use outboard_interop::{host, tools};
use tonic::{Code, Request, Status};

use crate::support::{RUST_KITCHEN, kill};

/// Executes one step, which may end the process, and returns the error in its answer.
async fn execute(
    plugin: &PluginProcess,
    kind: &str,
    config: serde_json::Value,
) -> Result<String, Status> {
    let config = outboard_contracts::value::map(config).unwrap();
    let config = outboard_contracts::value::map_to_struct(&config).unwrap();
    let mut client = PluginServiceClient::new(plugin.channel());
    let created = client
        .create_step(with_deadline(CreateStepRequest {
            r#type: kind.to_owned(),
            name: "last".to_owned(),
            config: Some(config),
            ..Default::default()
        }))
        .await?
        .into_inner();
    let request = ExecuteStepRequest {
        handle_id: created.handle_id,
        ..Default::default()
    };
    let answer = client
        .execute_step(with_deadline(request))
        .await?
        .into_inner();
    Ok(answer.error)
}

fn with_deadline<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(Duration::from_secs(20));
    request
}

/// Starts a plugin, lets `crash` end it, and checks that everybody who looks
/// learns of it: the report, the events, and calls that come later.
async fn crashed(
    name: &str,
    program: &Path,
    crash: impl AsyncFnOnce(&PluginProcess),
) -> ExitReport {
    let events = EventBus::default();
    let mut happened = events.subscribe();
    let plugin = host::spec(name, program)
        .events(events)
        .start()
        .await
        .unwrap();
    crash(&plugin).await;
    let report = tokio::time::timeout(Duration::from_secs(20), plugin.exited())
        .await
        .unwrap();
    assert!(!report.requested);
    assert_eq!(plugin.exit_report(), Some(report.clone()));
    let seen = loop {
        let event = tokio::time::timeout(Duration::from_secs(20), happened.next())
            .await
            .unwrap();
        match event.unwrap().unwrap().kind {
            PluginEventKind::Crashed(seen) => break seen,
            PluginEventKind::Starting | PluginEventKind::Ready { .. } => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(seen, report);
    let later = execute(&plugin, "step.echo", serde_json::json!({}))
        .await
        .unwrap_err();
    assert_eq!(later.code(), Code::Unavailable, "{later:?}");
    assert!(later.message().contains(name), "{later:?}");
    report
}

#[tokio::test]
async fn a_go_plugin_that_panics_is_a_crash_with_its_last_words() {
    let Some(go) = tools::go() else { return };
    let report = crashed("panicking", &go.path("go-plugin-kitchen"), async |plugin| {
        let status = execute(plugin, "step.panic", serde_json::json!({}))
            .await
            .unwrap_err();
        assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    })
    .await;
    // Go's runtime ends a panicking program with 2.
    assert_eq!(report.cause, ExitCause::Code(2));
    let said = report.to_string();
    assert!(
        said.contains("panicking") && said.contains("exit status 2"),
        "{said}"
    );
    assert!(said.contains("the kitchen is on fire"), "{said}");
}

#[tokio::test]
async fn a_go_plugin_that_exits_is_a_crash_with_its_exit_status() {
    let Some(go) = tools::go() else { return };
    let report = crashed("leaving", &go.path("go-plugin-kitchen"), async |plugin| {
        let config = serde_json::json!({ "code": 3 });
        let status = execute(plugin, "step.exit", config).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    })
    .await;
    assert_eq!(report.cause, ExitCause::Code(3));
    assert_eq!(report.last_lines.last().unwrap(), "the cook has left");
}

#[tokio::test]
async fn a_go_plugin_that_is_killed_from_outside_is_a_crash_with_its_signal() {
    let Some(go) = tools::go() else { return };
    let report = crashed("killed", &go.path("go-plugin-kitchen"), async |plugin| {
        kill(plugin.pid());
    })
    .await;
    assert_eq!(report.cause, ExitCause::Signal(9));
    assert!(report.to_string().contains("SIGKILL"), "{report}");
}

/// DIFFERENCE: a plugin built with the original SDK dies of a panic, as the Go
/// kitchen above does. Ours loses the one call.
#[tokio::test]
async fn our_plugin_survives_a_panic_and_says_so_in_the_answer() {
    let plugin = host::spec("surviving", RUST_KITCHEN).start().await.unwrap();
    let error = execute(&plugin, "step.panic", serde_json::json!({}))
        .await
        .unwrap();
    assert!(error.contains("the kitchen is on fire"), "{error}");
    let next = execute(&plugin, "step.echo", serde_json::json!({}))
        .await
        .unwrap();
    assert_eq!(next, "");
    let report = plugin.stop().await;
    assert_eq!((report.cause, report.forced), (ExitCause::Code(0), false));
}

#[tokio::test]
async fn our_plugin_that_exits_is_a_crash_with_its_exit_status() {
    let report = crashed("leaving", RUST_KITCHEN.as_ref(), async |plugin| {
        let config = serde_json::json!({ "code": 3 });
        let status = execute(plugin, "step.exit", config).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    })
    .await;
    assert_eq!(report.cause, ExitCause::Code(3));
    assert_eq!(report.last_lines.last().unwrap(), "the cook has left");
}

#[tokio::test]
async fn our_plugin_that_is_killed_from_outside_is_a_crash_with_its_signal() {
    let report = crashed("killed", RUST_KITCHEN.as_ref(), async |plugin| {
        kill(plugin.pid());
    })
    .await;
    assert_eq!(report.cause, ExitCause::Signal(9));
}
