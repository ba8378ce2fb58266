//! Frames in memory: real plugins in a directory, real files, and principals of all roles.

use std::fs;

use axum::{
    body::{Body, to_bytes},
    response::{IntoResponse as _, Response},
};
use futures_util::FutureExt as _;
use http::{Method, Request, header};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Semaphore;
use tower::ServiceExt as _;

use super::*;
use crate::{
    events::EventRing,
    security::{Permission, Role, Via},
};
use outboard_workflow::engine::PluginManager;

struct Setup {
    directory: TempDir,
    plugins: UiPluginManager,
    native: NativePlugins,
    frames: Frames,
}

impl Setup {
    /// With the plugin `reports`, loaded.
    async fn new() -> Setup {
        let directory = tempfile::tempdir().expect("a directory");
        let plugins = UiPluginManager::new(directory.path());
        let native = NativePlugins::new(PluginManager::default(), None, EventRing::new(16));
        native.follow(&plugins);
        let setup = Setup {
            frames: Frames::new(plugins.clone(), native.clone()),
            directory,
            plugins,
            native,
        };
        setup.write(
            "reports",
            &json!({
                "version": "1.0.0",
                "navItems": [
                    { "id": "all", "label": "All" },
                    { "id": "money", "label": "Money", "requiredRole": "operator" },
                    { "id": "mine", "label": "Mine", "requiredPermission": "reports.see" },
                    { "id": "deep", "label": "Deep" },
                ],
                "permissions": ["runs.read", "operations.call:weather"],
            }),
        );
        setup.file("reports", "index.html", "<!doctype html>first");
        setup.file("reports", "money.html", "<!doctype html>money");
        setup.file("reports", "deep/index.html", "<!doctype html>deep");
        setup.file("reports", "app.0123abcd.js", "let version = 1;");
        setup.load("reports").await;
        setup
    }

    fn write(&self, plugin: &str, manifest: &Value) {
        let path = self.directory.path().join(plugin);
        fs::create_dir_all(path.join("assets")).expect("a directory");
        fs::write(path.join("ui.json"), manifest.to_string()).expect("a manifest");
    }

    fn file(&self, plugin: &str, path: &str, text: &str) {
        let path = self.directory.path().join(plugin).join("assets").join(path);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(path, text).expect("a file");
    }

    async fn load(&self, plugin: &str) {
        self.plugins.load_plugin(plugin).await.expect("a plugin");
    }

    /// The routes as this principal, over an API that answers what tests need.
    fn routes(&self, principal: Principal) -> Router {
        routes(self.frames.clone(), api(Arc::new(Semaphore::new(0)))).layer(Extension(principal))
    }

    async fn get(&self, path: &str) -> Response {
        self.send(Principal::anonymous(), "GET", path, "").await
    }

    async fn send(&self, who: Principal, method: &str, path: &str, body: &str) -> Response {
        send(self.routes(who), method, path, body).await
    }
}

