//! What a call brings, and every way in which it does not.

use std::{
    io,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use outboard_connector::client::{
    CallError, CallLimits, CallProgress, ExecCall, Side, TransportError,
};
use outboard_go_plugin::host::ExitCause;
use serde_json::json;
use tonic::Code;

use super::support::{Probes, call, wait_for};

fn limits() -> CallLimits {
    CallLimits::within(Duration::from_secs(30))
}

async fn failure(probes: &Probes, call: ExecCall, limits: CallLimits) -> CallError {
    let lease = probes.lease("probe").await.unwrap();
    let result = lease
        .connection()
        .execute_stream(call, limits, |_| {})
        .await;
    result.map(|result| result.len()).unwrap_err()
}

fn transport(error: &CallError) -> &TransportError {
    match error {
        CallError::Transport(error) => error,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_result_in_pieces_comes_out_whole() {
    let probes = Probes::new(|_| {});
    probes.add("probe", &[]);
    let lease = probes.lease("probe").await.unwrap();
    for size in [2, 1000, 1 << 20, (1 << 20) + 1, 5_000_000] {
        let call = call("big", &[("bytes", &size.to_string())]);
        let result = lease
            .connection()
            .execute_stream(call, limits(), |_| {})
            .await;
        let result = result.unwrap();
        assert_eq!(result.len(), size);
        assert!(result[1..size - 1].iter().all(|byte| *byte == b'x'));
    }
}

#[tokio::test]
async fn progress_is_told_as_it_comes() {
    let probes = Probes::new(|_| {});
    probes.add("probe", &[]);
    let lease = probes.lease("probe").await.unwrap();
    let mut told = Vec::new();
    let call = call("progress", &[]);
    let connection = lease.connection();
    let result = connection.execute_stream(call, limits(), |progress| told.push(progress));
    assert_eq!(result.await.unwrap(), "[1,2,3]");
    let expected = |progress| CallProgress {
        progress,
        total: 3,
        message: format!("step {progress}"),
    };
    assert_eq!(told, [1, 2, 3].map(expected));
}

#[tokio::test]
async fn an_operations_own_error_is_told_from_all_others() {
    let probes = Probes::new(|_| {});
    probes.add("probe", &[]);
    for (operation, code) in [("fail", "exec_error"), ("nonsense", "unknown_operation")] {
        let error = failure(&probes, call(operation, &[]), limits()).await;
        assert!(error.is_operation());
        let CallError::Operation(inner) = &error else {
            panic!("{error}")
        };
        assert_eq!(inner.code, code);
        let text = error.to_string();
        assert!(
            text.contains(operation) && text.contains("\"probe\""),
            "{text}"
        );
    }
    let error = failure(&probes, call("status", &[]), limits()).await;
    assert!(!error.is_operation());
    assert_eq!(transport(&error).code, Code::Internal);
    let status = probes.pool.status_of("probe").unwrap();
    assert_eq!((status.starts, status.crashes), (1, 0));
}

#[tokio::test]
async fn a_result_must_be_json_and_complete() {
    let probes = Probes::new(|_| {});
    probes.add("probe", &[]);
    let error = failure(&probes, call("garbage", &[]), limits()).await;
    assert!(matches!(error, CallError::InvalidResult(_)), "{error}");
    let error = failure(&probes, call("cut", &[]), limits()).await;
    assert_eq!(transport(&error).code, Code::DataLoss, "{error}");
    assert!(
        error.to_string().contains("before it was complete"),
        "{error}"
    );
    // A panic in the middle looks the same from here, and hits nobody else.
    let error = failure(&probes, call("panic", &[]), limits()).await;
    assert_eq!(transport(&error).code, Code::DataLoss, "{error}");
    probes.call("probe", call("echo", &[])).await.unwrap();
    assert_eq!(probes.pool.status_of("probe").unwrap().starts, 1);
}

#[tokio::test]
async fn results_and_requests_have_limits() {
    let probes = Probes::new(|_| {});
    probes.add("probe", &[]);
    let mut small = limits();
    small.max_result_bytes = 3 << 20;
    let exactly = call("big", &[("bytes", &(3 << 20).to_string())]);
    let lease = probes.lease("probe").await.unwrap();
    let result = lease
        .connection()
        .execute_stream(exactly, small, |_| {})
        .await;
    assert_eq!(result.unwrap().len(), 3 << 20);
    let more = call("big", &[("bytes", &((3 << 20) + 1).to_string())]);
    let error = failure(&probes, more, small).await;
    let CallError::TooLarge(too_large) = &error else {
        panic!("{error}")
    };
    assert_eq!((too_large.side, too_large.limit), (Side::Result, 3 << 20));

    let text = "x".repeat(64 << 20);
    let error = failure(&probes, call("echo", &[("text", &text)]), limits()).await;
    let CallError::TooLarge(too_large) = &error else {
        panic!("{error}")
    };
    assert_eq!((too_large.side, too_large.limit), (Side::Request, 64 << 20));
    assert!(error.to_string().len() < 300, "{error}");

    let text = "x".repeat(8 << 20);
    let result = probes.call("probe", call("echo", &[("text", &text)])).await;
    assert_eq!(
        result.unwrap()["args"]["text"].as_str().unwrap().len(),
        text.len()
    );
}

#[tokio::test]
async fn a_connector_that_dies_in_the_middle_is_said_to_have_died_and_how() {
    let probes = Probes::new(|_| {});
    probes.add("probe", &[]);
    let error = failure(&probes, call("crash", &[]), limits()).await;
    let report = error.exit_report().unwrap_or_else(|| panic!("{error}"));
    assert_eq!(report.cause, ExitCause::Code(3));
    let text = error.to_string();
    for part in [
        "\"probe\"",
        "\"crash\"",
        "exit status 3",
        "crashing as asked",
    ] {
        assert!(text.contains(part), "{part:?} is missing in {text:?}");
    }
}

#[tokio::test]
async fn silence_has_a_limit_and_so_has_the_whole_call() {
    let probes = Probes::new(|_| {});
    probes.add("probe", &[]);
    let mut silent = limits();
    silent.idle = Duration::from_millis(300);
    let error = failure(&probes, call("hang", &[]), silent).await;
    let CallError::Deadline(late) = &error else {
        panic!("{error}")
    };
    assert!(late.idle);
    assert_eq!(late.allowed, silent.idle);

    // Signs of life count, up to the deadline.
    let slowly = || call("progress", &[("milliseconds", "200")]);
    let lease = probes.lease("probe").await.unwrap();
    let result = lease
        .connection()
        .execute_stream(slowly(), silent, |_| {})
        .await;
    assert_eq!(result.unwrap(), "[1,2,3]");
    drop(lease);
    silent.deadline = Some(Instant::now() + Duration::from_millis(500));
    let error = failure(&probes, slowly(), silent).await;
    assert!(
        matches!(&error, CallError::Deadline(late) if !late.idle),
        "{error}"
    );
    assert_eq!(probes.pool.status_of("probe").unwrap().crashes, 0);
}

#[tokio::test]
async fn a_call_that_is_dropped_is_cancelled_at_the_connector() {
    let probes = Probes::new(|_| {});
    probes.add("probe", &[]);
    let call = call("hang", &[]);
    let request_id = call.request_id.clone();
    let lease = probes.lease("probe").await.unwrap();
    let calling = lease.connection().execute_stream(call, limits(), |_| {});
    tokio::time::timeout(Duration::from_millis(200), calling)
        .await
        .unwrap_err();
    drop(lease);
    let file = probes.data("probe").join("cancelled");
    wait_for("the cancellation", || {
        std::fs::read_to_string(&file).is_ok_and(|id| id == request_id)
    })
    .await;
}

#[tokio::test]
async fn a_connector_without_streams_is_called_without_and_asked_once() {
    let probes = Probes::new(|_| {});
    probes.add("probe", &["unary"]);
    let answer = json!({ "unary": true });
    for _ in 0..3 {
        assert_eq!(
            probes.call("probe", call("echo", &[])).await.unwrap(),
            answer
        );
    }
    let tried = std::fs::read_to_string(probes.data("probe").join("streams-tried"));
    assert_eq!(tried.unwrap().lines().count(), 1);
    let error = failure(&probes, call("fail", &[]), limits()).await;
    assert!(error.is_operation(), "{error}");
    let mut small = limits();
    small.max_result_bytes = 1 << 20;
    let error = failure(&probes, call("big", &[]), small).await;
    assert!(matches!(error, CallError::TooLarge(_)), "{error}");
    small.idle = Duration::from_millis(200);
    let error = failure(&probes, call("hang", &[]), small).await;
    assert!(
        matches!(&error, CallError::Deadline(late) if late.idle),
        "{error}"
    );
}

#[tokio::test]
async fn a_connector_says_who_it_is_whose_token_it_has_and_what_is_permitted() {
    let probes = Probes::new(|_| {});
    probes.add("probe", &["key=probe"]);
    let lease = probes.lease("probe").await.unwrap();
    let connection = lease.connection();
    let schema: serde_json::Value =
        serde_json::from_slice(&connection.schema(limits()).await.unwrap()).unwrap();
    assert_eq!(schema["Meta"]["Key"], "probe");
    let identity = connection
        .resolve_identity("token", limits())
        .await
        .unwrap();
    assert_eq!(
        (&*identity.user_id, &*identity.display_name),
        ("token", "Probe")
    );
    let error = connection.resolve_identity("", limits()).await.unwrap_err();
    assert!(matches!(&error, CallError::Operation(error) if error.code == "no_oauth"));
    assert!(connection.health(limits()).await.unwrap().healthy);
    let creds = [("read", "yes"), ("write", "no")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
    let permissions = connection
        .check_permissions(creds, limits())
        .await
        .unwrap()
        .unwrap();
    let permitted: Vec<_> = permissions
        .iter()
        .map(|it| (&*it.operation, it.permitted))
        .collect();
    assert_eq!(permitted, [("read", true), ("write", false)]);
    assert_eq!(permissions[1].reason, "it is \"no\"");
    let result = connection
        .execute(call("echo", &[]), limits())
        .await
        .unwrap();
    assert_eq!(result, r#"{"unary":true}"#);
    drop(lease);

    probes.add("no_check", &["no-permissions"]);
    let lease = probes.lease("no_check").await.unwrap();
    let permissions = lease
        .connection()
        .check_permissions([].into(), limits())
        .await;
    assert_eq!(permissions.unwrap(), None);
}

/// What was logged, as text.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn logs_carry_the_ids_of_a_call_and_none_of_its_values() {
    let written = Written::default();
    let writer = written.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let probes = Probes::new(|_| {});
    probes.add("probe", &[]);
    // Another test may be the first to come by a place that logs, and find nobody there
    // who listens: once all have been passed, they are asked again.
    for operation in ["echo", "fail", "cut"] {
        let _ = probes.call("probe", call(operation, &[])).await;
    }
    tracing::callsite::rebuild_interest_cache();
    for operation in ["echo", "fail", "cut"] {
        let mut call = call(operation, &[("text", "hush-hush")]);
        call.creds.insert("token".into(), "hush-hush".into());
        call.request_id = format!("request-{operation}");
        call.session_id = format!("session-{operation}");
        assert!(!format!("{call:?}").contains("hush-hush"));
        let _ = probes.call("probe", call).await;
    }
    let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    for operation in ["echo", "fail", "cut"] {
        let line = text
            .lines()
            .find(|line| line.contains(&format!("request-{operation}")));
        let line = line.unwrap_or_else(|| panic!("{text}"));
        assert!(line.contains(&format!("session-{operation}")), "{line}");
        assert!(line.contains("plugin=\"probe\""), "{line}");
    }
    assert!(!text.contains("hush-hush"), "{text}");
}
