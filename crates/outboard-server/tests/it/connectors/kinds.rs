//! Connectors, tools and jobs: each has its routes.

use serde_json::json;

use super::support::{CONNECTORS, Restaurant, package};

#[tokio::test]
async fn each_kind_has_its_routes_and_connectors_know_all() {
    let restaurant = Restaurant::empty().await;
    restaurant
        .hire(|envelope| envelope["kind"] = json!("tool"))
        .await;
    let client = restaurant.client();
    // Their program says that it is the waiter, so they cannot be called; and are not.
    for (key, kind) in [("mop", "connector"), ("catalog", "job")] {
        let package = package(&restaurant.path(""), key, |envelope| {
            envelope["kind"] = json!(kind);
            envelope["module"]["Meta"]["Key"] = json!(key);
        });
        let answer = restaurant.install(&package).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let keys = |path: String| async move {
        let listed = client.get(&path).await.json();
        let listed = listed["connectors"].as_array().unwrap().clone();
        listed
            .iter()
            .map(|entry| entry["key"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(keys(CONNECTORS.to_owned()).await, ["mop"]);
    assert_eq!(
        keys(format!("{CONNECTORS}?kind=all")).await,
        ["catalog", "mop", "waiter"]
    );
    assert_eq!(
        keys(format!("{CONNECTORS}?kind=all&limit=1&cursor=catalog")).await,
        ["mop"]
    );
    assert_eq!(
        keys(format!("{CONNECTORS}?kind=all&tag=food&q=POLITELY"))
            .await
            .len(),
        3
    );
    assert_eq!(keys(format!("{CONNECTORS}?kind=all&q=mop")).await, ["mop"]);
    assert_eq!(keys("/api/v1/tools".to_owned()).await, ["waiter"]);
    assert_eq!(keys("/api/v1/jobs".to_owned()).await, ["catalog"]);
    let wrong = client.get(&format!("{CONNECTORS}?kind=plugin")).await;
    assert_eq!(
        (wrong.status.as_u16(), wrong.kind().as_str()),
        (400, "bad_request")
    );

    let body = json!({ "config": { "table": "1" } }).to_string();
    for path in ["/api/v1/tools/waiter", "/api/v1/connectors/waiter"] {
        let called = client.post(&format!("{path}/operations/menu"), &body).await;
        assert_eq!(
            called.json()["result"],
            json!(["soup", "bread"]),
            "{path} {called:?}"
        );
    }
    for (method, path) in [
        ("GET", "/api/v1/jobs/waiter"),
        ("POST", "/api/v1/jobs/waiter/operations/menu"),
        ("POST", "/api/v1/tools/mop/disable"),
        ("DELETE", "/api/v1/tools/%63atalog"),
    ] {
        let answer = client.send(method, path, &body).await;
        let told = (answer.status.as_u16(), answer.kind());
        assert_eq!(told, (404, "not_found".to_owned()), "{method} {path}");
        assert!(
            answer.json()["hint"].as_str().unwrap().contains("/api/v1/"),
            "{answer:?}"
        );
    }

    // A key that a route has taken.
    let taken = client.get("/api/v1/jobs/%63atalog").await.json();
    assert_eq!(taken["key"], "catalog");
    let instances = client.get("/api/v1/jobs/catalog/instances").await;
    assert_eq!(instances.json(), json!({ "instances": [] }));
    restaurant.close().await;
}
