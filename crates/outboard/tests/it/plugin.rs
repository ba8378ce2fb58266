//! `outboard plugin …` where no server runs.

use serde_json::json;

use crate::support::Home;

#[test]
fn a_list_of_nothing_says_what_to_do() {
    let home = Home::new();
    let ran = home.run(&["plugin", "list"]).exits(0);
    assert!(ran.stdout.contains("no plugins in"), "{ran:?}");
    assert!(ran.stdout.contains("outboard plugin new"), "{ran:?}");
    let ran = home.run(&["plugin", "list", "--json"]).exits(0);
    assert_eq!(ran.json(), json!([]));
}

#[test]
fn list_and_show_read_the_directory_itself() {
    let home = Home::new();
    home.script("baker", "exit 1");
    home.script("broken", "exit 1");
    home.write("data/plugins/broken/plugin.json", "{");
    let ran = home.run(&["plugin", "list"]).exits(0);
    for word in ["NAME", "baker", "1.2.3", "does nothing well", "broken"] {
        assert!(ran.stdout.contains(word), "{word} in {ran:?}");
    }
    let list = home.run(&["plugin", "list", "--json"]).exits(0).json();
    assert_eq!(list[0]["name"], "baker");
    assert_eq!(list[0]["loaded"], false);
    assert_eq!(list[0]["loadable"], true);
    assert_eq!(list[1]["name"], "broken");
    assert_eq!(list[1]["loadable"], false);
    assert_eq!(list[1]["problem"]["kind"], "manifest");
    let ran = home.run(&["plugin", "show", "baker"]).exits(0);
    assert!(ran.stdout.contains("step.baker"), "{ran:?}");
    let shown = home.run(&["plugin", "show", "baker", "--json"]).exits(0);
    assert_eq!(shown.json()["manifest"]["version"], "1.2.3");
    assert_eq!(shown.json(), list[0]);
}

#[test]
fn a_plugin_that_is_not_there_is_not_found() {
    let home = Home::new();
    let ran = home.run(&["plugin", "show", "nobody"]).exits(3);
    assert!(ran.stderr.contains("\"nobody\""), "{ran:?}");
    assert!(ran.stderr.contains("outboard plugin list"), "{ran:?}");
    let ran = home.run(&["plugin", "show", "nobody", "--json"]).exits(3);
    assert_eq!(ran.json()["error"]["kind"], "not_found");
    assert_eq!(ran.stderr, "");
}

#[test]
fn what_needs_a_server_says_how_to_start_one() {
    let home = Home::new();
    home.script("baker", "exit 1");
    for action in ["load", "unload", "reload", "logs"] {
        let ran = home.run(&["plugin", action, "baker"]).exits(1);
        assert!(
            ran.stderr.contains("no server runs on"),
            "{action}: {ran:?}"
        );
        assert!(ran.stderr.contains("outboard serve"), "{action}: {ran:?}");
        let ran = home.run(&["plugin", action, "baker", "--json"]).exits(1);
        assert_eq!(ran.json()["error"]["kind"], "no_server", "{action}");
    }
}

#[test]
fn what_a_killed_server_left_behind_counts_as_no_server() {
    let home = Home::new();
    let file = json!({
        // No process has this id: it is beyond the kernel's limit.
        "address": "127.0.0.1:9", "token": "x", "pid": 2_000_000_000_u32, "version": "0.1.0",
    });
    home.write("data/server.json", &file.to_string());
    home.run(&["plugin", "list"]).exits(0);
    let ran = home.run(&["plugin", "load", "baker", "--json"]).exits(1);
    assert_eq!(ran.json()["error"]["kind"], "no_server");
    // One that cannot be read is no reason to guess.
    home.write("data/server.json", "{");
    let ran = home.run(&["plugin", "list"]).exits(1);
    assert!(ran.stderr.contains("server.json"), "{ran:?}");
}

#[test]
fn a_new_plugin_is_written_once_and_never_over_another() {
    let home = Home::new();
    home.run(&["plugin", "new", "word-count"]).exits(0);
    let manifest = std::fs::read_to_string(home.path("word-count/plugin.json")).unwrap();
    assert!(manifest.contains("\"word-count\""), "{manifest}");
    let source = std::fs::read_to_string(home.path("word-count/src/main.rs")).unwrap();
    let again = home.run(&["plugin", "new", "word-count"]);
    assert_ne!(again.code, Some(0), "{again:?}");
    let after = std::fs::read_to_string(home.path("word-count/src/main.rs")).unwrap();
    assert_eq!(source, after);
    home.run(&["plugin", "new", "Word Count"]).exits(2);
}
