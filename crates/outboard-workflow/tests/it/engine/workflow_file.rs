//! The workflow file: every problem at once, each with its place.

use std::{collections::BTreeMap, time::Duration};

use outboard_workflow::engine::{
    KnownTypes,
    workflow_file::{
        CheckOptions, ErrorStrategy, MAX_FILE_BYTES, PluginRights, Problem, TriggerDefinition,
        Workflow, check,
    },
};
use proptest::prelude::*;
use serde_json::json;

const PRODUCT: &str = r#"
modules:
  - name: stock            # a module of type kv.sqlite, from a plugin
    type: kv.sqlite
    config: { path: "${DATA_DIR}/stock.db" }
pipelines:
  restock:
    timeout: 30s
    on_error: stop         # stop | skip | compensate
    steps:
      - name: read
        type: step.read_json
        config: { path: "{{ trigger.path }}" }
      - name: check
        type: step.validate
        config: { schema: order.schema.json }
        timeout: 5s
      - name: save
        type: step.kv_put
        config: { store: stock, items: "{{ steps.check.valid }}" }
        compensate: { type: step.kv_delete, config: { store: stock } }
triggers:
  - { type: http, path: /restock, method: POST, pipeline: restock }
  - { type: schedule, every: 1h, pipeline: restock, input: { path: "/data/orders.json" } }
"#;

fn types() -> KnownTypes {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    KnownTypes {
        modules: owned(&["kv.sqlite"]),
        steps: owned(&[
            "step.log",
            "step.read_json",
            "step.validate",
            "step.kv_put",
            "step.kv_delete",
        ]),
        triggers: owned(&["http", "schedule", "queue.message"]),
    }
}

fn read(file: &str) -> Result<Workflow, Vec<Problem>> {
    read_bytes(file.as_bytes())
}

fn read_bytes(file: &[u8]) -> Result<Workflow, Vec<Problem>> {
    let types = types();
    let variables = BTreeMap::from([("DATA_DIR".to_owned(), "/data".to_owned())]);
    let options = CheckOptions {
        types: Some(&types),
        variables: &variables,
        env: &|name| (name == "REGION").then(|| "north".to_owned()),
        reserved_paths: &["/api", "/healthz"],
    };
    check(file, &options).map_err(|problems| problems.as_slice().to_vec())
}

/// The problems of a file, as `line:column path: message`.
fn problems(file: &str) -> Vec<String> {
    match read(file) {
        Ok(_) => Vec::new(),
        Err(problems) => problems
            .iter()
            .map(|p| format!("{}:{} {}: {}", p.line, p.column, p.path, p.message))
            .collect(),
    }
}

fn only(file: &str) -> Problem {
    let mut problems = read(file).expect_err("the file was accepted");
    assert_eq!(problems.len(), 1, "{problems:#?}");
    problems.remove(0)
}

fn steps(steps: &str) -> String {
    format!("pipelines:\n  p:\n    steps:\n{steps}")
}

#[test]
fn the_file_of_the_documentation_is_read() {
    let workflow = read(PRODUCT).unwrap();
    assert_eq!(workflow.modules[0].config["path"], "/data/stock.db");
    let restock = workflow.pipeline("restock").unwrap();
    assert_eq!(restock.timeout, Some(Duration::from_secs(30)));
    assert_eq!(restock.on_error, ErrorStrategy::Stop);
    assert_eq!(restock.steps[1].timeout, Some(Duration::from_secs(5)));
    assert!(restock.steps[1].config.is_fixed());
    assert_eq!(
        restock.steps[2].config.source()["items"],
        "{{ steps.check.valid }}"
    );
    let undo = restock.steps[2].compensate.as_ref().unwrap();
    assert_eq!(undo.step_type, "step.kv_delete");
    assert_eq!(
        workflow.triggers[1],
        TriggerDefinition::Schedule {
            every: Duration::from_secs(3600),
            pipeline: "restock".to_owned(),
            input: json!({ "path": "/data/orders.json" })
                .as_object()
                .unwrap()
                .clone(),
        }
    );
    assert_eq!(workflow.used_types().steps.len(), 4);
}

