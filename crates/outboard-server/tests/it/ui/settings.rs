//! Trusted keys, the policy, and what the server says of itself.

use std::sync::Arc;

use outboard_contracts::connector::signing::PrivateKey;
use outboard_server::{About, Access, Database, MachineCheck, SettingInfo, Token, Verdict};

use crate::{
    connectors::support::Restaurant,
    support::{Plugins, Running, TOKEN},
};

const TOKENS: &str = "/ui/settings/tokens";
const AUDIT: &str = "/ui/settings/audit";

#[tokio::test]
async fn a_key_is_trusted_and_trusted_no_more() {
    let restaurant = Restaurant::empty().await;
    let client = restaurant.client();
    let page = || client.page("/ui/settings/keys");
    assert!(page().await.contains("No key is trusted"));

    let key = PrivateKey::generate().unwrap().public();
    let evil = "<script>alert(1)</script>";
    let fields = [("public_key", key.to_base64()), ("name", evil.to_owned())];
    let fields = fields
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let done = client.submit("/ui/settings/keys", &fields).await;
    assert_eq!(done.status, 303, "{done:?}");
    let html = page().await;
    assert!(
        html.contains(&key.id()) && html.contains("trusted"),
        "{html}"
    );
    assert!(!html.contains(evil), "{html}");
    let trusted = restaurant.host.trusted_keys().await.unwrap();
    assert_eq!(trusted.keys[0].name, evil);

    let told = client.submit_and_follow("/ui/settings/keys", &fields).await;
    assert!(told.contains("is trusted already"), "{told}");
    // A second time, and what is no key at all, are told on the page.
    for text in [key.to_base64().as_str(), "not a key", ""] {
        let fields = [("public_key", text), ("name", "a")];
        let told = client.submit("/ui/settings/keys", &fields).await;
        assert_eq!(told.status, 303, "{told:?}");
    }
    assert_eq!(restaurant.host.trusted_keys().await.unwrap().keys.len(), 1);

    for id in ["0000000000000000", "..%2Fsecret.key", "x"] {
        let path = format!("/ui/settings/keys/{id}/remove");
        assert_eq!(client.submit(&path, &[]).await.status, 303);
    }
    assert!(restaurant.path("data/keys/secret.key").exists());
    let path = format!("/ui/settings/keys/{}/remove", key.id());
    assert_eq!(client.submit(&path, &[]).await.status, 303);
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

    let policy = client.page("/ui/settings/policy").await;
    for part in [
        "https://example.org/p.json",
        "OUTBOARD_CATALOGS",
        "unsigned-ok",
        "it is the default",
    ] {
        assert!(policy.contains(part), "{part} is missing: {policy}");
    }
    assert!(!policy.contains("swordfish"), "{policy}");

    let about = client.page("/ui/settings/about").await;
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

#[tokio::test]
async fn a_token_is_made_shown_once_and_revoked() {
    let restaurant = Restaurant::empty().await;
    let client = restaurant.client();
    let evil = "<script>alert(1)</script>";
    assert!(client.page(TOKENS).await.contains("No tokens"));
    let fields = [
        ("name", evil),
        ("role", "editor"),
        ("permissions", "reports.see reports.make"),
        ("expires_in", "30d"),
    ];
    let made = client.submit(TOKENS, &fields).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.header("cache-control"), Some("no-store"));
    let secret = made.body.split("<code id=\"new-token\">").nth(1).unwrap();
    let secret = secret.split('<').next().unwrap();
    let with_it = client.with("authorization", &format!("Bearer {secret}"));
    assert_eq!(with_it.get("/api/v1/me").await.json()["role"], "editor");

    let html = client.page(TOKENS).await;
    assert!(!html.contains(secret) && !html.contains(evil), "{html}");
    for part in [
        "editor",
        "reports.make, reports.see",
        "in 29 d",
        "by local",
        "usable",
    ] {
        assert!(html.contains(part), "{part} is missing: {html}");
    }
    // What cannot be made is told where it was asked for, with what was typed.
    for (name, role, life, why) in [
        (evil, "viewer", "", "already"),
        ("b", "king", "", "is no role"),
        ("b", "viewer", "soon", "no time for a token"),
        ("", "viewer", "", "1 to 100"),
    ] {
        let fields = [("name", name), ("role", role), ("expires_in", life)];
        let told = client.submit(TOKENS, &fields).await;
        assert!(told.status.is_client_error(), "{told:?}");
        assert!(told.body.contains(why), "{why}: {told:?}");
        assert!(!told.body.contains(evil));
    }
    let tokens = client.get("/api/v1/tokens").await.json();
    let id = tokens["tokens"][0]["id"].as_str().unwrap();
    let path = format!("{TOKENS}/{id}/revoke");
    let told = client.submit_and_follow(&path, &[]).await;
    assert!(told.contains("Nobody gets in with"), "{told}");
    assert_eq!(with_it.get("/api/v1/me").await.kind(), "unauthorized");
    let told = client.submit_and_follow(&path, &[]).await;
    assert!(told.contains("there is no token"), "{told}");
    restaurant.close().await;
}

