//! What ran: found in the history, and looked at step by step.

use serde_json::json;

use crate::{
    driver::Browser,
    support::{World, tools},
};

#[test]
fn a_run_is_looked_at_step_by_step_with_what_went_in_and_came_out() {
    let Some(tools) = tools() else { return };
    let world = World::full();
    let browser = Browser::open(&tools, "run-steps");
    world.sign_in(&browser);
    browser.go(&world.at("/ui/runs"));
    browser.find("#runs tbody tr");
    // Newest first; the last pipeline's run was the one that failed.
    browser.fill("#q", "restock failed");
    browser.click("#runs tbody tr:not([hidden]) a");
    browser.see("h1", "Run of restock");
    browser.see("h1", "failed");
    browser.see(".problems", "no-such-orders.json");

    browser.go(&world.at("/ui/runs/{run}"));
    browser.see("h1", "succeeded");
    for step in ["read", "check", "save"] {
        browser.see(".waterfall", step);
    }
    let bars = browser.find_all(".waterfall svg[role=img]");
    assert_eq!(bars.len(), 3);
    for bar in &bars {
        let words = browser.attribute(bar, "aria-label").unwrap_or_default();
        assert!(words.contains("ms") || words.contains("µs"), "{words:?}");
    }
    // A step is opened by its name, and says who did what with which values.
    browser.click_text(".waterfall a", "check");
    browser.holds(
        "the address names the step",
        "document.querySelector(location.hash)?.closest('details.step')",
    );
    let step = "document.querySelector(location.hash).closest('details')";
    browser.holds("the step is open", &format!("{step}.open"));
    browser.holds(
        "its plugin and version are there",
        &format!(
            "{step}.textContent.includes('store-plugin') && {step}.textContent.includes('0.1.0')"
        ),
    );
    browser.holds(
        "so are the orders that it refused",
        &format!("{step}.textContent.includes('invalid')"),
    );
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn a_new_run_appears_in_the_history_by_itself() {
    let Some(tools) = tools() else { return };
    let world = World::full();
    let browser = Browser::open(&tools, "runs-live");
    world.sign_in(&browser);
    browser.go(&world.at("/ui/runs?of=pipeline:restock"));
    browser.script("window.stillTheSamePage = true", &[]);
    let rows = || browser.find_all("#runs tbody tr").len();
    let before = rows();
    assert_eq!(before, 4);
    world
        .api
        .run_pipeline("restock", &json!({ "path": world.home.orders() }));
    browser.wait_until("one more row", || (rows() == before + 1).then_some(()));
    browser.holds(
        "without a load of the page",
        "window.stillTheSamePage === true",
    );
}
