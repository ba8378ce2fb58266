//! Which version of the contract two peers speak, with windows wider than one version. No
//! second version exists yet: its set is the first one's again.

use std::path::Path;

use outboard_go_plugin::host::{PluginSpec, StartErrorKind, StartStep};
use outboard_interop::{
    cases::{self, Case, Seen, judge},
    connector, tools,
};

use super::support::{GoTrust, Package, go_host_output};
use crate::support::RUST_CONNECTOR;

/// Every case but the one that says the version.
fn all_but_the_version() -> Vec<Case> {
    let mut cases = cases::CONNECTOR.cases();
    let before = cases.len();
    cases.retain(|case| case.call != "Host.Protocol");
    assert_eq!(cases.len(), before - 1);
    cases
}

fn go_connector(go: &tools::GoCommands, versions: &str) -> PluginSpec {
    connector::spec("larder", go.path("go-connector")).env("LARDER_VERSIONS", versions)
}

#[tokio::test]
async fn a_host_of_two_versions_speaks_the_newest_that_a_go_connector_has() {
    let Some(go) = tools::go() else { return };
    for (plugin_has, spoken) in [("1-1", 1), ("1-2", 2), ("2-2", 2), ("1-9", 2)] {
        let spec = go_connector(&go, plugin_has).protocol_versions([1, 2]);
        let plugin = spec.start().await.unwrap();
        assert_eq!(plugin.protocol_version(), spoken, "{plugin_has}");
        let cases = all_but_the_version();
        let seen = connector::run(&cases, &plugin).await;
        assert_eq!(judge(&cases, &seen), [""; 0], "{plugin_has}");
    }
}

#[tokio::test]
async fn a_go_connector_without_a_common_version_is_refused_by_both_versions() {
    let Some(go) = tools::go() else { return };
    for (plugin_has, host_has, said) in [
        ("1-1", vec![2, 3], "it speaks protocol version 1"),
        ("2-3", vec![1], "it speaks protocol version 2"),
    ] {
        let spec = go_connector(&go, plugin_has).protocol_versions(host_has.clone());
        let error = spec.start().await.unwrap_err();
        assert_eq!(error.step(), StartStep::Handshake, "{error}");
        let text = error.to_string();
        assert!(text.contains("larder") && text.contains(said), "{text}");
        match error.kind() {
            StartErrorKind::AppVersion { host, .. } => assert_eq!(*host, host_has),
            other => panic!("{other:?}"),
        }
    }
}

/// The Go host offers these versions to a package; the version that is spoken, or what it
/// says instead.
fn go_host_speaks(
    go: &tools::GoCommands,
    program: &Path,
    window: (u32, u32),
) -> Result<u64, String> {
    let package = Package::of(program, None);
    let mut host = GoTrust::default().host(go);
    host.args([
        format!("-oldest={}", window.0),
        format!("-newest={}", window.1),
    ]);
    let mut cases = cases::CONNECTOR.cases();
    cases.retain(|case| case.call == "Host.Protocol");
    let output = go_host_output(host, package.path(), &cases);
    if !output.status.success() {
        assert_eq!(output.status.code(), Some(5));
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let seen: Vec<Seen> = serde_json::from_slice(&output.stdout).unwrap();
    Ok(seen[0].value.as_ref().unwrap()["version"].as_u64().unwrap())
}

#[test]
fn a_go_host_of_two_versions_speaks_the_one_that_a_connector_has() {
    let Some(go) = tools::go() else { return };
    for program in [go.path("go-connector"), RUST_CONNECTOR.into()] {
        assert_eq!(go_host_speaks(&go, &program, (1, 2)), Ok(1));
        let refused = go_host_speaks(&go, &program, (2, 3)).unwrap_err();
        assert!(refused.contains("ncompatible API version"), "{refused}");
    }
}

#[tokio::test]
async fn our_host_and_our_connector_agree_on_versions_alike() {
    let spec = connector::spec("larder", RUST_CONNECTOR);
    let plugin = spec
        .clone()
        .protocol_versions([1, 2])
        .start()
        .await
        .unwrap();
    assert_eq!(plugin.protocol_version(), 1);
    let error = spec.protocol_versions([2, 3]).start().await.unwrap_err();
    assert!(
        matches!(error.kind(), StartErrorKind::AppVersion { plugin: 1, .. }),
        "{error}"
    );
}
