//! Pages of UI plugins in their frames, from a real server with a real workflow behind.

use std::{fs, path::Path, sync::Arc};

use http::StatusCode;
use outboard_server::{Database, PluginStates, Token};
use serde_json::{Value, json};

use crate::{
    client::{Answer, Client},
    support::{Plugins, Running, TOKEN},
};

const WORKFLOW: &str = "
pipelines:
  greet:
    steps:
      - name: say
        type: step.log
        config: { message: hello }
";

/// A UI plugin with files, in the plugins directory.
fn write(plugins: &Plugins, name: &str, manifest: &Value, files: &[(&str, &str)]) {
    fs::create_dir_all(plugins.path(&format!("{name}/assets"))).unwrap();
    fs::write(
        plugins.path(&format!("{name}/ui.json")),
        manifest.to_string(),
    )
    .unwrap();
    for (path, text) in files {
        fs::write(plugins.path(&format!("{name}/assets/{path}")), text).unwrap();
    }
}

fn with_reports() -> Plugins {
    let plugins = Plugins::with_kitchen();
    let manifest = json!({
        "version": "1.0.0",
        "navItems": [
            { "id": "all", "label": "All reports", "icon": "📊" },
            { "id": "flow", "label": "Flow", "category": "workflow" },
        ],
        "permissions": ["runs.read", "pipelines.run:greet", "tokens.manage", "events.read"],
    });
    write(&plugins, "reports", &manifest, &[("index.html", "reports")]);
    plugins
}

async fn loaded(plugins: Plugins) -> Running {
    let running = Running::start(plugins).await;
    load(&running.client, "reports").await;
    running
}

async fn load(client: &Client, name: &str) {
    let path = format!("/api/v1/plugins/ui/{name}/load");
    let answer = client.post(&path, "").await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
}

/// The value of an attribute in a page.
fn attribute<'a>(page: &'a str, name: &str) -> &'a str {
    let (_, rest) = page.split_once(&format!(" {name}=\"")).unwrap();
    rest.split_once('"').unwrap().0
}

/// Opens a page and returns the ticket of its frame.
async fn open(client: &Client, item: &str) -> String {
    let page = client.get(&format!("/ui/pages/reports/{item}")).await;
    assert_eq!(page.status, StatusCode::OK, "{page:?}");
    attribute(&page.body, "data-ticket").to_owned()
}

async fn call(client: &Client, ticket: &str, call: &Value) -> Answer {
    let client = client.with("content-type", "application/json");
    let path = format!("/ui/frames/{ticket}/call");
    client.post(&path, &call.to_string()).await
}

#[tokio::test]
async fn a_page_of_a_plugin_is_a_sandboxed_frame_in_our_layout() {
    let running = loaded(with_reports()).await;
    let page = running.client.get("/ui/pages/reports/all").await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(
        attribute(&page.body, "sandbox"),
        "allow-scripts allow-forms"
    );
    let (_, frame) = page.body.split_once("<iframe").unwrap();
    let source = attribute(frame, "src");
    let ticket = attribute(frame, "data-ticket");
    assert_eq!(source, format!("/ui/frames/{ticket}/#all"));
    assert!(page.body.contains("All reports"), "the sidebar has it");
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("frame-src 'self'"), "{policy}");
    assert!(!page.body.contains("<script>"), "nothing inline");
    running.stop().await;
}

