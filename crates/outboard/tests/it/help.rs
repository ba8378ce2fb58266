//! What every command says about itself.

use crate::support::Home;

/// The commands under a command, as its help lists them.
fn commands(help: &str) -> Vec<String> {
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    listed
        .take_while(|line| !line.is_empty())
        // A longer indentation goes on with the description above.
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

fn visit(home: &Home, path: &[&str], seen: &mut Vec<String>) {
    let ran = home.run(&[path, &["--help"]].concat()).exits(0);
    let what = path.join(" ");
    let (_, examples) = ran
        .stdout
        .split_once("Examples:")
        .unwrap_or_else(|| panic!("no examples: {what}"));
    let shown = examples.lines().filter(|line| line.contains("outboard "));
    assert!(shown.count() >= 2, "fewer than two examples: {what}");
    for name in commands(&ran.stdout) {
        visit(home, &[path, &[&name]].concat(), seen);
    }
    seen.push(what);
}

#[test]
fn every_command_shows_two_examples() {
    let mut seen = Vec::new();
    visit(&Home::new(), &[], &mut seen);
    for name in [
        "serve",
        "run",
        "check",
        "plugin logs",
        "config show",
        "doctor",
    ] {
        assert!(seen.iter().any(|what| what == name), "{name} in {seen:?}");
    }
}

#[test]
fn wrong_use_ends_with_2_and_says_so_on_standard_error() {
    let home = Home::new();
    for arguments in [
        &["lits"][..],
        &[],
        &["plugin"],
        &["plugin", "show"],
        &["check"],
        &["serve", "--adr", "x"],
        &["plugin", "show", "../x"],
        &["plugin", "load", ".."],
    ] {
        let ran = home.run(arguments).exits(2);
        assert_eq!(ran.stdout, "", "{arguments:?}");
        assert_ne!(ran.stderr, "", "{arguments:?}");
    }
}

#[test]
fn a_program_that_asked_for_json_gets_wrong_use_as_json_too() {
    let home = Home::new();
    for arguments in [
        &["lits", "--json"][..],
        &["--json"],
        &["plugin", "show", "--json"],
        &["serve", "--json", "--adr", "x"],
    ] {
        let ran = home.run(arguments).exits(2);
        assert_eq!(ran.stderr, "", "{arguments:?}");
        let error = &ran.json()["error"];
        assert_eq!(error["kind"], "usage", "{arguments:?}");
        assert_ne!(error["message"], "", "{arguments:?}");
    }
    // Help and version are what was asked for.
    let ran = home.run(&["--json", "--help"]).exits(0);
    assert!(ran.stdout.contains("Examples:"), "{ran:?}");
}

#[test]
fn completions_know_the_commands_of_each_shell() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish"] {
        let ran = home.run(&["completions", shell]).exits(0);
        for word in ["outboard", "plugin", "completions"] {
            assert!(ran.stdout.contains(word), "{shell}: {word}");
        }
    }
    home.run(&["completions", "tcsh"]).exits(2);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let home = Home::new();
    let mut child = home.command(&["completions", "bash"]).spawn().unwrap();
    // Closed before anything can be read.
    drop(child.stdout.replace(fake_stdout(&home)));
    let ran = crate::support::finish(child, "");
    assert!(!ran.stderr.contains("panicked"), "{ran:?}");
}

/// The empty output of another process, to put in a closed one's place.
fn fake_stdout(home: &Home) -> std::process::ChildStdout {
    let mut other = home.command(&["--version"]).spawn().unwrap();
    let stdout = other.stdout.take().unwrap();
    other.wait().unwrap();
    stdout
}
