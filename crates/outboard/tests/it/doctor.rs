//! `outboard doctor`.

use serde_json::Value;

use crate::support::{Home, Ran, finish};

fn verdict(ran: &Ran, name: &str) -> String {
    let checks = ran.json();
    let checks = checks.as_array().unwrap();
    let found = checks.iter().find(|check| check["name"] == name);
    found
        .and_then(|check| check["verdict"].as_str())
        .unwrap_or_else(|| panic!("no {name} in {ran:?}"))
        .to_owned()
}

#[test]
fn a_problem_is_a_failure_in_both_forms() {
    let home = Home::new();
    home.run(&["doctor"]).exits(0);
    home.run(&["doctor", "--json"]).exits(0);
    home.script("broken", "exit 1");
    home.write("data/plugins/broken/plugin.json", "{");
    let ran = home.run(&["doctor"]).exits(1);
    assert!(ran.stdout.contains("PROBLEM"), "{ran:?}");
    assert!(ran.stderr.contains("1 problem found"), "{ran:?}");
    let ran = home.run(&["doctor", "--json"]).exits(1);
    assert_eq!(verdict(&ran, "plugin"), "problem");
    assert!(ran.json().is_array(), "one value and nothing after it");
    assert_eq!(ran.stderr, "");
}

#[test]
fn a_warning_alone_is_none() {
    let home = Home::new();
    for form in [&["doctor"][..], &["doctor", "--json"]] {
        let mut command = home.command(form);
        // What a host of other plugins would have set here.
        command.env("PLUGIN_MIN_PORT", "10000");
        let ran = finish(command.spawn().unwrap(), "").exits(0);
        if let Ok(checks) = serde_json::from_str::<Value>(&ran.stdout) {
            let warned = checks.as_array().unwrap().iter();
            let warned = warned.filter(|check| check["verdict"] == "warning");
            assert!(warned.count() >= 1, "{ran:?}");
        } else {
            assert!(ran.stdout.contains("warning"), "{ran:?}");
        }
    }
}

#[test]
fn a_type_that_two_plugins_have_is_a_problem_that_names_both() {
    let home = Home::new();
    home.script("baker", "exit 1");
    home.script("rival", "exit 1");
    home.run(&["doctor"]).exits(0);
    let manifest = std::fs::read_to_string(home.path("data/plugins/rival/plugin.json")).unwrap();
    home.write(
        "data/plugins/rival/plugin.json",
        &manifest.replace("step.rival", "step.baker"),
    );
    let ran = home.run(&["doctor"]).exits(1);
    assert!(
        ran.stdout
            .contains("step type \"step.baker\" is of baker and rival"),
        "{ran:?}"
    );
}
