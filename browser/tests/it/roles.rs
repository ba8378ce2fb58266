//! Who may do less sees less, and is refused when asking anyway.

use serde_json::{Value, json};

use crate::{
    driver::{Browser, keys},
    pages::FULL,
    support::{World, tools},
};

impl World {
    /// Signs a browser in with a new token of that role.
    #[track_caller]
    fn sign_in_as(&self, browser: &Browser, role: &str) {
        let asked = json!({ "name": format!("the-{role}"), "role": role });
        let made = self.api.done("/api/v1/tokens", &asked);
        browser.forget_cookies();
        browser.go(&self.server.at("/ui/sign-in"));
        browser.fill("#token", made["token"].as_str().unwrap());
        browser.press(&[keys::ENTER]);
        browser.see(".side", role);
    }
}

/// The status with which the server answers what a page's own script asks for.
fn asked_by_the_page(browser: &Browser, method: &str, path: &str) -> Value {
    browser.script_with_callback(
        "const [method, path, done] = arguments;
         const headers = JSON.parse(document.body.getAttribute('hx-headers') || '{}');
         fetch(path, { method, headers }).then(answer => done(answer.status), done)",
        &[method.into(), path.into()],
    )
}

#[test]
fn a_viewer_sees_no_action_and_is_refused_when_asking_anyway() {
    let Some(tools) = tools() else { return };
    let world = World::full();
    let browser = Browser::open(&tools, "viewer");
    browser.go(&world.at("/ui/sign-in"));
    world.sign_in_as(&browser, "viewer");
    for page in FULL {
        browser.go(&world.at(page.path));
        let offered = browser.script(
            // A form to look at, without a button that sends it, is no offer.
            "return [...document.querySelectorAll('form[method=post]:has(button:not([type=button], [disabled]))')]
                 .map(form => form.getAttribute('action') || location.pathname)
                 .filter(action => !['/ui/theme', '/ui/sign-out'].includes(action))",
            &[],
        );
        assert_eq!(
            offered,
            json!([]),
            "{} offers a viewer what it refuses",
            page.name
        );
    }

    browser.go(&world.at("/ui/plugins"));
    browser.see("#plugins", "store-plugin");
    for path in [
        "/ui/plugins/workflow/store-plugin/reload",
        "/ui/plugins/connector/sql/disable",
        "/api/v1/plugins/external/store-plugin/unload",
        "/api/v1/connectors/sql/disable",
        "/api/v1/pipelines/restock/run",
        "/api/v1/tokens",
    ] {
        assert_eq!(asked_by_the_page(&browser, "POST", path), 403, "{path}");
    }
    for path in ["/api/v1/tokens", "/api/v1/audit"] {
        assert_eq!(asked_by_the_page(&browser, "GET", path), 403, "{path}");
    }
    assert_eq!(asked_by_the_page(&browser, "GET", "/api/v1/runs"), 200);

    // By address, it is a page that says which permission is missing.
    browser.go(&world.at("/ui/settings/tokens"));
    browser.see("main", "tokens.manage");
    browser.see("main", "403");
    let shown = world
        .home
        .json(&["plugin", "show", "store-plugin", "--json"]);
    assert_eq!(shown["state"], "ready");
    assert_eq!(shown["restarts"], 0);
}

#[test]
fn a_page_of_another_origin_can_make_nobody_do_anything() {
    let Some(tools) = tools() else { return };
    let world = World::full();
    let browser = Browser::open(&tools, "forged");
    world.sign_in(&browser);
    let action = world.at("/ui/plugins/workflow/store-plugin/reload");
    let forged = format!(
        "data:text/html,<form method=post action={action}><button>Win a prize</button></form>"
    );
    browser.go(&forged);
    browser.click("button");
    browser.see("body", "another site");
    let shown = world
        .home
        .json(&["plugin", "show", "store-plugin", "--json"]);
    assert_eq!(shown["restarts"], 0);

    // Also from our own page, without what only our page knows.
    browser.go(&world.at("/ui/plugins"));
    let status = browser.script_with_callback(
        "const [path, done] = arguments;
         fetch(path, { method: 'POST' }).then(answer => done(answer.status), done)",
        &["/api/v1/plugins/external/store-plugin/reload".into()],
    );
    assert_eq!(status, 403);
}
