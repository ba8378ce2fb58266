//! The original's routes, as its clients use them.

use outboard_connector::platform;
use serde_json::json;

use super::support::{Restaurant, Shop, package};

const PLUGINS: &str = "/manager/api/plugins";

#[tokio::test]
async fn the_originals_clients_find_what_they_expect() {
    let restaurant = Restaurant::open().await;
    let client = restaurant.client();
    let listed = client.get(PLUGINS).await;
    assert_eq!(listed.header("content-type"), Some("application/json"));
    assert!(listed.body.ends_with("}\n"), "{listed:?}");
    assert!(
        listed.body.contains(r"Takes orders \u003cpolitely\u003e"),
        "{listed:?}"
    );
    assert_eq!(
        listed.json(),
        json!({
            "installed": [{
                "key": "waiter", "name": "Waiter", "description": "Takes orders <politely>",
                "version": env!("CARGO_PKG_VERSION"), "installed": true, "enabled": true,
                "arch_ok": true, "host": "", "os_arch": null, "category": "Food", "signed": "none",
            }],
            "available": [],
            "registry_error": "no catalog is set: the setting `catalogs` names them",
            "is_admin": true,
        })
    );
    for (action, body) in [
        (
            "disable",
            "{\"ok\":true,\"key\":\"waiter\",\"enabled\":false}\n",
        ),
        (
            "enable",
            "{\"ok\":true,\"key\":\"waiter\",\"enabled\":true}\n",
        ),
        ("remove", "{\"ok\":true,\"removed\":\"waiter\"}\n"),
    ] {
        let answer = client.post(&format!("{PLUGINS}/waiter/{action}"), "").await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, body));
    }
    restaurant.close().await;
}

#[tokio::test]
async fn what_the_original_refuses_is_refused_in_plain_text_and_more_is() {
    let restaurant = Restaurant::empty().await;
    let long = json!({ "name": "x".repeat(70_000) }).to_string();
    for (path, body, status) in [
        ("install", "", 400),
        ("install", "{", 400),
        ("install", "{}", 400),
        ("install", r#"{"name":"../x"}"#, 400),
        ("install", r#"{"name":"nobody"}"#, 400),
        ("install", long.as_str(), 413),
        ("waiter/update", "", 404),
        ("waiter/enable", "", 404),
        ("waiter/disable", "", 404),
        ("waiter/remove", "", 404),
        ("..%2Fx/remove", "", 400),
    ] {
        for accept in ["*/*", "text/event-stream"] {
            let client = restaurant.client().with("accept", accept);
            let answer = client.post(&format!("{PLUGINS}/{path}"), body).await;
            assert_eq!(answer.status.as_u16(), status, "{path} {answer:?}");
            let content = answer.header("content-type");
            assert_eq!(content, Some("text/plain; charset=utf-8"), "{path}");
            assert!(
                answer.body.ends_with('\n') && answer.body.len() > 1,
                "{path}"
            );
        }
    }
    let answer = restaurant.client().send("DELETE", PLUGINS, "").await;
    assert_eq!(answer.status, 405);
    assert_eq!(answer.body, "Method Not Allowed\n");
    assert_eq!(answer.header("allow"), Some("GET,HEAD"));
    restaurant.close().await;
}

#[tokio::test]
async fn a_connector_of_a_catalog_is_installed_and_updated_with_progress() {
    let shop = Shop::open().await;
    let catalog = shop.sell("1.0.0");
    let restaurant = Restaurant::with(
        |config| {
            config.catalogs = vec![catalog];
            config.signature_policy = Some("unsigned-ok".to_owned());
        },
        |server| server,
    )
    .await;
    let client = restaurant.client();
    let old = package(&restaurant.path(""), "old", |envelope| {
        envelope["version"] = json!("0.9.0");
    });
    assert_eq!(restaurant.install(&old).await.status, 200);
    let listed = client.get(PLUGINS).await.json();
    assert_eq!(listed["available"], json!([]));
    assert_eq!(listed["installed"][0]["update_available"], true);
    assert_eq!(listed["installed"][0]["latest_version"], "1.0.0");
    let updated = client.post(&format!("{PLUGINS}/waiter/update"), "").await;
    assert_eq!(
        updated.body,
        "{\"ok\":true,\"updated\":\"waiter\",\"version\":\"1.0.0\"}\n"
    );
    let removed = client.post(&format!("{PLUGINS}/waiter/remove"), "").await;
    assert_eq!(removed.status, 200, "{removed:?}");

    let available = &client.get(PLUGINS).await.json()["available"][0];
    assert_eq!(
        *available,
        json!({
            "key": "waiter", "name": "Waiter", "description": "Takes orders <politely>",
            "version": "1.0.0", "installed": false, "enabled": false, "arch_ok": true,
            "host": platform::host(), "os_arch": [platform::host()], "category": "Food",
            "signed": "",
        })
    );
    let streamed = client.with("accept", "text/event-stream");
    let answer = streamed
        .post(&format!("{PLUGINS}/install"), r#"{"name":"waiter"}"#)
        .await;
    assert_eq!(
        answer.header("content-type"),
        Some("text/event-stream"),
        "{answer:?}"
    );
    let events: Vec<&str> = answer
        .body
        .split("\n\n")
        .filter(|event| !event.is_empty())
        .collect();
    let (last, before) = events.split_last().unwrap();
    assert_eq!(
        *last,
        r#"data: {"phase":"done","ok":true,"installed":"waiter"}"#
    );
    assert!(
        before
            .iter()
            .any(|event| event.starts_with(r#"data: {"phase":"downloading","pct":"#)),
        "{events:?}"
    );

    restaurant.close().await;
}
