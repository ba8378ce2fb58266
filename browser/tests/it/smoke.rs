//! The harness itself: a server, a browser, a page, and nothing left of them.

use crate::{
    driver::Browser,
    support::{Home, Serving, tools},
};

#[test]
fn a_browser_gets_an_answer_from_a_server_and_both_go() {
    let Some(tools) = tools() else { return };
    let home = Home::new();
    let server = Serving::start(&home, &["--dev"]);
    let browser = Browser::open(&tools, "smoke");
    browser.go(&server.at("/healthz"));
    assert_eq!(browser.path(), "/healthz");
    assert!(browser.source().contains("ok"), "{}", browser.source());
    drop(browser);
    server.stop();
    assert!(home.processes().is_empty(), "{:?}", home.processes());
}
