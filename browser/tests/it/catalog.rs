//! Connectors from the catalog: found, looked at, installed, updated, seen.

use crate::{
    driver::Browser,
    support::{World, tools},
};

#[test]
fn a_connector_is_installed_from_the_catalog_after_it_was_looked_at_and_then_works() {
    let Some(tools) = tools() else { return };
    let world = World::with_catalog();
    let browser = Browser::open(&tools, "install");
    world.sign_in(&browser);
    // The way that an empty server offers.
    browser.click_text("main a", "Install a connector from the catalog");
    browser.see("#catalog-sql", "SQL database");
    browser.fill("#q", "http");
    browser.holds(
        "what does not fit is hidden",
        "document.querySelector('#catalog-sql').hidden
         && !document.querySelector('#catalog-rest').hidden",
    );
    browser.fill("#q", "sql");
    browser.holds(
        "it is back",
        "!document.querySelector('#catalog-sql').hidden",
    );

    browser.click("#catalog-sql .actions button");
    browser.see("h1", "SQL database");
    browser.see("main", "1.0.0");
    let installed = || world.home.json(&["connector", "list", "--json"]);
    assert!(
        !installed().to_string().contains("\"sql\""),
        "{}",
        installed()
    );
    browser.script("window.stillTheSamePage = true", &[]);
    browser.click("form[data-install] button.primary");
    browser.wait_until("the page of what was installed", || {
        browser
            .path()
            .starts_with("/ui/plugins/connector/sql")
            .then_some(())
    });
    browser.see("h1", "sql");
    browser.see("main", "version 1.0.0");
    assert!(
        installed().to_string().contains("\"sql\""),
        "{}",
        installed()
    );
    browser.go(&world.at("/ui/plugins"));
    browser.see("#plugins", "sql");

    browser.go(&world.at("/ui/run/operation/sql/list_tables"));
    browser.see("h1", "List tables");
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn an_update_says_what_it_changes_and_can_be_taken_back_without_script() {
    let Some(tools) = tools() else { return };
    let world = World::full();
    let browser = Browser::open(&tools, "update");
    world.sign_in(&browser);
    browser.allow_script(false);
    browser.go(&world.at("/ui/catalog?wait=1"));
    browser.see("#catalog-sql", "0.9.0 is installed");
    browser.click("#catalog-sql .actions button");
    browser.see("h2", "What changes");
    browser.see("main", "you can roll back");
    browser.click("form[data-install] button.primary");
    browser.see(".flash", "1.0.0");
    browser.go(&world.at("/ui/plugins/connector/sql/process"));
    browser.see("main", "version 1.0.0");
}