#[test]
fn every_problem_is_found_in_one_go_and_in_order() {
    let file = r#"modulez: []
modules:
  - name: stock
    type: kv.sqlit
    config: { path: "${DATADIR}/x" }
  - name: stock
    typ: kv.sqlite
pipelines:
  restock:
    timeout: soon
    on_error: explode
    steps:
      - name: save
        type: step.kv_put
        config: { items: "{{ steps.check.valid }}", who: "{{ steps.chekc.x }}" }
      - name: check
        type: 5
        timeout: 30
triggers:
  - { type: http, path: restock, pipeline: restok }
"#;
    assert_eq!(
        problems(file),
        [
            "1:1 modulez: unknown key \"modulez\"",
            "4:11 modules[0].type: unknown module type \"kv.sqlit\"",
            "5:21 modules[0].config.path: unknown variable ${DATADIR}",
            "6:5 modules[1]: \"type\" is missing",
            "6:11 modules[1].name: there is another module \"stock\"",
            "7:5 modules[1].typ: unknown key \"typ\"",
            "10:14 pipelines.restock.timeout: \"soon\" is no duration; write a number and a unit, such as 250ms, 30s, 5m or 1h30m",
            "11:15 pipelines.restock.on_error: unknown error strategy \"explode\"",
            "15:26 pipelines.restock.steps[0].config.items: {{ steps.check.valid }}: step \"check\" has not run at this point",
            "15:58 pipelines.restock.steps[0].config.who: {{ steps.chekc.x }}: this pipeline has no step \"chekc\"",
            "17:15 pipelines.restock.steps[1].type: expected a text, found a number",
            "18:18 pipelines.restock.steps[1].timeout: \"30\" is no duration; write a number and a unit, such as 250ms, 30s, 5m or 1h30m",
            "20:25 triggers[0].path: \"restock\" is no path: it must begin with /",
            "20:44 triggers[0].pipeline: there is no pipeline \"restok\"",
        ]
    );
}

#[test]
fn problems_come_with_what_to_do() {
    let hint = |file: &str| only(file).hint.unwrap();
    assert_eq!(hint("pipelnes: {}\n"), "did you mean \"pipelines\"?");
    assert_eq!(
        hint(&steps("      - { name: a, type: step.lgo }\n")),
        "did you mean \"step.log\"?"
    );
    assert_eq!(
        hint(&steps("      - { name: a, type: acme.send }\n")),
        "no plugin here has it; install the plugin that does"
    );
    assert_eq!(
        hint(&steps(
            "      - name: a\n        type: step.log\n        config:\n          message: {{ trigger.x }}\n"
        )),
        "a value with braces needs quotes: \"{{ trigger.path }}\""
    );
    assert_eq!(
        hint(&steps(
            "      - { name: a, type: step.log, config: { message: \"{{ .trigger.x }}\" } }\n"
        )),
        "write {{ trigger.x }}"
    );
}

#[test]
fn broken_yaml_is_one_problem_with_its_place() {
    let problem = only("modules:\n  - name: [unclosed\n");
    assert!(problem.message.starts_with("this is no YAML"), "{problem}");
    assert!(problem.line >= 2, "{problem}");
    assert!(
        only("modules:\n\t- a\n")
            .message
            .starts_with("this is no YAML")
    );
}

#[test]
fn a_file_that_is_empty_too_large_or_no_text_is_one_problem() {
    assert_eq!(only("").message, "the file is empty");
    assert_eq!(only("# nothing\n").message, "the file is empty");
    let large = vec![b'#'; MAX_FILE_BYTES + 1];
    assert!(
        read_bytes(&large).unwrap_err()[0]
            .message
            .contains("the limit is")
    );
    let problem = &read_bytes(b"modules: []\n# \xff\n").unwrap_err()[0];
    assert!(problem.message.contains("line 2"), "{problem}");
    assert!(
        only("- a\n- b\n")
            .message
            .contains("expected a mapping, found a list")
    );
    assert!(
        only("a: 1\n---\nb: 2\n")
            .message
            .contains("second document")
    );
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_fine() {
    let file = format!("\u{feff}{}", PRODUCT.replace('\n', "\r\n"));
    read(&file).unwrap();
}

#[test]
fn a_key_that_is_there_twice_is_a_problem() {
    let problem = only("pipelines: {}\nmodules: []\npipelines: {}\n");
    assert_eq!((problem.line, problem.column), (3, 1));
    assert_eq!(problem.hint.as_deref(), Some("the first is in line 1"));
}

#[test]
fn aliases_and_merges_work_and_bombs_do_not() {
    let workflow = read(
        "modules:\n  - &base { name: a, type: kv.sqlite, config: { x: 1 } }\n  - { <<: *base, name: b }\n",
    )
    .unwrap();
    assert_eq!(workflow.modules[1].name, "b");
    assert_eq!(workflow.modules[1].config["x"], 1);

    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let previous = format!("*a{}", level - 1);
        let items = vec![previous; 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{items}]\n"));
    }
    assert!(only(&bomb).message.contains("more than 100000 values"));
    let nested = |depth: usize| format!("a: {}{}\n", "[".repeat(depth), "]".repeat(depth));
    assert!(only(&nested(100)).message.contains("64 deep"));
    // The parser itself gives up first.
    assert!(only(&nested(100_000)).message.contains("recursion limit"));
    assert!(only("a: &x [*x]\n").message.contains("contains it"));
}