#[tokio::test]
async fn a_frames_files_need_no_token_and_open_nothing_else() {
    let running = loaded(with_reports()).await;
    let ticket = open(&running.client, "all").await;
    // As a browser asks for what a sandboxed page loads.
    let frame = running
        .client
        .without("authorization")
        .with("origin", "null")
        .with("sec-fetch-site", "cross-site")
        .with("sec-fetch-mode", "cors");
    let file = frame.get(&format!("/ui/frames/{ticket}/")).await;
    assert_eq!((file.status, &*file.body), (StatusCode::OK, "reports"));
    assert_eq!(file.header("access-control-allow-origin"), Some("*"));
    assert_eq!(file.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(file.header("set-cookie"), None);
    let policy = file.header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("sandbox allow-scripts allow-forms;"),
        "{policy}"
    );
    for path in [
        "/api/v1/runs",
        "/api/v1/plugins/ui/reports/assets/index.html",
        "/ui/",
        "/ui/pages/reports/all",
        "/",
    ] {
        let answer = frame.get(path).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        assert!(answer.body.contains("origin_not_allowed") || path.contains("/plugins/ui/"));
    }
    for path in [
        format!("/ui/frames/{ticket}/call"),
        format!("/ui/frames/{ticket}/renew"),
    ] {
        let answer = frame.post(&path, "{}").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        let stranger = running.client.without("authorization");
        let answer = stranger.post(&path, "{}").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    let gone = frame
        .get("/ui/frames/00000000000000000000000000000000/")
        .await;
    assert_eq!(gone.status, StatusCode::GONE);
    assert!(
        gone.body.contains("load the page around it again"),
        "{gone:?}"
    );
    running.stop().await;
}

#[tokio::test]
async fn a_call_runs_a_pipeline_and_reads_its_run_and_nothing_that_was_not_asked_for() {
    let running = loaded(with_reports()).await;
    running.apply(WORKFLOW).await;
    let ticket = open(&running.client, "all").await;
    let get = |path: &str| json!({ "method": "GET", "path": path });
    let run = json!({ "method": "POST", "path": "/api/v1/pipelines/greet/run", "body": {} });
    let answer = call(&running.client, &ticket, &run).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let ran = answer.json();
    assert_eq!(ran["status"], 200, "{ran}");
    let id = ran["body"]["id"].as_str().unwrap().to_owned();
    let answer = call(&running.client, &ticket, &get("/api/v1/runs?limit=5")).await;
    let runs = answer.json();
    assert!(runs["body"].to_string().contains(&id), "{runs}");
    let missing = call(&running.client, &ticket, &get("/api/v1/runs/none")).await;
    assert_eq!(missing.json()["status"], 404);
    assert_eq!(missing.json()["body"]["kind"], "not_found");
    for (path, kind) in [
        ("/api/v1/pipelines", "not_asked_for"),
        ("/api/v1/connectors", "not_asked_for"),
        ("/api/v1/tokens", "not_for_pages"),
        ("/api/v1/admin/plugins", "not_for_pages"),
        ("/api/v1/events", "not_carried"),
        ("/ui/", "bad_request"),
    ] {
        let answer = call(&running.client, &ticket, &get(path)).await;
        assert_eq!(answer.kind(), kind, "{path}");
    }
    let other = json!({ "method": "POST", "path": "/api/v1/pipelines/other/run" });
    assert_eq!(
        call(&running.client, &ticket, &other).await.kind(),
        "not_asked_for"
    );
    running.stop().await;
}

#[tokio::test]
async fn a_ui_plugin_is_listed_as_a_plugin_while_it_is_loaded_and_enabled_at_once() {
    let running = loaded(with_reports()).await;
    let list = running.client.get("/api/v1/admin/plugins").await.json();
    assert_eq!(list[0]["name"], "reports");
    assert_eq!(list[0]["enabled"], true);
    assert_eq!(list[0]["version"], "1.0.0");
    assert_eq!(list[0]["uiPages"][1]["id"], "all");
    let unloaded = running.client.post("/api/v1/plugins/ui/reports/unload", "");
    assert_eq!(unloaded.await.status, StatusCode::OK);
    let list = running.client.get("/api/v1/admin/plugins").await.json();
    assert_eq!(list, json!([]));
    running.stop().await;
}

#[tokio::test]
async fn a_plugin_that_is_disabled_has_no_entry_no_page_and_no_files_until_it_is_enabled() {
    let running = loaded(with_reports()).await;
    let client = &running.client;
    let ticket = open(client, "all").await;
    let file = format!("/ui/frames/{ticket}/");
    let disabled = client
        .post("/api/v1/admin/plugins/reports/disable", "")
        .await;
    assert_eq!(disabled.status, StatusCode::OK);
    assert_eq!(client.get(&file).await.status, StatusCode::NOT_FOUND);
    let page = client.get("/ui/pages/reports/all").await;
    assert_eq!(
        (page.status, &*page.kind()),
        (StatusCode::NOT_FOUND, "not_found")
    );
    assert!(!client.get("/ui/").await.body.contains("All reports"));
    // A reload is no reason to enable it.
    let reloaded = client.post("/api/v1/plugins/ui/reports/reload", "").await;
    assert_eq!(reloaded.status, StatusCode::OK);
    assert_eq!(client.get(&file).await.status, StatusCode::NOT_FOUND);
    let enabled = client
        .post("/api/v1/admin/plugins/reports/enable", "")
        .await;
    assert_eq!(enabled.status, StatusCode::OK);
    assert!(client.get("/ui/").await.body.contains("All reports"));
    assert_eq!(client.get(&file).await.status, StatusCode::OK);
    running.stop().await;
}

#[tokio::test]
async fn pages_about_a_pipeline_are_shown_while_one_is_open() {
    let running = loaded(with_reports()).await;
    running.apply(WORKFLOW).await;
    let client = &running.client;
    assert!(
        !client
            .get("/ui/")
            .await
            .body
            .contains("/ui/pages/reports/flow")
    );
    let page = client.get("/ui/pages/reports/all?pipeline=greet").await;
    let link = "/ui/pages/reports/flow?pipeline=greet";
    assert!(page.body.contains(link), "{page:?}");
    assert_eq!(attribute(&page.body, "data-pipeline"), "greet");
    let page = client.get("/ui/pages/reports/all?pipeline=nothing").await;
    assert!(!page.body.contains("/ui/pages/reports/flow"), "{page:?}");
    running.stop().await;
}

#[tokio::test]
async fn a_reload_is_told_to_the_page_and_keeps_the_frame_as_it_is() {
    let running = loaded(with_reports()).await;
    let client = running.client.with("content-type", "application/json");
    let ticket = open(&client, "all").await;
    let renew = format!("/ui/frames/{ticket}/renew");
    assert_eq!(client.post(&renew, "{}").await.json()["current"], true);
    let index = running.plugins.path("reports/assets/index.html");
    fs::write(index, "new reports").unwrap();
    let reloaded = client.post("/api/v1/plugins/ui/reports/reload", "").await;
    assert_eq!(reloaded.status, StatusCode::OK);
    assert_eq!(client.post(&renew, "{}").await.json()["current"], false);
    let file = client.get(&format!("/ui/frames/{ticket}/")).await;
    assert_eq!(file.body, "reports");
    let ticket = open(&client, "all").await;
    let file = client.get(&format!("/ui/frames/{ticket}/")).await;
    assert_eq!(file.body, "new reports");
    running.stop().await;
}

#[tokio::test]
async fn a_ui_plugin_that_was_disabled_stays_so_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("outboard.db");
    let start = async || {
        let database = Arc::new(Database::open(&path).unwrap());
        let states = Arc::new(PluginStates::open(database).unwrap());
        let token = Some(Token::new(TOKEN));
        let running =
            Running::start_as(with_reports(), token, |server| server.plugin_states(states));
        let running = running.await;
        load(&running.client, "reports").await;
        running
    };
    let enabled = async |running: &Running| {
        let list = running.client.get("/api/v1/admin/plugins").await.json();
        list[0]["enabled"].as_bool().unwrap()
    };
    let running = start().await;
    assert!(enabled(&running).await);
    let disabled = running
        .client
        .post("/api/v1/admin/plugins/reports/disable", "");
    assert_eq!(disabled.await.status, StatusCode::OK);
    running.stop().await;
    let running = start().await;
    assert!(!enabled(&running).await);
    let enable = running
        .client
        .post("/api/v1/admin/plugins/reports/enable", "");
    assert_eq!(enable.await.status, StatusCode::OK);
    running.stop().await;
    let running = start().await;
    assert!(enabled(&running).await);
    running.stop().await;
}

