//! `outboard connector …` on a directory and through a server, with the connector for SQL
//! databases in a process of its own.

use std::{fs, time::Instant};

use serde_json::{Value, json};

use crate::support::{DEADLINE, Home, Serving};

/// Installs the connector and gives it an empty database file.
fn installed(home: &Home) {
    let package = home.sql_package("package", "1.0.0");
    let package = package.to_str().unwrap();
    let outcome = home
        .run(&["connector", "install", package, "--json"])
        .exits(0)
        .json();
    assert_eq!(outcome["action"], "installed", "{outcome}");
    let path = home.write("shop.db", "");
    let path = format!("path={}", path.display());
    home.run(&[
        "connector",
        "config",
        "set",
        "sql",
        &path,
        "read_only=false",
    ])
    .exits(0);
}

fn call(home: &Home, operation: &str, input: &Value) -> Value {
    let input = input.to_string();
    let answer = home.run(&[
        "connector",
        "call",
        "sql",
        operation,
        "--input",
        &input,
        "--yes",
    ]);
    answer.exits(0).json()
}

#[test]
fn a_connector_is_installed_configured_called_and_removed_without_a_server() {
    let home = Home::new();
    installed(&home);
    let listed = home.run(&["connector", "list", "--json"]).exits(0).json();
    assert_eq!(listed[0]["key"], "sql");
    assert_eq!(listed[0]["state"], "stopped");
    assert_eq!(listed[0]["signed"], "none");

    let made = json!({ "sql": "create table kept (name text)" });
    call(&home, "execute", &made);
    let put = json!({ "sql": "insert into kept values (?)", "parameters": ["pear"] });
    assert_eq!(call(&home, "execute", &put)["rows_affected"], 1);
    let got = call(&home, "query", &json!({ "sql": "select name from kept" }));
    assert_eq!(got["rows"], json!([{ "name": "pear" }]));

    let history = home
        .run(&["connector", "history", "sql", "--json"])
        .exits(0)
        .json();
    let calls = history["calls"].as_array().unwrap();
    assert_eq!(calls.len(), 3, "{history}");
    assert_eq!(calls[0]["operation"], "query");
    assert_eq!(calls[0]["outcome"], "ok");
    assert!(!history.to_string().contains("pear"));
    assert_eq!(home.processes(), Vec::<std::path::PathBuf>::new());

    let removed = home
        .run(&["connector", "remove", "sql", "--json"])
        .exits(0)
        .json();
    assert_eq!(removed["action"], "removed");
    home.run(&["connector", "show", "sql"]).exits(3);
    assert!(!home.data().join("connectors/sql").exists());
}

#[test]
fn each_way_of_calling_wrongly_has_its_exit_code_and_a_hint() {
    let home = Home::new();
    installed(&home);
    let cases: [(&[&str], i32, &str); 7] = [
        (&["nope", "query"], 3, "not installed"),
        (&["../x", "query"], 2, "a-z"),
        (&["sql", "nope"], 3, "no operation"),
        (&["sql", "query", "--input", "{}"], 2, "required"),
        (
            &["sql", "query", "--input", "{\"sgl\": \"x\"}"],
            2,
            "there is no field",
        ),
        (&["sql", "query", "--input", "{"], 2, "no JSON"),
        (
            &["sql", "execute", "--input", "{\"sql\": \"drop table x\"}"],
            4,
            "--yes",
        ),
    ];
    for (arguments, code, said) in cases {
        let all: Vec<&str> = ["connector", "call"]
            .iter()
            .chain(arguments)
            .copied()
            .collect();
        let ran = home.run(&all).exits(code);
        assert!(ran.stderr.contains(said), "{arguments:?}: {}", ran.stderr);
        assert!(ran.stdout.is_empty());
    }
    let failed = home.run(&[
        "connector",
        "call",
        "sql",
        "query",
        "--input",
        "{\"sql\": \"select nothing\"}",
        "--json",
    ]);
    assert_eq!(failed.exits(1).json()["error"]["kind"], "operation");
}

