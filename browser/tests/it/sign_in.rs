//! Getting in: with the token of the first start, with a link of the command line, and out
//! again.

use serde_json::Value;

use crate::{
    driver::{Browser, keys},
    support::{Api, Home, Serving, World, tools},
};

fn session(browser: &Browser) -> Option<Value> {
    let cookies = browser.cookies();
    cookies
        .into_iter()
        .find(|cookie| cookie["name"] == "outboard_session")
}

#[test]
fn the_token_that_the_first_start_prints_lets_its_reader_in_and_no_other_does() {
    let Some(tools) = tools() else { return };
    let home = Home::new();
    let server = Serving::start(&home, &[]);
    let token = server.ready["first_admin_token"].as_str().unwrap();
    let browser = Browser::open(&tools, "first-sign-in");

    // Whoever is nobody is asked who they are, and then comes where they wanted to.
    browser.go(&server.at("/ui/plugins?q=x"));
    browser.see("h1", "Sign in");
    assert!(
        browser.path().starts_with("/ui/sign-in"),
        "{}",
        browser.path()
    );
    assert!(session(&browser).is_none());
    browser.holds(
        "the field has the focus",
        "document.activeElement.id === 'token'",
    );

    browser.fill("#token", "ob_this-is-not-the-token-that-was-printed");
    browser.press(&[keys::ENTER]);
    browser.see("[role=alert]", "Not signed in");
    assert!(session(&browser).is_none());
    assert!(!browser.source().contains("this-is-not-the-token"));

    browser.fill("#token", token);
    browser.click_text("main button", "Sign in");
    browser.see("h1", "Plugins");
    assert_eq!(browser.path(), "/ui/plugins?q=x");
    browser.see(".side", "first-admin");
    browser.see(".side", "admin");
    let cookie = session(&browser).expect("a session");
    assert_eq!(cookie["httpOnly"], true);
    assert_eq!(cookie["sameSite"], "Strict");
    assert_eq!(cookie["path"], "/");
    assert!(
        !browser.source().contains(token),
        "the token is on the page"
    );
    let stored = browser.script(
        "return JSON.stringify([{ ...localStorage }, { ...sessionStorage }])",
        &[],
    );
    let stored = stored.as_str().unwrap();
    assert!(!stored.contains(token), "the token is kept by the page");
    assert!(
        browser
            .requests()
            .iter()
            .all(|request| !request.url.contains(token))
    );

    browser.click_text("button", "Sign out");
    browser.see("h1", "Sign in");
    let gone = cookie["value"].as_str().unwrap();
    assert!(session(&browser).is_none_or(|left| left["value"] != gone));
    browser.go(&server.at("/ui/plugins"));
    browser.see("h1", "Sign in");

    // It is printed once in the life of a data directory.
    server.stop();
    let server = Serving::start(&home, &[]);
    assert!(
        server.ready["first_admin_token"].is_null(),
        "{}",
        server.ready
    );
}

#[test]
fn a_link_of_the_command_line_opens_the_pages_once() {
    let Some(tools) = tools() else { return };
    let world = World::empty();
    let browser = Browser::open(&tools, "one-time-link");
    let printed = world.home.run(&["open", "--print"]);
    let link = printed.split_whitespace().find(|word| word.contains("://"));
    let link = link.unwrap_or_else(|| panic!("no link in {printed:?}"));

    browser.go(link);
    browser.see("h1", "Overview");
    assert_eq!(browser.path(), "/ui/", "the code stays in no address");
    assert!(session(&browser).is_some());

    browser.forget_cookies();
    browser.go(link);
    browser.see("body", "Sign in");
    assert!(session(&browser).is_none(), "it worked a second time");
}

#[test]
fn a_session_ends_with_the_token_that_it_came_from() {
    let Some(tools) = tools() else { return };
    let world = World::empty();
    let browser = Browser::open(&tools, "revoked");
    let made = world.api.done(
        "/api/v1/tokens",
        &serde_json::json!({ "name": "guest", "role": "viewer" }),
    );
    browser.go(&world.at("/ui/sign-in"));
    browser.fill("#token", made["token"].as_str().unwrap());
    browser.press(&[keys::ENTER]);
    browser.see(".side", "guest");
    world.home.run(&["token", "revoke", "guest"]);
    browser.go(&world.at("/ui/plugins"));
    browser.see("h1", "Sign in");
    let with_token = Api::with_token(&world.server, made["token"].as_str().unwrap());
    assert_eq!(with_token.get("/api/v1/me").status, 401);
}