#[test]
fn values_that_json_cannot_carry_are_refused() {
    let file = |value: &str| {
        steps(&format!(
            "      - {{ name: a, type: step.log, config: {{ message: {value} }} }}\n"
        ))
    };
    assert!(only(&file(".nan")).message.contains("not finite"));
    assert!(
        only(&file("99999999999999999999"))
            .message
            .contains("64 bits")
    );
    assert!(only(&file("!secret x")).message.contains("tag"));
    let workflow = read(&file("0x10")).unwrap();
    assert_eq!(
        workflow.pipelines[0].steps[0].config.source()["message"],
        16
    );
}

#[test]
fn names_are_checked() {
    for name in ["\"\"", "2nd", "a b", "a/b", "a.b"] {
        let file = steps(&format!("      - {{ name: {name}, type: step.log }}\n"));
        assert!(read(&file).is_err(), "{name} was accepted");
    }
    let file = steps("      - { name: a, type: step.log }\n      - { name: a, type: step.log }\n");
    let problem = only(&file);
    assert_eq!(problem.hint.as_deref(), Some("the first is in line 4"));
}

#[test]
fn a_pipeline_needs_steps() {
    for file in [
        "pipelines:\n  p: {}\n",
        "pipelines:\n  p: { steps: [] }\n",
        "pipelines:\n  p:\n    steps:\n",
    ] {
        assert_eq!(
            only(file).message,
            "a pipeline needs at least one step",
            "{file}"
        );
    }
}

#[test]
fn placeholders_that_depend_on_a_run_have_no_value_where_none_goes_on() {
    let module =
        only("modules:\n  - { name: a, type: kv.sqlite, config: { x: \"{{ trigger.y }}\" } }\n");
    assert!(module.message.contains("has no value here"), "{module}");
    let file = format!(
        "{}triggers:\n  - {{ type: schedule, every: 1h, pipeline: p, input: {{ a: \"{{{{ steps.a.b }}}}\" }} }}\n",
        steps("      - { name: a, type: step.log }\n")
    );
    assert!(only(&file).message.contains("has no value here"));
}

#[test]
fn the_environment_is_read_once_and_a_missing_variable_is_a_problem() {
    let file = |name: &str| {
        steps(&format!(
            "      - {{ name: a, type: step.log, config: {{ message: \"{{{{ env.{name} }}}}!\" }} }}\n"
        ))
    };
    let workflow = read(&file("REGION")).unwrap();
    let config = &workflow.pipelines[0].steps[0].config;
    assert!(config.is_fixed());
    assert_eq!(config.source()["message"], "north!");
    assert!(
        only(&file("MISSING"))
            .message
            .contains("MISSING is not set")
    );
}

#[test]
fn a_compensation_sees_its_own_step_and_earlier_ones_only() {
    let file = |reference: &str| {
        steps(&format!(
            "      - {{ name: a, type: step.log }}\n      - name: b\n        type: step.log\n        compensate: {{ type: step.log, config: {{ message: \"{{{{ steps.{reference}.x }}}}\" }} }}\n      - {{ name: c, type: step.log }}\n"
        ))
    };
    read(&file("a")).unwrap();
    read(&file("b")).unwrap();
    assert!(
        only(&file("c"))
            .message
            .contains("has not run at this point")
    );
}

#[test]
fn http_triggers_are_checked_against_each_other_and_the_server() {
    let triggers = |lines: &str| {
        format!(
            "{}triggers:\n{lines}",
            steps("      - { name: a, type: step.log }\n")
        )
    };
    let twice = "  - { type: http, path: /a, pipeline: p }\n  - { type: http, path: /a, method: POST, pipeline: p }\n";
    let problem = only(&triggers(twice));
    assert_eq!(problem.message, "another trigger has POST /a");
    assert_eq!(problem.hint.as_deref(), Some("the first is in line 6"));
    read(&triggers("  - { type: http, path: /a, pipeline: p }\n  - { type: http, path: /a, method: PUT, pipeline: p }\n"))
        .unwrap();
    for path in [
        "/api",
        "/api/v1/x",
        "/healthz",
        "a",
        "/a//b",
        "/../x",
        "/a?b",
        "/a b",
        "/%2e",
    ] {
        let file = triggers(&format!(
            "  - {{ type: http, path: \"{path}\", pipeline: p }}\n"
        ));
        assert!(read(&file).is_err(), "{path} was accepted");
    }
    read(&triggers(
        "  - { type: http, path: /apiary, pipeline: p }\n",
    ))
    .unwrap();
    let problem = only(&triggers(
        "  - { type: http, path: /a, method: post, pipeline: p }\n",
    ));
    assert_eq!(problem.hint.as_deref(), Some("did you mean \"POST\"?"));
    let problem = only(&triggers(
        "  - { type: schedule, every: 10ms, pipeline: p }\n",
    ));
    assert_eq!(problem.message, "a schedule fires at most once a second");
}

