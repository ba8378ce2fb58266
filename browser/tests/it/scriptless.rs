//! Pages where no script runs: each is readable, and its forms work.

use crate::{
    driver::Browser,
    pages::FULL,
    support::{World, tools},
};

#[test]
fn every_page_is_readable_without_script() {
    let Some(tools) = tools() else { return };
    let world = World::full();
    let browser = Browser::open(&tools, "scriptless");
    world.sign_in(&browser);
    browser.allow_script(false);
    for page in FULL {
        browser.go(&world.at(page.path));
        let name = page.name;
        assert!(
            browser.script("return !window.htmx", &[]) == true,
            "script ran on {name}"
        );
        assert!(!browser.text("h1").is_empty(), "{name}");
        let main = browser.text("main");
        assert!(main.len() > 40, "{name} says only {main:?}");
        for word in ["Loading", "loading"] {
            assert!(!main.contains(word), "{name} waits for a script: {main:?}");
        }
        // What only script can do is not offered.
        for button in browser.find_all(".scripted") {
            assert_eq!(browser.text_of(&button), "", "{name}");
        }
    }
}

#[test]
fn forms_work_without_script() {
    let Some(tools) = tools() else { return };
    let world = World::full();
    let browser = Browser::open(&tools, "scriptless-forms");
    world.sign_in(&browser);
    browser.allow_script(false);
    browser.go(&world.at("/ui/plugins"));
    browser.fill("#q", "sql");
    browser.click("form[role=search] button");
    assert!(browser.path().ends_with("?q=sql"), "{}", browser.path());
    assert_eq!(browser.find_all("#plugins tbody tr").len(), 1);
    browser.see("#plugins tbody tr", "sql");
}
