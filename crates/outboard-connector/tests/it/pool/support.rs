//! A pool of probes: processes of `examples/probe_connector.rs`, which cargo builds with
//! the tests.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
    time::{Duration, Instant},
};

use outboard_connector::{
    client::{CallError, CallLimits, ExecCall},
    pool::{Lease, Pool, PoolConfig, PoolError, Program},
};
use outboard_go_plugin::host::{Checksum, ChecksumAlgorithm};
use serde_json::Value;
use tempfile::TempDir;

/// The probe's program and its checksum.
static PROBE: LazyLock<(PathBuf, String)> = LazyLock::new(|| {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    let path = path.join("examples").join("probe_connector");
    let checksum = Checksum::of_file(ChecksumAlgorithm::Sha256, &path).unwrap();
    let checksum = checksum.to_string();
    (path, checksum.strip_prefix("sha256:").unwrap().to_owned())
});

pub(crate) fn probe(key: &str, version: &str) -> Program {
    Program {
        key: key.to_owned(),
        version: version.to_owned(),
        program: PROBE.0.clone(),
        sha256: PROBE.1.clone(),
    }
}

pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

pub(crate) fn call(operation: &str, input: &[(&str, &str)]) -> ExecCall {
    let mut call = ExecCall::new(operation);
    let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    call.input = input.iter().map(own).collect();
    call
}

/// A pool with a data directory that goes with it.
pub(crate) struct Probes {
    pub(crate) pool: Pool,
    pub(crate) directory: TempDir,
}

impl Probes {
    pub(crate) fn new(configure: impl FnOnce(&mut PoolConfig)) -> Probes {
        let directory = tempfile::tempdir().unwrap();
        let mut config = PoolConfig::new(directory.path().join("data"));
        config.start_timeout = Duration::from_secs(30);
        configure(&mut config);
        let pool = Pool::new(config);
        Probes { pool, directory }
    }

    pub(crate) fn data(&self, key: &str) -> PathBuf {
        self.directory.path().join("data").join(key)
    }

    /// Has a probe behave so from its next start on.
    pub(crate) fn behave(&self, key: &str, words: &[&str]) {
        fs::create_dir_all(self.data(key)).unwrap();
        fs::write(self.data(key).join("behaviour"), words.join("\n")).unwrap();
    }

    pub(crate) fn add(&self, key: &str, words: &[&str]) {
        self.behave(key, words);
        assert!(self.pool.set(probe(key, "1.0.0")).unwrap());
    }

    pub(crate) async fn lease(&self, key: &str) -> Result<Lease, PoolError> {
        self.pool.lease(key, soon()).await
    }

    /// Leases, calls, gives back.
    pub(crate) async fn call(&self, key: &str, call: ExecCall) -> Result<Value, CallError> {
        let lease = self.lease(key).await.unwrap();
        let limits = CallLimits::within(Duration::from_secs(30));
        let result = lease
            .connection()
            .execute_stream(call, limits, |_| {})
            .await?;
        Ok(serde_json::from_slice(&result).unwrap())
    }

    /// The process ids of all starts so far.
    pub(crate) fn starts(&self, key: &str) -> Vec<u32> {
        let text = fs::read_to_string(self.data(key).join("starts")).unwrap_or_default();
        text.lines().map(|pid| pid.parse().unwrap()).collect()
    }
}

pub(crate) fn is_alive(pid: u32) -> bool {
    // A zombie is not alive: it only waits to be reaped.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let rest = stat.rsplit(')').next();
    let state = rest.and_then(|rest| rest.trim().chars().next());
    state.is_some_and(|state| state != 'Z')
}

pub(crate) fn kill(pid: u32) {
    signal(pid, rustix::process::Signal::KILL);
}

pub(crate) fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

/// Waits for something that happens elsewhere, for at most twenty seconds.
pub(crate) async fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < until, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}
