//! What happens between a call and its answer.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use outboard_contracts::connector::{MAX_MESSAGE_BYTES, proto};
use outboard_sdk::{
    connector::{
        Connector, Context, Fields, Health, Identity, Items, MAX_PROGRESS_MESSAGE_BYTES, OAuth,
        Operation, OperationError, Permission, RawJson, Secret,
    },
    json,
    testing::{CallError, ConnectorHost},
};
use tokio::sync::Notify;

/// How long anything may take that is expected to happen.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Fields)]
struct Settings {
    #[field(required)]
    api_key: Secret,
}

#[derive(Fields)]
struct Amount {
    amount: u64,
}

const KEY: &str = "hunter2 & \"co\"";

async fn host(operations: impl IntoIterator<Item = Operation<Settings>>) -> ConnectorHost {
    let connector = Connector::new("lab", "Lab").category("", "", operations);
    ConnectorHost::start(connector, json!({ "api_key": KEY }))
        .await
        .unwrap()
}

fn failure(error: CallError) -> (String, String) {
    match error {
        CallError::Operation { code, message } => (code, message),
        other => panic!("{other}"),
    }
}

/// Waits until `condition` holds, which `changed` tells.
async fn until(changed: &Notify, condition: impl Fn() -> bool) {
    let wait = async {
        loop {
            let mut next = std::pin::pin!(changed.notified());
            next.as_mut().enable();
            if condition() {
                return;
            }
            next.await;
        }
    };
    tokio::time::timeout(PATIENCE, wait)
        .await
        .expect("it happens");
}

#[tokio::test]
async fn an_operation_knows_its_call_and_its_settings() {
    let who = |context: Context<Settings>, (): ()| async move {
        Ok(json!({
            "operation": context.operation(), "request": context.request_id(),
            "session": context.session_id(), "key": context.settings().api_key.reveal(),
            "token": context.access_token(), "debug": format!("{context:?}"),
        }))
    };
    let host = host([Operation::new("who", "Who", who)])
        .await
        .with_credential("access_token", "t0ken");
    let answer = host.execute("who", json!({})).await.unwrap();
    assert_eq!(answer["operation"], "who");
    assert_eq!(answer["request"], "test-request");
    assert_eq!(answer["session"], "test-session");
    assert_eq!(answer["key"], KEY);
    assert_eq!(answer["token"], "t0ken");
    let debug = answer["debug"].as_str().unwrap();
    assert!(
        debug.contains("test-request") && !debug.contains("hunter2"),
        "{debug}"
    );
}

