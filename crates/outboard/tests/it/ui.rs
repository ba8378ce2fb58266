//! `outboard ui …`, where no server runs and where one does.

use serde_json::json;

use crate::support::{Home, Serving};

fn pages(home: &Home, name: &str, manifest: &serde_json::Value) {
    home.write(
        &format!("data/plugins/{name}/ui.json"),
        &manifest.to_string(),
    );
    home.write(
        &format!("data/plugins/{name}/assets/index.html"),
        "<p>here</p>",
    );
}

fn reports(version: &str) -> serde_json::Value {
    json!({
        "name": "reports", "version": version, "description": "shows reports",
        "navItems": [{ "id": "daily", "label": "Daily", "requiredRole": "operator" }],
        "permissions": ["runs.read"],
    })
}

#[test]
fn a_list_of_no_pages_says_what_to_do() {
    let home = Home::new();
    let ran = home.run(&["ui", "list"]).exits(0);
    assert!(ran.stdout.contains("no UI plugins in"), "{ran:?}");
    assert!(ran.stdout.contains("outboard ui new"), "{ran:?}");
    assert_eq!(
        home.run(&["ui", "list", "--json"]).exits(0).json(),
        json!([])
    );
}

#[test]
fn pages_are_listed_and_shown_from_the_directory_itself() {
    let home = Home::new();
    pages(&home, "reports", &reports("1.2.3"));
    pages(&home, "broken", &json!({ "assetDir": "../reports" }));
    let ran = home.run(&["ui", "list"]).exits(0);
    for word in [
        "NAME",
        "reports",
        "1.2.3",
        "shows reports",
        "not loaded",
        "unusable",
    ] {
        assert!(ran.stdout.contains(word), "{word} in {ran:?}");
    }
    let list = home.run(&["ui", "list", "--json"]).exits(0).json();
    assert_eq!(list[0]["name"], "broken");
    assert_eq!(list[0]["loadable"], false);
    assert_eq!(list[0]["problem"]["kind"], "manifest");
    assert_eq!(list[1]["manifest"]["assetDir"], "assets");
    assert_eq!(list[1]["assets"], json!({ "files": 1, "bytes": 11 }));
    let shown = home.run(&["ui", "show", "reports", "--json"]).exits(0);
    assert_eq!(shown.json(), list[1]);
    let ran = home.run(&["ui", "show", "reports"]).exits(0);
    for word in ["Daily", "operator", "runs.read", "1, 11 bytes"] {
        assert!(ran.stdout.contains(word), "{word} in {ran:?}");
    }
    let ran = home.run(&["ui", "show", "nobody"]).exits(3);
    assert!(ran.stderr.contains("outboard ui list"), "{ran:?}");
    home.run(&["ui", "show", "../reports"]).exits(2);
    for action in ["load", "unload", "reload"] {
        let ran = home.run(&["ui", action, "reports", "--json"]).exits(1);
        assert_eq!(ran.json()["error"]["kind"], "no_server", "{action}");
    }
}

#[test]
fn a_new_page_is_written_once_and_can_be_loaded_as_it_is() {
    let home = Home::new();
    home.run(&["ui", "new", "My Page"]).exits(2);
    home.run(&["ui", "new", "my-page", "--path", "data/plugins/my-page"])
        .exits(0);
    let shown = home
        .run(&["ui", "show", "my-page", "--json"])
        .exits(0)
        .json();
    assert_eq!(shown["loadable"], true, "{shown}");
    assert_eq!(shown["manifest"]["navItems"][0]["label"], "My page");
    assert_eq!(shown["assets"]["files"], 3);
    home.write("data/plugins/my-page/assets/page.js", "mine");
    let again = home.run(&["ui", "new", "my-page", "--path", "data/plugins/my-page"]);
    assert!(again.stderr.contains("--path"), "{again:?}");
    let kept = std::fs::read_to_string(home.path("data/plugins/my-page/assets/page.js")).unwrap();
    assert_eq!(kept, "mine");
}

#[test]
fn doctor_names_the_pages_that_will_not_be_shown() {
    let home = Home::new();
    pages(&home, "reports", &reports("1.2.3"));
    let ran = home.run(&["doctor"]).exits(0);
    assert!(ran.stdout.contains("1 usable"), "{ran:?}");
    std::os::unix::fs::symlink("/etc", home.path("data/plugins/reports/assets/out")).unwrap();
    let ran = home.run(&["doctor"]).exits(1);
    assert!(
        ran.stdout.contains("assets/out is a link that leads out"),
        "{ran:?}"
    );
}

#[test]
fn a_server_shows_the_pages_that_are_there_and_takes_new_ones() {
    let home = Home::new();
    pages(&home, "reports", &reports("1.0.0"));
    pages(&home, "broken", &json!({ "version": "one" }));
    let serving = Serving::start(&home, &[]);
    // What is valid is loaded, what is not is named, and the server serves.
    let list = home.run(&["ui", "list", "--json"]).exits(0).json();
    assert_eq!(list[0]["problem"]["kind"], "manifest");
    assert_eq!(
        (&list[1]["loaded"], &list[1]["manifest"]["version"]),
        (&json!(true), &json!("1.0.0"))
    );
    pages(&home, "reports", &reports("2.0.0"));
    let done = home.run(&["ui", "reload", "reports"]).exits(0);
    assert_eq!(done.stdout, "reports: reloaded\n");
    let shown = home
        .run(&["ui", "show", "reports", "--json"])
        .exits(0)
        .json();
    assert_eq!(shown["manifest"]["version"], "2.0.0");
    // A reload that fails is seen, and the old one is there.
    home.write("data/plugins/reports/ui.json", "{");
    let ran = home.run(&["ui", "reload", "reports"]).exits(1);
    assert!(ran.stderr.contains("ui.json cannot be read"), "{ran:?}");
    let ran = home.run(&["ui", "list"]).exits(0);
    assert!(ran.stdout.contains("loaded, old"), "{ran:?}");
    let done = home.run(&["ui", "unload", "reports", "--json"]).exits(0);
    assert_eq!(
        done.json(),
        json!({ "action": "unloaded", "name": "reports" })
    );
    let ran = home.run(&["ui", "unload", "reports"]).exits(1);
    assert!(ran.stderr.contains("not loaded"), "{ran:?}");
    home.run(&["ui", "load", "nobody"]).exits(3);
    assert!(serving.terminate().success());
}
