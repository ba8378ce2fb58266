//! Pages of UI plugins in a real browser: one that works, one that attacks, and a reload.

use std::fs;

use serde_json::json;

use crate::{
    driver::Browser,
    support::{Api, Home, Serving, tools},
};

/// What a page of a plugin can do beside showing itself.
const ALLOWED: [&str; 2] = ["allowed-call", "allowed-file"];

fn load(api: &Api, name: &str) {
    api.done(&format!("/api/v1/plugins/ui/{name}/load"), &json!({}));
}

/// Looks into the frame of the page.
fn enter(browser: &Browser) {
    let frame = browser.find("#plugin-frame");
    browser.enter_frame(Some(&frame));
}

#[test]
fn a_page_of_a_plugin_reaches_neither_the_page_around_nor_the_server_past_its_bridge() {
    let Some(tools) = tools() else { return };
    let home = Home::new();
    home.ui_plugin(
        "crates/outboard-server/tests/fixtures/hostile-ui",
        "hostile-ui",
    );
    home.write("data/plugins/other/ui.json", "{}");
    home.write("data/plugins/other/assets/secret.txt", "the secret");
    home.write(
        "data/plugins/other/assets/secret.js",
        "window.stolen = 'the secret';",
    );
    let server = Serving::start(&home, &[]);
    let api = Api::local(&home, &server);
    for plugin in ["hostile-ui", "other"] {
        load(&api, plugin);
    }
    let browser = Browser::open(&tools, "hostile");
    // Signed in as an admin: the more there is to reach, the better.
    let link = api.done("/api/v1/sign-in-links", &json!({}));
    browser.go(link["url"].as_str().unwrap());
    browser.go(&server.at("/ui/pages/hostile-ui/attack"));
    browser.script("window.stillTheSamePage = true", &[]);
    enter(&browser);
    browser.holds(
        "it has tried everything",
        "document.querySelector('#summary').dataset.done === 'true'",
    );
    let outcomes = browser.script(
        "return [...document.querySelectorAll('#outcomes dd')].map((outcome) =>
             [outcome.id, outcome.dataset.outcome, outcome.textContent])",
        &[],
    );
    let outcomes = outcomes.as_array().unwrap();
    assert!(outcomes.len() > 50, "{outcomes:#?}");
    for outcome in outcomes {
        let reached = outcome[1] == "REACHED";
        let allowed = ALLOWED.contains(&outcome[0].as_str().unwrap());
        assert_eq!(reached, allowed, "{outcome}");
    }
    browser.enter_frame(None);
    assert_eq!(browser.path(), "/ui/pages/hostile-ui/attack");
    browser.holds(
        "the page around is the same",
        "window.stillTheSamePage === true",
    );
    assert_eq!(browser.windows(), 1);
    let tokens = api.get("/api/v1/tokens").body;
    assert!(!tokens.to_string().contains("mine"), "{tokens}");
    drop(browser);
    server.stop();
}

#[test]
fn a_page_of_a_plugin_shows_runs_and_runs_a_pipeline_and_is_new_after_a_reload() {
    let Some(tools) = tools() else { return };
    let home = Home::new();
    home.ui_plugin("examples/ui-plugin", "ui-plugin");
    home.write(
        "greet.yaml",
        "pipelines:\n  greet:\n    steps:\n      - name: say\n        type: step.log\n        config: { message: hello }\n",
    );
    let server = Serving::start(&home, &["--dev", "--workflow", "greet.yaml"]);
    let api = Api::local(&home, &server);
    load(&api, "ui-plugin");
    let browser = Browser::open(&tools, "frames");
    browser.go(&server.at("/ui/"));
    browser.click("nav a[href='/ui/pages/ui-plugin/runs']");
    browser.see("h1", "Newest runs");
    enter(&browser);
    browser.see("#state", "No pipeline has run yet");
    api.run_pipeline("greet", &json!({}));
    browser.click("#refresh");
    browser.see("#runs", "greet");
    browser.click_text("#runs button", "Run greet");
    browser.holds(
        "both runs are shown",
        "document.querySelectorAll('#runs tbody tr').length === 2",
    );
    browser.enter_frame(None);
    assert!(
        browser.complaints().is_empty(),
        "{:?}",
        browser.complaints()
    );

    // The page asks to be the new one as soon as there is one.
    let index = home.path("data/plugins/ui-plugin/assets/index.html");
    let text = fs::read_to_string(&index).unwrap();
    fs::write(&index, text.replace("Ask again", "Look again")).unwrap();
    browser.script("window.old = true", &[]);
    api.done("/api/v1/plugins/ui/ui-plugin/reload", &json!({}));
    browser.holds("the page was loaded again", "window.old === undefined");
    enter(&browser);
    browser.see("#refresh", "Look again");
    browser.enter_frame(None);

    // While a pipeline is open its pages are there, too.
    browser.go(&server.at("/ui/pages/ui-plugin/runs?pipeline=greet"));
    browser.click("nav a[href='/ui/pages/ui-plugin/pipeline?pipeline=greet']");
    browser.see("h1", "Runs of it");
    assert!(
        browser.path().ends_with("/pipeline?pipeline=greet"),
        "{}",
        browser.path()
    );
    enter(&browser);
    browser.see("#runs", "greet");
    browser.enter_frame(None);

    // A plugin that is disabled takes its page with it.
    api.done("/api/v1/admin/plugins/ui-plugin/disable", &json!({}));
    browser.see("#frame-gone", "disabled");
    browser.reload();
    browser.see("main", "is disabled");
    assert!(!browser.text("nav").contains("Newest runs"));
    let enabled = api.done("/api/v1/admin/plugins/ui-plugin/enable", &json!({}));
    assert_eq!(enabled["enabled"], true);
    browser.reload();
    browser.see("h1", "Runs of it");
    drop(browser);
    server.stop();
}