#[test]
fn a_plugins_trigger_has_a_config() {
    let file = format!(
        "{}triggers:\n  - {{ type: queue.message, pipeline: p, config: {{ queue: orders }} }}\n",
        steps("      - { name: a, type: step.log }\n")
    );
    let workflow = read(&file).unwrap();
    let TriggerDefinition::Plugin { name, config, .. } = &workflow.triggers[0] else {
        panic!("{:?}", workflow.triggers[0]);
    };
    assert_eq!(
        (name.as_str(), &config["queue"]),
        ("queue.message-0", &json!("orders"))
    );
}

#[test]
fn modules_that_need_each_other_or_nobody_are_problems() {
    let file = "modules:\n  - { name: a, type: kv.sqlite, depends_on: [b] }\n  - { name: b, type: kv.sqlite, depends_on: [a] }\n";
    assert!(only(file).message.contains("a -> b -> a"));
    let file = "modules:\n  - { name: stock, type: kv.sqlite, depends_on: [stok] }\n";
    let problem = only(file);
    assert_eq!(problem.message, "there is no module \"stok\"");
    assert_eq!((problem.line, problem.column), (2, 50));
}

#[test]
fn problems_read_well_as_text_and_as_json() {
    let types = types();
    let options = CheckOptions {
        types: Some(&types),
        ..CheckOptions::permissive()
    };
    let problems = check(b"pipelnes: {}\n", &options).unwrap_err();
    assert_eq!(
        problems.to_string(),
        "the workflow file has a problem\n  1:1: pipelnes: unknown key \"pipelnes\" (did you mean \"pipelines\"?)"
    );
    assert_eq!(
        serde_json::to_value(&problems).unwrap()[0],
        json!({
            "line": 1, "column": 1, "path": "pipelnes", "message": "unknown key \"pipelnes\"",
            "hint": "did you mean \"pipelines\"?",
        })
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = read_bytes(&bytes);
    }

    /// The real file with pieces cut out, doubled and mangled.
    #[test]
    fn no_mangled_file_makes_it_panic(from in 0usize..900, length in 0usize..60, insert in "[\\[\\]{}:&*!|>'\"%@`,?#<\\- \\n\\ta-c0-9$]{0,12}") {
        let mut text: Vec<char> = PRODUCT.chars().collect();
        let from = from.min(text.len());
        let to = (from + length).min(text.len());
        text.splice(from..to, insert.chars());
        let text: String = text.into_iter().collect();
        if let Err(problems) = read(&text) {
            prop_assert!(!problems.is_empty());
            let lines = text.lines().count() + 1;
            for problem in &problems {
                prop_assert!(problem.line <= lines + 1, "{problem} of {lines}");
            }
        }
    }
}

#[test]
fn what_plugins_may_do_is_read_by_plugin() {
    let file = format!(
        "{PRODUCT}plugins:\n  clock: {{ may_trigger: [restock], may_look_up: [stock, mail] }}\n  quiet: {{}}\n"
    );
    let workflow = read(&file).unwrap();
    let clock = &workflow.plugins[0];
    assert_eq!(clock.plugin, "clock");
    assert_eq!(clock.may_trigger, ["restock"]);
    assert_eq!(clock.may_look_up, ["stock", "mail"]);
    assert_eq!(workflow.plugins[1], PluginRights::none("quiet"));
    assert!(
        read(&format!("{PRODUCT}plugins:\n"))
            .unwrap()
            .plugins
            .is_empty()
    );
}

#[test]
fn a_right_that_makes_no_sense_is_a_problem_with_its_place() {
    let lines = PRODUCT.lines().count();
    let file = format!(
        "{PRODUCT}plugins:\n  clock: {{ may_trigger: [restok], may_do: [x] }}\n  ../clock: {{ may_look_up: stock }}\n"
    );
    let problems = read(&file).unwrap_err();
    let seen: Vec<_> = problems
        .iter()
        .map(|problem| {
            (
                problem.line - lines,
                problem.path.as_str(),
                problem.message.as_str(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            (
                2,
                "plugins.clock.may_trigger[0]",
                "there is no pipeline \"restok\""
            ),
            (2, "plugins.clock.may_do", "unknown key \"may_do\""),
            (
                3,
                "plugins.../clock",
                "name \"../clock\" must be lowercase alphanumeric with hyphens: it starts with a letter and does not end in a hyphen"
            ),
            (
                3,
                "plugins.../clock.may_look_up",
                "expected a list, found a text"
            ),
        ]
    );
    assert_eq!(
        problems[0].hint.as_deref(),
        Some("did you mean \"restock\"?")
    );
    let problems = read(&format!("{PRODUCT}plugins: [clock]\n")).unwrap_err();
    assert_eq!(
        problems[0].message,
        "expected a mapping of plugins, found a list"
    );
}