#[tokio::test]
async fn an_error_has_its_code_and_its_causes_and_no_secrets() {
    let io = || std::io::Error::other(format!("refused {KEY}"));
    let operations = [
        Operation::new("coded", "", |_, (): ()| async {
            Err::<(), _>(OperationError::new("no such page").with_code("not_found"))
        }),
        Operation::new("plain", "", move |_, (): ()| async move {
            Err::<(), _>(io()).map_err(|error| OperationError::from(error).context("call"))
        }),
        Operation::new("url", "", |_, (): ()| async {
            Err::<(), _>(OperationError::new(
                "GET https://x.test/?key=hunter2%20%26%20%22co%22&token=t0ken&a=b",
            ))
        }),
        Operation::new("json", "", |_, (): ()| async {
            Err::<(), _>(OperationError::new(json!({ "key": KEY }).to_string()))
        }),
        Operation::new("empty", "", |_, (): ()| async {
            Err::<(), _>(OperationError::new(""))
        }),
    ];
    let host = host(operations)
        .await
        .with_credential("access_token", "t0ken");
    for (operation, code, message) in [
        ("coded", "not_found", "no such page"),
        ("plain", "exec_error", "call: refused ***"),
        (
            "url",
            "exec_error",
            "GET https://x.test/?key=***&token=***&a=b",
        ),
        ("json", "exec_error", r#"{"key":"***"}"#),
        ("empty", "exec_error", "unknown error"),
    ] {
        let error = failure(host.execute(operation, json!({})).await.unwrap_err());
        assert_eq!(error, (code.to_owned(), message.to_owned()));
        let error = failure(host.execute_stream(operation, json!({})).await.unwrap_err());
        assert_eq!(error, (code.to_owned(), message.to_owned()), "streamed");
    }
}

#[tokio::test]
async fn a_panic_fails_its_call_alone() {
    let waiting = Arc::new(Notify::new());
    let go_on = waiting.clone();
    let operations = [
        Operation::new(
            "at_once",
            "",
            |_: Context<Settings>, Amount { amount }: Amount| {
                assert_eq!(amount, 1, "not {KEY}");
                async { Ok(()) }
            },
        ),
        Operation::new("later", "", |_, (): ()| async {
            tokio::task::yield_now().await;
            panic!("not now");
            #[allow(unreachable_code)]
            Ok(())
        }),
        Operation::items("in_items", "", |_, (): (), mut items: Items| async move {
            items.send(&1).await?;
            panic!("in the middle");
        }),
        Operation::new("wait", "", move |_, (): ()| {
            let go_on = go_on.clone();
            async move {
                go_on.notified().await;
                Ok("still here")
            }
        }),
    ];
    let host = host(operations).await;
    let waits = async { host.execute("wait", json!({})).await.unwrap() };
    let panics = async {
        for operation in ["at_once", "later", "in_items"] {
            for streamed in [false, true] {
                let outcome = if streamed {
                    host.execute_stream(operation, json!({})).await.map(drop)
                } else {
                    host.execute(operation, json!({})).await.map(drop)
                };
                let (code, message) = failure(outcome.unwrap_err());
                assert_eq!(code, "panic", "{operation}");
                assert!(
                    message.contains("panicked: ") && !message.contains("hunter2"),
                    "{message}"
                );
            }
        }
        waiting.notify_one();
    };
    let (answer, ()) = tokio::join!(waits, panics);
    assert_eq!(answer, "still here");
}

#[tokio::test]
async fn a_list_comes_in_pieces_whose_whole_is_json() {
    let count = |_: Context<Settings>, Amount { amount }: Amount, mut items: Items| async move {
        for number in 0..amount {
            items.send(&number).await?;
        }
        Ok(())
    };
    let host = host([Operation::items("count", "Count", count)]).await;
    for amount in [0u64, 1, 2, 500_000] {
        let input = json!({ "amount": amount });
        let expected = json!((0..amount).collect::<Vec<_>>());
        let streamed = host.execute_stream("count", input.clone()).await.unwrap();
        assert!(streamed.pieces.iter().all(|length| *length <= 1024 * 1024));
        assert_eq!(streamed.result, expected, "{amount}");
        assert_eq!(
            host.execute("count", input).await.unwrap(),
            expected,
            "{amount}, unary"
        );
    }
}

#[tokio::test]
async fn bytes_pass_as_they_are_and_one_write_may_be_larger_than_a_piece() {
    let text = |_: Context<Settings>, Amount { amount }: Amount, mut output: RawJson| async move {
        output.write("\"").await?;
        output.write(vec![b'x'; usize::try_from(amount)?]).await?;
        output.write("\"").await
    };
    let host = host([Operation::raw("text", "Text", text)]).await;
    let streamed = host
        .execute_stream("text", json!({ "amount": 5_000_000 }))
        .await
        .unwrap();
    assert_eq!(streamed.bytes.len(), 5_000_002);
    assert!(streamed.pieces.len() >= 5 && streamed.pieces.iter().all(|one| *one <= 1024 * 1024));
    assert_eq!(streamed.result.as_str().unwrap().len(), 5_000_000);
}

#[tokio::test]
async fn an_item_that_cannot_be_json_fails_the_call_after_what_was_sent() {
    let bad = |_: Context<Settings>, (): (), mut items: Items| async move {
        items.send(&1).await?;
        items
            .send(&std::collections::BTreeMap::from([((1, 2), 3)]))
            .await
    };
    let host = host([Operation::items("bad", "Bad", bad)]).await;
    let (code, _) = failure(host.execute_stream("bad", json!({})).await.unwrap_err());
    assert_eq!(code, "marshal_error");
}

#[tokio::test]
async fn a_result_larger_than_a_message_is_refused_unary_and_streams() {
    let size = u64::try_from(MAX_MESSAGE_BYTES).unwrap();
    let text = |_: Context<Settings>, Amount { amount }: Amount| async move {
        Ok("x".repeat(usize::try_from(amount - 2)?))
    };
    let host = host([Operation::new("text", "Text", text)]).await;
    let most = host
        .execute("text", json!({ "amount": size }))
        .await
        .unwrap();
    assert_eq!(most.as_str().unwrap().len() + 2, MAX_MESSAGE_BYTES);
    let (code, message) = failure(
        host.execute("text", json!({ "amount": size + 1 }))
            .await
            .unwrap_err(),
    );
    assert_eq!(code, "too_large");
    assert!(message.contains("stream"), "{message}");
    let streamed = host
        .execute_stream("text", json!({ "amount": size + 1 }))
        .await
        .unwrap();
    assert_eq!(streamed.bytes.len(), MAX_MESSAGE_BYTES + 1);
}

#[tokio::test]
async fn a_writer_is_held_up_while_nobody_reads_and_memory_stays_bounded() {
    let written = Arc::new(AtomicUsize::new(0));
    let counter = written.clone();
    let endless = move |_: Context<Settings>, (): (), mut output: RawJson| {
        let counter = counter.clone();
        async move {
            loop {
                output.write([b' '; 64 * 1024]).await?;
                counter.fetch_add(64 * 1024, Ordering::Relaxed);
            }
        }
    };
    let host = host([Operation::raw("endless", "Endless", endless)]).await;
    let request = proto::ExecuteRequest {
        operation: "endless".into(),
        ..Default::default()
    };
    let mut chunks = host
        .client()
        .execute_stream(request)
        .await
        .unwrap()
        .into_inner();
    let mut read = 0;
    while read < 20 * 1024 * 1024 {
        read += chunks.message().await.unwrap().unwrap().data.len();
        // A window of HTTP/2, what waits to be sent, a piece in the pipe and one on the way.
        let ahead = written.load(Ordering::Relaxed).saturating_sub(read);
        assert!(ahead <= 8 * 1024 * 1024, "{ahead} bytes ahead");
    }
}

#[tokio::test]
async fn progress_arrives_in_order_beside_the_data_and_the_newest_wins() {
    let step = Arc::new(Notify::new());
    let next = step.clone();
    let work = move |context: Context<Settings>, (): (), mut items: Items| {
        let next = next.clone();
        async move {
            context.progress(1, 4, format!("using {KEY}"));
            next.notified().await;
            items.send("a").await?;
            // Nobody can have read the first of these.
            context.progress(2, 4, "");
            context.progress(3, 4, "x".repeat(2 * MAX_PROGRESS_MESSAGE_BYTES));
            next.notified().await;
            context.progress(6_000_000_000, 12_000_000_000, "large");
            next.notified().await;
            Ok(())
        }
    };
    let host = host([Operation::items("work", "Work", work)]).await;
    let request = proto::ExecuteRequest {
        operation: "work".into(),
        creds: [("api_key".to_owned(), KEY.to_owned())].into(),
        ..Default::default()
    };
    let mut chunks = host
        .client()
        .execute_stream(request)
        .await
        .unwrap()
        .into_inner();
    let mut next = async || {
        tokio::time::timeout(PATIENCE, chunks.message())
            .await
            .unwrap()
            .unwrap()
            .unwrap()
    };
    let first = next().await;
    assert_eq!(
        (first.progress, first.total, &*first.message),
        (1, 4, "using ***")
    );
    assert!(first.data.is_empty() && !first.eof && first.error.is_none());
    step.notify_one();
    let second = next().await;
    assert_eq!(
        (&*second.data, second.progress, second.total),
        (&b"[\"a\""[..], 3, 4)
    );
    assert_eq!(second.message.len(), MAX_PROGRESS_MESSAGE_BYTES);
    step.notify_one();
    let third = next().await;
    assert_eq!(
        (third.total / third.progress, &*third.message),
        (2, "large")
    );
    step.notify_one();
    assert_eq!(&*next().await.data, b"]");
    assert!(next().await.eof);
}

#[tokio::test]
async fn progress_of_a_call_that_is_no_stream_goes_nowhere() {
    let work = |context: Context<Settings>, (): ()| async move {
        context.progress(1, 2, "half");
        Ok("done")
    };
    let host = host([Operation::new("work", "Work", work)]).await;
    assert_eq!(host.execute("work", json!({})).await.unwrap(), "done");
    let streamed = host.execute_stream("work", json!({})).await.unwrap();
    assert_eq!(streamed.result, "done");
    assert_eq!(streamed.progress.len(), 1);
    assert_eq!(
        (streamed.progress[0].done, streamed.progress[0].total),
        (1, 2)
    );
}

/// Counts how many of it live.
struct Alive(Arc<AtomicUsize>, Arc<Notify>);

impl Alive {
    fn new(count: &Arc<AtomicUsize>, changed: &Arc<Notify>) -> Alive {
        count.fetch_add(1, Ordering::SeqCst);
        changed.notify_waiters();
        Alive(count.clone(), changed.clone())
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
        self.1.notify_waiters();
    }
}

#[tokio::test]
async fn an_operation_whose_caller_left_learns_of_it_tidies_up_and_is_dropped() {
    let (alive, tidied, changed) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicUsize::new(0)),
        Arc::new(Notify::new()),
    );
    let (counter, tidy, change) = (alive.clone(), tidied.clone(), changed.clone());
    let polite = move |context: Context<Settings>, (): ()| {
        let (counter, tidy, change) = (counter.clone(), tidy.clone(), change.clone());
        async move {
            let _alive = Alive::new(&counter, &change);
            context.cancelled().await;
            assert!(context.is_cancelled());
            tidy.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
    };
    let (counter, change) = (alive.clone(), changed.clone());
    let stubborn = move |_: Context<Settings>, (): ()| {
        let alive = Alive::new(&counter, &change);
        async move {
            let _alive = alive;
            std::future::pending::<Result<(), OperationError>>().await
        }
    };
    let host = host([
        Operation::new("polite", "", polite),
        Operation::new("stubborn", "", stubborn),
    ])
    .await;
    for operation in ["polite", "stubborn"] {
        for streamed in [false, true] {
            let mut client = host.client();
            let request = proto::ExecuteRequest {
                operation: operation.into(),
                ..Default::default()
            };
            let call = tokio::spawn(async move {
                if streamed {
                    let mut chunks = client.execute_stream(request).await.unwrap().into_inner();
                    let _ = chunks.message().await;
                } else {
                    let _ = client.execute(request).await;
                }
            });
            until(&changed, || alive.load(Ordering::SeqCst) == 1).await;
            call.abort();
            until(&changed, || alive.load(Ordering::SeqCst) == 0).await;
        }
    }
    assert_eq!(tidied.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_deadline_of_the_caller_ends_the_operation_too() {
    let (alive, changed) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let (counter, change) = (alive.clone(), changed.clone());
    let work = move |context: Context<Settings>, (): ()| {
        let alive = Alive::new(&counter, &change);
        async move {
            context.cancelled().await;
            drop(alive);
            Ok(())
        }
    };
    let host = host([Operation::new("work", "", work)])
        .await
        .with_timeout(Duration::from_millis(50));
    let error = host.execute("work", json!({})).await.unwrap_err();
    assert!(
        matches!(
            error.code(),
            Some(tonic::Code::DeadlineExceeded | tonic::Code::Cancelled)
        ),
        "{error}"
    );
    until(&changed, || alive.load(Ordering::SeqCst) == 0).await;
}

#[tokio::test]
async fn permissions_health_and_identity_are_the_authors() {
    let oauth = OAuth::default();
    let work = |_: Context<Settings>, (): ()| async { Ok(()) };
    let connector = Connector::new("lab", "Lab")
        .category(
            "",
            "",
            [
                Operation::new("read", "Read", work),
                Operation::new("write", "Write", work),
            ],
        )
        .permissions(|context: Context<Settings>| async move {
            if context.settings().api_key.is_empty() {
                return Err(OperationError::new("no key").with_code("no_key"));
            }
            let reason = format!("{KEY} may only read");
            Ok(vec![
                Permission::granted("read"),
                Permission::denied("write", reason),
            ])
        })
        .health(|| async { Health::unhealthy("the disk is full") })
        .oauth(oauth.clone())
        .identity(|token| async move {
            match token.as_str() {
                "good-token" => Ok(Identity::new("u1", "Ada")),
                "bug-token" => panic!("no {token}"),
                _ => Err(OperationError::new(format!("{token} is unknown"))),
            }
        });
    let host = ConnectorHost::start(connector, json!({ "api_key": KEY }))
        .await
        .unwrap();
    assert_eq!(
        host.permissions().await.unwrap(),
        [
            Permission::granted("read"),
            Permission::denied("write", "*** may only read")
        ]
    );
    assert_eq!(
        host.health().await.unwrap(),
        Health::unhealthy("the disk is full")
    );
    assert_eq!(
        host.identity("good-token").await.unwrap(),
        Identity::new("u1", "Ada")
    );
    let error = failure(host.identity("some-token").await.unwrap_err());
    assert_eq!(
        error,
        ("identity_error".to_owned(), "*** is unknown".to_owned())
    );
    let (code, message) = failure(host.identity("bug-token").await.unwrap_err());
    assert_eq!(code, "panic");
    assert!(!message.contains("bug-token"), "{message}");

    let request = proto::PermsRequest::default();
    let response = host
        .client()
        .check_permissions(request)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(response.error.unwrap().code, "no_key");

    let plain = Connector::new("lab", "Lab")
        .category("", "", [Operation::new("read", "Read", work)])
        .health(|| async { panic!("who knows") })
        .identity(|_| async { Ok(Identity::new("u1", "Ada")) });
    let host = ConnectorHost::start(plain, json!({ "api_key": KEY }))
        .await
        .unwrap();
    let (code, _) = failure(host.identity("good-token").await.unwrap_err());
    assert_eq!(
        code, "no_oauth",
        "without OAuth there is no token to ask about"
    );
    let health = host.health().await.unwrap();
    assert_eq!(health, Health::unhealthy("the check panicked: who knows"));
}

#[tokio::test]
async fn the_host_in_memory_checks_input_as_a_host_does() {
    let add = |_: Context<Settings>, input: Amount| async move { Ok(input.amount + 1) };
    let host = host([Operation::new("add", "Add", add)]).await;
    assert_eq!(
        host.execute("add", json!({ "amount": 1 })).await.unwrap(),
        2
    );
    for input in [json!({ "amount": "x" }), json!({ "number": 1 }), json!([])] {
        let (code, _) = failure(host.execute("add", input).await.unwrap_err());
        assert_eq!(code, "bad_args");
    }
    let connector =
        Connector::new("lab", "Lab").category("", "", [Operation::new("add", "Add", add)]);
    let (code, message) = failure(
        ConnectorHost::start(connector, json!({}))
            .await
            .unwrap_err(),
    );
    assert_eq!(code, "bad_config");
    assert!(message.contains("api_key"), "{message}");
}
