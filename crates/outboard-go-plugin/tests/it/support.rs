//! Programs to start, and looking at what is left of them.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use outboard_go_plugin::{
    handshake::HandshakeConfig,
    host::{PluginProcess, PluginSpec, TlsMode},
    reattach::ReattachConfig,
};
use tempfile::TempDir;

pub(crate) fn handshake() -> HandshakeConfig {
    HandshakeConfig::new("FIXTURE_PLUGIN", "a cookie", 1)
}

/// A program of `examples`, which cargo builds with the tests.
pub(crate) fn example(name: &str) -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.join("examples").join(name)
}

/// The plugin of `examples/fixture_plugin.rs`, which cargo builds with the tests.
pub(crate) fn fixture() -> PluginSpec {
    PluginSpec::new("fixture", example("fixture_plugin"), handshake())
        .start_timeout(Duration::from_secs(20))
}

/// A shell script as a plugin. The directory must outlive it.
pub(crate) fn script(body: &str) -> (TempDir, PluginSpec) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("scripted");
    fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let spec = PluginSpec::new("scripted", path, handshake())
        .tls(TlsMode::Plaintext)
        .start_timeout(Duration::from_secs(20))
        .shutdown_grace(Duration::from_millis(200));
    (directory, spec)
}

/// The host of `examples/fixture_host.rs`, running the fixture plugin.
pub(crate) struct Host {
    pub(crate) process: std::process::Child,
    pub(crate) plugin: ReattachConfig,
}

impl Host {
    pub(crate) fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Host {
        Host::of(fixture().program().unwrap(), arguments, environment)
    }

    pub(crate) fn of(plugin: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Host {
        let mut path = fixture().program().unwrap().to_owned();
        path.set_file_name("fixture_host");
        let mut process = std::process::Command::new(path)
            .arg(plugin)
            .args(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        let plugin = ReattachConfig::from_json(&line).unwrap();
        Host { process, plugin }
    }

    pub(crate) fn plugin_pid(&self) -> u32 {
        self.plugin.pid.unwrap()
    }

    pub(crate) fn socket_dir(&self) -> PathBuf {
        let address = PathBuf::from(self.plugin.address.to_string());
        address.parent().unwrap().to_owned()
    }

    /// As the kernel does when memory runs out: nothing of its own can run.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub(crate) fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid as i32).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

pub(crate) fn is_alive(pid: u32) -> bool {
    // A zombie is not alive: it only waits to be reaped.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat
        .rsplit(')')
        .next()
        .and_then(|rest| rest.trim().chars().next());
    state.is_some_and(|state| state != 'Z')
}

pub(crate) fn exists(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

pub(crate) fn socket_dir(plugin: &PluginProcess) -> PathBuf {
    let address = PathBuf::from(plugin.address().to_string());
    address.parent().unwrap().to_owned()
}

/// Waits for something that another process does, for at most ten seconds.
pub(crate) async fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let until = tokio::time::Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(
            tokio::time::Instant::now() < until,
            "waited in vain for {what}"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