#[test]
fn a_server_and_a_directory_give_the_same_answers() {
    let home = Home::new();
    installed(&home);
    let asked: [&[&str]; 4] = [
        &["connector", "list", "--json"],
        &["connector", "show", "sql", "--json"],
        &["connector", "config", "show", "sql", "--json"],
        &["connector", "config", "list", "sql", "--json"],
    ];
    let here: Vec<Value> = asked
        .iter()
        .map(|arguments| home.run(arguments).exits(0).json())
        .collect();
    let server = Serving::start(&home, &[]);
    for (arguments, here) in asked.iter().zip(here) {
        let there = home.run(arguments).exits(0).json();
        assert_eq!(there, here, "{arguments:?}");
    }
    let got = call(&home, "query", &json!({ "sql": "select 7 as seven" }));
    assert_eq!(got["rows"], json!([{ "seven": 7 }]));
    // Now a process runs, and the server is asked for it.
    let shown = home
        .run(&["connector", "show", "sql", "--json"])
        .exits(0)
        .json();
    assert!(shown["process"]["pid"].is_u64(), "{shown}");
    for (arguments, code) in [
        (["connector", "call", "sql", "nope"], 3),
        (["connector", "show", "nope", "--json"], 3),
    ] {
        home.run(&arguments).exits(code);
    }
    let no_sign_in = home
        .run(&["connector", "config", "sign-in", "sql"])
        .exits(3);
    assert!(
        no_sign_in.stderr.contains("no sign-in"),
        "{}",
        no_sign_in.stderr
    );
    home.run(&["connector", "disable", "sql"]).exits(0);
    let refused = home
        .run(&["connector", "call", "sql", "list_tables"])
        .exits(1);
    assert!(refused.stderr.contains("enable"), "{}", refused.stderr);
    home.run(&["connector", "enable", "sql"]).exits(0);
    home.run(&["connector", "call", "sql", "list_tables"])
        .exits(0);
    server.terminate();
    assert_eq!(home.processes(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn a_running_server_takes_up_what_is_put_into_its_directory_and_what_a_command_installs() {
    let home = Home::new();
    let server = Serving::start(&home, &[]);
    // By hand, as the original lays it out.
    home.sql_package("data/connectors/sql", "1.0.0");
    let begun = Instant::now();
    loop {
        let listed = home.run(&["connector", "list", "--json"]).exits(0).json();
        if listed[0]["version"] == "1.0.0" {
            break;
        }
        assert!(begun.elapsed() < DEADLINE, "{listed}");
    }
    let next = home.sql_package("next", "1.1.0");
    let outcome = home
        .run(&["connector", "install", next.to_str().unwrap(), "--json"])
        .exits(0)
        .json();
    assert_eq!(outcome["action"], "updated");
    assert_eq!(outcome["previous"], "1.0.0");
    let older = home.sql_package("older", "0.9.0");
    let older = older.to_str().unwrap();
    let refused = home.run(&["connector", "install", older]).exits(4);
    assert!(
        refused.stderr.contains("newer than 0.9.0"),
        "{}",
        refused.stderr
    );
    let back = home
        .run(&["connector", "rollback", "sql", "--json"])
        .exits(0)
        .json();
    assert_eq!(back["version"], "1.0.0");
    home.run(&["connector", "install", older, "--allow-downgrade"])
        .exits(0);
    server.terminate();
}

#[test]
fn a_pipeline_calls_a_connector_and_check_knows_what_it_could_not() {
    let home = Home::new();
    installed(&home);
    let flow = |operation: &str, input: &str| {
        format!(
            "pipelines:\n  ask:\n    steps:\n      - name: ask\n        type: step.connector\n        \
             config:\n          connector: sql\n          operation: {operation}\n          \
             input: {input}\n"
        )
    };
    let good = home.write(
        "good.yaml",
        &flow(
            "query",
            "{ sql: \"select {{ trigger.number }} as number\" }",
        ),
    );
    let good = good.to_str().unwrap();
    home.run(&["check", good]).exits(0);
    let run = home
        .run(&["run", good, "--input", "{\"number\": 42}"])
        .exits(0)
        .json();
    let output = &run["steps"][0]["output"];
    assert_eq!(output["rows"][0]["number"], 42, "{run}");

    let bad = home.write("bad.yaml", &flow("guess", "{}"));
    let checked = home.run(&["check", bad.to_str().unwrap()]).exits(1);
    assert!(checked.stderr.contains("guess"), "{}", checked.stderr);
}

#[test]
fn what_was_left_behind_can_be_purged_later_and_every_setting_is_one() {
    let home = Home::new();
    installed(&home);
    home.run(&["connector", "remove", "sql"]).exits(0);
    home.run(&["connector", "remove", "sql"]).exits(3);
    home.run(&["connector", "remove", "sql", "--purge"])
        .exits(0);
    home.sql_package("again", "1.0.0");
    let again = home.path("again");
    home.run(&["connector", "install", again.to_str().unwrap()])
        .exits(0);
    let instances = home.run(&["connector", "config", "list", "sql", "--json"]);
    assert_eq!(instances.exits(0).json(), json!([]));
    for setting in ["connector_variables", "signature_policy", "max_processes"] {
        home.run(&["config", "show", setting]).exits(0);
    }
}

#[test]
fn secrets_are_masked_where_they_are_shown_and_sealed_where_they_lie() {
    let home = Home::new();
    installed(&home);
    home.write("password.txt", "correct horse\n");
    let file = format!("password=@{}", home.path("password.txt").display());
    let set = home
        .run(&["connector", "config", "set", "sql", &file, "--json"])
        .exits(0);
    assert!(!set.stdout.contains("correct horse"));
    assert_ne!(set.json()["config"]["password"], Value::Null);
    for entry in fs::read_dir(home.data()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = fs::read(&path).unwrap();
            let found = bytes.windows(13).any(|window| window == b"correct horse");
            assert!(!found, "{}", path.display());
        }
    }
}

#[test]
fn a_database_that_is_damaged_is_an_error_and_nothing_is_enabled_by_it() {
    let home = Home::new();
    installed(&home);
    home.run(&["connector", "disable", "sql"]).exits(0);
    for end in ["-wal", "-shm"] {
        let _ = fs::remove_file(home.data().join(format!("outboard.db{end}")));
    }
    fs::write(
        home.data().join("outboard.db"),
        "this is no database, and was one",
    )
    .unwrap();
    let refused = home
        .run(&["connector", "call", "sql", "list_tables"])
        .exits(1);
    assert!(refused.stderr.contains("outboard.db"), "{}", refused.stderr);
    let kind = home.run(&["connector", "list", "--json"]).exits(1).json();
    assert_eq!(kind["error"]["kind"], "state");
}
