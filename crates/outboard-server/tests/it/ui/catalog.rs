//! The catalog, looking at a package, and installing it with forms.

use serde_json::json;

use super::support::browser;
use crate::connectors::support::{CONNECTORS, Restaurant, Shop, package};

/// The value of a hidden field.
fn field(html: &str, name: &str) -> String {
    let begin = format!("name=\"{name}\" value=\"");
    let rest = html.split(&begin).nth(1);
    let rest = rest.unwrap_or_else(|| panic!("{name} is missing: {html}"));
    rest.split('"').next().unwrap().replace("&#47;", "/")
}

#[tokio::test]
async fn a_connector_is_found_looked_at_and_installed_without_a_script() {
    let shop = Shop::open().await;
    let catalog = shop.sell("9.1.0");
    let restaurant = Restaurant::with(|host| host.catalogs = vec![catalog], |server| server).await;
    let client = restaurant.client();
    let html = client.page("/ui/catalog?wait=1").await;
    for part in [
        "id=\"catalog-waiter\"",
        "9.1.0",
        "Takes orders &#60;politely&#62;",
        "plugins.json",
        "Look at it and install",
        "Food",
    ] {
        assert!(html.contains(part), "{part} is missing: {html}");
    }
    let nothing = client.page("/ui/catalog?wait=1&q=nothing").await;
    assert!(nothing.contains("Nothing fits"), "{nothing}");

    let html = client
        .submit("/ui/catalog/review", &[("name", "waiter")])
        .await;
    assert_eq!(html.status, 200, "{html:?}");
    let html = html.body;
    for part in [
        "Install Waiter 9.1.0",
        "The policy refuses it",
        "not signed",
        "allow_unsigned",
        "What it may",
        "Look twice:",
        "smash",
        "data-install=\"/api/v1/connectors/install\"",
    ] {
        assert!(html.contains(part), "{part} is missing: {html}");
    }
    let digest = field(&html, "sha256");
    let fields = [
        ("name", "waiter"),
        ("version", "9.1.0"),
        ("sha256", digest.as_str()),
    ];
    let refused = client.submit("/ui/catalog/install", &fields).await;
    assert_eq!(refused.kind(), "refused", "{refused:?}");
    let mut fields = fields.to_vec();
    fields.push(("allow_unsigned", "true"));
    let done = client.submit("/ui/catalog/install", &fields).await;
    assert_eq!(done.status, 303, "{done:?}");
    assert_eq!(
        done.header("location"),
        Some("/ui/plugins/connector/waiter")
    );
    assert!(
        done.header("set-cookie")
            .unwrap()
            .starts_with("outboard_flash=")
    );
    let installed = client.get(&format!("{CONNECTORS}/waiter")).await.json();
    assert_eq!(installed["version"], "9.1.0");
    let html = client.page("/ui/catalog?wait=1").await;
    assert!(html.contains("9.1.0, installed"), "{html}");
    restaurant.close().await;
}

#[tokio::test]
async fn an_update_shows_what_it_changes_before_it_is_made() {
    let restaurant = Restaurant::open().await;
    let client = restaurant.client();
    let evil = "<script>alert(1)</script>";
    let newer = package(&restaurant.path(""), "newer", |envelope| {
        envelope["version"] = json!("9.0.0");
        envelope["module"]["Meta"]["Description"] = json!(evil);
        envelope["module"]["Operations"][0]["Ops"][0]["Key"] = json!(evil);
    });
    let source = newer.to_str().unwrap();
    let html = client
        .submit("/ui/catalog/review", &[("source", source)])
        .await
        .body;
    for part in [
        "Update Waiter from 0.1.0 to 9.0.0",
        "What changes",
        "Operations that are gone",
        "order",
        "you can roll back",
    ] {
        assert!(html.contains(part), "{part} is missing: {html}");
    }
    assert!(!html.contains(evil), "{html}");
    let fields = [("path", source), ("version", "9.0.0")];
    let done = client.submit("/ui/catalog/install", &fields).await;
    assert_eq!(done.status, 303, "{done:?}");
    for (fields, kind) in [
        (vec![], "bad_input"),
        (vec![("source", "here/and/there")], "bad_input"),
        (vec![("name", "../x")], "invalid_name"),
        (vec![("name", "waiter"), ("path", source)], "bad_input"),
    ] {
        let answer = client.submit("/ui/catalog/review", &fields).await;
        assert_eq!(answer.kind(), kind, "{fields:?}");
    }
    restaurant.close().await;
}

#[tokio::test]
async fn a_catalog_that_is_not_set_or_cannot_be_read_says_what_to_do() {
    let restaurant = Restaurant::empty().await;
    let html = restaurant.client().page("/ui/catalog").await;
    assert!(html.contains("No catalog is set"), "{html}");
    assert!(html.contains("OUTBOARD_CATALOGS="), "{html}");
    restaurant.close().await;

    let missing = "/nowhere/at/all/plugins.json".to_owned();
    let restaurant = Restaurant::with(|host| host.catalogs = vec![missing], |server| server).await;
    let html = restaurant.client().page("/ui/catalog?wait=1").await;
    assert!(html.contains("A catalog could not be read"), "{html}");
    assert!(html.contains("/nowhere/at/all/plugins.json"), "{html}");
    restaurant.close().await;
}

#[tokio::test]
async fn a_viewer_sees_the_catalog_and_installs_nothing() {
    let shop = Shop::open().await;
    let catalog = shop.sell("9.1.0");
    let restaurant = Restaurant::with(|host| host.catalogs = vec![catalog], |server| server).await;
    let viewer = restaurant.client().of_role("viewer").await;
    let html = viewer.page("/ui/catalog?wait=1").await;
    assert!(html.contains("id=\"catalog-waiter\""), "{html}");
    for action in [
        "/ui/catalog/review",
        "Look at it",
        "<button class=\"primary\"",
    ] {
        assert!(!html.contains(action), "{action}: {html}");
    }
    let fields = [("name", "waiter"), ("allow_unsigned", "true")];
    for path in ["/ui/catalog/review", "/ui/catalog/install"] {
        let refused = viewer.submit(path, &fields).await;
        assert_eq!(refused.kind(), "forbidden", "{path}");
        let page = browser(&viewer).submit(path, &fields).await;
        assert_eq!(page.status, 403);
        assert!(page.body.contains("connectors.manage"), "{page:?}");
    }
    let missing = restaurant
        .client()
        .get(&format!("{CONNECTORS}/waiter"))
        .await;
    assert_eq!(missing.kind(), "not_found");
    restaurant.close().await;
}
