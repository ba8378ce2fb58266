//! The example host with the example plugin, as a person would run them.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

/// The program of the example plugin, made current. Cargo builds programs for the
/// tests of their own package only; a build of the whole workspace puts it beside ours.
fn store_plugin() -> PathBuf {
    let beside = Path::new(env!("CARGO_BIN_EXE_embed-host")).with_file_name("store-plugin");
    let sources = ["examples/store-plugin", "crates/outboard-sdk/src"];
    let shared = [
        "crates/outboard-go-plugin/src",
        "crates/outboard-contracts/src",
    ];
    let newest = sources
        .iter()
        .chain(&shared)
        .map(|path| newest(&repository().join(path)));
    let built = beside.metadata().and_then(|file| file.modified()).ok();
    if built > newest.max().flatten() {
        return beside;
    }
    let output = Command::new(env!("CARGO"))
        .args([
            "build",
            "--package",
            "store-plugin",
            "--bin",
            "store-plugin",
        ])
        .args(["--message-format", "json"])
        .current_dir(repository())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let messages = String::from_utf8(output.stdout).unwrap();
    let mut programs = messages.lines().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).unwrap();
        message["executable"].as_str().map(PathBuf::from)
    });
    programs.next_back().unwrap()
}

/// When something below a directory was last changed.
fn newest(path: &Path) -> Option<SystemTime> {
    if !path.is_dir() {
        return path.metadata().unwrap().modified().ok();
    }
    let entries = fs::read_dir(path).unwrap();
    entries
        .map(|entry| newest(&entry.unwrap().path()))
        .max()
        .flatten()
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap()
}

/// A plugins directory as on an operator's machine.
fn plugins() -> tempfile::TempDir {
    let plugins = tempfile::tempdir().unwrap();
    let directory = plugins.path().join("store-plugin");
    fs::create_dir(&directory).unwrap();
    let manifest = repository().join("examples/store-plugin/plugin.json");
    fs::copy(manifest, directory.join("plugin.json")).unwrap();
    fs::copy(store_plugin(), directory.join("store-plugin")).unwrap();
    plugins
}

#[test]
fn a_step_goes_on_in_a_new_process_after_its_plugin_was_killed() {
    let plugins = plugins();
    let sockets = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_embed-host"))
        .arg(plugins.path())
        .env("TMPDIR", sockets.path())
        .env("XDG_RUNTIME_DIR", sockets.path())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complained}");

    let lines: Vec<&str> = said.lines().collect();
    let answers: Vec<&&str> = lines
        .iter()
        .filter(|line| line.starts_with("the step"))
        .collect();
    assert_eq!(answers.len(), 2, "{said}");
    assert!(
        answers[0].contains(r#""sums": Object {"n": Number(5)}"#),
        "{said}"
    );
    assert_eq!(answers[0], answers[1]);

    let processes: Vec<&str> = lines
        .iter()
        .filter_map(|line| line.split("is ready as process ").nth(1)?.split(' ').next())
        .collect();
    assert_eq!(processes.len(), 2, "{said}");
    assert_ne!(processes[0], processes[1]);
    assert!(said.contains("SIGKILL"), "{said}");
    for process in processes {
        assert!(
            !Path::new("/proc").join(process).exists(),
            "process {process} is left"
        );
    }
    let left: Vec<_> = fs::read_dir(sockets.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_missing_plugin_is_one_clear_error() {
    let empty = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_embed-host"))
        .arg(empty.path())
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("store-plugin"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn the_host_has_under_40_lines() {
    let source = include_str!("../../src/main.rs");
    assert!(source.lines().count() < 40);
}
