//! The manager over HTTP.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use outboard_workflow::engine::{
    NativePlugin, PluginDependency, PluginManager, RouteTable, UiPageDef,
};
use serde_json::{Value, json};

struct Shop;

#[async_trait::async_trait]
impl NativePlugin for Shop {
    fn name(&self) -> &str {
        "shop"
    }

    fn version(&self) -> std::borrow::Cow<'_, str> {
        "1.2.0".into()
    }

    fn description(&self) -> std::borrow::Cow<'_, str> {
        "sells".into()
    }

    fn dependencies(&self) -> Vec<PluginDependency> {
        vec![PluginDependency::at_least("base", "1.0.0").unwrap()]
    }

    fn ui_pages(&self) -> Vec<UiPageDef> {
        vec![UiPageDef {
            id: "shop".to_owned(),
            label: "Shop".to_owned(),
            ..UiPageDef::default()
        }]
    }

    fn register_routes(&self, routes: &mut RouteTable) {
        routes
            .get("/items", |request: Request<Bytes>| async move {
                let seen = request.uri().to_string();
                Response::new(Bytes::from(seen))
            })
            .route(
                Method::POST,
                "/items",
                |request: Request<Bytes>| async move { Response::new(request.into_body()) },
            )
            .get("/files/", |request: Request<Bytes>| async move {
                Response::new(Bytes::from(request.uri().path().to_owned()))
            })
            .get("/panic", |_| async move { panic!("in a handler") });
    }
}

struct Base;

#[async_trait::async_trait]
impl NativePlugin for Base {
    fn name(&self) -> &str {
        "base"
    }

    fn version(&self) -> std::borrow::Cow<'_, str> {
        "1.0.0".into()
    }

    fn description(&self) -> std::borrow::Cow<'_, str> {
        "".into()
    }
}

fn manager() -> PluginManager {
    let manager = PluginManager::default();
    manager.register(Arc::new(Shop)).unwrap();
    manager.register(Arc::new(Base)).unwrap();
    manager
}

async fn send(manager: &PluginManager, method: Method, path: &str) -> (StatusCode, String) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .body(Bytes::from_static(b"body"))
        .unwrap();
    let response = manager.handle(request).await;
    let text = String::from_utf8(response.body().to_vec()).unwrap();
    (response.status(), text)
}

#[tokio::test]
async fn an_enabled_plugins_routes_answer_without_the_prefix() {
    let manager = manager();
    manager.enable("shop").await.unwrap();
    let (status, body) = send(&manager, Method::GET, "/shop/items?page=2").await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, "/items?page=2"));
    let (status, body) = send(&manager, Method::POST, "/shop/items").await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, "body"));
    let (_, body) = send(&manager, Method::GET, "/shop/files/a/b").await;
    assert_eq!(body, "/files/a/b");
}

#[tokio::test]
async fn a_disabled_plugins_routes_do_not_exist() {
    let (status, _) = send(&manager(), Method::GET, "/shop/items").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn disabling_takes_the_routes_away() {
    let manager = manager();
    manager.enable("shop").await.unwrap();
    manager.disable("shop").await.unwrap();
    let (status, _) = send(&manager, Method::GET, "/shop/items").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_unknown_plugin_and_an_unknown_route_are_not_found() {
    let manager = manager();
    manager.enable("shop").await.unwrap();
    for path in ["/ghost/items", "/shop/nothing", "/shop", "/..%2Fshop/items"] {
        let (status, _) = send(&manager, Method::GET, path).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn plugins_are_listed_as_a_bare_array() {
    let manager = manager();
    manager.enable("shop").await.unwrap();
    let (status, body) = send(&manager, Method::GET, "/").await;
    assert_eq!(status, StatusCode::OK);
    let list: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(list[0]["name"], "base");
    let mut shop = list[1].clone();
    assert!(shop["enabledAt"].take().is_string());
    assert_eq!(
        shop,
        json!({
            "name": "shop", "version": "1.2.0", "description": "sells", "enabled": true,
            "uiPages": [{ "id": "shop", "label": "Shop" }],
            "dependencies": [{ "name": "base", "minVersion": "1.0.0" }],
            "enabledAt": null,
        })
    );
}

#[tokio::test]
async fn the_list_takes_no_other_method() {
    let (status, _) = send(&manager(), Method::POST, "/").await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    let (status, _) = send(&manager(), Method::GET, "/shop/enable").await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn plugins_are_enabled_and_disabled_by_request() {
    let manager = manager();
    let (status, body) = send(&manager, Method::POST, "/shop/enable").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        serde_json::from_str::<Value>(&body).unwrap(),
        json!({ "name": "shop", "enabled": true })
    );
    assert_eq!(manager.enabled(), ["base", "shop"]);
    let (_, body) = send(&manager, Method::POST, "/shop/disable").await;
    assert_eq!(
        serde_json::from_str::<Value>(&body).unwrap(),
        json!({ "name": "shop", "enabled": false })
    );
    assert_eq!(manager.enabled(), ["base"]);
}

// DIFFERENCE: the original answers 400 here.
#[tokio::test]
async fn enabling_a_plugin_that_does_not_exist_is_not_found_and_says_so() {
    let (status, body) = send(&manager(), Method::POST, "/ghost/enable").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(
        serde_json::from_str::<Value>(&body).unwrap(),
        json!({ "error": "plugin \"ghost\" is not registered" })
    );
}

#[tokio::test]
async fn a_route_with_another_method_says_which_it_takes() {
    let manager = manager();
    manager.enable("shop").await.unwrap();
    let request = Request::delete("/shop/items").body(Bytes::new()).unwrap();
    let response = manager.handle(request).await;
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()["allow"], "GET, POST");
}

#[tokio::test]
async fn a_panic_in_a_handler_is_that_requests_error_alone() {
    let manager = manager();
    manager.enable("shop").await.unwrap();
    let (status, body) = send(&manager, Method::GET, "/shop/panic").await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(
        !body.contains("in a handler"),
        "what went wrong inside is not for strangers"
    );
    assert_eq!(
        send(&manager, Method::GET, "/shop/items").await.0,
        StatusCode::OK
    );
}
