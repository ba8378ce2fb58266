//! What several tests need.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use outboard_go_plugin::host::PluginSpec;
use outboard_interop::{
    cases::{List, Seen, judge},
    host,
    tools::{self, GoCommands, Python},
};

/// The plugin of the recorded session, built with our SDK.
pub(crate) const RUST_KITCHEN: &str = env!("CARGO_BIN_EXE_rust-kitchen");

/// The connector of the shared list of cases, built with our SDK.
pub(crate) const RUST_CONNECTOR: &str = env!("CARGO_BIN_EXE_rust-connector");

/// The script of the Python example.
pub(crate) fn python_plugin() -> PathBuf {
    tools::repository().join("examples/python-plugin/python-plugin")
}

/// How our host starts the plugin in Python.
pub(crate) fn python_spec(python: &Python) -> PluginSpec {
    host::spec("python-plugin", python_plugin())
        .env("PATH", &python.path)
        .env("PYTHONDONTWRITEBYTECODE", "1")
}

/// Our host runs the list against a plugin; all must be as the list says, and
/// nothing of the plugin may be left.
pub(crate) async fn our_host_runs(list: List, spec: PluginSpec) {
    let plugin = spec.start().await.unwrap();
    let socket = PathBuf::from(plugin.address().to_string());
    assert!(socket.exists(), "{}", socket.display());
    let cases = list.cases();
    let seen = host::run(&cases, &plugin).await;
    assert_eq!(judge(&cases, &seen), [""; 0]);
    assert!(!process_exists(plugin.pid()));
    assert!(!socket.exists(), "{} is left", socket.display());
}

/// The Go host runs the list against a plugin; the same is asked of it.
pub(crate) fn the_go_host_runs(list: List, go: &GoCommands, plugin: &Path, env: &[(&str, &Path)]) {
    // go-plugin's sockets go to the temporary directory.
    let temporary = tempfile::tempdir().unwrap();
    let output = Command::new(go.path("go-host"))
        .arg("-cases")
        .arg(tools::repository().join(list.path))
        .arg(plugin)
        .envs(env.iter().copied())
        .env("TMPDIR", temporary.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "go-host ended with {}: {said}",
        output.status
    );
    let seen: Vec<Seen> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(judge(&list.cases(), &seen), [""; 0]);
    let left: Vec<_> = temporary.path().read_dir().unwrap().collect();
    assert!(left.is_empty(), "left behind: {left:?}");
}

/// Whether there is a process with this id, also one that nobody has reaped.
pub(crate) fn process_exists(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

/// Ends a process from outside, as the kernel does when memory is short.
pub(crate) fn kill(pid: u32) {
    let status = std::process::Command::new("kill")
        .args(["-9", &pid.to_string()])
        .status();
    assert!(status.unwrap().success());
}
