//! `outboard config show`, and where settings come from.

use serde_json::Value;

use crate::support::{Home, Ran, finish};

fn setting(ran: &Ran, name: &str) -> (String, String) {
    let settings = ran.json();
    let all = settings.as_array().unwrap();
    let found = all.iter().find(|setting| setting["name"] == name).unwrap();
    let text = |key: &str| found[key].as_str().unwrap().to_owned();
    (text("value"), text("source"))
}

#[test]
fn a_flag_goes_before_a_variable_before_the_file_before_the_default() {
    let home = Home::new();
    let show = ["config", "show", "--json"];
    let with_variable = |arguments: &[&str]| {
        let mut command = home.command(arguments);
        command.env("OUTBOARD_LOG_FORMAT", "json");
        finish(command.spawn().unwrap(), "").exits(0)
    };
    let ran = home.run(&show).exits(0);
    assert_eq!(
        setting(&ran, "log_format"),
        ("text".to_owned(), "default".to_owned())
    );
    home.write(
        "outboard.toml",
        "log_format = 'json'\nstart_timeout = '7s'\n",
    );
    let ran = home.run(&show).exits(0);
    assert_eq!(
        setting(&ran, "log_format"),
        ("json".to_owned(), "outboard.toml".to_owned())
    );
    let ran = with_variable(&show);
    assert_eq!(
        setting(&ran, "log_format"),
        ("json".to_owned(), "OUTBOARD_LOG_FORMAT".to_owned())
    );
    assert_eq!(
        setting(&ran, "start_timeout"),
        ("7s".to_owned(), "outboard.toml".to_owned())
    );
    let ran = with_variable(&["config", "show", "--json", "--log-format", "text"]);
    assert_eq!(
        setting(&ran, "log_format"),
        ("text".to_owned(), "flag".to_owned())
    );
}

#[test]
fn the_file_of_the_config_directory_counts_where_there_is_no_other() {
    let home = Home::new();
    home.write(".config/outboard/outboard.toml", "start_timeout = '8s'");
    let show = ["config", "show", "--json"];
    assert_eq!(setting(&home.run(&show).exits(0), "start_timeout").0, "8s");
    home.write("other.toml", "start_timeout = '9s'");
    let ran = home.run(&["config", "show", "--json", "--config", "other.toml"]);
    assert_eq!(
        setting(&ran.exits(0), "start_timeout"),
        ("9s".to_owned(), "other.toml".to_owned())
    );
    home.run(&["config", "show", "--config", "none.toml"])
        .exits(2);
}

#[test]
fn the_table_for_people_has_every_setting() {
    let home = Home::new();
    let names = home.run(&["config", "show", "--json"]).exits(0).json();
    let ran = home.run(&["config", "show"]).exits(0);
    for setting in names.as_array().unwrap() {
        let name = setting["name"].as_str().unwrap();
        assert!(ran.stdout.contains(name), "{name} in {ran:?}");
    }
    assert!(!ran.stdout.contains('\u{1b}'), "no colour in a pipe");
}

#[test]
fn an_unknown_key_is_wrong_use_and_names_the_nearest() {
    let home = Home::new();
    home.write("outboard.toml", "adr = '127.0.0.1:1'");
    let ran = home.run(&["config", "show"]).exits(2);
    assert!(ran.stderr.contains("\"adr\""), "{ran:?}");
    assert!(ran.stderr.contains("did you mean \"addr\"?"), "{ran:?}");
    let error: Value = home.run(&["plugin", "list", "--json"]).exits(2).json();
    assert_eq!(error["error"]["kind"], "usage");
}

#[test]
fn a_value_that_cannot_be_read_is_wrong_use_and_says_where_it_stands() {
    let home = Home::new();
    let mut command = home.command(&["plugin", "list"]);
    command.env("OUTBOARD_START_TIMEOUT", "soon");
    let ran = finish(command.spawn().unwrap(), "").exits(2);
    assert!(ran.stderr.contains("OUTBOARD_START_TIMEOUT"), "{ran:?}");
    home.run(&["config", "show", "--log-format", "xml"])
        .exits(2);
}

#[test]
fn one_setting_is_printed_alone_for_scripts() {
    let home = Home::new();
    let ran = home.run(&["config", "show", "start_timeout"]).exits(0);
    assert_eq!(ran.stdout, "60s\n");
    let ran = home.run(&["config", "show", "data_dir", "--json"]).exits(0);
    assert_eq!(ran.json()["name"], "data_dir");
    home.run(&["config", "show", "data-dir"]).exits(3);
}
