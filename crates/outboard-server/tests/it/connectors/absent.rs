//! A server that was made without connectors.

use crate::support::{Plugins, Running};

#[tokio::test]
async fn a_server_without_connectors_says_so_on_each_of_their_routes() {
    let running = Running::start(Plugins::new()).await;
    let client = &running.client;
    for (method, path) in [
        ("GET", "/api/v1/connectors"),
        ("GET", "/api/v1/connectors/history"),
        ("POST", "/api/v1/connectors/github/operations/get"),
        ("DELETE", "/api/v1/connectors/github"),
        ("GET", "/api/v1/tools"),
        ("GET", "/api/v1/jobs/nightly"),
    ] {
        let answer = client.send(method, path, "").await;
        assert_eq!(answer.status, 404, "{method} {path}");
        assert_eq!(answer.kind(), "not_found", "{method} {path}");
        assert!(answer.body.contains("no connectors"), "{answer:?}");
    }
    for (method, path) in [
        ("GET", "/manager/api/plugins"),
        ("POST", "/manager/api/plugins/install"),
        ("POST", "/manager/api/plugins/github/remove"),
    ] {
        let answer = client.send(method, path, "{}").await;
        assert_eq!(answer.status, 404, "{method} {path}");
        let content = answer.header("content-type");
        assert_eq!(
            content,
            Some("text/plain; charset=utf-8"),
            "{method} {path}"
        );
        assert_eq!(answer.body, "this server has no connectors\n");
    }
    running.stop().await;
}

#[tokio::test]
async fn the_originals_routes_are_guarded_like_all_others_and_refuse_in_plain_text() {
    let running = Running::start(Plugins::new()).await;
    let stranger = running.client.without("authorization");
    let path = "/manager/api/plugins/github/remove";
    let answer = stranger.post(path, "").await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    let content = answer.header("content-type");
    assert_eq!(content, Some("text/plain; charset=utf-8"));
    let page = running.client.with("origin", "http://evil.example");
    assert_eq!(page.post(path, "").await.status, 403);
    let rebound = running.client.with("host", "evil.example");
    assert_eq!(rebound.post(path, "").await.status, 403);
    running.stop().await;
}

#[tokio::test]
async fn only_a_browser_that_comes_back_from_signing_in_needs_no_token() {
    let running = Running::start(Plugins::new()).await;
    let browser = running
        .client
        .without("authorization")
        .with("sec-fetch-site", "cross-site")
        .with("sec-fetch-mode", "navigate")
        .with("sec-fetch-dest", "document");
    let callback = "/api/v1/connectors/oauth/callback?state=x&code=y";
    assert_eq!(
        browser.get(callback).await.status,
        404,
        "no connectors here"
    );
    assert_eq!(browser.post(callback, "").await.status, 403);
    let program = running.client.without("authorization");
    assert_eq!(program.post(callback, "").await.status, 401);
    for path in [
        "/api/v1/connectors/oauth/callback/",
        "/api/v1/connectors/oauth/finish",
        "/api/v1/connectors//oauth/callback",
    ] {
        assert_eq!(program.get(path).await.status, 401, "{path}");
    }
    running.stop().await;
}