#[tokio::test]
async fn the_audit_log_says_who_changed_what_in_pages() {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::open(&directory.path().join("outboard.db")).unwrap();
    let access = |hosts| {
        let builder = Access::builder(hosts, Some(Token::new(TOKEN)));
        builder.database(Arc::new(database)).build().unwrap()
    };
    let running = Running::start_guarded(Plugins::new(), access, |server| server).await;
    let client = &running.client;
    assert!(client.page(AUDIT).await.contains("Nothing was changed yet"));
    let viewer = client.of_role("viewer").await;
    let refused = viewer.submit("/ui/catalog/install", &[("name", "a")]).await;
    assert_eq!(refused.status, 403);
    for index in 0..60 {
        let name = format!("token-{index}");
        let fields = [("name", name.as_str()), ("role", "viewer")];
        assert_eq!(client.submit(TOKENS, &fields).await.status, 201);
    }
    let html = client.page(AUDIT).await;
    assert!(
        html.contains("token-59") && html.contains("done (201)"),
        "{html}"
    );
    let next = html
        .split("rel=\"next\" href=\"")
        .nth(1)
        .expect("another page");
    let next = next.split('"').next().unwrap().replace("&#38;", "&");
    let older = client.page(&next).await;
    assert!(
        !older.contains("token-59") && older.contains("token-0"),
        "{older}"
    );
    let of_viewer = client.page(&format!("{AUDIT}?principal=a+viewer")).await;
    assert!(of_viewer.contains("refused (403)"), "{of_viewer}");
    assert!(!of_viewer.contains("token-59"));
    let nothing = client.page(&format!("{AUDIT}?action=%3Cscript%3E")).await;
    assert!(
        nothing.contains("Nothing fits") && !nothing.contains("<script>"),
        "{nothing}"
    );
    assert_eq!(client.get(&format!("{AUDIT}?cursor=x")).await.status, 400);
    running.stop().await;
}

#[tokio::test]
async fn tabs_that_somebody_may_not_see_are_not_there() {
    let restaurant = Restaurant::empty().await;
    let viewer = restaurant.client().of_role("viewer").await;
    let first = viewer.get("/ui/settings").await;
    assert_eq!(first.header("location"), Some("/ui/settings/keys"));
    let html = viewer.page("/ui/settings/keys").await;
    for tab in [
        "/ui/settings/tokens",
        "/ui/settings/audit",
        "<form method=\"post\" action=\"/ui/settings",
    ] {
        assert!(!html.contains(tab), "{tab}: {html}");
    }
    for tab in ["/ui/settings/policy", "/ui/settings/about"] {
        assert!(html.contains(tab), "{tab}");
        viewer.page(tab).await;
    }
    for path in [TOKENS, AUDIT] {
        assert_eq!(viewer.get(path).await.kind(), "forbidden", "{path}");
    }
    for path in [
        TOKENS,
        "/ui/settings/tokens/x/revoke",
        "/ui/settings/keys",
        "/ui/settings/keys/x/remove",
    ] {
        assert_eq!(viewer.submit(path, &[]).await.kind(), "forbidden", "{path}");
    }
    restaurant.close().await;
}
