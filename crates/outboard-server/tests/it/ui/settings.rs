//! Trusted keys, the policy, and what the server says of itself.

use outboard_contracts::connector::signing::PrivateKey;
use outboard_server::{About, MachineCheck, SettingInfo, Verdict};

use super::catalog::form;
use crate::connectors::support::Restaurant;

#[tokio::test]
async fn a_key_is_trusted_and_trusted_no_more() {
    let restaurant = Restaurant::empty().await;
    let client = restaurant
        .client()
        .with("content-type", "application/x-www-form-urlencoded");
    let page = || async { client.get("/ui/settings/keys").await.body };
    assert!(page().await.contains("No key is trusted"));

    let key = PrivateKey::generate().unwrap().public();
    let evil = "<script>alert(1)</script>";
    let fields = [("public_key", key.to_base64()), ("name", evil.to_owned())];
    let fields = fields
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let done = client.post("/ui/settings/keys", &form(&fields)).await;
    assert_eq!(done.status, 303, "{done:?}");
    let html = page().await;
    assert!(
        html.contains(&key.id()) && html.contains("trusted"),
        "{html}"
    );
    assert!(!html.contains(evil), "{html}");
    let trusted = restaurant.host.trusted_keys().await.unwrap();
    assert_eq!(trusted.keys[0].name, evil);

    // A second time, and what is no key at all, are told on the page.
    for text in [key.to_base64().as_str(), "not a key", ""] {
        let fields = [("public_key", text), ("name", "a")];
        let told = client.post("/ui/settings/keys", &form(&fields)).await;
        assert_eq!(told.status, 303, "{told:?}");
    }
    assert_eq!(restaurant.host.trusted_keys().await.unwrap().keys.len(), 1);

    for id in ["0000000000000000", "..%2Fsecret.key", "x"] {
        let path = format!("/ui/settings/keys/{id}/remove");
        assert_eq!(client.post(&path, "").await.status, 303);
    }
    assert!(restaurant.path("data/keys/secret.key").exists());
    let path = format!("/ui/settings/keys/{}/remove", key.id());
    assert_eq!(client.post(&path, "").await.status, 303);
    assert!(page().await.contains("No key is trusted"));
    restaurant.close().await;
}

#[tokio::test]
async fn settings_say_what_is_in_effect_and_how_the_server_is() {
    let settings = vec![SettingInfo {
        name: "catalogs".to_owned(),
        value: "https://me:swordfish@example.org/p.json?token=swordfish".to_owned(),
        source: "OUTBOARD_CATALOGS".to_owned(),
        help: "where connectors are found".to_owned(),
    }];
    let about = About::new("/srv/outboard", settings).with_checks(|| {
        vec![MachineCheck {
            name: "open files".to_owned(),
            verdict: Verdict::Warning,
            detail: "limited to 12".to_owned(),
            hint: Some("raise it".to_owned()),
        }]
    });
    let restaurant = Restaurant::with(|_| {}, |server| server.about(about)).await;
    let client = restaurant.client();
    let first = client.get("/ui/settings").await;
    assert_eq!(first.status, 303);
    assert_eq!(first.header("location"), Some("/ui/settings/tokens"));

    let policy = client.get("/ui/settings/policy").await.body;
    for part in [
        "https://example.org/p.json",
        "OUTBOARD_CATALOGS",
        "unsigned-ok",
        "it is the default",
    ] {
        assert!(policy.contains(part), "{part} is missing: {policy}");
    }
    assert!(!policy.contains("swordfish"), "{policy}");

    let about = client.get("/ui/settings/about").await.body;
    for part in [
        env!("CARGO_PKG_VERSION"),
        "/srv/outboard",
        "limited to 12",
        "warning",
        "raise it",
        "ready",
    ] {
        assert!(about.contains(part), "{part} is missing: {about}");
    }
    restaurant.close().await;
}
