//! The connector against a real server on this machine.
#![allow(clippy::unwrap_used)]

mod api;

use std::time::{Duration, Instant};

use outboard_sdk::{
    Value, json,
    testing::{CallError, ConnectorHost},
};

use api::Api;

async fn host(api: &Api, settings: Value) -> ConnectorHost {
    let mut all = json!({ "base_url": format!("{}/api", api.url) });
    let (Value::Object(all_fields), Value::Object(more)) = (&mut all, settings) else {
        panic!("settings are an object");
    };
    all_fields.extend(more);
    ConnectorHost::start(rest_connector::connector(), all)
        .await
        .unwrap()
}

fn failure(error: CallError) -> (String, String) {
    match error {
        CallError::Operation { code, message } => (code, message),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn each_method_sends_what_it_is_given_and_json_comes_back_as_json() {
    let api = Api::start().await;
    let host = host(
        &api,
        json!({ "headers": { "x-from": "settings", "x-both": "settings" } }),
    )
    .await;
    for (operation, method) in [("post", "POST"), ("put", "PUT"), ("patch", "PATCH")] {
        let input = json!({
            "path": "/echo", "body": r#"{"a":1}"#, "query": [{ "name": "q", "value": "a b&c" }],
            "headers": { "x-both": "input", "x-many": ["1", 2] },
        });
        let answer = host.execute(operation, input).await.unwrap();
        assert_eq!(answer["status"], 200);
        let seen = &answer["json"];
        assert_eq!(
            (&seen["method"], &seen["path"]),
            (&json!(method), &json!("/api/echo"))
        );
        assert_eq!(seen["query"], "q=a+b%26c");
        assert_eq!(seen["body"], r#"{"a":1}"#);
        let headers = &seen["headers"];
        assert_eq!(headers["content-type"], json!(["application/json"]));
        assert_eq!(headers["x-from"], json!(["settings"]));
        assert_eq!(headers["x-both"], json!(["input"]));
        assert_eq!(headers["x-many"], json!(["1", "2"]));
        assert!(headers.get("authorization").is_none());
    }
    for (operation, method) in [("get", "GET"), ("delete", "DELETE")] {
        let answer = host
            .execute(operation, json!({ "path": "echo" }))
            .await
            .unwrap();
        assert_eq!(answer["json"]["method"], method);
        assert_eq!(answer["json"]["body"], "");
        assert!(answer["json"]["headers"].get("content-type").is_none());
    }
    let input = json!({ "method": "options", "path": "/echo" });
    assert_eq!(
        host.execute("request", input).await.unwrap()["json"]["method"],
        "OPTIONS"
    );
    let input =
        json!({ "method": "post", "path": "/echo", "body": "a=b", "content_type": "text/plain" });
    let answer = host.execute("request", input).await.unwrap();
    assert_eq!(
        answer["json"]["headers"]["content-type"],
        json!(["text/plain"])
    );
    assert_eq!(
        host.execute("check", json!({})).await.unwrap()["status"],
        404
    );
}

#[tokio::test]
async fn it_signs_in_as_the_instance_says() {
    let api = Api::start().await;
    for (settings, header, value) in [
        (
            json!({ "auth": "bearer", "token": "t0ken" }),
            "authorization",
            "Bearer t0ken",
        ),
        (
            json!({ "auth": "basic", "username": "ada", "password": "p:w" }),
            "authorization",
            "Basic YWRhOnA6dw==",
        ),
        (
            json!({ "auth": "header", "header_value": "k3y" }),
            "x-api-key",
            "k3y",
        ),
        (
            json!({ "auth": "header", "header_name": "X-Key", "header_value": "k3y" }),
            "x-key",
            "k3y",
        ),
    ] {
        let host = host(&api, settings).await;
        let answer = host
            .execute("get", json!({ "path": "/echo" }))
            .await
            .unwrap();
        assert_eq!(answer["json"]["headers"][header], json!([value]));
        // No input takes another's place, or the connection's.
        for name in [header, "Host", "transfer-encoding"] {
            let input = json!({ "path": "/echo", "headers": { name: "x" } });
            let (code, message) = failure(host.execute("get", input).await.unwrap_err());
            assert_eq!(code, "bad_request", "{message}");
        }
    }
    let missing = json!({ "base_url": api.url, "auth": "bearer" });
    let error = ConnectorHost::start(rest_connector::connector(), missing)
        .await
        .unwrap_err();
    assert!(failure(error).1.contains("token"));
}

#[tokio::test]
async fn text_and_bytes_come_back_as_what_they_are() {
    let api = Api::start().await;
    let host = host(&api, json!({})).await;
    let get = async |path: &str| host.execute("get", json!({ "path": path })).await.unwrap();
    assert_eq!(get("/text").await["text"], "grüße");
    assert_eq!(get("/bytes").await["base64"], "/wCA");
    assert_eq!(get("/problem").await["json"]["title"], "none");
    assert_eq!(get("/not-json").await["text"], "{oops");
    assert_eq!(get("/text").await["headers"]["set-cookie"], "a=1, b=2");
}

#[tokio::test]
async fn an_error_status_fails_the_call_unless_any_answer_will_do() {
    let api = Api::start().await;
    let host = host(&api, json!({ "auth": "bearer", "token": "hunter2!" })).await;
    let (code, message) = failure(
        host.execute("get", json!({ "path": "/denied" }))
            .await
            .unwrap_err(),
    );
    assert_eq!(code, "http_status");
    assert_eq!(message, "the API answered 403: token *** may not");
    let input = json!({ "path": "/denied", "expect": "any" });
    let answer = host.execute("get", input).await.unwrap();
    assert_eq!(
        (&answer["status"], &answer["text"]),
        (&json!(403), &json!("token\n  hunter2! may not"))
    );
}

#[tokio::test]
async fn what_may_be_repeated_is_repeated_on_429_and_503_and_nothing_else_is() {
    let api = Api::start().await;
    let host = host(&api, json!({ "retries": 2 })).await;
    // Answers 503, then 429, then 200.
    let streamed = host
        .execute_stream("get", json!({ "path": "/busy" }))
        .await
        .unwrap();
    assert_eq!(streamed.result["json"]["tries"], 3);
    assert!(
        streamed
            .progress
            .iter()
            .any(|one| one.message.contains("trying again"))
    );

    let (code, _) = failure(
        host.execute("post", json!({ "path": "/busy" }))
            .await
            .unwrap_err(),
    );
    assert_eq!((&*code, api.tries()), ("http_status", 4), "a POST once");
    let (_, message) = failure(
        host.execute("get", json!({ "path": "/always-busy" }))
            .await
            .unwrap_err(),
    );
    assert!(message.starts_with("the API answered 503"), "{message}");
    assert_eq!(api.always_busy_tries(), 3);
}

#[tokio::test]
async fn it_does_not_wait_longer_for_another_try_than_it_has_time() {
    let api = Api::start().await;
    let host = host(&api, json!({ "timeout_seconds": 5 })).await;
    let started = Instant::now();
    // Asks to come back in an hour.
    let (code, _) = failure(
        host.execute("get", json!({ "path": "/come-back" }))
            .await
            .unwrap_err(),
    );
    assert_eq!(code, "http_status");
    assert!(started.elapsed() < Duration::from_secs(4));
}

#[tokio::test]
async fn a_slow_answer_is_a_timeout_and_a_large_one_is_refused() {
    let api = Api::start().await;
    let host = host(
        &api,
        json!({ "timeout_seconds": 1, "max_response_kib": 64 }),
    )
    .await;
    let (code, message) = failure(
        host.execute("get", json!({ "path": "/never" }))
            .await
            .unwrap_err(),
    );
    assert_eq!(code, "timeout", "{message}");
    assert!(message.contains("1 s"), "{message}");
    let (code, message) = failure(
        host.execute("get", json!({ "path": "/drip" }))
            .await
            .unwrap_err(),
    );
    assert_eq!(code, "timeout", "{message}");
    let (code, message) = failure(
        host.execute("get", json!({ "path": "/large" }))
            .await
            .unwrap_err(),
    );
    assert_eq!(code, "too_large", "{message}");
    assert!(message.contains("64 KiB"), "{message}");
}

#[tokio::test]
async fn an_api_that_is_not_there_is_unreachable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let settings = json!({ "base_url": format!("http://{address}"), "retries": 1 });
    let host = ConnectorHost::start(rest_connector::connector(), settings)
        .await
        .unwrap();
    let (code, message) = failure(
        host.execute("get", json!({ "path": "/" }))
            .await
            .unwrap_err(),
    );
    assert_eq!(code, "unreachable", "{message}");
}

#[tokio::test]
async fn redirects_are_followed_on_the_host_and_refused_elsewhere() {
    let api = Api::start().await;
    let other = Api::start().await;
    let settings = json!({ "auth": "bearer", "token": "t0ken-1" });
    let host = host(&api, settings).await;
    let redirect = |status: u16, to: &str| json!({ "path": "/redirect", "query": { "status": status, "to": to }, "body": "x" });
    // The method changes as browsers change it.
    for (status, method, body) in [
        (301, "GET", ""),
        (302, "GET", ""),
        (303, "GET", ""),
        (307, "POST", "x"),
        (308, "POST", "x"),
    ] {
        let answer = host
            .execute("post", redirect(status, "/api/echo"))
            .await
            .unwrap();
        let seen = &answer["json"];
        assert_eq!(
            (&seen["method"], &seen["body"]),
            (&json!(method), &json!(body)),
            "{status}"
        );
        assert_eq!(seen["headers"]["authorization"], json!(["Bearer t0ken-1"]));
    }
    let (code, message) = failure(
        host.execute(
            "get",
            json!({ "path": "/redirect?status=302&to=/api/redirect?status=302" }),
        )
        .await
        .unwrap_err(),
    );
    assert_eq!(code, "bad_url");
    assert!(message.contains("redirects"), "{message}");
    let elsewhere = format!("{}/api/echo", other.url);
    for to in [&*elsewhere, "file:///etc/passwd", "ftp://x.test/"] {
        let (code, message) = failure(host.execute("post", redirect(307, to)).await.unwrap_err());
        assert_eq!(code, "bad_url", "{message}");
    }
    let (code, _) = failure(
        host.execute("get", json!({ "path": elsewhere }))
            .await
            .unwrap_err(),
    );
    assert_eq!(code, "bad_url");
    assert_eq!(other.requests(), 0, "nothing reached the other host");

    let settings = json!({ "auth": "bearer", "token": "t0ken-1", "allow_other_hosts": true });
    let host = self::host(&api, settings).await;
    for input in [redirect(307, &elsewhere), json!({ "path": elsewhere })] {
        let answer = host.execute("post", input).await.unwrap();
        assert!(
            answer["json"]["headers"].get("authorization").is_none(),
            "no credentials there"
        );
    }
}

#[tokio::test]
async fn bad_input_is_refused_before_anything_is_sent() {
    let api = Api::start().await;
    let host = host(&api, json!({})).await;
    for (input, code) in [
        (
            json!({ "method": "GET IT", "path": "/echo" }),
            "bad_request",
        ),
        (
            json!({ "method": "CONNECT", "path": "/echo" }),
            "bad_request",
        ),
        (json!({ "path": "../secret" }), "bad_url"),
        (
            json!({ "path": "/echo", "headers": { "a b": "x" } }),
            "bad_request",
        ),
        (
            json!({ "path": "/echo", "headers": { "a": "x\r\nb: y" } }),
            "bad_request",
        ),
        (json!({ "path": "/echo", "headers": "[1]" }), "bad_args"),
        (
            json!({ "path": "/echo", "query": { "a": { "b": 1 } } }),
            "bad_args",
        ),
    ] {
        let (found, message) = failure(host.execute("request", input).await.unwrap_err());
        assert_eq!(found, code, "{message}");
    }
    assert_eq!(api.requests(), 0);
    let settings = json!({ "base_url": "https://ada:hunter2@api.test" });
    let host = ConnectorHost::start(rest_connector::connector(), settings)
        .await
        .unwrap();
    let (code, message) = failure(host.execute("get", json!({})).await.unwrap_err());
    assert_eq!(code, "bad_url");
    assert!(!message.contains("hunter2"), "{message}");
}
