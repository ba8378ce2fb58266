//! `outboard run`.

use std::fs;

use serde_json::json;

use crate::support::{Home, repository};

const GREET: &str = "\
pipelines:
  greet:
    steps:
      - { name: say, type: step.log, config: { message: \"hello {{ trigger.name }}\" } }
";

#[test]
fn input_comes_from_the_command_line_a_file_or_standard_input() {
    let home = Home::new();
    home.write("greet.yaml", GREET);
    home.write("input.json", r#"{"name":"file"}"#);
    let expect = |ran: crate::support::Ran, name: &str| {
        let run = ran.exits(0).json();
        assert_eq!(run["status"], "succeeded", "{run}");
        let said = &run["steps"][0]["output"]["message"];
        assert_eq!(*said, format!("hello {name}"), "{run}");
    };
    let text = ["run", "greet.yaml", "--input", r#"{"name":"text"}"#];
    expect(home.run(&text), "text");
    expect(
        home.run(&["run", "greet.yaml", "--input", "@input.json"]),
        "file",
    );
    let ran = home.run_with_input(&["run", "greet.yaml", "--input", "-"], r#"{"name":"pipe"}"#);
    expect(ran, "pipe");
}

#[test]
fn a_run_that_cannot_begin_says_why() {
    let home = Home::new();
    home.write("greet.yaml", GREET);
    home.write("two.yaml", &format!("{GREET}  other:\n    steps: [{{ name: a, type: step.log, config: {{ message: a }} }}]\n"));
    home.run(&["run", "none.yaml"]).exits(3);
    home.run(&["run", "greet.yaml", "--input", "[1]"]).exits(2);
    home.run(&["run", "greet.yaml", "--input", "@none.json"])
        .exits(3);
    let ran = home.run(&["run", "two.yaml"]).exits(2);
    assert!(ran.stderr.contains("greet, other"), "{ran:?}");
    let ran = home
        .run(&["run", "greet.yaml", "--pipeline", "gret"])
        .exits(3);
    assert!(ran.stderr.contains("greet"), "the nearest one: {ran:?}");
    // Nobody gave a name, and the step wants one.
    let ran = home.run(&["run", "greet.yaml"]).exits(1);
    assert_eq!(ran.json()["status"], "failed");
    assert!(ran.stderr.contains("error"), "{ran:?}");
}

#[test]
fn a_pipeline_of_the_example_plugin_runs_once_and_leaves_no_process() {
    let home = Home::new();
    home.store_plugin();
    let examples = repository().join("examples");
    for name in ["demo/restock.yaml", "data/order.schema.json"] {
        home.write(name, &fs::read_to_string(examples.join(name)).unwrap());
    }
    let orders = home.write(
        "orders.json",
        &fs::read_to_string(examples.join("data/orders.json")).unwrap(),
    );
    let input = json!({ "path": orders }).to_string();
    let ran = home
        .run(&["run", "demo/restock.yaml", "--input", &input])
        .exits(0);
    let run = ran.json();
    assert_eq!(run["pipeline"], "restock");
    assert_eq!(run["status"], "succeeded", "{run}");
    let steps: Vec<_> = run["steps"].as_array().unwrap().iter().collect();
    let names: Vec<_> = steps
        .iter()
        .map(|step| step["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["read", "check", "save"]);
    assert!(home.processes().is_empty(), "{:?}", home.processes());
    let ran = home.run(&["check", "demo/restock.yaml", "--json"]).exits(0);
    assert_eq!(ran.json()["types_checked"], true);
    // What fails is told with the step, and ends with 1.
    let input = json!({ "path": home.path("nothing.json") }).to_string();
    let ran = home
        .run(&["run", "demo/restock.yaml", "--input", &input, "--json"])
        .exits(1);
    let run = ran.json();
    assert_eq!(run["status"], "failed", "{run}");
    assert_eq!(run["steps"][0]["status"], "failed", "{run}");
    assert!(home.processes().is_empty());
}

#[test]
fn what_a_workflow_needs_and_no_plugin_has_is_named() {
    let home = Home::new();
    home.write("greet.yaml", &GREET.replace("step.log", "step.shout"));
    let ran = home
        .run(&["run", "greet.yaml", "--input", r#"{"name":"x"}"#])
        .exits(1);
    assert!(ran.stderr.contains("step.shout"), "{ran:?}");
    assert!(ran.stderr.contains("outboard plugin list"), "{ran:?}");
}

#[test]
fn a_broken_plugin_that_the_workflow_does_not_need_stops_nothing() {
    let home = Home::new();
    home.store_plugin();
    home.script("broken", "exit 3");
    // It lists no types, so that it could have any.
    home.manifest(
        "broken",
        &serde_json::json!({
            "name": "broken", "version": "1.0.0", "author": "tests", "description": "is broken",
        }),
    );
    home.write("numbers.json", "[1, 2]");
    home.write(
        "read.yaml",
        "pipelines:\n  read:\n    steps: [{ name: read, type: step.read_json, config: { path: numbers.json } }]\n",
    );
    let ran = home.run(&["run", "read.yaml"]).exits(0);
    assert_eq!(ran.json()["status"], "succeeded");
    assert!(
        !ran.stderr.contains("broken"),
        "it was not even tried: {ran:?}"
    );
    // Where a type is missing it is tried, and what is wrong is said of both.
    home.write(
        "other.yaml",
        "pipelines:\n  other:\n    steps: [{ name: other, type: step.other }]\n",
    );
    let ran = home.run(&["run", "other.yaml"]).exits(1);
    assert!(ran.stderr.contains("\"step.other\""), "{ran:?}");
    assert!(ran.stderr.contains("exit status 3"), "{ran:?}");
}
