//! Programs that are no plugins, and plugins in a world that is none of theirs.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use outboard_go_plugin::host::{PluginSpec, StartError, StartErrorKind, StartStep};

use crate::support::{handshake, is_alive, script, wait_for};

async fn refused(path: &Path) -> StartError {
    let error = PluginSpec::new("file", path, handshake())
        .start()
        .await
        .unwrap_err();
    assert_eq!(error.step(), StartStep::Prepare);
    error
}

#[tokio::test]
async fn files_that_are_no_programs_are_refused_before_anything_starts() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("program");

    assert!(matches!(
        refused(&path).await.kind(),
        StartErrorKind::NotFound(_)
    ));
    assert!(matches!(
        refused(directory.path()).await.kind(),
        StartErrorKind::NotAFile(_)
    ));

    fs::write(&path, "echo hello\n").unwrap();
    assert!(matches!(
        refused(&path).await.kind(),
        StartErrorKind::NotExecutable(_)
    ));

    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(matches!(
        refused(&path).await.kind(),
        StartErrorKind::UnknownFormat(_)
    ));

    fs::write(&path, "").unwrap();
    assert!(matches!(
        refused(&path).await.kind(),
        StartErrorKind::UnknownFormat(_)
    ));

    fs::write(&path, "#!/no/such/interpreter\n").unwrap();
    assert!(matches!(
        refused(&path).await.kind(),
        StartErrorKind::NoInterpreter { .. }
    ));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_program_of_another_architecture_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("program");
    // Our own program with another machine's number in its header.
    let mut program = fs::read(std::env::current_exe().unwrap()).unwrap();
    let (machine, name) = if cfg!(target_arch = "x86_64") {
        (183, "aarch64")
    } else {
        (62, "x86_64")
    };
    program.truncate(4096);
    program[18] = machine;
    program[19] = 0;
    fs::write(&path, program).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let error = refused(&path).await;
    assert!(
        matches!(error.kind(), StartErrorKind::WrongArchitecture { found, .. } if found == name),
        "{error:?}"
    );
}

#[tokio::test]
async fn dropping_a_start_half_way_kills_what_was_started() {
    let (directory, spec) = script("echo $$ > \"$0.pid\"; exec sleep 1000");
    let pid_file = directory.path().join("scripted.pid");
    let start = tokio::spawn(async move { spec.start().await });
    wait_for("the process", || {
        fs::read_to_string(&pid_file).is_ok_and(|text| text.ends_with('\n'))
    })
    .await;
    start.abort();
    let pid: u32 = fs::read_to_string(&pid_file)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    wait_for("the process to end", || !is_alive(pid)).await;
}

#[tokio::test]
async fn a_plugin_that_cannot_read_its_hosts_certificate_says_so_and_does_not_serve() {
    let program = crate::support::fixture().program().unwrap().to_owned();
    let output = tokio::process::Command::new(program)
        .env("FIXTURE_PLUGIN", "a cookie")
        .env("PLUGIN_CLIENT_CERT", "-----BEGIN CERTIFICATE-----")
        .output()
        .await
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("PLUGIN_CLIENT_CERT"), "{said}");
}

#[tokio::test]
async fn a_plugin_started_by_hand_says_what_it_is() {
    let program = crate::support::fixture().program().unwrap().to_owned();
    let output = tokio::process::Command::new(program)
        .output()
        .await
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("This program is a plugin"), "{said}");
}
