//! How often is too often.

use serde_json::json;

use super::{Guarded, json_post, problem, sign_in};
use crate::support::Plugins;

#[tokio::test]
async fn the_eleventh_wrong_secret_in_a_minute_is_too_many_and_right_ones_still_count() {
    let guarded = Guarded::start().await;
    let token = guarded
        .token(&json!({ "name": "a", "role": "viewer" }))
        .await;
    let wrong = guarded.bearer("wrong");
    for _ in 0..5 {
        assert_eq!(wrong.get("/api/v1/me").await.status, 401);
        assert_eq!(sign_in(&guarded.stranger(), "wrong", "").await.status, 401);
    }
    let answer = wrong.get("/api/v1/me").await;
    assert_eq!(problem(&answer), (429, "too_many_attempts".to_owned()));
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    let form = guarded.stranger().with("accept", "text/html");
    let answer = sign_in(&form, "wrong", "").await;
    assert_eq!(answer.status, 429);
    assert!(answer.body.contains("too many attempts"), "{answer:?}");
    assert!(answer.header("retry-after").is_some());
    assert_eq!(form.get("/ui/sign-in/wrong").await.status, 429);
    // Secrets cannot be guessed; nobody is kept out by somebody else's mistakes.
    assert_eq!(guarded.bearer(&token).get("/api/v1/me").await.status, 200);
    // Whoever shows nothing tries nothing.
    assert_eq!(guarded.stranger().get("/api/v1/me").await.status, 401);
    guarded.pass(60);
    assert_eq!(wrong.get("/api/v1/me").await.status, 401);
    guarded.stop().await;
}

#[tokio::test]
async fn a_token_has_its_rate_and_the_local_one_has_none() {
    let guarded = Guarded::start_with(Plugins::new(), |access| access.requests_per_second(2)).await;
    let token = guarded
        .token(&json!({ "name": "a", "role": "viewer" }))
        .await;
    let other = guarded.with_role("editor").await;
    let client = guarded.bearer(&token);
    for _ in 0..4 {
        assert_eq!(client.get("/api/v1/me").await.status, 200);
    }
    let answer = client.get("/api/v1/me").await;
    assert_eq!(problem(&answer), (429, "rate_limited".to_owned()));
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert!(
        answer.json()["hint"]
            .as_str()
            .unwrap()
            .contains("requests_per_second")
    );
    let seed = client.get("/api/v1/plugins/external").await;
    assert_eq!(seed.status, 429);
    assert!(
        seed.body.starts_with(r#"{"status":"error","error":"#),
        "{seed:?}"
    );
    assert_eq!(
        other.get("/api/v1/me").await.status,
        200,
        "each has its own"
    );
    for _ in 0..20 {
        assert_eq!(guarded.local().get("/api/v1/me").await.status, 200);
    }
    guarded.pass(1);
    assert_eq!(client.get("/api/v1/me").await.status, 200);
    guarded.stop().await;
}

#[tokio::test]
async fn strangers_have_a_rate_by_address_and_health_has_none() {
    let guarded = Guarded::start_with(Plugins::new(), |access| access.requests_per_second(1)).await;
    let stranger = guarded.stranger();
    for _ in 0..2 {
        assert_eq!(stranger.get("/").await.status, 303);
    }
    assert_eq!(
        problem(&stranger.get("/").await),
        (429, "rate_limited".to_owned())
    );
    for _ in 0..5 {
        assert_eq!(stranger.get("/healthz").await.status, 200);
    }
    guarded.stop().await;
}

#[tokio::test]
async fn too_many_refusals_of_the_same_are_one_line_in_the_log() {
    let guarded = Guarded::start_with(Plugins::new(), |access| access.requests_per_second(1)).await;
    let client = guarded.with_role("viewer").await;
    for _ in 0..10 {
        json_post(&client, "/api/v1/tokens", &json!({})).await;
    }
    for _ in 0..15 {
        sign_in(&guarded.stranger(), "wrong", "").await;
        guarded.pass(1);
    }
    let log = guarded.audit().await;
    let count = |end: &str| log.iter().filter(|line| line.ends_with(end)).count();
    assert_eq!(
        count("POST /api/v1/tokens /api/v1/tokens 403"),
        2,
        "{log:?}"
    );
    assert_eq!(
        count("POST /api/v1/tokens /api/v1/tokens 429"),
        1,
        "{log:?}"
    );
    assert_eq!(count("sign_in_failed  401"), 10, "{log:?}");
    assert_eq!(count("sign_in_failed  429"), 1, "{log:?}");
    guarded.stop().await;
}