#[tokio::test]
async fn pages_that_are_not_there_say_so() {
    let running = loaded(with_reports()).await;
    let client = running.client.with("accept", "text/html");
    for path in [
        "reports/none",
        "ghost/all",
        "..%2freports/all",
        "Reports/all",
    ] {
        let page = client.get(&format!("/ui/pages/{path}")).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
        assert!(page.body.contains("Not here"), "{page:?}");
    }
    write(
        &running.plugins,
        "empty",
        &json!({ "navItems": [{ "id": "a", "label": "A" }] }),
        &[],
    );
    load(&running.client, "empty").await;
    let page = client.get("/ui/pages/empty/a").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(
        page.body
            .contains("neither a file a.html nor an index.html"),
        "{page:?}"
    );
    running.stop().await;
}

/// The example of a UI plugin, whose names of files say what is in them.
#[tokio::test]
async fn the_example_loads_and_the_names_of_its_files_have_their_hashes() {
    use sha2::{Digest as _, Sha256};

    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/ui-plugin");
    let plugins = Plugins::new();
    fs::create_dir_all(plugins.path("ui-plugin/assets")).unwrap();
    for file in ["ui.json", "README.md"] {
        fs::copy(
            example.join(file),
            plugins.path(&format!("ui-plugin/{file}")),
        )
        .unwrap();
    }
    let index = fs::read_to_string(example.join("assets/index.html")).unwrap();
    let mut hashed = 0;
    for entry in fs::read_dir(example.join("assets")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        fs::copy(&path, plugins.path(&format!("ui-plugin/assets/{name}"))).unwrap();
        if name == "index.html" {
            continue;
        }
        let digest = Sha256::digest(fs::read(&path).unwrap());
        let hash: String = digest[..4]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert!(
            name.contains(&hash),
            "{name} has the hash {hash}: rename it"
        );
        assert!(index.contains(name), "{name} is in index.html");
        hashed += 1;
    }
    assert_eq!(hashed, 2);
    let running = Running::start(plugins).await;
    load(&running.client, "ui-plugin").await;
    let page = running.client.get("/ui/pages/ui-plugin/runs").await;
    assert_eq!(page.status, StatusCode::OK, "{page:?}");
    running.stop().await;
}
