//! What runs, as whom, with what.

use std::{fs, os::unix::fs::PermissionsExt as _, time::Duration};

use outboard_connector::pool::{PoolConfig, PoolError, Program, StartFailure};
use outboard_go_plugin::host::{Checksum, ChecksumAlgorithm, StartErrorKind};

use super::support::{Probes, call, kill, probe, wait_for};

fn started(error: &PoolError) -> &StartErrorKind {
    match error {
        PoolError::Start(failure) => match &**failure {
            StartFailure::Process(error) => error.kind(),
            other => panic!("{other}"),
        },
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_program_that_is_not_the_verified_one_does_not_run() {
    let probes = Probes::new(|_| {});
    let program = Program {
        sha256: "0".repeat(64),
        ..probe("probe", "1.0.0")
    };
    assert!(probes.pool.set(program).unwrap());
    let error = probes.lease("probe").await.unwrap_err();
    assert!(
        matches!(started(&error), StartErrorKind::Verification(_)),
        "{error}"
    );
    assert_eq!(probes.starts("probe"), [0; 0]);
}

#[tokio::test]
async fn a_restart_runs_the_bytes_that_were_verified_whatever_has_become_of_the_file() {
    let probes = Probes::new(|_| {});
    let original = probe("probe", "1.0.0");
    let program = probes.directory.path().join("program");
    fs::copy(&original.program, &program).unwrap();
    let program = Program {
        program,
        ..original
    };
    assert!(probes.pool.set(program.clone()).unwrap());
    let first = probes.lease("probe").await.unwrap().pid();
    fs::remove_file(&program.program).unwrap();
    fs::write(&program.program, "#!/bin/sh\ntouch \"$0.ran\"\n").unwrap();
    fs::set_permissions(&program.program, fs::Permissions::from_mode(0o755)).unwrap();
    kill(first);
    wait_for("the crash", || {
        probes.pool.status_of("probe").unwrap().crashes == 1
    })
    .await;
    let second = probes.lease("probe").await.unwrap();
    assert_ne!(second.pid(), first);
    assert!(!program.program.with_extension("ran").exists());
}

#[tokio::test]
async fn a_connector_without_automtls_is_refused() {
    let probes = Probes::new(|_| {});
    let program = probes.directory.path().join("plain");
    let script = "#!/bin/sh\necho '1|1|unix|/tmp/nowhere|grpc|'\nexec sleep 60\n";
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let checksum = Checksum::of_file(ChecksumAlgorithm::Sha256, &program).unwrap();
    let sha256 = checksum.to_string();
    let program = Program {
        key: "plain".into(),
        version: "1.0.0".into(),
        program,
        sha256: sha256.trim_start_matches("sha256:").into(),
    };
    assert!(probes.pool.set(program).unwrap());
    let error = probes.lease("plain").await.unwrap_err();
    assert!(
        matches!(started(&error), StartErrorKind::NoCertificate),
        "{error}"
    );
}

#[tokio::test]
async fn it_inherits_what_is_listed_and_no_more() {
    assert!(std::env::vars().any(|(name, _)| name.starts_with("CARGO")));
    let probes = Probes::new(|_| {});
    probes.add("probe", &[]);
    let echo = probes.call("probe", call("echo", &[])).await.unwrap();
    for name in echo["environment"].as_array().unwrap() {
        let name = name.as_str().unwrap();
        let of_the_protocol = name.starts_with("PLUGIN_")
            || matches!(name, "WICK_CONNECTOR_PLUGIN" | "OUTBOARD_PLUGIN_DATA_DIR");
        assert!(
            of_the_protocol || PoolConfig::ENVIRONMENT.contains(&name),
            "{name}"
        );
    }
    assert!(
        echo["environment"]
            .as_array()
            .unwrap()
            .iter()
            .any(|name| name == "PATH")
    );
}

#[tokio::test]
async fn the_hosts_limits_are_in_force() {
    let probes = Probes::new(|config| {
        config.resource_limits.open_files = Some(222);
        config.resource_limits.cpu_seconds = Some(900);
    });
    probes.add("probe", &[]);
    let echo = probes.call("probe", call("echo", &[])).await.unwrap();
    let limits = echo["limits"].as_str().unwrap();
    let line = |name: &str| {
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(line("Max open files")[3..5], ["222", "222"]);
    assert_eq!(line("Max cpu time")[3..5], ["900", "905"]);
}

#[tokio::test]
async fn its_directory_is_its_users_alone_and_no_link() {
    let probes = Probes::new(|_| {});
    assert!(probes.pool.set(probe("private", "1.0.0")).unwrap());
    drop(probes.lease("private").await.unwrap());
    let metadata = fs::metadata(probes.data("private")).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o700);

    let elsewhere = probes.directory.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, probes.data("linked")).unwrap();
    assert!(probes.pool.set(probe("linked", "1.0.0")).unwrap());
    let error = probes.lease("linked").await.unwrap_err();
    assert!(
        matches!(&error, PoolError::Start(failure)
            if matches!(&**failure, StartFailure::Directory { .. })),
        "{error}"
    );
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
}

#[tokio::test]
async fn one_that_never_comes_up_is_given_up() {
    let probes = Probes::new(|config| config.start_timeout = Duration::from_millis(500));
    probes.add("probe", &["start-delay=60000"]);
    let error = probes.lease("probe").await.unwrap_err();
    assert!(
        matches!(started(&error), StartErrorKind::Timeout(_)),
        "{error}"
    );
    let pid = probes.starts("probe")[0];
    wait_for("its end", || !super::support::is_alive(pid)).await;
}