async fn send(routes: Router, method: &str, path: &str, body: &str) -> Response {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost:7400")
        .header("content-type", "application/json")
        .body(Body::from(body.to_owned()))
        .expect("a request");
    match routes.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// Answers as the API may: with what it was asked, too much, a stream, or never.
fn api(gate: Arc<Semaphore>) -> Router {
    let echo = async |request: Request<Body>| {
        let (parts, body) = request.into_parts();
        let principal = parts.extensions.get::<Principal>().cloned();
        let body = to_bytes(body, usize::MAX).await.expect("a body");
        axum::Json(json!({
            "method": parts.method.as_str(),
            "uri": parts.uri.to_string(),
            "who": principal.map(|principal| principal.name),
            "headers": parts.headers.keys().map(|name| name.as_str()).collect::<Vec<_>>(),
            "body": String::from_utf8_lossy(&body),
        }))
    };
    let waits = async move || drop(gate.acquire().await);
    Router::new()
        .route("/api/v1/runs", get(echo))
        .route("/api/v1/connectors/weather/operations/today", post(echo))
        .route(
            "/api/v1/runs/large",
            get(async || "x".repeat(call::MAX_BODY + 1)),
        )
        .route("/api/v1/runs/bytes", get(async || vec![0xff_u8, 0xfe]))
        .route("/api/v1/runs/text", get(async || "plain"))
        .route(
            "/api/v1/runs/stream",
            get(async || ([(header::CONTENT_TYPE, "text/event-stream")], "data: 1\n\n")),
        )
        .route("/api/v1/runs/waits", get(waits))
        .fallback(async || Problem::not_found("nothing here"))
}

fn somebody(name: &str, role: Role) -> Principal {
    Principal {
        id: name.to_owned(),
        name: name.to_owned(),
        role: Some(role),
        via: Via::Session,
        ..Principal::anonymous()
    }
}

fn viewer() -> Principal {
    somebody("vera", Role::Viewer)
}

fn open(setup: &Setup, item: &str, who: &Principal) -> Opened {
    setup
        .frames
        .open("reports", item, who)
        .expect("a frame that opens")
}

async fn text(response: Response) -> String {
    let bytes = to_bytes(response.into_body(), usize::MAX).await;
    String::from_utf8(bytes.expect("a body").to_vec()).expect("a text")
}

async fn problem(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let document: Value = serde_json::from_str(&text(response).await).expect("a problem");
    (
        status,
        document["kind"].as_str().expect("a kind").to_owned(),
    )
}

async fn call(setup: &Setup, who: Principal, ticket: &str, call: &Value) -> Response {
    let path = format!("/ui/frames/{ticket}/call");
    setup.send(who, "POST", &path, &call.to_string()).await
}

async fn renew(setup: &Setup, who: Principal, ticket: &str) -> Response {
    let path = format!("/ui/frames/{ticket}/renew");
    setup.send(who, "POST", &path, "{}").await
}

async fn answer(response: Response) -> Value {
    assert_eq!(response.status(), StatusCode::OK);
    serde_json::from_str(&text(response).await).expect("an answer")
}

#[tokio::test]
async fn a_frame_shows_its_plugins_files_to_whoever_has_the_ticket() {
    let setup = Setup::new().await;
    let opened = open(&setup, "all", &viewer());
    assert_eq!(opened.ticket.len(), 32);
    assert_eq!(opened.source, format!("/ui/frames/{}/#all", opened.ticket));
    let page = setup.get(&format!("/ui/frames/{}/", opened.ticket)).await;
    assert_eq!(page.status(), StatusCode::OK);
    let headers = page.headers().clone();
    assert_eq!(text(page).await, "<!doctype html>first");
    assert_eq!(headers["access-control-allow-origin"], "*");
    assert!(!headers.contains_key("set-cookie"));
    let policy = headers["content-security-policy"].to_str().expect("a text");
    assert!(policy.starts_with("sandbox allow-scripts allow-forms; default-src 'none';"));
    let own = format!("http://localhost:7400/ui/frames/{}/", opened.ticket);
    assert!(policy.contains(&own), "{policy}");
    let script = format!("/ui/frames/{}/app.0123abcd.js", opened.ticket);
    let script = setup.get(&script).await;
    assert_eq!(
        script.headers()["cache-control"],
        "private, max-age=900, immutable"
    );
    assert_eq!(text(script).await, "let version = 1;");
    let client = format!("/ui/frames/{}/outboard-frame.js", opened.ticket);
    assert!(text(setup.get(&client).await).await.contains("outboard"));
}

#[tokio::test]
async fn a_page_begins_with_its_own_file_if_it_has_one() {
    let setup = Setup::new().await;
    let admin = somebody("ada", Role::Admin);
    for (item, path) in [
        ("all", ""),
        ("money", "money.html"),
        ("deep", "deep/"),
        ("mine", ""),
    ] {
        let opened = open(&setup, item, &admin);
        let expected = format!("/ui/frames/{}/{path}#{item}", opened.ticket);
        assert_eq!(opened.source, expected);
    }
}

#[tokio::test]
async fn a_ticket_opens_nothing_outside_of_its_plugins_files() {
    let setup = Setup::new().await;
    setup.write("other", &json!({}));
    setup.file("other", "index.html", "other");
    setup.load("other").await;
    let ticket = open(&setup, "all", &viewer()).ticket;
    for path in [
        "nothing.js",
        "../ui.json",
        "..%2fui.json",
        "%2e%2e/ui.json",
        "..%2f..%2fother%2fassets%2findex.html",
        "//etc/passwd",
        "app.0123abcd.js/",
    ] {
        let answer = setup.get(&format!("/ui/frames/{ticket}/{path}")).await;
        let shown = answer.status();
        assert!(!shown.is_success(), "{path}: {shown}");
    }
    for method in ["POST", "DELETE", "PUT"] {
        let path = format!("/ui/frames/{ticket}/index.html");
        let answer = setup.send(viewer(), method, &path, "").await;
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
    }
}

#[tokio::test]
async fn what_is_no_ticket_is_not_found_and_what_may_have_been_one_has_expired() {
    let setup = Setup::new().await;
    let page = setup
        .get("/ui/frames/0123456789abcdef0123456789abcdef/")
        .await;
    assert_eq!(page.status(), StatusCode::GONE);
    assert!(page.headers().contains_key("content-security-policy"));
    assert!(text(page).await.contains("load the page around it again"));
    for ticket in ["x", "0123456789ABCDEF0123456789ABCDEF", "..%2f"] {
        let page = setup.get(&format!("/ui/frames/{ticket}/")).await;
        assert_eq!(page.status(), StatusCode::NOT_FOUND, "{ticket}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_frame_lives_fifteen_minutes_from_when_it_was_renewed() {
    let setup = Setup::new().await;
    let ticket = open(&setup, "all", &viewer()).ticket;
    let file = format!("/ui/frames/{ticket}/");
    let minutes = |minutes: u64| tokio::time::advance(std::time::Duration::from_secs(60 * minutes));
    minutes(14).await;
    let renewed = renew(&setup, viewer(), &ticket);
    assert_eq!(
        answer(renewed.await).await,
        json!({ "expires_in": 900, "current": true })
    );
    minutes(14).await;
    assert_eq!(setup.get(&file).await.status(), StatusCode::OK);
    minutes(2).await;
    assert_eq!(setup.get(&file).await.status(), StatusCode::GONE);
    let renewed = renew(&setup, viewer(), &ticket);
    assert_eq!(
        problem(renewed.await).await,
        (410, "frame_expired".to_owned())
    );
}

#[tokio::test]
async fn a_frame_keeps_its_generation_and_is_told_that_it_is_not_the_newest() {
    let setup = Setup::new().await;
    let ticket = open(&setup, "all", &viewer()).ticket;
    setup.file("reports", "index.html", "<!doctype html>second");
    setup.load("reports").await;
    let file = format!("/ui/frames/{ticket}/");
    assert_eq!(text(setup.get(&file).await).await, "<!doctype html>first");
    let renewed = renew(&setup, viewer(), &ticket);
    assert_eq!(answer(renewed.await).await["current"], false);
    let newer = open(&setup, "all", &viewer()).ticket;
    let newer = setup.get(&format!("/ui/frames/{newer}/")).await;
    assert_eq!(text(newer).await, "<!doctype html>second");
    // Each generation is memory: of many, the oldest frames go.
    for _ in 0..2 {
        setup.load("reports").await;
        open(&setup, "all", &viewer());
    }
    assert_eq!(setup.get(&file).await.status(), StatusCode::GONE);
}

#[tokio::test]
async fn a_plugin_that_is_disabled_or_gone_has_no_frames() {
    let setup = Setup::new().await;
    let ticket = open(&setup, "all", &viewer()).ticket;
    let file = format!("/ui/frames/{ticket}/");
    let manager = setup.native.manager();
    manager.disable("reports").await.expect("disabled");
    assert_eq!(setup.get(&file).await.status(), StatusCode::NOT_FOUND);
    let refused = setup.frames.open("reports", "all", &viewer());
    assert_eq!(
        refused.expect_err("a problem").status,
        StatusCode::NOT_FOUND
    );
    manager.enable("reports").await.expect("enabled");
    assert_eq!(setup.get(&file).await.status(), StatusCode::OK);
    setup.plugins.unload_plugin("reports").await.expect("gone");
    assert_eq!(setup.get(&file).await.status(), StatusCode::NOT_FOUND);
    assert!(manager.get("reports").is_none());
}

#[tokio::test]
async fn a_page_is_only_for_those_with_its_role_and_its_permission() {
    let setup = Setup::new().await;
    let kind = |item: &str, who: &Principal| {
        let refused = setup.frames.open("reports", item, who);
        refused.expect_err("a problem").kind.into_owned()
    };
    assert_eq!(kind("money", &viewer()), "forbidden");
    assert_eq!(kind("mine", &somebody("olaf", Role::Operator)), "forbidden");
    assert_eq!(kind("nothing", &viewer()), "not_found");
    let mut granted = viewer();
    granted.permissions.extend(Permission::parse("reports.see"));
    let ticket = open(&setup, "mine", &granted).ticket;
    let path = format!("/ui/frames/{ticket}/renew");
    let renewed = setup.send(granted, "POST", &path, "{}").await;
    assert_eq!(renewed.status(), StatusCode::OK);
    // The same one, after the permission was taken away.
    let renewed = setup.send(viewer(), "POST", &path, "{}").await;
    assert_eq!(problem(renewed).await, (403, "forbidden".to_owned()));
}

#[tokio::test]
async fn a_call_is_answered_as_its_user_and_carries_nothing_else_of_the_request() {
    let setup = Setup::new().await;
    let who = somebody("eda", Role::Editor);
    let ticket = open(&setup, "all", &who).ticket;
    let asked = json!({ "method": "GET", "path": "/api/v1/runs?limit=2" });
    let answered = answer(call(&setup, who.clone(), &ticket, &asked).await).await;
    assert_eq!(answered["status"], 200);
    assert_eq!(answered["headers"]["content-type"], "application/json");
    let body = &answered["body"];
    assert_eq!(body["who"], "eda");
    assert_eq!(body["uri"], "/api/v1/runs?limit=2");
    assert_eq!(body["headers"], json!(["accept"]));
    let asked = json!({
        "method": "POST",
        "path": "/api/v1/connectors/weather/operations/today",
        "body": { "city": "Bern" },
    });
    let answered = answer(call(&setup, who.clone(), &ticket, &asked).await).await;
    assert_eq!(answered["body"]["body"], r#"{"city":"Bern"}"#);
    let asked = json!({ "method": "GET", "path": "/api/v1/runs/text" });
    let answered = answer(call(&setup, who.clone(), &ticket, &asked).await).await;
    assert_eq!(answered["body"], "plain");
    let asked = json!({ "method": "GET", "path": "/api/v1/runs/none" });
    let answered = answer(call(&setup, who, &ticket, &asked).await).await;
    assert_eq!(answered["status"], 404);
    assert_eq!(answered["body"]["kind"], "not_found");
}

#[tokio::test]
async fn a_call_is_refused_unless_ticket_manifest_and_user_agree() {
    let setup = Setup::new().await;
    let ticket = open(&setup, "all", &viewer()).ticket;
    let runs = json!({ "method": "GET", "path": "/api/v1/runs" });
    for (who, ticket, asked, refused) in [
        (
            somebody("mallory", Role::Admin),
            &*ticket,
            runs.clone(),
            (403, "forbidden"),
        ),
        (
            Principal {
                via: Via::Token,
                ..viewer()
            },
            &ticket,
            runs.clone(),
            (403, "forbidden"),
        ),
        (
            viewer(),
            "0123456789abcdef0123456789abcdef",
            runs.clone(),
            (410, "frame_expired"),
        ),
        (viewer(), "no-ticket", runs.clone(), (404, "not_found")),
        (
            viewer(),
            &ticket,
            json!({ "method": "GET", "path": "/api/v1/connectors" }),
            (403, "not_asked_for"),
        ),
        (
            viewer(),
            &ticket,
            json!({ "method": "POST", "path": "/api/v1/connectors/weather/operations/today" }),
            (403, "forbidden"),
        ),
        (
            viewer(),
            &ticket,
            json!({ "method": "GET", "path": "/api/v1/tokens" }),
            (403, "not_for_pages"),
        ),
        (
            viewer(),
            &ticket,
            json!({ "method": "TRACE", "path": "/api/v1/runs" }),
            (400, "bad_request"),
        ),
        (
            viewer(),
            &ticket,
            json!({ "path": "/api/v1/runs" }),
            (400, "bad_input"),
        ),
        (
            viewer(),
            &ticket,
            json!({ "method": "GET", "path": "/api/v1/runs", "as": "admin" }),
            (400, "bad_input"),
        ),
    ] {
        let found = problem(call(&setup, who, ticket, &asked).await).await;
        assert_eq!(found, (refused.0, refused.1.to_owned()), "{asked}");
    }
}

#[tokio::test]
async fn what_is_too_large_or_no_text_is_not_carried() {
    let setup = Setup::new().await;
    let ticket = open(&setup, "all", &viewer()).ticket;
    let kind = async |path: &str| {
        let asked = json!({ "method": "GET", "path": path });
        problem(call(&setup, viewer(), &ticket, &asked).await).await
    };
    assert_eq!(
        kind("/api/v1/runs/large").await,
        (413, "too_large".to_owned())
    );
    assert_eq!(
        kind("/api/v1/runs/bytes").await,
        (406, "not_carried".to_owned())
    );
    assert_eq!(
        kind("/api/v1/runs/stream").await,
        (406, "not_carried".to_owned())
    );
    for length in [call::MAX_BODY, MAX_CALL] {
        let asked = json!({
            "method": "GET", "path": "/api/v1/runs", "body": "x".repeat(length),
        });
        let refused = problem(call(&setup, viewer(), &ticket, &asked).await).await;
        assert_eq!(refused, (413, "too_large".to_owned()), "{length}");
    }
}

#[tokio::test(start_paused = true)]
async fn sixteen_calls_of_a_frame_are_worked_on_at_once_and_each_has_a_deadline() {
    let setup = Setup::new().await;
    let ticket = open(&setup, "all", &viewer()).ticket;
    let asked = json!({ "method": "GET", "path": "/api/v1/runs/waits" });
    let mut waiting: Vec<_> = (0..16)
        .map(|_| Box::pin(call(&setup, viewer(), &ticket, &asked)))
        .collect();
    for one in &mut waiting {
        assert!(one.as_mut().now_or_never().is_none());
    }
    let refused = call(&setup, viewer(), &ticket, &asked).await;
    assert_eq!(problem(refused).await, (429, "too_many_calls".to_owned()));
    let other = open(&setup, "all", &viewer()).ticket;
    let runs = json!({ "method": "GET", "path": "/api/v1/runs" });
    let answered = call(&setup, viewer(), &other, &runs).await;
    assert_eq!(
        answered.status(),
        StatusCode::OK,
        "another frame has its own"
    );
    for one in waiting {
        assert_eq!(problem(one.await).await, (504, "timeout".to_owned()));
    }
    let answered = call(&setup, viewer(), &ticket, &runs).await;
    assert_eq!(answered.status(), StatusCode::OK);
}

#[tokio::test]
async fn of_too_many_frames_the_oldest_go_and_those_of_the_same_user_first() {
    let setup = Setup::new().await;
    let is_open = |ticket: &str| setup.frames.find(ticket).is_ok();
    let first = open(&setup, "all", &viewer()).ticket;
    let others = open(&setup, "all", &somebody("olaf", Role::Operator)).ticket;
    for _ in 0..99 {
        open(&setup, "all", &viewer());
    }
    assert!(is_open(&first));
    open(&setup, "all", &viewer());
    assert!(!is_open(&first), "the user's own oldest");
    assert!(is_open(&others));
    for number in 0..1000 {
        open(
            &setup,
            "all",
            &somebody(&format!("user-{number}"), Role::Viewer),
        );
    }
    assert!(!is_open(&others), "the oldest of all");
}

#[tokio::test]
async fn head_and_conditions_work_on_files_of_a_frame() {
    let setup = Setup::new().await;
    let ticket = open(&setup, "all", &viewer()).ticket;
    let path = format!("/ui/frames/{ticket}/");
    let head = setup.send(viewer(), "HEAD", &path, "").await;
    assert_eq!(head.status(), StatusCode::OK);
    let etag = head.headers()[header::ETAG].clone();
    assert_eq!(text(head).await, "");
    let request = Request::builder()
        .method(Method::GET)
        .uri(&path)
        .header("host", "localhost")
        .header(header::IF_NONE_MATCH, etag)
        .body(Body::empty())
        .expect("a request");
    let again = setup.routes(viewer()).oneshot(request).await;
    let again = again.into_response();
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(again.headers()["access-control-allow-origin"], "*");
}
