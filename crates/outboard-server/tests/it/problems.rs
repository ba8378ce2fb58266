//! What needs somebody: from real processes that fail to the list, the overview page and
//! `/readyz`.

use serde_json::{Value, json};

use crate::{
    connectors::support::{Restaurant, catalog},
    support::{Plugins, Running, eventually},
};

const WORKFLOW: &str = "
pipelines:
  die: { steps: [ { name: die, type: kitchen.die } ] }
";

fn kinds(problems: &Value) -> Vec<&str> {
    let problems = problems["problems"].as_array().unwrap();
    let kinds = problems.iter().map(|problem| &problem["kind"]);
    kinds.map(|kind| kind.as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_server_on_which_all_is_well_has_no_problems() {
    let running = Running::start(Plugins::with_kitchen()).await;
    let answer = running.client.get("/api/v1/problems").await;
    assert_eq!(answer.json(), json!({ "problems": [] }));
    let page = running.client.get("/ui/").await;
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.body.contains("no calls in the last hour"), "{page:?}");
    running.stop().await;
}

#[tokio::test]
async fn a_plugin_that_fails_for_good_is_the_first_problem_and_says_what_to_do() {
    let plugins = Plugins::with_kitchen();
    plugins.plugin("broken", "{ <script>");
    std::fs::write(plugins.path("broken/broken"), "").unwrap();
    let running = Running::start(plugins).await;
    running.apply(WORKFLOW).await;
    let client = &running.client;
    // It dies at each call until it is given up.
    let manager = running.manager.clone();
    let failed = || manager.status("kitchen").unwrap().state.as_str() == "failed";
    let mut calls = 0;
    while !failed() {
        calls += 1;
        assert!(calls < 50, "it is never given up");
        client.post("/api/v1/pipelines/die/run", "{}").await;
    }
    eventually("it has failed", failed).await;

    let problems = client.get("/api/v1/problems").await.json();
    assert!(kinds(&problems).contains(&"failed"), "{problems}");
    let kitchen = &problems["problems"].as_array().unwrap().iter();
    let kitchen = kitchen
        .clone()
        .find(|problem| problem["kind"] == "failed")
        .unwrap();
    assert_eq!(kitchen["severity"], "bad");
    assert_eq!(kitchen["name"], "kitchen");
    assert_eq!(kitchen["link"], "/ui/plugins/workflow/kitchen");
    assert!(
        kitchen["why"].as_str().unwrap().contains("exit status 7"),
        "{kitchen}"
    );
    assert!(
        kitchen["remedy"].as_str().unwrap().contains("reload"),
        "{kitchen}"
    );
    assert!(kinds(&problems).contains(&"unusable"), "{problems}");

    let page = client.get("/ui/").await;
    assert!(page.body.contains("exit status 7"), "{page:?}");
    assert!(
        page.body.contains("<svg class=\"chart\" role=\"img\""),
        "{page:?}"
    );
    assert!(page.body.contains("chart-error"), "calls failed: {page:?}");
    assert!(!page.body.contains("{ <script>"), "{page:?}");

    let reloaded = client
        .post("/api/v1/plugins/external/kitchen/reload", "")
        .await;
    assert_eq!(reloaded.status, 200);
    let problems = client.get("/api/v1/problems").await.json();
    assert!(!kinds(&problems).contains(&"failed"), "{problems}");
    running.stop().await;
}

#[tokio::test]
async fn connectors_that_lack_something_are_told_with_what_they_lack() {
    let directory = tempfile::tempdir().unwrap();
    let catalogs = vec![
        catalog(directory.path(), "9.1.0"),
        "/nowhere/plugins.json".to_owned(),
    ];
    let restaurant = Restaurant::with(|config| config.catalogs = catalogs, |server| server).await;
    restaurant.hire(|_| {}).await;
    let client = restaurant.client();
    let path = "/api/v1/connectors/waiter/instances";
    let empty = client.post(path, r#"{"name":"empty"}"#).await;
    assert_eq!(empty.status, 201, "{empty:?}");

    let problems = client.get("/api/v1/problems").await.json();
    assert_eq!(
        kinds(&problems),
        ["config", "catalog", "update"],
        "{problems}"
    );
    assert_eq!(problems["problems"][0]["what"], "empty of waiter");
    assert!(!problems.to_string().contains("hunter2"), "{problems}");

    let ready = client.get("/readyz").await;
    assert_eq!(ready.status, 200, "a catalog is not needed: {ready:?}");
    assert_eq!(
        ready.json()["connectors"],
        json!([{ "name": "waiter", "state": "stopped" }])
    );
    restaurant.close().await;
}
