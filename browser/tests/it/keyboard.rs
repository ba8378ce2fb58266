//! Pages without a mouse: keys, the skip link, focus, colours.

use crate::{
    driver::{Browser, Look, keys},
    support::{World, tools},
};

/// What has the focus, as a selector would name it.
fn focused(browser: &Browser) -> String {
    let focused = browser.script(
        "const at = document.activeElement;
         return at.localName + (at.id ? '#' + at.id : '')",
        &[],
    );
    focused.as_str().unwrap_or_default().to_owned()
}

#[test]
fn keys_lead_from_page_to_page_filter_and_tell_themselves() {
    let Some(tools) = tools() else { return };
    let world = World::full();
    let browser = Browser::open(&tools, "keys");
    world.sign_in(&browser);
    browser.go(&world.at("/ui/"));

    browser.press(&['g', 'p']);
    browser.wait_until("the page of plugins", || {
        (browser.path() == "/ui/plugins").then_some(())
    });
    browser.find("#plugins tbody tr");

    browser.press(&['/']);
    assert_eq!(focused(&browser), "input#q");
    browser.press(&['s', 't', 'o', 'r', 'e']);
    let shown = "[...document.querySelectorAll('#plugins tbody tr')].filter(row => !row.hidden)";
    browser.holds("one row is left", &format!("{shown}.length === 1"));
    browser.see("#plugins tbody tr:not([hidden])", "store-plugin");
    let all = browser.find_all("#plugins tbody tr").len();
    assert!(all >= 10, "{all}");
    browser.see("#plugins-count", &format!("1 of {all}"));
    // In a field, keys are letters.
    browser.press(&['g', 'o', '?']);
    assert_eq!(browser.path(), "/ui/plugins");
    browser.holds(
        "what was typed",
        "document.activeElement.value === 'storego?'",
    );

    // The list of keys takes the focus, and gives it back.
    browser.press(&[keys::BACKSPACE; "storego?".len()]);
    browser.holds("all rows are back", &format!("{shown}.length === {all}"));
    browser.script("document.querySelector('#plugins a').focus()", &[]);
    let before = browser.script("return document.activeElement.textContent", &[]);
    browser.press(&['?']);
    browser.holds(
        "the list of keys is open",
        "document.querySelector('#keys').open",
    );
    browser.holds(
        "the focus is in it",
        "document.querySelector('#keys').contains(document.activeElement)",
    );
    browser.see("#keys", "filter or search");
    browser.press(&[keys::ESCAPE]);
    browser.holds("it is closed", "!document.querySelector('#keys').open");
    let after = browser.script("return document.activeElement.textContent", &[]);
    assert_eq!(before, after);

    browser.press(&['g', 'o']);
    browser.wait_until("the overview", || (browser.path() == "/ui/").then_some(()));
    assert!(browser.complaints().is_empty());
}

#[test]
fn the_first_tab_is_a_way_past_the_navigation_and_each_stop_is_seen() {
    let Some(tools) = tools() else { return };
    let world = World::empty();
    let browser = Browser::open(&tools, "skip-link");
    world.sign_in(&browser);
    browser.go(&world.at("/ui/plugins"));

    browser.press(&[keys::TAB]);
    browser.holds(
        "the skip link has the focus and is in the window",
        "document.activeElement.matches('a.skip')
         && document.activeElement.getBoundingClientRect().left >= 0",
    );
    browser.press(&[keys::ENTER]);
    browser.holds(
        "the content has the focus",
        "document.activeElement.id === 'main'",
    );
    browser.press(&[keys::TAB]);
    assert_eq!(focused(&browser), "input#q");

    // Once round: whatever takes the focus shows it.
    for _ in 0..40 {
        browser.press(&[keys::TAB]);
        let shown = browser.script(
            "const at = document.activeElement;
             if (at === document.body) return 'the page';
             const style = getComputedStyle(at);
             const outlined = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1;
             return outlined ? 'seen' : at.outerHTML.slice(0, 120)",
            &[],
        );
        if shown == "the page" {
            break;
        }
        assert_eq!(
            shown, "seen",
            "the focus is on something and cannot be seen"
        );
    }
}

#[test]
fn colours_follow_the_system_until_somebody_chooses() {
    let Some(tools) = tools() else { return };
    let world = World::empty();
    let browser = Browser::open(&tools, "colours");
    world.sign_in(&browser);
    let background = || {
        browser.go(&world.at("/ui/plugins"));
        let colour = "return getComputedStyle(document.body).backgroundColor";
        browser.script(colour, &[]).as_str().unwrap().to_owned()
    };
    let choose = |value: &str| {
        browser.click(&format!("#theme option[value=\"{value}\"]"));
        browser.holds(
            "the choice was taken",
            &format!("(document.documentElement.dataset.theme || '') === '{value}'"),
        );
    };
    browser.look(Look::Light);
    let light = background();
    browser.look(Look::Dark);
    let dark = background();
    assert_ne!(light, dark);
    choose("light");
    assert_eq!(background(), light);
    browser.look(Look::Light);
    choose("dark");
    assert_eq!(background(), dark);
    choose("");
    assert_eq!(background(), light);
}
