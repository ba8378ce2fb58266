//! Plugins that do not do what a plugin must, each with the error it gives.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, time::Duration};

use outboard_go_plugin::host::{ExitCause, PluginSpec, StartError, StartErrorKind, StartStep};
use tokio::time::Instant;

use crate::support::{handshake, is_alive, script, wait_for};

/// Starts what must not start, and finds nothing left of it.
async fn failure(body: &str) -> StartError {
    let (directory, spec) = script(&format!("echo $$ > \"$0.pid\"\n{body}"));
    let error = spec.start().await.expect_err("a plugin that misbehaves");
    let pid = fs::read_to_string(directory.path().join("scripted.pid")).unwrap();
    let pid: u32 = pid.trim().parse().unwrap();
    wait_for("the process to end", || !is_alive(pid)).await;
    assert_eq!(error.plugin(), "scripted");
    assert!(error.to_string().contains("scripted"), "{error}");
    assert!(error.to_string().ends_with(error.hint()), "{error}");
    error
}

#[tokio::test]
async fn one_that_exits_at_once_tells_its_status_and_last_words() {
    let error = failure("echo 'no database' >&2; exit 3").await;
    assert!(
        matches!(error.kind(), StartErrorKind::Exited(ExitCause::Code(3))),
        "{error:?}"
    );
    assert_eq!(error.step(), StartStep::Handshake);
    assert_eq!(error.exit(), Some(ExitCause::Code(3)));
    assert_eq!(error.last_lines(), ["no database"]);
    assert!(error.to_string().contains("exit status 3"), "{error}");
    assert!(error.to_string().contains("no database"), "{error}");
}

#[tokio::test]
async fn one_that_is_killed_tells_the_signal() {
    let error = failure("kill -SEGV $$").await;
    assert_eq!(error.exit(), Some(ExitCause::Signal(11)));
    assert!(error.to_string().contains("SIGSEGV"), "{error}");
}

#[tokio::test]
async fn one_that_prints_garbage_is_shown_what_it_printed() {
    let error = failure("echo 'hello world'; sleep 1000").await;
    assert!(
        matches!(error.kind(), StartErrorKind::Unrecognized { line, .. } if line == "hello world"),
        "{error:?}"
    );
}

#[tokio::test]
async fn garbage_without_end_and_without_lines_is_cut() {
    let error = failure("exec cat /dev/zero").await;
    let StartErrorKind::Unrecognized { line, .. } = error.kind() else {
        panic!("{error:?}")
    };
    assert!(line.len() <= 200);
}

#[tokio::test]
async fn one_that_closes_its_output_and_runs_on_is_ended() {
    let error = failure("exec >&-; exec sleep 1000").await;
    assert!(
        matches!(error.kind(), StartErrorKind::NoHandshake),
        "{error:?}"
    );
}

#[tokio::test]
async fn one_that_hangs_before_the_handshake_is_ended_at_the_timeout() {
    let (_directory, spec) = script("exec sleep 1000");
    let timeout = Duration::from_millis(200);
    let before = Instant::now();
    let error = spec.start_timeout(timeout).start().await.unwrap_err();
    assert!(before.elapsed() < Duration::from_secs(2));
    assert!(matches!(error.kind(), StartErrorKind::Timeout(limit) if *limit == timeout));
    assert_eq!(error.step(), StartStep::Handshake);
}

#[tokio::test]
async fn one_that_hangs_after_the_handshake_is_ended_at_the_timeout() {
    // It listens, so that connecting works, and answers nothing.
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let body = format!("echo '1|1|unix|{}|grpc|'; exec sleep 1000", path.display());
    let (_script, spec) = script(&body);
    let error = spec
        .start_timeout(Duration::from_millis(300))
        .start()
        .await
        .unwrap_err();
    assert!(
        matches!(error.kind(), StartErrorKind::Timeout(_)),
        "{error:?}"
    );
    assert_eq!(error.step(), StartStep::Health);
}

#[tokio::test]
async fn an_address_where_nobody_listens_is_named() {
    let error = failure("echo '1|1|unix|/nonexistent/socket|grpc|'; sleep 1000").await;
    assert!(
        matches!(error.kind(), StartErrorKind::Connect { .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("/nonexistent/socket"), "{error}");
}

#[tokio::test]
async fn wrong_versions_and_protocols_each_have_their_own_error() {
    let error = failure("echo '9|1|unix|/s|grpc|'; sleep 1000").await;
    assert!(matches!(error.kind(), StartErrorKind::CoreVersion { plugin } if plugin == "9"));

    let error = failure("echo '1|7|unix|/s|grpc|'; sleep 1000").await;
    assert!(
        matches!(error.kind(), StartErrorKind::AppVersion { plugin: 7, host } if host == &[1]),
        "{error:?}"
    );

    let error = failure("echo '1|1|unix|/s|netrpc|'; sleep 1000").await;
    assert!(
        matches!(error.kind(), StartErrorKind::Protocol(_)),
        "{error:?}"
    );

    let certificate = "A".repeat(60);
    let error = failure(&format!(
        "echo '1|1|unix|/s|grpc|{certificate}'; sleep 1000"
    ))
    .await;
    assert!(
        matches!(error.kind(), StartErrorKind::UnexpectedCertificate),
        "{error:?}"
    );
}

#[tokio::test]
async fn stray_lines_before_the_handshake_are_skipped_where_allowed() {
    let body = "echo one; echo two; echo '1|7|unix|/s|grpc|'; sleep 1000";
    let (_directory, spec) = script(body);
    let error = spec.clone().allow_stray_lines(2).start().await.unwrap_err();
    assert!(
        matches!(error.kind(), StartErrorKind::AppVersion { .. }),
        "{error:?}"
    );
    let error = spec.allow_stray_lines(1).start().await.unwrap_err();
    assert!(
        matches!(error.kind(), StartErrorKind::Unrecognized { line, .. } if line == "two"),
        "{error:?}"
    );
}

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
async fn one_that_ignores_everything_is_killed_within_the_grace() {
    // A real plugin, stopped by a signal that nothing can catch.
    let plugin = crate::support::fixture()
        .shutdown_grace(Duration::from_millis(300))
        .terminate_grace(Duration::from_millis(200))
        .start()
        .await
        .unwrap();
    let pid = rustix::process::Pid::from_raw(plugin.pid() as i32).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    let before = Instant::now();
    let report = plugin.stop().await;
    assert!(
        before.elapsed() < Duration::from_millis(1500),
        "{:?}",
        before.elapsed()
    );
    assert!(report.forced, "{report}");
    assert_eq!(report.cause, ExitCause::Signal(9));
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
