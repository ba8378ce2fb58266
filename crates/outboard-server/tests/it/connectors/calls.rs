//! Calling operations, with and without events.

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::support::{CONNECTORS, Restaurant};
use crate::{
    client::Follow,
    support::{TOKEN, eventually},
};

const CALL: &str = "/api/v1/connectors/waiter/operations";

#[tokio::test]
async fn an_operation_answers_with_its_result_and_is_remembered() {
    let restaurant = Restaurant::open().await;
    let client = restaurant.client().with("x-request-id", "order-66");
    let body = json!({ "input": { "dish": "soup", "times": 2 } }).to_string();
    let answer = client.post(&format!("{CALL}/order"), &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let json = answer.json();
    assert_eq!(json["request_id"], "order-66");
    assert_eq!(json["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(
        json["result"],
        json!({ "dish": "soup", "times": 2, "table": "7", "has_pin": true, "request_id": "order-66" })
    );

    let page = client
        .get(&format!("{CONNECTORS}/history?key=waiter&operation=order"))
        .await;
    let calls = page.json();
    assert_eq!(calls["calls"].as_array().unwrap().len(), 1, "{page:?}");
    let call = &calls["calls"][0];
    assert_eq!(call["outcome"], "ok");
    assert_eq!(call["caller"], "http");
    assert_eq!(call["request_id"], "order-66");
    assert!(
        !page.body.contains("soup") && !page.body.contains("hunter2"),
        "{page:?}"
    );
    let wrong = client
        .get(&format!("{CONNECTORS}/history?keys=waiter"))
        .await;
    assert_eq!(
        (wrong.status.as_u16(), wrong.kind().as_str()),
        (400, "bad_request")
    );
    restaurant.close().await;
}

#[tokio::test]
async fn what_fails_says_whose_fault_it_is() {
    let restaurant = Restaurant::open().await;
    for (operation, body, status, kind) in [
        ("order", json!({}), 422, "invalid_input"),
        (
            "order",
            json!({ "input": { "dish": "soup", "salt": 1 } }),
            422,
            "invalid_input",
        ),
        (
            "order",
            json!({ "input": { "dish": "soup", "times": "many" } }),
            422,
            "invalid_input",
        ),
        ("order", json!({ "input": [] }), 422, "invalid_input"),
        (
            "order",
            json!({ "input": { "dish": "soup" }, "instance": "nobody" }),
            404,
            "not_found",
        ),
        ("flambe", json!({}), 404, "not_found"),
        ("smash", json!({}), 403, "refused"),
        ("fail", json!({}), 424, "operation"),
        (
            "wait",
            json!({ "input": { "gate": "/nowhere/at/all" }, "timeout_ms": 2000 }),
            424,
            "operation",
        ),
        ("die", json!({}), 502, "misbehaved"),
    ] {
        let answer = restaurant.call(operation, body.clone()).await;
        let told = (answer.status.as_u16(), answer.kind());
        assert_eq!(
            told,
            (status, kind.to_owned()),
            "{operation} {body}: {answer:?}"
        );
        assert!(!answer.body.contains("hunter2"), "{answer:?}");
    }
    let answer = restaurant.call("fail", json!({})).await;
    assert_eq!(answer.json()["code"], "out_of_soup");
    let answer = restaurant.call("smash", json!({ "confirm": true })).await;
    assert_eq!(answer.json()["result"], json!(["soup", "bread"]));
    let client = restaurant.client();
    let path = format!("{CONNECTORS}/nobody/operations/x");
    assert_eq!(client.post(&path, "").await.kind(), "not_found");
    let path = format!("{CONNECTORS}/..%2Fwaiter/operations/x");
    assert_eq!(client.post(&path, "").await.kind(), "invalid_name");
    restaurant.close().await;
}

#[tokio::test]
async fn a_body_that_is_no_call_is_refused_without_repeating_its_values() {
    let restaurant = Restaurant::open().await;
    for body in ["{", "[]", r#"{"inptu":{}}"#, r#"{"timeout_ms":"hunter2"}"#] {
        let answer = restaurant
            .client()
            .post(&format!("{CALL}/menu"), body)
            .await;
        assert_eq!(
            (answer.status.as_u16(), answer.kind().as_str()),
            (400, "bad_input"),
            "{body}"
        );
        assert!(!answer.body.contains("hunter2"), "{answer:?}");
    }
    let answer = restaurant.client().get(&format!("{CALL}/menu")).await;
    assert_eq!(
        (answer.status.as_u16(), answer.kind().as_str()),
        (405, "method_not_allowed")
    );
    assert_eq!(answer.header("allow"), Some("POST"));
    restaurant.close().await;
}

#[tokio::test]
async fn a_call_may_be_larger_than_other_requests_up_to_its_limit() {
    let restaurant = Restaurant::open().await;
    let length = 9 * 1024 * 1024;
    let answer = restaurant
        .call("weigh", json!({ "input": { "what": "x".repeat(length) } }))
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["result"], json!({ "bytes": length }));

    // Refused by what the head says; the body is never sent.
    let mut stream = TcpStream::connect(restaurant.client().address)
        .await
        .unwrap();
    let head = format!(
        "POST {CALL}/weigh HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        64 * 1024 * 1024 + 1
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains(r#""kind":"too_large""#), "{answer}");
    restaurant.close().await;
}

async fn stream(restaurant: &Restaurant, operation: &str, body: Value) -> Follow {
    let client = restaurant.client().with("accept", "text/event-stream");
    let path = format!("{CALL}/{operation}");
    client.follow_post(&path, &body.to_string()).await
}

#[tokio::test]
async fn a_streamed_call_tells_its_progress_and_then_its_result() {
    let restaurant = Restaurant::open().await;
    let gate = restaurant.path("gate");
    let body = json!({ "input": { "gate": gate } });
    let mut events = stream(&restaurant, "wait", body).await;
    let progress = events.next().await.unwrap();
    assert_eq!(progress.name, "progress");
    assert_eq!(
        progress.data,
        json!({ "progress": 1, "total": 3, "message": "waiting" })
    );
    std::fs::write(&gate, "").unwrap();
    let result = events.until("result").await;
    assert_eq!(result.data["result"], json!({ "waited": true }));
    assert_eq!(events.next().await, None);
    restaurant.close().await;
}

#[tokio::test]
async fn a_streamed_call_that_fails_at_once_has_a_status_and_later_an_event() {
    let restaurant = Restaurant::open().await;
    let client = restaurant.client().with("accept", "text/event-stream");
    let answer = client.post(&format!("{CALL}/flambe"), "").await;
    assert_eq!(
        (answer.status.as_u16(), answer.kind().as_str()),
        (404, "not_found")
    );
    let answer = client.post(&format!("{CALL}/order"), "{").await;
    assert_eq!(
        (answer.status.as_u16(), answer.kind().as_str()),
        (400, "bad_input")
    );

    let body = json!({ "input": { "gate": restaurant.path("gate") }, "timeout_ms": 1000 });
    let mut events = stream(&restaurant, "wait", body).await;
    let error = events.until("error").await.data;
    assert_eq!(
        (error["status"].as_u64(), error["kind"].as_str()),
        (Some(504), Some("deadline"))
    );
    assert_eq!(events.next().await, None);
    restaurant.close().await;
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_its_call() {
    let restaurant = Restaurant::open().await;
    let gone = |name: &str| restaurant.path(&format!("{name}.cancelled")).exists();
    let body = |name: &str| json!({ "input": { "gate": restaurant.path(name) } });

    let mut events = stream(&restaurant, "wait", body("streamed")).await;
    events.until("progress").await;
    drop(events);
    eventually("the streamed call is cancelled", || gone("streamed")).await;

    let client = restaurant.client().clone();
    let unary = body("unary").to_string();
    let call = tokio::spawn(async move { client.post(&format!("{CALL}/wait"), &unary).await });
    let waiting = restaurant.path("unary.waiting");
    eventually("the call waits", || waiting.exists()).await;
    call.abort();
    eventually("the other call is cancelled", || gone("unary")).await;
    restaurant.close().await;
}

#[tokio::test]
async fn a_streamed_call_comes_to_its_end_when_the_server_stops() {
    let restaurant = Restaurant::open().await;
    let gate = restaurant.path("gate");
    let mut events = stream(&restaurant, "wait", json!({ "input": { "gate": gate } })).await;
    events.until("progress").await;
    let Restaurant { running, host, .. } = restaurant;
    let client = running.client.clone();
    let (task, engine, manager, _plugins) = running.begin_stop();
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while client.get("/readyz").await.json()["kind"] != "not_ready" {
        assert!(std::time::Instant::now() < until, "it does not stop");
    }
    std::fs::write(&gate, "").unwrap();
    let result = events.until("result").await;
    assert_eq!(result.data["result"], json!({ "waited": true }));
    drop(events);
    task.await.unwrap().unwrap();
    engine.stop().await;
    manager.shutdown().await;
    host.shut_down().await;
}

#[tokio::test]
async fn one_streamed_call_too_many_is_turned_away() {
    let restaurant = Restaurant::with(|_| {}, |server| server.max_requests(2)).await;
    restaurant.hire(|_| {}).await;
    let body = |name: &str| json!({ "input": { "gate": restaurant.path(name) } });
    let mut one = stream(&restaurant, "wait", body("one")).await;
    let mut two = stream(&restaurant, "wait", body("two")).await;
    one.until("progress").await;
    two.until("progress").await;
    let client = restaurant.client().with("accept", "text/event-stream");
    let answer = client.post(&format!("{CALL}/menu"), "").await;
    assert_eq!(
        (answer.status.as_u16(), answer.kind().as_str()),
        (503, "overloaded")
    );
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(
        restaurant.call("menu", json!({})).await.status,
        200,
        "without events it is done"
    );
    drop((one, two));
    restaurant.close().await;
}

#[tokio::test]
async fn a_call_with_a_key_is_made_once() {
    let restaurant = Restaurant::open().await;
    let client = restaurant.client().with("idempotency-key", "one");
    let path = format!("{CALL}/order");
    let body = json!({ "input": { "dish": "soup" } }).to_string();
    let first = client.post(&path, &body).await;
    let again = client.post(&path, &body).await;
    assert_eq!(first.body, again.body);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));

    let streamed = client
        .with("accept", "text/event-stream")
        .with("idempotency-key", "two");
    streamed
        .follow_post(&path, &body)
        .await
        .until("result")
        .await;
    let again = streamed.post(&path, &body).await;
    assert_eq!(
        (again.status.as_u16(), again.kind().as_str()),
        (409, "answer_not_kept")
    );
    let page = client.get(&format!("{CONNECTORS}/history")).await.json();
    assert_eq!(page["calls"].as_array().unwrap().len(), 2, "{page}");
    restaurant.close().await;
}
