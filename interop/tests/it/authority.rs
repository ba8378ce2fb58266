//! Clients that call a Unix socket by names of their own.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use outboard_interop::tools;

use crate::support::RUST_KITCHEN;

/// A client on `grpcio`, which knows no go-plugin: it asks for the plugin's health,
/// once as `localhost` and once as what it says by itself, over one connection each.
const CLIENT: &str = r#"
import sys, grpc

def ask(options):
    with grpc.insecure_channel("unix:" + sys.argv[1], options=options) as channel:
        check = channel.unary_unary("/grpc.health.v1.Health/Check")
        try:
            return check(b"\x0a\x06plugin", timeout=20).hex()
        except grpc.RpcError as error:
            return error.code().name

print(ask([("grpc.default_authority", "localhost")]), ask([]))
"#;

#[test]
fn a_client_on_grpcio_calls_our_plugin_whatever_it_names() {
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
    let mut stdout = BufReader::new(plugin.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    let socket = line.split('|').nth(3).unwrap();
    let asked = Command::new(&python.program)
        .args(["-c", CLIENT, socket])
        .output();
    plugin.kill().unwrap();
    plugin.wait().unwrap();
    let asked = asked.unwrap();
    let said = String::from_utf8_lossy(&asked.stderr);
    // By itself it names the socket's path, which is no authority.
    assert_eq!(
        String::from_utf8_lossy(&asked.stdout).trim(),
        "0801 0801",
        "{said}"
    );
}
