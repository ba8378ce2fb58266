//! Our client against connectors that fail, hang, die and break the contract: what it says,
//! and that the next call works.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use outboard_connector::client::{CallError, CallLimits, CallProgress, ExecCall, GrpcConn, Side};
use outboard_go_plugin::host::{ExitCause, PluginProcess};
use outboard_interop::{connector, tools};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::support::RUST_CONNECTOR;

/// A running larder and our client of it.
struct Larder {
    /// Lives as long as this.
    _plugin: PluginProcess,
    connection: GrpcConn,
}

impl Larder {
    async fn of_go() -> Option<Larder> {
        let go = tools::go()?;
        Some(Larder::at(go.path("go-connector")).await)
    }

    async fn at(program: impl Into<std::path::PathBuf>) -> Larder {
        let plugin = connector::spec("larder", program).start().await.unwrap();
        let connection = GrpcConn::of(&plugin);
        Larder {
            _plugin: plugin,
            connection,
        }
    }

    /// What comes of a streamed call, and the progress on the way.
    async fn stream(
        &self,
        call: ExecCall,
        limits: CallLimits,
    ) -> (Result<Value, CallError>, Vec<CallProgress>) {
        let progress = Arc::new(Mutex::new(Vec::new()));
        let seen = progress.clone();
        let result = self
            .connection
            .execute_stream(call, limits, move |step| seen.lock().unwrap().push(step))
            .await;
        let result = result.map(|bytes| serde_json::from_slice(&bytes).unwrap());
        let progress = progress.lock().unwrap().clone();
        (result, progress)
    }

    /// What went wrong with a streamed call; the larder works afterwards.
    async fn fails(&self, operation: &str, limits: CallLimits) -> CallError {
        let (result, _) = self.stream(ExecCall::new(operation), limits).await;
        let error = result.unwrap_err();
        let text = error.to_string();
        assert!(text.contains("larder"), "{text}");
        self.works().await;
        error
    }

    async fn works(&self) {
        let call = ExecCall::new("wipe");
        let limits = CallLimits::within(Duration::from_secs(20));
        let answer = self.connection.execute(call, limits).await.unwrap();
        assert_eq!(&answer[..], b"null");
    }
}

fn limits() -> CallLimits {
    CallLimits::within(Duration::from_secs(20))
}

fn call(operation: &str, input: &[(&str, &str)]) -> ExecCall {
    let mut call = ExecCall::new(operation);
    for (key, value) in input {
        call.input.insert((*key).to_owned(), (*value).to_owned());
    }
    call
}

#[tokio::test]
async fn every_call_reaches_a_go_connector_and_its_answer_us() {
    let Some(larder) = Larder::of_go().await else {
        return;
    };
    larder.answers_every_call().await;
}

#[tokio::test]
async fn every_call_reaches_our_connector_and_its_answer_us() {
    Larder::at(RUST_CONNECTOR).await.answers_every_call().await;
}

