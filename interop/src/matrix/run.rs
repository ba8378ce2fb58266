//! One cell: its host and its plugin, started and asked for what the host saw.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use outboard_go_plugin::{
    handshake::HandshakeConfig,
    host::{PluginSpec, TlsMode},
};
use tempfile::TempDir;

use super::{Broker, Cell, Host, Network, Plugin, Tls, calls::Calls};
use crate::{
    cases::{Case, Seen},
    host,
    tools::{self, GoCommands, Python},
};

/// The case that stands for a start that failed.
pub const START: &str = "start";

/// How long a whole cell may take.
const DEADLINE: Duration = Duration::from_secs(120);

/// The cookie of the matrix.
pub const COOKIE: (&str, &str) = ("MATRIX_PLUGIN", "interop-matrix");

/// What is started.
#[derive(Debug, Clone)]
pub struct Programs {
    /// Our plugin.
    pub ours: PathBuf,
    /// Hosts and plugins on go-plugin.
    pub go: GoCommands,
    /// The plugin on grpcio.
    pub python: Python,
}

/// What a cell gave.
#[derive(Debug)]
pub struct Outcome {
    /// What the host saw of each case; of a plugin that did not start, the one case
    /// `start`.
    pub seen: Vec<Seen>,
    /// Processes that are left.
    pub processes: Vec<String>,
    /// Files that are left although they should not be.
    pub files: Vec<String>,
}

/// How a cell's peers are started.
#[derive(Debug, Clone, Copy)]
pub struct Setup<'a> {
    /// The protocol versions that the host speaks.
    pub host_versions: &'a [u32],
    /// The protocol versions that the plugin speaks.
    pub plugin_versions: &'a [u32],
    /// Further arguments of the plugin.
    pub plugin_args: &'a [&'a str],
}

impl Default for Setup<'_> {
    /// Version 1 at both ends.
    fn default() -> Self {
        Setup {
            host_versions: &[1],
            plugin_versions: &[1],
            plugin_args: &[],
        }
    }
}

/// Starts a cell's plugin with its host and makes every call.
///
/// # Panics
///
/// When something is wrong with the machine or with the Go host itself.
pub async fn run(cell: Cell, programs: &Programs, cases: &[Case], setup: Setup<'_>) -> Outcome {
    let temporary = TempDir::new().expect("a temporary directory");
    let command = command(cell, programs, setup, temporary.path());
    let saw = async {
        match cell.host {
            Host::Ours => our_host(cell, &command, cases, setup.host_versions).await,
            _ => go_host(cell, programs, &command, cases, setup.host_versions).await,
        }
    };
    let seen = tokio::time::timeout(DEADLINE, saw)
        .await
        .unwrap_or_else(|_| panic!("{cell}: not done after {DEADLINE:?}"));
    let processes = processes_with(temporary.path());
    let mut files = Vec::new();
    // A Go host kills what it refuses, with the files that it has.
    let refused = cell.host != Host::Ours && seen.first().is_some_and(|seen| seen.case == START);
    if !cell.leaves_files() && !refused {
        let left = temporary.path().read_dir().expect("it is there").flatten();
        files.extend(left.map(|file| file.path().display().to_string()));
    }
    Outcome {
        seen,
        processes,
        files,
    }
}

