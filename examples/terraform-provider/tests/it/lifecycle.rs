//! Starting, protecting and ending a provider's process.

use std::{fs, path::PathBuf, process::Command};

use outboard_go_plugin::{
    handshake::HandshakeConfig,
    host::{ExitCause, PluginSpec, StartErrorKind, TlsMode},
};
use outboard_interop::foreign;
use terraform_provider::{Failure, Provider, provider::handshake};

use crate::support::{names, process_exists, shelf};

#[tokio::test]
async fn a_provider_is_encrypted_and_ends_without_force_leaving_nothing() {
    let Some(shelf) = shelf() else { return };
    let provider = shelf.start().await;
    let process = provider.process();
    assert!(process.is_encrypted());
    assert_eq!(process.protocol_version(), 6);
    let pid = process.pid();
    let socket = PathBuf::from(process.address().to_string());
    assert!(socket.exists());

    let report = provider.stop().await;
    assert_eq!(report.cause, ExitCause::Code(0), "{report}");
    assert!(report.requested && !report.forced, "{report}");
    assert!(!process_exists(pid));
    assert!(!socket.exists(), "{} is left", socket.display());
}

#[tokio::test]
async fn a_provider_also_serves_in_plain_text() {
    let Some(mut shelf) = shelf() else { return };
    shelf.spec = shelf.spec.tls(TlsMode::Plaintext);
    let provider = shelf.start().await;
    assert!(!provider.process().is_encrypted());
    assert!(!provider.stop().await.forced);
}

#[tokio::test]
async fn a_host_of_version_5_is_told_both_versions() {
    let Some(program) = foreign::terraform_provider() else {
        return;
    };
    let handshake = handshake();
    let handshake =
        HandshakeConfig::new(handshake.magic_cookie_key, handshake.magic_cookie_value, 5);
    let spec = PluginSpec::new("shelf", program, handshake);
    let error = match Provider::start(&spec).await.unwrap_err() {
        Failure::Start(error) => error,
        other => panic!("{other}"),
    };
    assert!(
        matches!(error.kind(), StartErrorKind::AppVersion { plugin: 6, host } if host == &[5]),
        "{error}"
    );
    let said = error.to_string();
    assert!(
        said.contains("it speaks protocol version 6, and this host speaks 5"),
        "{said}"
    );

    // One that speaks both gets the common one.
    let provider = Provider::start(&spec.protocol_versions([5, 6])).await;
    let provider = provider.unwrap();
    assert_eq!(provider.process().protocol_version(), 6);
    assert!(!provider.stop().await.forced);
}

#[tokio::test]
async fn the_example_makes_a_file_and_says_so() {
    let Some(program) = foreign::terraform_provider() else {
        return;
    };
    let shelf = tempfile::tempdir().unwrap();
    let sockets = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_terraform-provider"))
        .arg(&program)
        .arg(shelf.path())
        .env("TMPDIR", sockets.path())
        .env("XDG_RUNTIME_DIR", sockets.path())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complained}");
    for part in [
        "resource shelf_file: A file on the shelf.",
        "plan: make shelf_file\n  content: nil -> \"hello\"\n",
        "sha256: nil -> (known after apply)\n",
        "applied: shelf_file\n",
        "read: shelf_file\n  content = \"hello\"\n",
        "stopped: process",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    assert_eq!(names(shelf.path()), ["greeting.txt"]);
    let made = fs::read_to_string(shelf.path().join("greeting.txt"));
    assert_eq!(made.unwrap(), "hello");
    assert!(
        names(sockets.path()).is_empty(),
        "{:?}",
        names(sockets.path())
    );
}

#[tokio::test]
async fn the_example_says_what_the_provider_objects_to() {
    let Some(program) = foreign::terraform_provider() else {
        return;
    };
    let output = Command::new(env!("CARGO_BIN_EXE_terraform-provider"))
        .arg(&program)
        .arg("/nonexistent")
        .output()
        .unwrap();
    assert!(!output.status.success());
    let complained = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        complained,
        "the provider refused: error: There is no such shelf (directory): \
         /nonexistent is not a directory.\n"
    );
}
