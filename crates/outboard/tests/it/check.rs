//! `outboard check`.

use crate::support::Home;

const GOOD: &str = "\
pipelines:
  greet:
    steps:
      - { name: say, type: step.log, config: { message: hello } }
";

/// Wrong on line 4, twice.
const BAD: &str = "\
pipelines:
  greet:
    steps:
      - { name: say, type: step.lgo, config: { message: hello }, timeot: 3s }
";

#[test]
fn a_good_file_has_no_problems() {
    let home = Home::new();
    home.write("good.yaml", GOOD);
    let ran = home.run(&["check", "good.yaml"]).exits(0);
    assert!(ran.stdout.contains("good.yaml: no problems"), "{ran:?}");
    let ran = home.run(&["check", "good.yaml", "--json"]).exits(0);
    let result = ran.json();
    assert_eq!(result["ok"], true);
    assert_eq!(result["problems"], serde_json::json!([]));
}

#[test]
fn every_problem_has_its_line_and_column() {
    let home = Home::new();
    home.write("bad.yaml", BAD);
    let ran = home.run(&["check", "bad.yaml"]).exits(1);
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.contains("bad.yaml:4:"), "{ran:?}");
    assert!(ran.stderr.contains("timeot"), "{ran:?}");
    assert!(ran.stderr.contains("step.lgo"), "{ran:?}");
    let ran = home.run(&["check", "bad.yaml", "--json"]).exits(1);
    assert_eq!(ran.stderr, "");
    let result = ran.json();
    assert_eq!(result["ok"], false);
    let problems = result["problems"].as_array().unwrap();
    assert!(problems.len() >= 2, "{result}");
    for problem in problems {
        assert_eq!(problem["line"], 4, "{problem}");
        assert!(problem["column"].as_u64() > Some(0), "{problem}");
        assert!(problem["message"].is_string(), "{problem}");
    }
}

#[test]
fn a_file_that_is_no_yaml_is_wrong_at_one_place() {
    let home = Home::new();
    home.write("broken.yaml", "pipelines:\n  a: [1, 2\n");
    let result = home
        .run(&["check", "broken.yaml", "--json"])
        .exits(1)
        .json();
    assert_eq!(result["problems"].as_array().unwrap().len(), 1, "{result}");
}

#[test]
fn a_file_that_is_not_there_is_not_found() {
    let home = Home::new();
    let ran = home.run(&["check", "none.yaml"]).exits(3);
    assert!(ran.stderr.contains("none.yaml"), "{ran:?}");
    let ran = home.run(&["check", "none.yaml", "--json"]).exits(3);
    assert_eq!(ran.json()["error"]["kind"], "file");
}

#[test]
fn types_are_those_that_the_plugins_on_disk_say_they_have() {
    let home = Home::new();
    home.script("baker", "exit 1");
    let file = GOOD.replace("step.log, config: { message: hello }", "step.baker");
    home.write("baker.yaml", &file);
    home.run(&["check", "baker.yaml"]).exits(0);
    home.write("typo.yaml", &file.replace("step.baker", "step.bakre"));
    let ran = home.run(&["check", "typo.yaml"]).exits(1);
    assert!(
        ran.stderr.contains("step.baker"),
        "the nearest one: {ran:?}"
    );
}
