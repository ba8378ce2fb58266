//! Tokens: who has one may what its role and its permissions say, for as long as it lasts.

use serde_json::json;

use super::{Guarded, json_post, problem};
use crate::{client::Client, connectors::support::Restaurant};

#[tokio::test]
async fn a_token_is_shown_once_listed_without_its_secret_and_dead_when_it_is_revoked() {
    let guarded = Guarded::start().await;
    let local = guarded.local();
    let wanted = json!({ "name": "ci", "role": "editor", "permissions": ["reports.see"], "expires_in": "30d" });
    let made = json_post(local, "/api/v1/tokens", &wanted).await;
    assert_eq!(made.status, 201, "{made:?}");
    let made = made.json();
    let token = made["token"].as_str().unwrap();
    let id = made["id"].as_str().unwrap();
    assert!(token.starts_with("ob_") && id.starts_with("tok_"), "{made}");
    assert!(
        made["expires_at"].as_str().unwrap().ends_with('Z'),
        "{made}"
    );

    let ci = guarded.bearer(token);
    let me = ci.get("/api/v1/me").await.json();
    assert_eq!(
        (me["id"].as_str(), me["role"].as_str()),
        (Some(id), Some("editor"))
    );
    assert_eq!(me["via"], "token");
    let permissions = me["permissions"].as_array().unwrap();
    assert!(permissions.contains(&json!("pipelines.run")), "{me}");
    assert!(permissions.contains(&json!("reports.see")), "{me}");
    assert!(!permissions.contains(&json!("plugins.manage")), "{me}");

    let listed = local.get("/api/v1/tokens").await;
    assert!(!listed.body.contains(token), "{listed:?}");
    let listed = listed.json();
    let row = &listed["tokens"][0];
    assert_eq!(
        (&row["name"], &row["role"]),
        (&json!("ci"), &json!("editor"))
    );
    assert_eq!(row["created_by"], "local");
    assert!(row["last_used_at"].is_string(), "{row}");
    assert_eq!(
        problem(&ci.get("/api/v1/tokens").await),
        (403, "forbidden".to_owned())
    );

    let again = json_post(local, "/api/v1/tokens", &wanted).await;
    assert_eq!(problem(&again), (409, "conflict".to_owned()));
    let revoked = local
        .send("DELETE", &format!("/api/v1/tokens/{id}"), "")
        .await;
    assert_eq!(revoked.json()["revoked"]["name"], "ci");
    assert_eq!(
        problem(&ci.get("/api/v1/me").await),
        (401, "unauthorized".to_owned())
    );
    let gone = local
        .send("DELETE", &format!("/api/v1/tokens/{id}"), "")
        .await;
    assert_eq!(problem(&gone), (404, "not_found".to_owned()));
    let log = guarded.audit().await.join("\n");
    assert!(log.contains("local local token.create ci 201"), "{log}");
    assert!(log.contains("local local token.revoke ci 200"), "{log}");
    assert!(!log.contains(token), "{log}");
    guarded.stop().await;
}

#[tokio::test]
async fn a_token_lasts_over_a_restart_until_it_expires() {
    let guarded = Guarded::start().await;
    let wanted = json!({ "name": "a", "role": "viewer", "expires_in": "1h" });
    let token = guarded.token(&wanted).await;
    let guarded = guarded.restart().await;
    let client = guarded.bearer(&token);
    assert_eq!(client.get("/api/v1/me").await.status, 200);
    guarded.pass(3599);
    assert_eq!(client.get("/api/v1/me").await.status, 200);
    guarded.pass(1);
    assert_eq!(client.get("/api/v1/me").await.status, 401);
    guarded.stop().await;
}

#[tokio::test]
async fn a_permission_opens_what_the_role_does_not() {
    let guarded = Guarded::start().await;
    let wanted = json!({ "name": "auditor", "role": "viewer", "permissions": ["audit.read"] });
    let auditor = guarded.bearer(&guarded.token(&wanted).await);
    assert_eq!(auditor.get("/api/v1/audit").await.status, 200);
    assert_eq!(auditor.get("/api/v1/tokens").await.status, 403);
    let answer = auditor.post("/api/v1/plugins/external/kv/load", "").await;
    assert_eq!(answer.status, 403);
    assert!(answer.body.contains("plugins.manage"), "{answer:?}");
    guarded.stop().await;
}

#[tokio::test]
async fn nobody_makes_a_token_that_may_more_than_they_may() {
    let guarded = Guarded::start().await;
    let wanted = json!({ "name": "a", "role": "operator", "permissions": ["tokens.manage"] });
    let maker = guarded.bearer(&guarded.token(&wanted).await);
    let admin = json!({ "name": "b", "role": "admin" });
    let answer = json_post(&maker, "/api/v1/tokens", &admin).await;
    assert_eq!(problem(&answer), (403, "forbidden".to_owned()));
    let viewer = json!({ "name": "c", "role": "viewer" });
    assert_eq!(
        json_post(&maker, "/api/v1/tokens", &viewer).await.status,
        201
    );
    let log = guarded.audit().await.join("\n");
    assert!(
        log.contains("a token POST /api/v1/tokens /api/v1/tokens 403"),
        "{log}"
    );
    guarded.stop().await;
}

