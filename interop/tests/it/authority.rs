//! Clients that call a Unix socket by names of their own.

use std::process::{Command, Stdio};

use outboard_interop::tools;

use crate::support::RUST_KITCHEN;

/// A client of `grpcio`, which knows no go-plugin: it asks for the plugin's health.
const CLIENT: &str = r#"
import sys, grpc
with grpc.insecure_channel("unix:" + sys.argv[1]) as channel:
    check = channel.unary_unary("/grpc.health.v1.Health/Check")
    print(check(b"\x0a\x06plugin", timeout=20).hex())
"#;

#[test]
fn a_client_on_grpcio_calls_our_plugin_over_its_unix_socket() {
    let Some(python) = tools::python() else {
        return;
    };
    let sockets = tempfile::tempdir().unwrap();
    let mut plugin = Command::new(RUST_KITCHEN)
        .env("WORKFLOW_PLUGIN", "workflow-external-plugin-v1")
        .env("PLUGIN_PROTOCOL_VERSIONS", "1")
        .env("PLUGIN_UNIX_SOCKET_DIR", sockets.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut stdout = std::io::BufReader::new(plugin.stdout.as_mut().unwrap());
    std::io::BufRead::read_line(&mut stdout, &mut line).unwrap();
    let socket = line.split('|').nth(3).unwrap().to_owned();
    let asked = Command::new(&python.program)
        .args(["-c", CLIENT, &socket])
        .output();
    plugin.kill().unwrap();
    plugin.wait().unwrap();
    let asked = asked.unwrap();
    let said = String::from_utf8_lossy(&asked.stderr);
    assert_eq!(
        String::from_utf8_lossy(&asked.stdout).trim(),
        "0801",
        "{said}"
    );
}
