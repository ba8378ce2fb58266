//! Running things on the pages: an operation, a pipeline, and what goes wrong with them.

use crate::{
    driver::Browser,
    support::{World, tools},
};

#[test]
fn an_operation_is_run_and_its_result_seen_as_table_json_and_commands() {
    let Some(tools) = tools() else { return };
    let world = World::full();
    let browser = Browser::open(&tools, "run-operation");
    world.sign_in(&browser);
    // From the list to the form, as somebody finds it.
    browser.go(&world.at("/ui/plugins"));
    browser.click_text("#plugins a", "sql");
    browser.click_text(".tabs a", "Operations");
    browser.click("a[href$='/ui/run/operation/sql/query']");
    browser.see("h1", "Query");
    browser.complaints();

    // Nothing is run that cannot be right, and what is wrong is said where it is.
    browser.click_text("main button", "Run query");
    browser.see("[role=alert]", "one field is wrong");
    browser.see(".field.wrong", "sql");

    let sql = "SELECT name, price FROM items WHERE price < 100 ORDER BY name";
    browser.fill("#field-sql", sql);
    browser.click_text("main button", "Run query");
    browser.see("#outcome", "ok");
    browser.see("#outcome table tbody", "candle");
    let shown = browser.text("#outcome");
    assert!(!shown.contains("anvil"), "{shown}");
    browser.see("#as-curl", "/api/v1/connectors/sql/operations/query");
    browser.see("#as-curl", "$TOKEN");
    browser.see("#as-cli", "outboard connector call sql query");
    browser.holds(
        "what was typed is still there",
        &format!("document.querySelector('#field-sql').value === {sql:?}"),
    );
    // It is in the history, as what a person did.
    let calls = world.api.get("/api/v1/connectors/history").body;
    assert_eq!(calls["calls"][0]["operation"], "query", "{calls}");
    assert_eq!(calls["calls"][0]["outcome"], "ok", "{calls}");

    browser.fill("#field-sql", "SELECT nothing FROM nowhere");
    browser.click_text("main button", "Run query");
    browser.see("#outcome .trouble", "nowhere");
    browser.see("#outcome .trouble", "Code");
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn what_destroys_is_not_run_before_somebody_says_that_they_mean_it() {
    let Some(tools) = tools() else { return };
    let world = World::full();
    world
        .home
        .run(&["connector", "config", "set", "sql", "read_only=false"]);
    let browser = Browser::open(&tools, "destructive");
    world.sign_in(&browser);
    let rows = || {
        let shop = rusqlite::Connection::open(world.home.path("shop.db")).unwrap();
        shop.query_row("SELECT count(*) FROM items", [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    browser.go(&world.at("/ui/run/operation/sql/execute"));
    browser.fill("#field-sql", "DELETE FROM items");
    browser.click_text("main button", "Run execute");
    browser.see(".field.wrong", "Not run");
    assert_eq!(rows(), 3);
    browser.click("#confirm");
    browser.click_text("main button", "Run execute");
    browser.see("#outcome", "ok");
    assert_eq!(rows(), 0);
}

#[test]
fn a_pipeline_is_run_and_its_steps_seen() {
    let Some(tools) = tools() else { return };
    let world = World::full();
    let browser = Browser::open(&tools, "run-pipeline");
    world.sign_in(&browser);
    browser.go(&world.at("/ui/run/pipeline/restock"));
    browser.fill("#input", "{ not json");
    browser.click_text("main button", "Run restock");
    browser.see(".field.wrong", "Not run");
    let input = serde_json::json!({ "path": world.home.orders() });
    browser.fill("#input", &input.to_string());
    browser.click_text("main button", "Run restock");
    browser.see("#outcome", "succeeded");
    for step in ["read", "check", "save"] {
        browser.see("#run table", step);
    }
    browser.see("#as-curl", "/api/v1/pipelines/restock/run");
}
