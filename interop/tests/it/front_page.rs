//! The examples of `outboard-go-plugin`'s front page, against the key-value example that
//! comes with go-plugin.

use std::{ffi::OsStr, fs, os::unix::fs::symlink, path::Path, process::Command};

use outboard_interop::foreign;

const HOST: &str = env!("CARGO_BIN_EXE_front-page-host");
const PLUGIN: &str = env!("CARGO_BIN_EXE_front-page-plugin");

/// Runs a program that keeps its files in a directory, and its sockets in another.
fn run(program: &OsStr, arguments: &[&str], files: &Path, sockets: &Path) -> String {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(files);
    command
        .env("TMPDIR", sockets)
        .env("XDG_RUNTIME_DIR", sockets);
    // These are for the host that comes with go-plugin.
    command.env("KV_PLUGIN", PLUGIN).env("KV_PROTO", "grpc");
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{complained}");
    let left: Vec<_> = fs::read_dir(sockets).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    said
}

#[test]
fn the_hosts_example_drives_the_plugin_that_comes_with_go_plugin() {
    let Some(example) = foreign::key_value_example() else {
        return;
    };
    let files = tempfile::tempdir().unwrap();
    let sockets = tempfile::tempdir().unwrap();
    let plugin = files.path().join("plugin-go-grpc");
    symlink(example.join("plugin-go-grpc"), plugin).unwrap();
    let said = run(HOST.as_ref(), &[], files.path(), sockets.path());
    let lines: Vec<&str> = said.lines().collect();
    // The plugin adds its name to what it keeps.
    assert_eq!(lines[..3], ["hello", "", "Written from plugin-go-grpc"]);
    assert!(lines[3].contains("ended with exit status 0"), "{said}");
    assert!(!lines[3].contains("by force"), "{said}");
}

#[test]
fn the_host_that_comes_with_go_plugin_drives_the_plugins_example() {
    let Some(example) = foreign::key_value_example() else {
        return;
    };
    let files = tempfile::tempdir().unwrap();
    let sockets = tempfile::tempdir().unwrap();
    let host = example.join("grpc");
    let host = |arguments: &[&str]| run(host.as_ref(), arguments, files.path(), sockets.path());
    host(&["put", "greeting", "hello"]);
    let kept = fs::read_to_string(files.path().join("kv_greeting"));
    assert_eq!(kept.unwrap(), "hello");
    assert_eq!(host(&["get", "greeting"]), "hello\n");
}

#[test]
fn the_hosts_example_has_under_30_lines() {
    let source = include_str!("../../../crates/outboard-go-plugin/examples/kv_host.rs");
    assert!(source.lines().count() < 30);
}
