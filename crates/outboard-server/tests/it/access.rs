//! Who may call, and what every answer has.

use http::StatusCode;

use crate::support::{Plugins, Running, TOKEN};

const LIST: &str = "/api/v1/plugins/external";

#[tokio::test]
async fn everything_but_the_health_check_asks_for_the_token() {
    let running = Running::start(Plugins::new()).await;
    let stranger = running.client.without("authorization");
    assert_eq!(stranger.get("/healthz").await.status, StatusCode::OK);
    for path in [
        "/readyz",
        "/api/v1/runs",
        "/api/v1/events",
        "/nothing",
        "/healthz/",
        "//healthz",
    ] {
        let answer = stranger.get(path).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(answer.kind(), "unauthorized", "{path}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{path}");
    }
    for wrong in [
        "Bearer no",
        "Bearer ",
        "bearer the-token-2",
        "Basic the-token",
        "the-token",
    ] {
        let answer = stranger.with("authorization", wrong).get("/readyz").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{wrong}");
        assert!(!answer.body.contains(TOKEN), "{answer:?}");
    }
    assert_eq!(running.client.get("/readyz").await.status, StatusCode::OK);
    running.stop().await;
}

#[tokio::test]
async fn the_seeds_routes_refuse_in_the_seeds_envelope() {
    let running = Running::start(Plugins::new()).await;
    let stranger = running.client.without("authorization");
    for (method, path) in [
        ("GET", LIST.to_owned()),
        ("POST", format!("{LIST}/kv/load")),
    ] {
        let answer = stranger.send(method, &path, "").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert!(
            answer.body.starts_with(r#"{"status":"error","error":"#),
            "{answer:?}"
        );
    }
    let answer = running.client.with("host", "evil.example").get(LIST).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(
        answer.body.starts_with(r#"{"status":"error","error":"#),
        "{answer:?}"
    );
    running.stop().await;
}

#[tokio::test]
async fn a_web_page_cannot_reach_the_server_even_in_development() {
    let running = Running::start_with(Plugins::new(), None).await;
    let page = running.client.without("authorization");
    assert_eq!(page.get("/readyz").await.status, StatusCode::OK);

    // A name of somebody else's that points here.
    for path in ["/readyz", "/healthz", "/"] {
        let answer = page.with("host", "rebound.example").get(path).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(answer.kind(), "host_not_allowed", "{path}");
    }
    assert_eq!(
        page.with("host", "box.example").get("/readyz").await.status,
        StatusCode::OK
    );

    for origin in ["http://evil.example", "null", "http://localhost:1"] {
        for method in ["GET", "POST", "OPTIONS"] {
            let answer = page
                .with("origin", origin)
                .send(method, "/api/v1/runs", "")
                .await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method} {origin}");
            assert_eq!(answer.kind(), "origin_not_allowed", "{method} {origin}");
            assert_eq!(answer.header("access-control-allow-origin"), None);
        }
    }
    let own = format!("http://{}", page.address);
    assert_eq!(
        page.with("origin", &own).get("/readyz").await.status,
        StatusCode::OK
    );

    let embedded = page
        .with("sec-fetch-site", "cross-site")
        .with("sec-fetch-mode", "no-cors");
    assert_eq!(embedded.get("/readyz").await.kind(), "origin_not_allowed");
    running.stop().await;
}

#[tokio::test]
async fn every_answer_carries_a_request_id_and_says_how_to_treat_it() {
    let running = Running::start(Plugins::new()).await;
    for client in [
        running.client.clone(),
        running.client.without("authorization"),
    ] {
        for path in ["/", "/healthz", LIST, "/nothing"] {
            let answer = client.get(path).await;
            assert!(
                answer
                    .header("x-request-id")
                    .is_some_and(|id| id.len() == 16),
                "{answer:?}"
            );
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
    }
    let mine = running
        .client
        .with("x-request-id", "order-66.a_b")
        .get("/healthz")
        .await;
    assert_eq!(mine.header("x-request-id"), Some("order-66.a_b"));
    let forged = running
        .client
        .with("x-request-id", "a status=200")
        .get("/healthz")
        .await;
    assert_ne!(forged.header("x-request-id"), Some("a status=200"));
    running.stop().await;
}

#[tokio::test]
async fn whatever_is_refused_is_a_problem_with_a_kind() {
    let running = Running::start(Plugins::new()).await;
    let client = &running.client;
    let answer = client.get("/api/v1/nothing").await;
    assert_eq!(
        (answer.status.as_u16(), answer.kind().as_str()),
        (404, "not_found")
    );
    let answer = client.post("/api/v1/runs", "").await;
    assert_eq!(
        (answer.status.as_u16(), answer.kind().as_str()),
        (405, "method_not_allowed")
    );
    assert_eq!(answer.header("allow"), Some("GET,HEAD"));
    let answer = client.get("/api/v1/runs?limit=many").await;
    assert_eq!(
        (answer.status.as_u16(), answer.kind().as_str()),
        (400, "bad_request")
    );
    let answer = client.get("/api/v1/plugins/external/No-Name").await;
    assert_eq!(
        (answer.status.as_u16(), answer.kind().as_str()),
        (400, "invalid_name")
    );
    let answer = client
        .post("/api/v1/pipelines/x/run", &"x".repeat(8 * 1024 * 1024 + 1))
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.kind().as_str()),
        (413, "too_large")
    );
    running.stop().await;
}

#[tokio::test]
async fn the_front_page_says_what_to_do_first() {
    let running = Running::start(Plugins::new()).await;
    let front = running.client.get("/").await;
    assert_eq!(front.header("location"), Some("/ui/"));
    let page = running.client.get("/ui/").await;
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert!(page.body.contains("outboard plugin new"), "{page:?}");
    running.stop().await;
}
