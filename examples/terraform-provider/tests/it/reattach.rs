//! A provider that a person has started for a debugger, and hosts that come and go.

use std::{fs, path::PathBuf, process::Stdio, time::Duration};

use outboard_go_plugin::{
    host::{ExitCause, PluginSpec, StartError, StartErrorKind, TlsMode},
    reattach::ReattachConfig,
};
use outboard_interop::foreign;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use terraform_provider::{
    Failure, Provider,
    provider::{handshake, running},
    value::get,
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use crate::support::{names, process_exists};

const ADDRESS: &str = "example.com/outboard/shelf";
const DEADLINE: Duration = Duration::from_secs(20);

/// A provider in debug mode. Dropping it kills it.
struct Debugged {
    child: Child,
    /// The value of `TF_REATTACH_PROVIDERS` that it has printed.
    variable: String,
    directory: TempDir,
    /// It would die of a line that nobody can read.
    _lines: Lines<BufReader<ChildStdout>>,
}

impl Debugged {
    /// `None` after saying that the test is skipped.
    async fn start() -> Option<Debugged> {
        let program = foreign::terraform_provider()?;
        let directory = tempfile::tempdir().unwrap();
        let mut child = Command::new(program)
            .arg("-debug")
            .env("TMPDIR", directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let variable = loop {
            let line = timeout(DEADLINE, lines.next_line()).await.unwrap();
            let line = line.unwrap().unwrap();
            if let Some(value) = line.trim().strip_prefix("TF_REATTACH_PROVIDERS='") {
                break value.strip_suffix('\'').unwrap().to_owned();
            }
        };
        Some(Debugged {
            child,
            variable,
            directory,
            _lines: lines,
        })
    }

    fn spec(&self) -> PluginSpec {
        running(&self.variable, ADDRESS).unwrap().unwrap()
    }

    fn config(&self) -> ReattachConfig {
        let mut all = ReattachConfig::map_from_json(&self.variable).unwrap();
        all.remove(ADDRESS).unwrap()
    }

    /// Ends it as a person would, with Ctrl-C.
    async fn interrupt(&mut self) {
        let pid = Pid::from_raw(self.child.id().unwrap().cast_signed()).unwrap();
        kill_process(pid, Signal::INT).unwrap();
        let status = timeout(DEADLINE, self.child.wait()).await.unwrap();
        assert!(status.unwrap().success());
    }
}

/// Why a start failed.
async fn refused(spec: &PluginSpec) -> StartError {
    match Provider::start(spec).await.unwrap_err() {
        Failure::Start(error) => error,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_running_provider_outlives_the_hosts_that_reattach_to_it() {
    let Some(mut debugged) = Debugged::start().await else {
        return;
    };
    let pid = debugged.child.id().unwrap();
    let config = debugged.config();
    assert_eq!(config.protocol_version, Some(6));
    assert_eq!((config.pid, config.test), (Some(pid), true));

    let shelf = tempfile::tempdir().unwrap();
    let path = shelf.path().to_str().unwrap();
    let mut provider = Provider::start(&debugged.spec()).await.unwrap();
    assert!(!provider.process().is_encrypted());
    assert_eq!(provider.process().protocol_version(), 6);
    let settings = [("directory", path.into())];
    provider.configure(&settings).await.unwrap();
    let config = [("name", "a".into()), ("content", "1".into())];
    let plan = provider.plan("shelf_file", None, &config).await.unwrap();
    let made = provider.apply(plan).await.unwrap().unwrap();
    let report = provider.stop().await;
    assert_eq!(report.cause, ExitCause::LeftRunning, "{report}");
    assert!(process_exists(pid));

    // Another host finds it as the first left it: configured.
    let mut provider = Provider::start(&debugged.spec()).await.unwrap();
    fs::write(shelf.path().join("a"), "22").unwrap();
    let read = provider.read(made).await.unwrap().unwrap();
    assert_eq!(get(&read.value, "size"), &2.into());
    drop(provider);
    assert!(process_exists(pid));

    debugged.interrupt().await;
    let error = refused(&debugged.spec()).await;
    assert!(
        matches!(error.kind(), StartErrorKind::NotRunning { .. }),
        "{error}"
    );
    let left = names(debugged.directory.path());
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn the_example_finds_a_running_provider_in_the_environment() {
    let Some(mut debugged) = Debugged::start().await else {
        return;
    };
    let shelf = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_terraform-provider"))
        .arg(ADDRESS)
        .arg(shelf.path())
        .env("TF_REATTACH_PROVIDERS", &debugged.variable)
        .output()
        .await
        .unwrap();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complained}");
    assert_eq!(names(shelf.path()), ["greeting.txt"]);
    assert!(process_exists(debugged.child.id().unwrap()));

    let output = Command::new(env!("CARGO_BIN_EXE_terraform-provider"))
        .arg(ADDRESS)
        .arg(shelf.path())
        .env("TF_REATTACH_PROVIDERS", "{")
        .output()
        .await
        .unwrap();
    assert!(!output.status.success());
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(
        complained.contains("TF_REATTACH_PROVIDERS cannot be used"),
        "{complained}"
    );
    debugged.interrupt().await;
}

#[tokio::test]
async fn what_a_running_provider_cannot_do_is_said_before_it_is_called() {
    let Some(mut debugged) = Debugged::start().await else {
        return;
    };
    let encrypted = debugged.spec().tls(TlsMode::Auto);
    let error = refused(&encrypted).await;
    assert!(
        matches!(error.kind(), StartErrorKind::NotWithReattach("AutoMTLS")),
        "{error}"
    );
    let old = debugged.spec().protocol_versions([5]);
    let error = refused(&old).await;
    assert!(
        matches!(error.kind(), StartErrorKind::AppVersion { plugin: 6, host } if host == &[5]),
        "{error}"
    );
    // None of it has harmed the provider.
    let provider = Provider::start(&debugged.spec()).await.unwrap();
    provider.process().ping().await.unwrap();
    provider.stop().await;
    debugged.interrupt().await;
}

#[tokio::test]
async fn a_provider_that_nobody_listens_for_is_not_started() {
    let nowhere = PathBuf::from("/nonexistent/outboard/shelf");
    let config = ReattachConfig::new(outboard_go_plugin::transport::Address::Unix(nowhere));
    let spec = PluginSpec::new("shelf", config, handshake());
    let error = refused(&spec).await;
    assert!(
        matches!(error.kind(), StartErrorKind::NotRunning { .. }),
        "{error}"
    );
}
