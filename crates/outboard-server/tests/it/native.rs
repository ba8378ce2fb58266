//! Plugins of this process over HTTP, and what is kept of them.

use std::{borrow::Cow, path::Path, sync::Arc};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use outboard_server::{Database, PluginStates, ServerBuilder, Token};
use outboard_workflow::engine::{
    NativePlugin, PluginDependency, PluginManager, RouteTable, UiPageDef,
};
use serde_json::{Value, json};

use crate::{
    client::Client,
    support::{Plugins, Running, TOKEN},
};

const LIST: &str = "/api/v1/admin/plugins";

/// A plugin of a host, with a route and a page.
struct Shop {
    name: &'static str,
    needs: &'static [&'static str],
}

#[async_trait::async_trait]
impl NativePlugin for Shop {
    fn name(&self) -> &str {
        self.name
    }

    fn version(&self) -> Cow<'_, str> {
        "1.2.0".into()
    }

    fn description(&self) -> Cow<'_, str> {
        "sells".into()
    }

    fn dependencies(&self) -> Vec<PluginDependency> {
        self.needs
            .iter()
            .copied()
            .map(PluginDependency::any)
            .collect()
    }

    fn ui_pages(&self) -> Vec<UiPageDef> {
        vec![UiPageDef {
            id: "shop".to_owned(),
            label: "Shop".to_owned(),
            required_role: "operator".to_owned(),
            ..UiPageDef::default()
        }]
    }

    fn register_routes(&self, routes: &mut RouteTable) {
        routes
            .get("/items", |request: Request<Bytes>| async move {
                Response::new(Bytes::from(request.uri().to_string()))
            })
            .route(Method::POST, "/items", |request: Request<Bytes>| async {
                Response::new(request.into_body())
            });
    }
}

/// Registers `shop`, which needs `base`.
fn register(manager: &PluginManager) {
    for (name, needs) in [("shop", &["base"][..]), ("base", &[])] {
        manager.register(Arc::new(Shop { name, needs })).unwrap();
    }
}

async fn start(settings: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Running {
    Running::start_as(Plugins::new(), Some(Token::new(TOKEN)), settings).await
}

async fn with_shop() -> Running {
    let manager = PluginManager::default();
    register(&manager);
    start(|server| server.native_plugins(manager)).await
}

async fn enable(client: &Client, name: &str) {
    let answer = client.post(&format!("{LIST}/{name}/enable"), "").await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(answer.json(), json!({ "name": name, "enabled": true }));
}

async fn disable(client: &Client, name: &str) {
    let answer = client.post(&format!("{LIST}/{name}/disable"), "").await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(answer.json(), json!({ "name": name, "enabled": false }));
}

async fn enabled(client: &Client) -> Vec<String> {
    let list = client.get(LIST).await.json();
    let plugins = list.as_array().unwrap().iter();
    plugins
        .filter(|plugin| plugin["enabled"] == true)
        .map(|plugin| plugin["name"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_plugins_routes_answer_only_while_it_is_enabled() {
    let running = with_shop().await;
    let client = &running.client;
    let items = format!("{LIST}/shop/items?page=2");
    assert_eq!(client.get(&items).await.status, StatusCode::NOT_FOUND);
    enable(client, "shop").await;
    let answer = client.get(&items).await;
    assert_eq!(answer.body, "/items?page=2");
    assert_eq!(client.post(&items, "an order").await.body, "an order");
    disable(client, "shop").await;
    assert_eq!(client.get(&items).await.status, StatusCode::NOT_FOUND);
    for unknown in [
        "ghost/items",
        "..%2Fshop/items",
        "shop/nothing",
        "Shop/items",
    ] {
        let answer = client.get(&format!("{LIST}/{unknown}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{unknown}");
    }
    running.stop().await;
}

#[tokio::test]
async fn plugins_are_listed_as_a_bare_array_with_and_without_a_slash() {
    let running = with_shop().await;
    enable(&running.client, "base").await;
    for path in [LIST.to_owned(), format!("{LIST}/")] {
        let answer = running.client.get(&path).await;
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let list = answer.json();
        assert_eq!(list[0]["name"], "base");
        assert!(list[0]["enabledAt"].is_string(), "{list}");
        assert_eq!(
            list[1],
            json!({
                "name": "shop", "version": "1.2.0", "description": "sells", "enabled": false,
                "uiPages": [{ "id": "shop", "label": "Shop", "requiredRole": "operator" }],
                "dependencies": [{ "name": "base" }],
            })
        );
        let answer = running.client.post(&path, "").await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(answer.header("allow"), Some("GET, HEAD"));
    }
    let answer = running.client.get(&format!("{LIST}/shop/enable")).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.header("allow"), Some("POST"));
    running.stop().await;
}

#[tokio::test]
async fn what_cannot_be_enabled_says_why() {
    let running = with_shop().await;
    let path = format!("{LIST}/ghost/enable");
    let answer = running.client.post(&path, "").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(
        answer.json(),
        json!({ "error": "plugin \"ghost\" is not registered" })
    );
    running.stop().await;
}

#[tokio::test]
async fn enabling_and_disabling_goes_along_dependencies_and_is_told() {
    let running = with_shop().await;
    let mut events = running.client.follow("/api/v1/events").await;
    enable(&running.client, "shop").await;
    assert_eq!(enabled(&running.client).await, ["base", "shop"]);
    disable(&running.client, "base").await;
    assert_eq!(enabled(&running.client).await, [""; 0]);
    let mut told = Vec::new();
    for _ in 0..4 {
        let event = events.next().await.unwrap();
        told.push(format!("{} {}", event.name, event.data["plugin"]));
    }
    assert_eq!(
        told,
        [
            r#"native.enabled "base""#,
            r#"native.enabled "shop""#,
            r#"native.disabled "base""#,
            r#"native.disabled "shop""#
        ]
    );
    running.stop().await;
}

/// A server with the shop over a database.
async fn over(path: &Path) -> Running {
    let database = Arc::new(Database::open(path).unwrap());
    let states = Arc::new(PluginStates::open(database).unwrap());
    let manager = PluginManager::builder().store(states.clone()).build();
    register(&manager);
    start(|server| server.plugin_states(states).native_plugins(manager)).await
}

#[tokio::test]
async fn what_was_enabled_is_enabled_after_a_restart_with_its_times() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("outboard.db");
    let running = over(&path).await;
    enable(&running.client, "shop").await;
    disable(&running.client, "shop").await;
    let before = running.client.get(LIST).await.json();
    running.stop().await;

    let running = over(&path).await;
    let mut after = Value::Null;
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while after[0]["enabled"] != true {
        assert!(std::time::Instant::now() < until, "{after}");
        after = running.client.get(LIST).await.json();
    }
    assert_eq!(after[1], before[1], "shop stays disabled, with both times");
    assert!(after[1]["enabledAt"].is_string() && after[1]["disabledAt"].is_string());
    running.stop().await;
}
