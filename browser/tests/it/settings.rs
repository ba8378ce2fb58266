//! Settings: a token that is made, used, and revoked.

use crate::{
    driver::Browser,
    support::{Api, World, tools},
};

#[test]
fn a_token_is_made_shown_once_works_and_is_revoked() {
    let Some(tools) = tools() else { return };
    let world = World::empty();
    let browser = Browser::open(&tools, "tokens");
    world.sign_in(&browser);
    browser.go(&world.at("/ui/settings/tokens"));
    browser.fill("#name", "the night shift");
    browser.click("#role option:nth-of-type(3)");
    browser.fill("#expires_in", "12h");
    browser.click_text("main button", "Make it");
    browser.see("[role=status]", "the night shift");
    let secret = browser.text("#new-token");
    assert!(secret.starts_with("ob_"), "{secret}");
    let theirs = Api::with_token(&world.server, secret.trim());
    assert_eq!(theirs.get("/api/v1/me").body["role"], "operator");

    browser.go(&world.at("/ui/settings/tokens"));
    browser.see("table", "the night shift");
    assert!(
        !browser.source().contains(secret.trim()),
        "it is shown again"
    );

    // One question, and then it is gone.
    browser.click_in("tbody tr", "the night shift", ".confirm summary");
    assert_eq!(theirs.get("/api/v1/me").status, 200);
    browser.click_text(".confirm[open] button", "Revoke the night shift");
    browser.see(".flash", "the night shift");
    assert_eq!(theirs.get("/api/v1/me").status, 401);
    browser.go(&world.at("/ui/settings/audit"));
    browser.see("table", "token");
    assert_eq!(browser.complaints(), [""; 0]);
}