#[tokio::test]
async fn what_cannot_be_a_token_is_refused_with_a_reason() {
    let guarded = Guarded::start().await;
    for body in [
        json!({}),
        json!([]),
        json!({ "name": "a" }),
        json!({ "name": "a", "role": "king" }),
        json!({ "name": "", "role": "viewer" }),
        json!({ "name": "a", "role": "viewer", "expires_in": "soon" }),
        json!({ "name": "a", "role": "viewer", "expires_in": 3 }),
        json!({ "name": "a", "role": "viewer", "permissions": ["A B"] }),
        json!({ "name": "a", "role": "viewer", "more": 1 }),
    ] {
        let answer = json_post(guarded.local(), "/api/v1/tokens", &body).await;
        assert_eq!(
            problem(&answer),
            (400, "invalid_input".to_owned()),
            "{body}"
        );
    }
    let answer = guarded.local().post("/api/v1/tokens", "{}").await;
    assert_eq!(problem(&answer), (415, "unsupported_media_type".to_owned()));
    let list = guarded.local().get("/api/v1/tokens").await;
    assert_eq!(list.json(), json!({ "tokens": [] }));
    guarded.stop().await;
}

#[tokio::test]
async fn wrong_tokens_and_huge_heads_are_refused_and_nothing_breaks() {
    let guarded = Guarded::start().await;
    let real = guarded
        .token(&json!({ "name": "a", "role": "viewer" }))
        .await;
    let almost = format!("{}x", &real[..real.len() - 1]);
    let long = "x".repeat(6000);
    for wrong in ["", "ob_", almost.as_str(), long.as_str(), "ü"] {
        let answer = guarded.bearer(wrong).get("/api/v1/me").await;
        assert_eq!(problem(&answer), (401, "unauthorized".to_owned()));
        assert!(!answer.body.contains(&real), "{answer:?}");
    }
    let cookie = format!("outboard_session={long}");
    let answer = guarded
        .stranger()
        .with("cookie", &cookie)
        .get("/api/v1/me")
        .await;
    assert_eq!(answer.status, 401);
    let huge = "y".repeat(1024 * 1024);
    let answer = guarded
        .stranger()
        .with("x-huge", &huge)
        .get("/api/v1/me")
        .await;
    assert_eq!(answer.status, 431);
    assert_eq!(guarded.bearer(&real).get("/api/v1/me").await.status, 200);
    guarded.stop().await;
}

#[tokio::test]
async fn a_token_in_the_url_is_refused_and_told_to_nobody() {
    let guarded = Guarded::start().await;
    let real = guarded
        .token(&json!({ "name": "a", "role": "viewer" }))
        .await;
    for target in [
        format!("/api/v1/me?token={real}"),
        format!("/api/v1/me?access_token={real}"),
        format!("/api/v1/runs?x={real}"),
        format!("/{real}"),
        format!("/ui/?Token={real}"),
        "/api/v1/me?token=anything".to_owned(),
    ] {
        for client in [guarded.stranger(), guarded.local().clone()] {
            let answer = client.get(&target).await;
            assert_eq!(
                problem(&answer),
                (400, "token_in_url".to_owned()),
                "{target}"
            );
            assert!(!answer.body.contains(&real), "{answer:?}");
        }
    }
    guarded.stop().await;
}

#[tokio::test]
async fn a_stream_ends_when_the_token_of_its_reader_is_revoked_or_expires() {
    let guarded = Guarded::start().await;
    let token = guarded
        .token(&json!({ "name": "a", "role": "viewer" }))
        .await;
    let mut follow = guarded.bearer(&token).follow("/api/v1/events").await;
    let local = guarded.local();
    let other = json!({ "name": "b", "role": "viewer" });
    assert_eq!(json_post(local, "/api/v1/tokens", &other).await.status, 201);
    let event = follow.until("access.token_created").await;
    assert_eq!(event.data["token"], "b");
    local.send("DELETE", "/api/v1/tokens/a", "").await;
    while follow.next().await.is_some() {}
    let short = json!({ "name": "c", "role": "viewer", "expires_in": "50ms" });
    let token = guarded.token(&short).await;
    let mut follow = guarded.bearer(&token).follow("/api/v1/events").await;
    while follow.next().await.is_some() {}
    guarded.stop().await;
}

#[tokio::test]
async fn clients_of_wick_are_told_whether_their_token_may_change_anything() {
    let restaurant = Restaurant::empty().await;
    let local = &restaurant.running.client;
    let is_admin = async |client: &Client| {
        let answer = client.get("/manager/api/plugins").await;
        answer.json()["is_admin"].as_bool()
    };
    assert_eq!(is_admin(local).await, Some(true));
    let viewer = json!({ "name": "a", "role": "viewer" });
    let made = json_post(local, "/api/v1/tokens", &viewer).await.json();
    let bearer = format!("Bearer {}", made["token"].as_str().unwrap());
    let viewer = local.with("authorization", &bearer);
    assert_eq!(is_admin(&viewer).await, Some(false));
    restaurant.close().await;
}

#[tokio::test]
async fn nobody_gets_an_answer_that_was_somebody_elses() {
    let guarded = Guarded::start().await;
    let (viewer, editor) = (
        guarded.with_role("viewer").await,
        guarded.with_role("editor").await,
    );
    let link = async |client: &Client| {
        let client = client.with("idempotency-key", "the-same");
        let answer = client.post("/api/v1/sign-in-links", "").await;
        answer.json()["url"].as_str().unwrap().to_owned()
    };
    let first = link(&editor).await;
    assert_eq!(link(&editor).await, first);
    assert_ne!(link(&viewer).await, first);
    guarded.stop().await;
}
