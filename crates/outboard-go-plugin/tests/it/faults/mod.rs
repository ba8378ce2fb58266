//! Every fault of the plugin that misbehaves, and what the host makes of it.

use std::{path::PathBuf, time::Duration};

use outboard_go_plugin::{
    host::{PluginProcess, PluginSpec, StartError, TlsMode},
    transport::Channel,
};
use outboard_testkit::misbehaving::{self, Fault, Report};
use tempfile::TempDir;
use tonic::{Request, Status};

use crate::support::{example, exists, handshake, is_alive, wait_for};

mod broker;
mod run;
mod start;
mod stop;
mod tls;

/// A plugin with a fault, not started yet.
struct Misbehaving {
    _directory: TempDir,
    report: PathBuf,
    spec: PluginSpec,
}

/// One that is spoken to in plain text, unless the test sets something else.
fn with(fault: Fault) -> Misbehaving {
    let directory = tempfile::tempdir().unwrap();
    let report = directory.path().join("report");
    let spec = PluginSpec::new(fault.name(), example("misbehaving_plugin"), handshake())
        .tls(TlsMode::Plaintext)
        .args(misbehaving::arguments(fault, &report))
        .start_timeout(Duration::from_secs(20));
    Misbehaving {
        _directory: directory,
        report,
        spec,
    }
}

impl Misbehaving {
    fn set(mut self, change: impl FnOnce(PluginSpec) -> PluginSpec) -> Misbehaving {
        self.spec = change(self.spec);
        self
    }

    fn report(&self) -> Report {
        Report::read(&self.report)
    }

    async fn starts(&self) -> PluginProcess {
        self.spec.start().await.unwrap()
    }

    /// The error of a start that must fail, which says what it must and leaves
    /// nothing.
    async fn fails(&self) -> StartError {
        let error = self.spec.start().await.expect_err("a fault");
        assert_eq!(error.plugin(), self.spec.name());
        let text = error.to_string();
        assert!(text.contains(self.spec.name()), "{text}");
        assert!(text.contains(&error.step().to_string()), "{text}");
        assert!(text.ends_with(error.hint()), "{text}");
        self.leaves_nothing().await;
        error
    }

    /// No process of it, no child, no socket and no directory for it.
    async fn leaves_nothing(&self) {
        let report = self.report();
        let pid = report.pid.expect("a process");
        assert!(!exists(pid), "it is reaped, not only ended");
        if let Some(child) = report.child {
            wait_for("its child to end", || !is_alive(child)).await;
        }
        let paths = [report.socket, report.socket_directory];
        for path in paths.into_iter().flatten() {
            // A plugin that ignores the directory makes its socket in a shared one.
            if path != std::env::temp_dir() {
                assert!(!path.exists(), "{} is left", path.display());
            }
        }
    }

    /// Ends it, whatever it is like by now.
    async fn ends(&self, plugin: PluginProcess) {
        plugin.stop().await;
        self.leaves_nothing().await;
    }
}

/// A call that the plugin answers with as much as it got: nothing.
async fn call(channel: Channel) -> Result<(), Status> {
    call_within(channel, Duration::from_secs(20)).await
}

async fn call_within(channel: Channel, limit: Duration) -> Result<(), Status> {
    let mut client = tonic::client::Grpc::new(channel);
    let path = http::uri::PathAndQuery::from_static(misbehaving::CALL);
    let codec = tonic_prost::ProstCodec::<(), ()>::default();
    client.ready().await?;
    let mut request = Request::new(());
    request.set_timeout(limit);
    client.unary(request, path, codec).await.map(drop)
}

#[test]
fn every_fault_is_tried() {
    let tests = [
        include_str!("start.rs"),
        include_str!("run.rs"),
        include_str!("stop.rs"),
        include_str!("tls.rs"),
        include_str!("broker.rs"),
    ];
    for fault in Fault::ALL {
        let named = format!("Fault::{fault:?}");
        let tried = tests.iter().any(|test| {
            let mut words = test.split(|c: char| !(c.is_alphanumeric() || c == ':'));
            words.any(|word| word == named)
        });
        assert!(tried, "{named} is tried by no test");
    }
}