/// How a plugin is started.
struct Command {
    program: PathBuf,
    args: Vec<String>,
    env: Vec<(&'static str, OsString)>,
    temporary: PathBuf,
}

fn command(cell: Cell, programs: &Programs, setup: Setup<'_>, temporary: &Path) -> Command {
    let versions: Vec<String> = setup.plugin_versions.iter().map(u32::to_string).collect();
    let network = match cell.network {
        Network::Unix => "unix",
        Network::Tcp => "tcp",
    };
    let mut args = ["--versions", &versions.join(",")]
        .map(str::to_owned)
        .to_vec();
    args.extend(["--network", network].map(str::to_owned));
    args.extend(
        setup
            .plugin_args
            .iter()
            .map(|&argument| argument.to_owned()),
    );
    let mut env = vec![("TMPDIR", temporary.into())];
    let program = match cell.plugin {
        Plugin::Ours => programs.ours.clone(),
        Plugin::Python => {
            env.push(("PATH", programs.python.path.clone()));
            env.push(("PYTHONDONTWRITEBYTECODE", "1".into()));
            tools::repository().join("interop/python/matrix-plugin")
        }
        Plugin::Go => programs.go.path("matrix-plugin"),
        Plugin::GoSelected => programs.go.path("go-plugin-1.8.0-selected/matrix-plugin"),
        Plugin::Go143 => programs.go.path("go-plugin-1.4.3/matrix-plugin"),
    };
    Command {
        program,
        args,
        env,
        temporary: temporary.to_owned(),
    }
}

async fn our_host(cell: Cell, command: &Command, cases: &[Case], versions: &[u32]) -> Vec<Seen> {
    let handshake = HandshakeConfig::new(COOKIE.0, COOKIE.1, 1);
    let mut spec = PluginSpec::new("matrix", &command.program, handshake)
        .protocol_versions(versions.iter().copied())
        .args(&command.args)
        .multiplexed_broker(cell.broker == Broker::Multiplexed)
        .tls(match cell.tls {
            Tls::Plain => TlsMode::Plaintext,
            Tls::Auto => TlsMode::Auto,
        });
    for (name, value) in &command.env {
        spec = spec.env(name, value);
    }
    let plugin = match spec.start().await {
        Ok(plugin) => plugin,
        Err(error) => return vec![not_started(error.to_string())],
    };
    assert_eq!(plugin.is_encrypted(), cell.tls == Tls::Auto);
    let calls = Calls { plugin: &plugin };
    let call = async |name: &str, request: &_, deadline| calls.call(name, request, deadline).await;
    let seen = host::run_with(cases, &plugin, call).await;
    plugin.stop().await;
    seen
}

fn not_started(error: String) -> Seen {
    Seen {
        case: START.to_owned(),
        status: "Unknown".to_owned(),
        value: None,
        error: Some(error),
    }
}

async fn go_host(
    cell: Cell,
    programs: &Programs,
    plugin: &Command,
    cases: &[Case],
    versions: &[u32],
) -> Vec<Seen> {
    let cases: Vec<_> = cases.iter().map(Case::to_host).collect();
    // Beside the temporary directory, of which nothing may be left.
    let list = tempfile::NamedTempFile::new().expect("a temporary file");
    let text = serde_json::json!({ "cases": cases }).to_string();
    std::fs::write(list.path(), text).expect("it can be written");
    let versions: Vec<String> = versions.iter().map(u32::to_string).collect();

    let program = match cell.host {
        Host::GoSelected => "go-plugin-1.8.0-selected/matrix-host",
        Host::Go143 => "go-plugin-1.4.3/matrix-host",
        _ => "matrix-host",
    };
    let mut host = tokio::process::Command::new(programs.go.path(program));
    host.arg("-cases")
        .arg(list.path())
        .args(["-versions", &versions.join(",")])
        .args((cell.tls == Tls::Auto).then_some("-tls"))
        .args((cell.broker == Broker::Multiplexed).then_some("-multiplex"))
        .arg(&plugin.program)
        .args(&plugin.args)
        .envs(plugin.env.iter().map(|(name, value)| (name, value)))
        .env("TMPDIR", &plugin.temporary)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = host.output().await.expect("the Go host can be started");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{cell}: the Go host: {said}");
    serde_json::from_slice(&output.stdout).expect("the Go host prints what it saw")
}

/// The processes that were started with this temporary directory.
fn processes_with(temporary: &Path) -> Vec<String> {
    let needle = format!("TMPDIR={}", temporary.display());
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ours = processes.filter(|process| {
        // Those of other users cannot be read, and are not ours.
        let environment = std::fs::read(process.path().join("environ")).unwrap_or_default();
        let mut variables = environment.split(|byte| *byte == 0);
        variables.any(|variable| variable == needle.as_bytes())
    });
    ours.map(|process| format!("process {}", process.file_name().display()))
        .collect()
}
