//! The TCP ports that a plugin takes of the range that its host gives it.

use std::{
    net::{Ipv4Addr, TcpListener},
    process::Stdio,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::Command,
};

use crate::support::example;

/// How many ports are taken before the plugin comes.
const TAKEN: u16 = 50;

fn plugin(low: u16, high: u16) -> Command {
    let mut command = Command::new(example("fixture_plugin"));
    command
        .arg("tcp")
        .env("FIXTURE_PLUGIN", "a cookie")
        .env("PLUGIN_PROTOCOL_VERSIONS", "1")
        .env("PLUGIN_MIN_PORT", low.to_string())
        .env("PLUGIN_MAX_PORT", high.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// The port in the handshake line.
async fn port(mut command: Command) -> u16 {
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().unwrap();
    let address = line.split('|').nth(3).unwrap();
    let port = address.strip_prefix("127.0.0.1:").unwrap().parse().unwrap();
    child.kill().await.unwrap();
    port
}

#[tokio::test]
async fn taken_ports_are_passed_over_and_a_full_range_is_named() {
    let low = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap();
    // Who else has one of them does not matter.
    let _taken: Vec<_> = (low..low + TAKEN)
        .map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)))
        .collect();
    let found = port(plugin(low, low + 2 * TAKEN)).await;
    assert!((low + TAKEN..=low + 2 * TAKEN).contains(&found), "{found}");

    let mut full = plugin(low, low + TAKEN - 1).spawn().unwrap();
    let mut said = String::new();
    let mut stderr = full.stderr.take().unwrap();
    stderr.read_to_string(&mut said).await.unwrap();
    assert!(!full.wait().await.unwrap().success());
    let range = format!("no port from {low} to {} is free", low + TAKEN - 1);
    assert!(said.contains(&range), "{said}");

    assert_ne!(port(plugin(0, 0)).await, 0);
}
