//! Go peers with a P-521 certificate that speak one version of TLS alone.

use std::{process::Stdio, time::Duration};

use outboard_contracts::workflow::proto::plugin_service_client::PluginServiceClient;
use outboard_go_plugin::{
    handshake::HandshakeLine,
    tls::{Identity, Tls},
    transport::{Address, Channel},
};
use outboard_interop::tools;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::Command,
};

use tonic::Code;

use crate::support::RUST_KITCHEN;

const VERSIONS: [&str; 2] = ["1.2", "1.3"];

#[tokio::test]
async fn our_end_calls_a_go_server_in_tls_1_2_and_1_3() {
    let Some(go) = tools::go() else { return };
    for version in VERSIONS {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("socket");
        let mut server = Command::new(go.path("go-tls-peer"))
            .args(["-version", version, "serve"])
            .arg(&socket)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
        let theirs = lines.next_line().await.unwrap().unwrap();
        let line = format!("1|1|unix|/unused|grpc|{theirs}");
        let line = HandshakeLine::parse(&line).unwrap();
        let theirs = line.decode_certificate().unwrap().unwrap();

        let own = Identity::generate().unwrap();
        let mut text = HandshakeLine::encode_certificate(own.certificate_der());
        text.push('\n');
        let mut input = server.stdin.take().unwrap();
        input.write_all(text.as_bytes()).await.unwrap();
        assert_eq!(
            lines.next_line().await.unwrap().as_deref(),
            Some("listening")
        );

        let tls = Tls::pinned(&own, &theirs).unwrap();
        let address = Address::Unix(socket);
        let channel = Channel::connect_tls(address.clone(), &tls).await.unwrap();
        // It has no such service, and says so over the connection in question.
        let status = PluginServiceClient::new(channel)
            .get_manifest(())
            .await
            .unwrap_err();
        assert_eq!(
            status.code(),
            Code::Unimplemented,
            "TLS {version}: {status}"
        );

        let stranger = Tls::pinned(&own, Identity::generate().unwrap().certificate_der()).unwrap();
        assert!(
            Channel::connect_tls(address, &stranger).await.is_err(),
            "TLS {version}"
        );
        drop(input);
        let ended = tokio::time::timeout(Duration::from_secs(10), server.wait()).await;
        assert!(ended.unwrap().unwrap().success());
    }
}

#[tokio::test]
async fn a_go_client_calls_our_plugin_in_tls_1_2_and_1_3() {
    let Some(go) = tools::go() else { return };
    for version in VERSIONS {
        let asked = Command::new(go.path("go-tls-peer"))
            .args(["-version", version, "dial", RUST_KITCHEN])
            .env("WORKFLOW_PLUGIN", "workflow-external-plugin-v1")
            .kill_on_drop(true)
            .output();
        let asked = tokio::time::timeout(Duration::from_secs(30), asked).await;
        let asked = asked.unwrap().unwrap();
        let said = String::from_utf8_lossy(&asked.stdout);
        assert_eq!(
            said.trim(),
            "SERVING",
            "{}",
            String::from_utf8_lossy(&asked.stderr)
        );
    }
}
