//! The handshake line of each plugin, byte for byte.

use std::{
    ffi::OsStr,
    io::Read as _,
    path::Path,
    process::{Command, Stdio},
};

use outboard_interop::tools;

use crate::support::{RUST_KITCHEN, python_plugin};

/// Starts a plugin as a host does and returns its first line, with its end. The
/// plugin's standard output must hold nothing else until it is told to end.
fn first_line(plugin: &Path, sockets: &Path, path: Option<&OsStr>) -> String {
    let mut command = Command::new(plugin);
    command
        .env("WORKFLOW_PLUGIN", "workflow-external-plugin-v1")
        .env("PLUGIN_PROTOCOL_VERSIONS", "1")
        .env("PLUGIN_UNIX_SOCKET_DIR", sockets)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    if let Some(path) = path {
        command.env("PATH", path);
    }
    let mut child = command.spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut line = Vec::new();
    let mut byte = [0];
    while line.last() != Some(&b'\n') && stdout.read(&mut byte).unwrap() == 1 {
        line.push(byte[0]);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let mut rest = Vec::new();
    stdout.read_to_end(&mut rest).unwrap();
    assert_eq!(String::from_utf8_lossy(&rest), "");
    String::from_utf8(line).unwrap()
}

/// The name of the one socket in a directory.
fn socket_in(directory: &Path) -> String {
    let names: Vec<_> = directory
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap())
        .collect();
    assert_eq!(names.len(), 1, "{names:?}");
    names[0].path().to_str().unwrap().to_owned()
}

#[test]
fn a_go_plugin_prints_six_fields_of_which_the_last_is_empty() {
    let Some(go) = tools::go() else { return };
    let sockets = tempfile::tempdir().unwrap();
    let line = first_line(&go.path("go-plugin-kitchen"), sockets.path(), None);
    assert_eq!(
        line,
        format!("1|1|unix|{}|grpc|\n", socket_in(sockets.path()))
    );
}

#[test]
fn our_plugin_prints_what_a_go_plugin_prints() {
    let sockets = tempfile::tempdir().unwrap();
    let line = first_line(RUST_KITCHEN.as_ref(), sockets.path(), None);
    assert_eq!(
        line,
        format!("1|1|unix|{}|grpc|\n", socket_in(sockets.path()))
    );
}

#[test]
fn a_python_plugin_prints_five_fields() {
    let Some(python) = tools::python() else {
        return;
    };
    let sockets = tempfile::tempdir().unwrap();
    let line = first_line(&python_plugin(), sockets.path(), Some(&python.path));
    assert_eq!(
        line,
        format!("1|1|unix|{}|grpc\n", socket_in(sockets.path()))
    );
}

/// Starts a plugin without the cookie, as a person does who is curious.
fn started_by_hand(plugin: &Path, path: Option<&OsStr>) -> std::process::Output {
    let mut command = Command::new(plugin);
    command
        .env_remove("WORKFLOW_PLUGIN")
        .env("PYTHONDONTWRITEBYTECODE", "1");
    if let Some(path) = path {
        command.env("PATH", path);
    }
    command.stdin(Stdio::null()).output().unwrap()
}

fn refuses(output: &std::process::Output) {
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    assert!(String::from_utf8_lossy(&output.stderr).contains("plugin"));
}

#[test]
fn our_plugin_refuses_to_be_started_by_hand() {
    refuses(&started_by_hand(RUST_KITCHEN.as_ref(), None));
}

#[test]
fn plugins_in_go_and_python_refuse_to_be_started_by_hand() {
    let (Some(go), Some(python)) = (tools::go(), tools::python()) else {
        return;
    };
    refuses(&started_by_hand(&go.path("go-plugin-kitchen"), None));
    refuses(&started_by_hand(&python_plugin(), Some(&python.path)));
}
