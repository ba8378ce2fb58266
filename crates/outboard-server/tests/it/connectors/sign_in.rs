//! Signing in, against an identity server on this machine.

use axum::{Json, Router, routing::post};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::support::{CONNECTORS, Restaurant};

/// An identity server that gives out tokens for the code `good`, and where it is.
async fn identity_server() -> String {
    let token = |form: String| async move {
        if form.contains("code=good") && form.contains("code_verifier=") {
            let token =
                json!({ "access_token": "swordfish", "token_type": "Bearer", "expires_in": 3600 });
            Ok(Json(token))
        } else {
            Err((
                http::StatusCode::BAD_REQUEST,
                Json(json!({ "error": "invalid_grant" })),
            ))
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/token", post(token));
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

async fn with_sign_in() -> Restaurant {
    let identity = identity_server().await;
    let restaurant = Restaurant::empty().await;
    restaurant
        .hire(|envelope| {
            let oauth = &mut envelope["module"]["OAuth"];
            oauth["AuthorizeURL"] = json!(format!("{identity}/authorize"));
            oauth["TokenURL"] = json!(format!("{identity}/token"));
        })
        .await;
    let path = format!("{CONNECTORS}/waiter/instances/default");
    let change = json!({ "config": { "client_id": "me" } }).to_string();
    let changed = restaurant.client().send("PATCH", &path, &change).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    restaurant
}

async fn begin(restaurant: &Restaurant, body: &str) -> Value {
    let path = format!("{CONNECTORS}/waiter/instances/default/sign-in");
    let answer = restaurant.client().post(&path, body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// The state of a sign-in that has begun.
fn state(begun: &Value) -> String {
    let url = begun["authorize_url"].as_str().unwrap();
    let (_, rest) = url.split_once("state=").unwrap();
    rest.split('&').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_browser_that_comes_back_signs_its_user_in_once() {
    let restaurant = with_sign_in().await;
    let client = restaurant.client();
    let begun = begin(&restaurant, "").await;
    let url = begun["authorize_url"].as_str().unwrap();
    let own = format!(
        "http%3A%2F%2F{}",
        client.address.to_string().replace(':', "%3A")
    );
    assert!(url.contains(&own), "{url}");
    let state = state(&begun);

    let browser = client
        .without("authorization")
        .with("sec-fetch-site", "cross-site")
        .with("sec-fetch-mode", "navigate")
        .with("sec-fetch-dest", "document");
    let callback = format!("{CONNECTORS}/oauth/callback?state={state}&code=good&scope=read");
    let page = browser.get(&callback).await;
    assert_eq!(page.status, 200, "{page:?}");
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert!(page.body.contains("signed in as Ada"), "{page:?}");
    assert!(!page.body.contains("swordfish"), "{page:?}");
    let again = browser.get(&callback).await;
    assert!(again.status.is_client_error(), "{again:?}");
    assert!(again.body.contains("Not signed in"), "{again:?}");

    let instance = client
        .get(&format!("{CONNECTORS}/waiter/instances/default"))
        .await;
    assert_eq!(instance.json()["identity"]["display_name"], "Ada");
    assert!(!instance.body.contains("swordfish"), "{instance:?}");
    restaurant.close().await;
}

#[tokio::test]
async fn what_does_not_sign_in_is_told_on_a_page_without_strange_words() {
    let restaurant = with_sign_in().await;
    let begun = begin(&restaurant, "").await;
    let refused = state(&begin(&restaurant, "").await);
    let state = state(&begun);
    let browser = restaurant.client().without("authorization");
    for (query, says) in [
        ("", "no state"),
        ("state=x", "no code"),
        ("state=nobodys&code=good", "no sign-in"),
        ("error=%3Cscript%3E&state=x", "no sign-in"),
        (&*format!("state={state}&code=bad"), "invalid_grant"),
        (
            &*format!("state={refused}&error=access_denied&error_description=%3Cscript%3E"),
            "access_denied",
        ),
    ] {
        let page = browser
            .get(&format!("{CONNECTORS}/oauth/callback?{query}"))
            .await;
        assert!(page.status.as_u16() >= 400, "{query} {page:?}");
        assert!(
            page.body.contains(says) && !page.body.contains("<script"),
            "{query} {page:?}"
        );
    }
    restaurant.close().await;
}

#[tokio::test]
async fn a_client_can_have_a_page_of_its_own() {
    let restaurant = with_sign_in().await;
    let client = restaurant.client();
    let begun = begin(
        &restaurant,
        r#"{"redirect_uri":"http://127.0.0.1:4711/back"}"#,
    )
    .await;
    assert!(
        begun["authorize_url"].as_str().unwrap().contains("4711"),
        "{begun}"
    );
    let finish = format!("{CONNECTORS}/oauth/finish");
    let body = json!({ "query": format!("code=good&state={}", state(&begun)) }).to_string();
    let stranger = client.without("authorization").post(&finish, &body).await;
    assert_eq!(stranger.status, 401);
    for wrong in ["{}", r#"{"query":"code=good"}"#, r#"{"code":"good"}"#] {
        let answer = client.post(&finish, wrong).await;
        let told = (answer.status.as_u16(), answer.kind());
        assert_eq!(told, (400, "bad_input".to_owned()), "{wrong}");
    }
    let instance = client.post(&finish, &body).await;
    assert_eq!(instance.json()["identity"]["user_id"], "u1", "{instance:?}");

    let path = format!("{CONNECTORS}/waiter/instances/default/sign-in");
    let elsewhere = r#"{"redirect_uri":"http://evil.example/back"}"#;
    let answer = client.post(&path, elsewhere).await;
    assert!(answer.status.is_client_error(), "{answer:?}");
    restaurant.close().await;
}
