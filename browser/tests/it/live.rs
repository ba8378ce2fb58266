//! Pages that change by themselves: a plugin that is killed, a server that goes away.

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    driver::Browser,
    support::{Serving, World, tools, wait_until},
};

/// A mark in the page that a load of the page takes away.
const MARK: &str = "window.stillTheSamePage = true";
const MARKED: &str = "window.stillTheSamePage === true";

#[test]
fn a_plugin_that_is_killed_is_seen_again_without_a_load_of_the_page() {
    let Some(tools) = tools() else { return };
    let world = World::full();
    let browser = Browser::open(&tools, "killed");
    world.sign_in(&browser);
    browser.go(&world.at("/ui/plugins"));
    browser.script(MARK, &[]);
    browser.holds(
        "the page listens",
        "document.querySelector('#offline').hidden",
    );

    let row = "#workflow-store-plugin";
    browser.see(row, "ready");
    let pid = || {
        let cell = browser.text(&format!("{row} [data-label=Process]"));
        cell.trim().parse::<i32>().ok()
    };
    let first = pid().expect("a process id on the page");
    kill_process(Pid::from_raw(first).unwrap(), Signal::KILL).unwrap();

    let second = browser.wait_until("the row has another process", || {
        pid().filter(|second| *second != first)
    });
    browser.see(row, "ready");
    browser.see(&format!("{row} [data-label=Restarts]"), "1");
    // It is what the server says, too.
    let told = world
        .home
        .json(&["plugin", "show", "store-plugin", "--json"]);
    assert_eq!(told["pid"], second);
    assert_eq!(told["restarts"], 1);
    browser.holds("the page was not loaded again", MARKED);
    assert!(browser.complaints().is_empty());
}

#[test]
fn a_server_that_goes_away_is_said_and_one_that_comes_back_too() {
    let Some(tools) = tools() else { return };
    let World {
        server, home, api, ..
    } = World::empty();
    let browser = Browser::open(&tools, "offline");
    let link = api.done("/api/v1/sign-in-links", &serde_json::json!({}));
    browser.go(link["url"].as_str().unwrap());
    browser.go(&server.at("/ui/plugins"));
    browser.script(MARK, &[]);
    browser.holds(
        "the stream is open",
        "document.querySelector('#offline').hidden",
    );
    let address = server.address().to_owned();
    server.stop();
    browser.see("#offline", "does not answer");
    let server = wait_until("its port is free again", || {
        std::net::TcpListener::bind(&address).ok().map(drop)?;
        Some(Serving::on(&home, &address, &[]))
    });
    browser.holds(
        "the banner is gone",
        "document.querySelector('#offline').hidden",
    );
    browser.holds("the page was not loaded again", MARKED);
    drop(browser);
    server.stop();
}