impl Larder {
    async fn answers_every_call(&self) {
        let connection = &self.connection;
        let mut echo = call(
            "echo",
            &[("text", "Größe"), ("times", "2"), ("loud", "true")],
        );
        echo.creds.insert("api_key".to_owned(), "k".to_owned());
        echo.session_id = "s-7".to_owned();
        let request_id = echo.request_id.clone();
        assert_ne!(request_id, "");
        let expected = json!({
            "args": { "loud": "true", "text": "Größe", "times": "2" },
            "creds": { "api_key": "k" },
            "operation": "echo",
            "request_id": request_id,
            "session_id": "s-7",
        });
        let whole = connection.execute(echo.clone(), limits()).await.unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&whole).unwrap(), expected);
        let (streamed, _) = self.stream(echo, limits()).await;
        assert_eq!(streamed.unwrap(), expected);

        let (counted, progress) = self.stream(ExecCall::new("count"), limits()).await;
        assert_eq!(counted.unwrap(), json!(3));
        let last = progress.last().unwrap();
        assert_eq!(
            (last.progress, last.total, last.message.as_str()),
            (3, 3, "salt")
        );

        let long = call("big", &[("bytes", "2097152")]);
        let (long, _) = self.stream(long, limits()).await;
        assert_eq!(long.unwrap().as_str().unwrap().len(), 2 * 1024 * 1024);

        let failed = connection.execute(ExecCall::new("fail"), limits()).await;
        let failed = failed.unwrap_err();
        assert!(failed.is_operation());
        assert!(
            failed.to_string().contains("the shelf is empty"),
            "{failed}"
        );

        let schema = connection.schema(limits()).await.unwrap();
        let schema: Value = serde_json::from_slice(&schema).unwrap();
        assert_eq!(schema["OAuth"]["Scopes"], "jars.read jars.write");

        let identity = connection.resolve_identity("good", limits()).await.unwrap();
        assert_eq!(
            (&*identity.user_id, &*identity.display_name),
            ("u-1", "Ada")
        );
        let nobody = connection
            .resolve_identity("bad", limits())
            .await
            .unwrap_err();
        assert!(nobody.is_operation(), "{nobody}");

        let creds = [("api_key".to_owned(), "k".to_owned())].into();
        let permissions = connection.check_permissions(creds, limits()).await.unwrap();
        let permissions: Vec<_> = permissions
            .unwrap()
            .into_iter()
            .map(|it| (it.operation, it.permitted, it.reason))
            .collect();
        let granted = ("echo".to_owned(), true, String::new());
        let reason = "only the master key wipes".to_owned();
        assert_eq!(permissions, [granted, ("wipe".to_owned(), false, reason)]);

        let health = connection.health(limits()).await.unwrap();
        assert_eq!(
            (health.healthy, &*health.detail),
            (true, "all jars are closed")
        );
    }

    /// Gives a call up in the middle; the connector learns of it.
    async fn learns_that_nobody_waits(&self) {
        let waits = Arc::new(Notify::new());
        let waiting = waits.clone();
        let call = self.connection.execute_stream(
            ExecCall::new("wait"),
            CallLimits::default(),
            move |_| waiting.notify_one(),
        );
        tokio::select! {
            answer = call => panic!("{answer:?}"),
            () = waits.notified() => {}
        }
        let given_up = ExecCall::new("cancelled");
        let given_up = self.connection.execute(given_up, limits()).await.unwrap();
        assert_eq!(&given_up[..], b"1");
    }

    /// The same when the time is over.
    async fn learns_that_the_time_is_over(&self) {
        let (late, _) = self
            .stream(
                ExecCall::new("wait"),
                CallLimits::within(Duration::from_millis(300)),
            )
            .await;
        assert!(matches!(late, Err(CallError::Deadline(_))), "{late:?}");
        let given_up = ExecCall::new("cancelled");
        self.connection.execute(given_up, limits()).await.unwrap();
    }
}

#[tokio::test]
async fn a_go_connector_learns_that_nobody_waits_for_it() {
    let Some(larder) = Larder::of_go().await else {
        return;
    };
    larder.learns_that_nobody_waits().await;
}

#[tokio::test]
async fn a_go_connector_learns_that_the_time_is_over() {
    let Some(larder) = Larder::of_go().await else {
        return;
    };
    larder.learns_that_the_time_is_over().await;
}

#[tokio::test]
async fn our_connector_learns_that_nobody_waits_for_it() {
    Larder::at(RUST_CONNECTOR)
        .await
        .learns_that_nobody_waits()
        .await;
}

#[tokio::test]
async fn our_connector_learns_that_the_time_is_over() {
    Larder::at(RUST_CONNECTOR)
        .await
        .learns_that_the_time_is_over()
        .await;
}

#[tokio::test]
async fn progress_comes_in_order_between_the_parts_of_a_result() {
    let Some(larder) = Larder::of_go().await else {
        return;
    };
    let (result, progress) = larder.stream(ExecCall::new("count_all"), limits()).await;
    assert_eq!(result.unwrap(), json!([3]));
    let progress: Vec<_> = progress
        .iter()
        .map(|it| (it.progress, it.total, it.message.as_str()))
        .collect();
    assert_eq!(progress, [(1, 3, "plums"), (2, 3, "peas"), (3, 3, "salt")]);
}

