//! What is installed, and what can be asked and changed of it.

use serde_json::{Value, json};

use super::support::{CONNECTORS, Restaurant, Shop, package};

#[tokio::test]
async fn a_connector_comes_changes_and_goes() {
    let restaurant = Restaurant::empty().await;
    let client = restaurant.client();
    let list = || async { client.get(CONNECTORS).await.json() };
    assert_eq!(list().await, json!({ "connectors": [] }));

    let first = package(&restaurant.path(""), "first", |_| {});
    let installed = restaurant.install(&first).await;
    assert_eq!(installed.status, 200, "{installed:?}");
    assert_eq!(installed.json()["action"], "installed");
    let listed = list().await;
    let waiter = &listed["connectors"][0];
    assert_eq!(waiter["key"], "waiter");
    assert_eq!(waiter["state"], "stopped", "{listed}");
    assert_eq!(waiter["signed"], "none");
    assert_eq!(listed.get("next_cursor"), None);

    let described = client.get(&format!("{CONNECTORS}/waiter")).await.json();
    assert_eq!(described["config"][0]["Key"], "table");
    let order = &described["operations_list"][0];
    assert_eq!(order["Key"], "order");
    assert_eq!(order["category"], "Table");
    assert_eq!(order["input_schema"]["required"], json!(["dish"]));
    assert_eq!(
        described["process"]["starts"], 0,
        "nothing was started: {described}"
    );

    let second = package(&restaurant.path(""), "second", |envelope| {
        envelope["version"] = json!("9.0.0");
    });
    let updated = restaurant.install(&second).await.json();
    assert_eq!(
        (&updated["action"], &updated["version"]),
        (&json!("updated"), &json!("9.0.0"))
    );
    let older = restaurant.install(&first).await;
    assert_eq!(
        (older.status.as_u16(), older.kind().as_str()),
        (403, "refused")
    );
    let back = client
        .post(&format!("{CONNECTORS}/waiter/rollback"), "")
        .await
        .json();
    assert_eq!(back["action"], "rolled_back");
    let wrong = client
        .post(&format!("{CONNECTORS}/waiter/rollback"), r#"{"to":"1"}"#)
        .await;
    assert_eq!(
        (wrong.status.as_u16(), wrong.kind().as_str()),
        (400, "bad_input")
    );
    let verified = client
        .post(&format!("{CONNECTORS}/waiter/verify"), "")
        .await;
    assert_eq!(
        (verified.status.as_u16(), verified.json().get("problem")),
        (200, None)
    );

    let disabled = client
        .post(&format!("{CONNECTORS}/waiter/disable"), "")
        .await
        .json();
    assert_eq!(disabled["enabled"], false);
    let call = restaurant
        .call("menu", json!({ "config": { "table": "1" } }))
        .await;
    assert_eq!(
        (call.status.as_u16(), call.kind().as_str()),
        (409, "disabled")
    );
    let enabled = client
        .post(&format!("{CONNECTORS}/waiter/enable"), "")
        .await
        .json();
    assert_eq!(enabled["enabled"], true);
    let call = restaurant
        .call("menu", json!({ "config": { "table": "1" } }))
        .await;
    assert_eq!(call.status, 200, "{call:?}");

    let removed = client
        .send("DELETE", &format!("{CONNECTORS}/waiter?purge=1"), "")
        .await;
    assert_eq!(
        (removed.status.as_u16(), &removed.json()["action"]),
        (200, &json!("removed"))
    );
    for (method, path) in [
        ("GET", ""),
        ("DELETE", ""),
        ("POST", "/enable"),
        ("POST", "/disable"),
        ("POST", "/verify"),
        ("POST", "/rollback"),
        ("GET", "/health"),
        ("GET", "/permissions"),
        ("GET", "/logs"),
        ("GET", "/instances"),
        ("POST", "/instances"),
        ("POST", "/operations/menu"),
    ] {
        let answer = client
            .send(method, &format!("{CONNECTORS}/waiter{path}"), "")
            .await;
        let told = (answer.status.as_u16(), answer.kind());
        assert_eq!(told, (404, "not_found".to_owned()), "{method} {path}");
    }
    restaurant.close().await;
}

#[tokio::test]
async fn an_installation_that_fails_changes_nothing() {
    let restaurant = Restaurant::open().await;
    let before = restaurant.client().get(CONNECTORS).await.body;
    let bad = |name: &str, change: fn(&mut Value)| package(&restaurant.path(""), name, change);
    let tampered = bad("tampered", |_| {});
    std::fs::write(tampered.join("waiter"), "#!/bin/sh\n").unwrap();
    let elsewhere = bad("elsewhere", |envelope| {
        envelope["entry"] = json!("../waiter")
    });
    let foreign = bad("foreign", |envelope| {
        envelope["os_arch"] = json!(["plan9/mips"])
    });
    let no_key = bad("no_key", |envelope| {
        envelope["module"]["Meta"]["Key"] = json!("../x")
    });
    for package in [tampered, elsewhere, foreign, no_key] {
        let answer = restaurant.install(&package).await;
        let told = (answer.status.as_u16(), answer.kind());
        assert!(
            matches!(told.0, 403 | 422),
            "{}: {answer:?}",
            package.display()
        );
    }
    for body in [
        json!({ "path": restaurant.path("nothing") }),
        json!({ "path": "relative" }),
        json!({ "name": "nobody" }),
        json!({ "url": "ftp://127.0.0.1/x.zip" }),
        json!({ "url": "https://user:hunter2@127.0.0.1:9/x.zip" }),
        json!({ "name": "../x" }),
        json!({}),
    ] {
        let path = format!("{CONNECTORS}/install");
        let answer = restaurant.client().post(&path, &body.to_string()).await;
        assert!(answer.status.as_u16() >= 400, "{body}: {answer:?}");
        answer.kind();
        assert!(!answer.body.contains("hunter2"), "{answer:?}");
    }
    assert_eq!(restaurant.client().get(CONNECTORS).await.body, before);
    restaurant.close().await;
}

#[tokio::test]
async fn an_installation_tells_its_progress_to_those_who_want_it() {
    let restaurant = Restaurant::empty().await;
    let package = package(&restaurant.path(""), "package", |_| {});
    let client = restaurant.client().with("accept", "text/event-stream");
    let body = json!({ "path": package }).to_string();
    let mut events = client
        .follow_post(&format!("{CONNECTORS}/install"), &body)
        .await;
    let mut phases = Vec::new();
    let done = loop {
        let event = events.next().await.expect("an end");
        if event.name != "progress" {
            break event;
        }
        phases.push(event.data["phase"].as_str().unwrap().to_owned());
    };
    assert_eq!(
        (done.name.as_str(), &done.data["action"]),
        ("done", &json!("installed"))
    );
    assert!(phases.contains(&"verifying".to_owned()), "{phases:?}");
    assert_eq!(events.next().await, None);
    restaurant.close().await;
}

#[tokio::test]
async fn instances_are_made_changed_and_removed_and_keep_their_secrets() {
    let restaurant = Restaurant::open().await;
    let client = restaurant.client();
    let instances = format!("{CONNECTORS}/waiter/instances");
    let body = json!({ "name": "terrace", "config": { "table": 12, "pin": "swordfish" } });
    let made = client.post(&instances, &body.to_string()).await;
    assert_eq!(made.status, 201, "{made:?}");
    let location = made.header("location").unwrap().to_owned();
    assert_eq!(
        location,
        format!("{instances}/{}", made.json()["id"].as_str().unwrap())
    );
    let again = client.post(&instances, &body.to_string()).await;
    assert_eq!(
        (again.status.as_u16(), again.kind().as_str()),
        (409, "conflict")
    );

    let listed = client.get(&format!("{instances}?limit=1")).await.json();
    assert_eq!(listed["instances"][0]["name"], "default");
    assert_eq!(listed["next_cursor"], "default");
    let rest = client
        .get(&format!("{instances}?limit=1&cursor=default"))
        .await
        .json();
    assert_eq!(rest["instances"][0]["name"], "terrace");
    assert_eq!(rest.get("next_cursor"), None);

    let order = json!({ "input": { "dish": "soup" } });
    let call = restaurant.call("order", order.clone()).await;
    assert_eq!(call.json()["result"]["table"], "7", "{call:?}");
    let mut at_terrace = order.clone();
    at_terrace["instance"] = json!("terrace");
    let call = restaurant.call("order", at_terrace).await;
    assert_eq!(call.json()["result"]["table"], "12", "{call:?}");

    let masked = client.get(&location).await;
    assert!(!masked.body.contains("swordfish"), "{masked:?}");
    let mask = masked.json()["config"]["pin"].clone();
    assert!(mask.is_string(), "{masked:?}");
    let change = json!({ "config": { "pin": mask, "table": "13" } });
    let changed = client.send("PATCH", &location, &change.to_string()).await;
    assert_eq!(changed.json()["config"]["table"], "13", "{changed:?}");
    let mut at_terrace = order;
    at_terrace["instance"] = json!("terrace");
    let call = restaurant.call("order", at_terrace).await;
    assert_eq!(call.json()["result"]["has_pin"], true, "{call:?}");
    let unknown = client
        .send("PATCH", &location, r#"{"config":{"chair":"1"}}"#)
        .await;
    assert_eq!(
        (unknown.status.as_u16(), unknown.kind().as_str()),
        (422, "invalid_input")
    );

    let removed = client.send("DELETE", &location, "").await;
    assert_eq!((removed.status.as_u16(), removed.body.as_str()), (204, ""));
    assert_eq!(client.get(&location).await.kind(), "not_found");
    let renamed = client
        .send(
            "PATCH",
            &format!("{instances}/default"),
            r#"{"name":"cellar"}"#,
        )
        .await;
    assert_eq!(renamed.json()["name"], "cellar", "{renamed:?}");
    client.post(&instances, r#"{"name":"roof"}"#).await;
    let call = restaurant.call("menu", json!({})).await;
    let told = (call.status.as_u16(), call.kind());
    assert_eq!(
        told,
        (422, "not_configured".to_owned()),
        "which of the two?"
    );
    assert_eq!(
        client.send("DELETE", &location, "").await.kind(),
        "not_found"
    );
    restaurant.close().await;
}

#[tokio::test]
async fn a_connector_can_be_asked_how_it_is_what_it_may_and_what_it_said() {
    let restaurant = Restaurant::open().await;
    let client = restaurant.client();
    let health = client
        .get(&format!("{CONNECTORS}/waiter/health"))
        .await
        .json();
    assert_eq!(health, json!({ "healthy": true, "detail": "on my feet" }));
    let path = format!("{CONNECTORS}/waiter/permissions?instance=default");
    assert_eq!(
        client.get(&path).await.json(),
        json!({ "operations": [
            { "key": "order", "ok": true, "reason": "" },
            { "key": "smash", "ok": false, "reason": "not with this key" },
        ] })
    );
    restaurant.call("die", json!({})).await;
    let path = format!("{CONNECTORS}/waiter/logs?lines=50");
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        let logs = client.get(&path).await.json();
        assert_eq!(logs["key"], "waiter");
        let lines = logs["lines"].as_array().unwrap();
        if lines.iter().any(|line| line["message"] == "the tray fell") {
            break;
        }
        assert!(
            std::time::Instant::now() < until,
            "its last words are missing: {logs}"
        );
    }
    restaurant.close().await;
}

#[tokio::test]
async fn an_update_is_looked_at_before_it_is_made() {
    let restaurant = Restaurant::open().await;
    let newer = package(&restaurant.path(""), "newer", |envelope| {
        envelope["version"] = json!("9.0.0");
        let operations = &mut envelope["module"]["Operations"][0]["Ops"];
        operations[0]["Key"] = json!("serve");
        operations[0]["Destructive"] = json!(true);
    });
    let client = restaurant.client();
    let path = format!("{CONNECTORS}/install/review");
    let body = json!({ "path": newer }).to_string();
    let review = client.post(&path, &body).await;
    assert_eq!(review.status, 200, "{review:?}");
    let review = review.json();
    assert_eq!(review["version"], "9.0.0");
    assert_eq!(review["installed"], "0.1.0", "{review}");
    assert_eq!(review["signed"], "none");
    assert_eq!(
        review.get("refusal"),
        None,
        "a directory needs no signature"
    );
    let changes = &review["changes"];
    assert_eq!(changes["operations_added"], json!(["serve"]));
    assert_eq!(changes["operations_removed"], json!(["order"]));
    assert_eq!(changes["rights_added"]["destructive"], json!(["serve"]));
    let now = client.get(&format!("{CONNECTORS}/waiter")).await.json();
    assert_eq!(now["version"], "0.1.0", "nothing was installed");

    let older = package(&restaurant.path(""), "older", |envelope| {
        envelope["version"] = json!("0.0.1");
    });
    let body = json!({ "path": older }).to_string();
    let refused = client.post(&path, &body).await.json();
    assert!(
        refused["refusal"].as_str().unwrap().contains("downgrade"),
        "{refused}"
    );
    assert_eq!(
        (&refused["unsigned"], &refused["older"]),
        (&json!(false), &json!(true))
    );
    let nothing = json!({ "path": restaurant.path("nowhere") }).to_string();
    assert_ne!(client.post(&path, &nothing).await.status, 200);
    restaurant.close().await;
}

#[tokio::test]
async fn what_was_looked_at_is_what_is_installed() {
    let shop = Shop::open().await;
    let catalog = shop.sell("9.1.0");
    let restaurant = Restaurant::with(|host| host.catalogs = vec![catalog], |server| server).await;
    let client = restaurant.client();
    let found = client.get(&format!("{CONNECTORS}/catalog")).await.json();
    assert_eq!(found["available"][0]["kind"], "connector", "{found}");
    assert!(
        found["available"][0]["catalog"]
            .as_str()
            .unwrap()
            .ends_with("plugins.json")
    );
    let path = format!("{CONNECTORS}/install/review");
    let review = client.post(&path, r#"{"name":"waiter"}"#).await.json();
    assert_eq!(review["unsigned"], true, "{review}");
    assert_eq!(
        review.get("changes"),
        None,
        "there is nothing to compare it with"
    );
    let digest = review["archive_sha256"].as_str().unwrap();
    let install = |sha256: &str| {
        let body = json!({ "name": "waiter", "version": "9.1.0", "sha256": sha256, "allow_unsigned": true });
        async move {
            let path = format!("{CONNECTORS}/install");
            client.post(&path, &body.to_string()).await
        }
    };
    let other = install(&"0".repeat(64)).await;
    assert_eq!(other.kind(), "refused", "{other:?}");
    let installed = install(digest).await;
    assert_eq!(installed.json()["action"], "installed", "{installed:?}");
    restaurant.close().await;
}
