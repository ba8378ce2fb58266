//! One list of cases for every pair of host and connector.

use std::path::PathBuf;

use outboard_go_plugin::host::PluginSpec;
use outboard_interop::{
    cases::{self, judge},
    connector, tools,
};

use super::support::{GoTrust, Package, the_go_host_runs};
use crate::support::{RUST_CONNECTOR, process_exists};

/// Our host runs the list; all must be as it says, and nothing may be left.
async fn our_host_runs(spec: PluginSpec) {
    let plugin = spec.start().await.unwrap();
    assert!(plugin.is_encrypted());
    let socket = PathBuf::from(plugin.address().to_string());
    let cases = cases::CONNECTOR.cases();
    let seen = connector::run(&cases, &plugin).await;
    assert_eq!(judge(&cases, &seen), [""; 0]);
    assert!(!process_exists(plugin.pid()));
    assert!(!socket.exists(), "{} is left", socket.display());
}

#[tokio::test]
async fn our_host_and_the_go_connector_agree_on_every_case() {
    let Some(go) = tools::go() else { return };
    our_host_runs(connector::spec("go-larder", go.path("go-connector"))).await;
}

#[tokio::test]
async fn our_host_and_our_connector_agree_on_every_case() {
    our_host_runs(connector::spec("rust-larder", RUST_CONNECTOR)).await;
}

#[test]
fn the_go_host_and_our_connector_agree_on_every_case() {
    let Some(go) = tools::go() else { return };
    let package = Package::of(RUST_CONNECTOR.as_ref(), None);
    the_go_host_runs(cases::CONNECTOR, GoTrust::default().host(&go), &package);
}

/// Without this pair nobody would know whether the list is right about Go.
#[test]
fn the_go_host_and_the_go_connector_agree_on_every_case() {
    let Some(go) = tools::go() else { return };
    let package = Package::of(&go.path("go-connector"), None);
    the_go_host_runs(cases::CONNECTOR, GoTrust::default().host(&go), &package);
}