#[tokio::test]
async fn a_result_that_is_cut_off_is_no_result() {
    let Some(larder) = Larder::of_go().await else {
        return;
    };
    for operation in ["truncate", "silence"] {
        let error = larder.fails(operation, limits()).await;
        assert!(matches!(error, CallError::Transport(_)), "{error:?}");
    }
}

#[tokio::test]
async fn a_result_that_is_no_json_is_refused_without_its_text() {
    let Some(larder) = Larder::of_go().await else {
        return;
    };
    let error = larder.fails("garbage", limits()).await;
    assert!(matches!(error, CallError::InvalidResult(_)), "{error:?}");
    assert!(!error.to_string().contains("no JSON}"), "{error}");
}

#[tokio::test]
async fn a_result_without_end_stops_at_the_limit() {
    let Some(larder) = Larder::of_go().await else {
        return;
    };
    let limits = CallLimits {
        max_result_bytes: 8 * 1024 * 1024,
        ..limits()
    };
    match larder.fails("flood", limits).await {
        CallError::TooLarge(error) => assert_eq!(error.side, Side::Result, "{error}"),
        other => panic!("{other:?}"),
    }
}

/// The original takes 4 MiB until v0.33.1, as every server on grpc-go does.
#[tokio::test]
async fn more_input_than_a_go_connector_takes_is_an_error_of_that_call_alone() {
    let Some(larder) = Larder::of_go().await else {
        return;
    };
    let text = "x".repeat(5 * 1024 * 1024);
    let error = larder
        .connection
        .execute(call("echo", &[("text", &text)]), limits())
        .await
        .unwrap_err();
    match &error {
        CallError::TooLarge(error) => assert_eq!(error.side, Side::Request, "{error}"),
        other => panic!("{other:?}"),
    }
    assert!(error.to_string().len() < 1000, "{error}");
    larder.works().await;
}

#[tokio::test]
async fn our_connector_takes_64_mib_of_input_and_more_is_refused_before_it_is_sent() {
    let larder = Larder::at(RUST_CONNECTOR).await;
    let text = "x".repeat(63 * 1024 * 1024);
    let call_with = |text: &str| call("echo", &[("text", text), ("times", "1")]);
    let (echoed, _) = larder.stream(call_with(&text), limits()).await;
    assert_eq!(
        echoed.unwrap()["args"]["text"].as_str().unwrap().len(),
        text.len()
    );
    let text = "x".repeat(64 * 1024 * 1024);
    let error = larder
        .connection
        .execute(call_with(&text), limits())
        .await
        .unwrap_err();
    assert!(matches!(error, CallError::TooLarge(_)), "{error:?}");
    larder.works().await;
}

impl Larder {
    /// A call that ends the process says how, to its caller and to those that come later.
    async fn dies_of(&self, operation: &str, cause: ExitCause) {
        let (died, _) = self.stream(ExecCall::new(operation), limits()).await;
        let died = died.unwrap_err();
        assert!(!died.is_operation());
        let report = died.exit_report().unwrap_or_else(|| panic!("{died:?}"));
        assert_eq!(report.cause, cause, "{died}");
        let later = self.connection.health(limits()).await.unwrap_err();
        assert!(later.exit_report().is_some(), "{later:?}");
    }
}

#[tokio::test]
async fn a_connector_that_dies_in_the_middle_of_an_answer_says_how() {
    let Some(larder) = Larder::of_go().await else {
        return;
    };
    larder.dies_of("die", ExitCause::Code(7)).await;
    Larder::at(RUST_CONNECTOR)
        .await
        .dies_of("die", ExitCause::Code(7))
        .await;
}

/// DIFFERENCE: a connector of the original dies of a panic, with every call that it has.
/// Ours loses the one call.
#[tokio::test]
async fn a_panic_is_the_end_of_a_go_connector_and_of_one_call_of_ours() {
    let Some(larder) = Larder::of_go().await else {
        return;
    };
    larder.dies_of("panic", ExitCause::Code(2)).await;
    match Larder::at(RUST_CONNECTOR)
        .await
        .fails("panic", limits())
        .await
    {
        CallError::Operation(error) => {
            assert_eq!(error.code, "panic");
            assert!(error.message.contains("the larder is on fire"), "{error}");
        }
        other => panic!("{other:?}"),
    }
}
