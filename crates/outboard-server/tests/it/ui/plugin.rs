//! The page of a plugin, of both families: every state has a face.

use outboard_workflow::external::PluginState;
use serde_json::json;

use super::support::{Stream, browser};
use crate::{
    connectors::support::Restaurant,
    support::{Plugins, Running, eventually},
};

const KITCHEN: &str = "/ui/plugins/workflow/kitchen";
const WAITER: &str = "/ui/plugins/connector/waiter";
const WORKFLOW: &str = r#"
modules:
  - { name: oven, type: kitchen.stove }
pipelines:
  cook: { steps: [ { name: cook, type: kitchen.echo, config: { dish: "{{ trigger.dish }}" } } ] }
  die: { steps: [ { name: die, type: kitchen.die } ] }
  say: { steps: [ { name: say, type: kitchen.say } ] }
"#;

#[tokio::test]
async fn a_plugin_is_loaded_and_unloaded_from_its_page_and_the_line_takes_it_back() {
    let running = Running::start(Plugins::with_kitchen()).await;
    let client = &running.client;
    let page = client.page(KITCHEN).await;
    assert!(
        page.contains("not loaded") && page.contains("cooks"),
        "{page}"
    );
    assert!(
        page.contains(&format!(r#"action="{KITCHEN}/load""#)),
        "{page}"
    );
    assert!(
        !page.contains("/unload"),
        "there is nothing to unload: {page}"
    );

    let page = client
        .submit_and_follow(&format!("{KITCHEN}/load"), &[])
        .await;
    assert!(page.contains("kitchen is loaded."), "{page}");
    assert!(
        page.contains("kitchen.stove"),
        "its types are there: {page}"
    );
    assert!(
        page.contains("Nothing uses it."),
        "what stops is said first: {page}"
    );

    let page = client
        .submit_and_follow(&format!("{KITCHEN}/reload"), &[])
        .await;
    assert!(page.contains("runs in a new process"), "{page}");

    let page = client
        .submit_and_follow(&format!("{KITCHEN}/unload"), &[])
        .await;
    assert!(page.contains("kitchen is unloaded."), "{page}");
    assert!(page.contains("Load it again"), "{page}");
    assert!(!running.manager.is_loaded("kitchen"));

    let page = client
        .submit_and_follow(&format!("{KITCHEN}/unload"), &[])
        .await;
    assert!(
        page.contains("was not unloaded"),
        "a failure is a line, too: {page}"
    );
    let answer = browser(client)
        .submit(&format!("{KITCHEN}/paint"), &[])
        .await;
    assert_eq!(answer.status, 404, "{answer:?}");
    running.stop().await;
}

#[tokio::test]
async fn what_uses_a_plugin_is_named_before_it_is_unloaded_and_what_is_missing_after() {
    let running = Running::with_workflow(WORKFLOW).await;
    let client = &running.client;
    let page = client.page(KITCHEN).await;
    assert!(page.contains("module &#34;oven&#34;"), "{page}");
    assert!(page.contains("Unload it all the same"), "{page}");
    let page = client
        .submit_and_follow(&format!("{KITCHEN}/unload"), &[])
        .await;
    assert!(page.contains("in use by"), "{page}");
    let page = client
        .submit_and_follow(&format!("{KITCHEN}/unload"), &[("force", "1")])
        .await;
    assert!(
        page.contains("do not run because this plugin is not loaded"),
        "{page}"
    );
    running.stop().await;
}

#[tokio::test]
async fn each_tab_answers_its_question() {
    let running = Running::with_workflow(WORKFLOW).await;
    let client = &running.client;
    client
        .post("/api/v1/pipelines/cook/run", r#"{"dish":"soup"}"#)
        .await;
    client
        .post(
            "/api/v1/pipelines/say/run",
            r#"{"text":"<script>alert(1)</script>"}"#,
        )
        .await;
    let log = running.manager.log("kitchen").unwrap();
    eventually("it has said something", || {
        log.recent()
            .iter()
            .any(|line| line.message.contains("script"))
    })
    .await;

    let types = client.page(&format!("{KITCHEN}/types")).await;
    assert!(
        types.contains("kitchen.echo") && types.contains("step type"),
        "{types}"
    );
    assert!(
        types.contains("/ui/run/pipeline/cook"),
        "where it is used: {types}"
    );
    let settings = client.page(&format!("{KITCHEN}/settings")).await;
    assert!(settings.contains("plugin.json"), "{settings}");
    let log = client.page(&format!("{KITCHEN}/log")).await;
    assert!(
        log.contains("&#60;script&#62;alert(1)"),
        "text, not markup: {log}"
    );
    assert!(!log.contains("<script>alert"), "{log}");
    assert!(log.contains("/log/stream?after="), "{log}");
    let errors = client.page(&format!("{KITCHEN}/log?level=error")).await;
    assert!(errors.contains("No line fits"), "{errors}");
    let runs = client.page(&format!("{KITCHEN}/runs")).await;
    assert!(
        runs.contains("succeeded") && runs.contains("/ui/runs/"),
        "{runs}"
    );
    let process = client.page(&format!("{KITCHEN}/process")).await;
    let pid = running.manager.status("kitchen").unwrap().pid.unwrap();
    assert!(process.contains(&pid.to_string()), "{process}");
    assert!(
        process.contains("mutual TLS") && process.contains("SHA-256"),
        "{process}"
    );
    assert!(
        process.contains("<code>PATH</code>"),
        "names alone: {process}"
    );
    let path = std::env::var("PATH").unwrap();
    assert!(!process.contains(&path), "no value of the environment");

    let answer = browser(client).get(&format!("{KITCHEN}/nonsense")).await;
    assert_eq!(answer.status, 404);
    assert!(answer.body.contains("overview, types"), "{answer:?}");
    running.stop().await;
}

#[tokio::test]
async fn a_log_goes_on_where_the_page_ended() {
    let running = Running::with_workflow(WORKFLOW).await;
    let client = &running.client;
    let page = client.page(&format!("{KITCHEN}/log")).await;
    let after = page.split("/log/stream?after=").nth(1).unwrap();
    let after = after.split('"').next().unwrap();
    let response = client
        .open("GET", &format!("{KITCHEN}/log/stream?after={after}"), "")
        .await;
    client
        .post("/api/v1/pipelines/say/run", r#"{"text":"<b>hello</b>"}"#)
        .await;
    let mut stream = Stream::of(response);
    let seen = stream.until("hello").await;
    assert!(
        seen.contains("event: line") && seen.contains("id: "),
        "{seen}"
    );
    assert!(seen.contains("&#60;b&#62;hello"), "{seen}");
    running.stop().await;
}

#[tokio::test]
async fn a_crash_is_shown_with_its_reason_its_last_lines_and_what_to_do() {
    let running = Running::with_workflow(WORKFLOW).await;
    let client = &running.client;
    for _ in 0..20 {
        client.post("/api/v1/pipelines/die/run", "").await;
        let status = running.manager.status("kitchen").unwrap();
        if matches!(status.state, PluginState::Failed { .. }) {
            break;
        }
        eventually("it is up again, or has failed", || {
            let status = running.manager.status("kitchen").unwrap();
            !matches!(status.state, PluginState::Restarting { .. })
        })
        .await;
    }
    let page = client.page(KITCHEN).await;
    assert!(
        page.contains("It has failed and is not started again"),
        "{page}"
    );
    assert!(page.contains("the oven exploded"), "its last lines: {page}");
    assert!(
        page.contains("What to do:") && page.contains("reload it"),
        "{page}"
    );
    let process = client.page(&format!("{KITCHEN}/process")).await;
    assert!(
        process.contains("It crashed") && process.contains("exit status 7"),
        "{process}"
    );
    running.stop().await;
}

#[tokio::test]
async fn a_plugin_that_cannot_be_loaded_and_one_that_is_not_there_say_so() {
    let plugins = Plugins::with_kitchen();
    plugins.plugin("broken", "{");
    std::fs::write(plugins.path("broken/broken"), "").unwrap();
    plugins.plugin(
        "evil",
        &json!({
            "name": "evil", "version": "1.0.0", "author": "<script>a</script>",
            "description": "<script>alert(1)</script>", "tags": ["<script>"],
            "license": "\"><script>",
        })
        .to_string(),
    );
    std::fs::write(plugins.path("evil/evil"), "").unwrap();
    let running = Running::start(plugins).await;
    let client = &running.client;
    let page = client.page("/ui/plugins/workflow/broken").await;
    assert!(
        page.contains("unusable") && page.contains("Mend its plugin.json"),
        "{page}"
    );
    assert!(!page.contains("/load\""), "it cannot be loaded: {page}");
    let directory = running.plugins.path("");
    assert!(
        !page.contains(&directory.display().to_string()),
        "no path: {page}"
    );

    for tab in ["", "/types", "/settings", "/process"] {
        let page = client
            .page(&format!("/ui/plugins/workflow/evil{tab}"))
            .await;
        assert!(!page.contains("<script>a"), "{tab}: {page}");
    }

    let answer = browser(client).get("/ui/plugins/workflow/kitchn").await;
    assert_eq!(answer.status, 404);
    assert!(
        answer.body.contains("did you mean &#34;kitchen&#34;?"),
        "{answer:?}"
    );
    for path in ["..%2Fkitchen", "%3Cscript%3E", "a%00b"] {
        let answer = browser(client)
            .get(&format!("/ui/plugins/workflow/{path}"))
            .await;
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
        assert!(!answer.body.contains("<script>\""), "{answer:?}");
    }
    running.stop().await;
}

#[tokio::test]
async fn a_viewer_sees_no_action_and_is_refused_when_asking_anyway() {
    let restaurant = Restaurant::open().await;
    let client = restaurant.client();
    let viewer = client.of_role("viewer").await;
    let editor = client.of_role("editor").await;
    for tab in ["", "/operations", "/settings", "/runs", "/process", "/log"] {
        let page = viewer.page(&format!("{WAITER}{tab}")).await;
        let own_forms = page.matches("<form method=\"post\"").count();
        assert_eq!(own_forms, 1, "the colours alone: {tab}: {page}");
        assert!(!page.contains(">Run it<"), "{tab}: {page}");
    }
    for verb in [
        "disable", "enable", "update", "rollback", "remove", "verify",
    ] {
        for who in [&viewer, &editor] {
            let answer = browser(who).submit(&format!("{WAITER}/{verb}"), &[]).await;
            assert_eq!(answer.status, 403, "{verb}: {answer:?}");
            assert!(answer.body.contains("connectors.manage"), "{answer:?}");
        }
    }
    let instances = format!("{WAITER}/instances");
    for path in [
        instances.clone(),
        format!("{instances}/default"),
        format!("{instances}/default/remove"),
    ] {
        let answer = browser(&viewer).submit(&path, &[("name", "x")]).await;
        assert_eq!(answer.status, 403, "{path}: {answer:?}");
    }
    let page = editor.page(&format!("{WAITER}/settings")).await;
    assert!(page.contains("Save default"), "an editor may: {page}");
    restaurant.close().await;
}

#[tokio::test]
async fn a_connector_is_disabled_enabled_verified_and_removed_from_its_page() {
    let restaurant = Restaurant::open().await;
    let client = restaurant.client();
    let page = client.page(WAITER).await;
    assert!(page.contains("Takes orders &#60;politely&#62;"), "{page}");
    assert!(page.contains("/ui/run/operation/waiter/order"), "{page}");
    assert!(page.contains("destructive"), "{page}");
    let page = client
        .submit_and_follow(&format!("{WAITER}/disable"), &[])
        .await;
    assert!(
        page.contains("waiter is disabled.") && page.contains("Enable it again"),
        "{page}"
    );
    let page = client
        .submit_and_follow(&format!("{WAITER}/enable"), &[])
        .await;
    assert!(page.contains("waiter is enabled."), "{page}");
    let page = client
        .submit_and_follow(&format!("{WAITER}/verify"), &[])
        .await;
    assert!(page.contains("nobody signed it"), "{page}");
    let page = client
        .submit_and_follow(&format!("{WAITER}/rollback"), &[])
        .await;
    assert!(
        page.contains("was not rolled back"),
        "there is one version: {page}"
    );
    let page = client
        .submit_and_follow(&format!("{WAITER}/update"), &[])
        .await;
    assert!(
        page.contains("was not updated"),
        "no catalog has it: {page}"
    );
    let page = client
        .submit_and_follow(&format!("{WAITER}/remove"), &[])
        .await;
    assert!(page.contains("waiter is removed."), "{page}");
    let answer = browser(client).get(WAITER).await;
    assert_eq!(answer.status, 404, "{answer:?}");
    restaurant.close().await;
}

#[tokio::test]
async fn a_version_is_rolled_back_and_the_line_takes_it_back() {
    let restaurant = Restaurant::open().await;
    let newer = crate::connectors::support::package(&restaurant.path(""), "newer", |envelope| {
        envelope["version"] = json!("9.0.0");
    });
    let answer = restaurant.install(&newer).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let before = answer.json()["previous"].as_str().unwrap().to_owned();
    let client = restaurant.client();
    let process = client.page(&format!("{WAITER}/process")).await;
    assert!(
        process.contains("Make it current") && process.contains(&before),
        "{process}"
    );
    let page = client
        .submit_and_follow(&format!("{WAITER}/rollback"), &[("version", &before)])
        .await;
    assert!(
        page.contains("it was 9.0.0") && page.contains("Back to 9.0.0"),
        "{page}"
    );
    let page = client
        .submit_and_follow(&format!("{WAITER}/rollback?version=9.0.0"), &[])
        .await;
    assert!(page.contains("waiter 9.0.0 is current"), "{page}");
    restaurant.close().await;
}

#[tokio::test]
async fn operations_are_tables_of_what_they_take() {
    let restaurant = Restaurant::empty().await;
    restaurant
        .hire(|envelope| {
            let order = &mut envelope["module"]["Operations"][0]["Ops"][0];
            order["Description"] = json!("<script>alert(1)</script>");
            order["Input"][0]["Description"] = json!("<img src=x onerror=alert(1)>");
            order["quirks"] = json!(["\"><script>"]);
        })
        .await;
    let client = restaurant.client();
    let page = client.page(&format!("{WAITER}/operations")).await;
    assert!(
        !page.contains("<script>alert") && !page.contains("<img"),
        "{page}"
    );
    assert!(
        page.contains("<code>times</code>") && page.contains("number"),
        "{page}"
    );
    assert!(page.contains("one of mild, hot"), "{page}");
    assert!(page.contains("<strong>required</strong>"), "{page}");
    let page = client.page("/ui/run/operation/waiter/order").await;
    assert!(
        !page.contains("<script>alert") && !page.contains("<img"),
        "{page}"
    );
    restaurant.close().await;
}

#[tokio::test]
async fn instances_are_made_changed_and_removed_and_secrets_never_come_back() {
    let restaurant = Restaurant::open().await;
    let client = restaurant.client();
    let settings = format!("{WAITER}/settings");
    let instance = format!("{WAITER}/instances/default");
    let page = client.page(&settings).await;
    assert!(!page.contains("hunter2"), "{page}");
    assert!(page.contains("placeholder=\"••••••••\""), "{page}");
    assert!(
        page.contains("name=\"in.table\" type=\"text\" value=\"7\""),
        "{page}"
    );

    // The secret's field is empty, which keeps it.
    let page = client
        .submit_and_follow(&instance, &[("in.table", "\"<script>"), ("in.pin", "")])
        .await;
    assert!(page.contains("table saved."), "{page}");
    assert!(page.contains("value=\"&#34;&#60;script&#62;\""), "{page}");
    let called = restaurant
        .call("order", json!({ "input": { "dish": "soup" } }))
        .await;
    assert_eq!(called.json()["result"]["has_pin"], true);
    assert_eq!(called.json()["result"]["table"], "\"<script>");

    let page = client
        .submit_and_follow(
            &instance,
            &[("in.table", "8"), ("in.pin", ""), ("clear.pin", "1")],
        )
        .await;
    assert!(page.contains("saved."), "{page}");
    let called = restaurant
        .call("order", json!({ "input": { "dish": "soup" } }))
        .await;
    assert_eq!(called.json()["result"]["has_pin"], false);

    let instances = format!("{WAITER}/instances");
    let page = client
        .submit_and_follow(&instances, &[("name", "work"), ("in.pin", "swordfish")])
        .await;
    assert!(page.contains("It still needs table"), "{page}");
    assert!(page.contains("It has no table."), "{page}");
    let answer = browser(client)
        .submit(
            &instances,
            &[("name", "work"), ("in.table", "9"), ("in.pin", "swordfish")],
        )
        .await;
    assert_eq!(answer.status, 422, "there is one of that name: {answer:?}");
    assert!(answer.body.contains("Not made:"), "{answer:?}");
    assert!(answer.body.contains("value=\"9\""), "what was typed stays");
    assert!(!answer.body.contains("swordfish"), "but for secrets");

    let page = client
        .submit_and_follow(&format!("{instances}/work/remove"), &[])
        .await;
    assert!(page.contains("Instance work is removed."), "{page}");
    restaurant.close().await;
}

#[tokio::test]
async fn signing_in_is_a_link_to_the_service_and_needs_a_client() {
    let restaurant = Restaurant::open().await;
    let client = restaurant.client();
    let instance = format!("{WAITER}/instances/default");
    let page = client
        .submit_and_follow(&format!("{instance}/sign-in"), &[])
        .await;
    assert!(page.contains("No sign-in was begun"), "{page}");
    client
        .submit_and_follow(&instance, &[("in.table", "7"), ("in.client_id", "me")])
        .await;
    let answer = browser(client)
        .submit(&format!("{instance}/sign-in"), &[])
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(
        answer.body.contains("href=\"http://127.0.0.1:9/authorize?"),
        "{answer:?}"
    );
    assert!(answer.body.contains("noreferrer"), "{answer:?}");
    restaurant.close().await;
}

#[tokio::test]
async fn what_is_missing_has_a_face() {
    let restaurant = Restaurant::empty().await;
    let client = restaurant.client();
    let answer = browser(client).get(WAITER).await;
    assert_eq!(answer.status, 404, "{answer:?}");
    let package = crate::connectors::support::package(&restaurant.path(""), "package", |_| {});
    restaurant.install(&package).await;
    let page = client.page(WAITER).await;
    assert!(page.contains("It has no instance yet"), "{page}");
    assert!(
        client
            .page(&format!("{WAITER}/log"))
            .await
            .contains("It has said nothing since")
    );
    assert!(
        client
            .page(&format!("{WAITER}/runs"))
            .await
            .contains("It was not called yet")
    );
    let answer = browser(client).get("/ui/plugins/connector/waitr").await;
    assert!(
        answer.body.contains("did you mean &#34;waiter&#34;?"),
        "{answer:?}"
    );
    restaurant.close().await;

    let running = Running::start(Plugins::new()).await;
    let answer = browser(&running.client).get(WAITER).await;
    assert!(
        answer.body.contains("this server has no connectors"),
        "{answer:?}"
    );
    running.stop().await;
}
