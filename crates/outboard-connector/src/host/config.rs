//! What a host is run with.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use outboard_go_plugin::host::ResourceLimits;

use super::error::{HostError, HostErrorKind};
use crate::{
    catalog::{ReaderConfig, Source},
    pool::PoolConfig,
    trust::SignaturePolicy,
};

/// Settings of a host. [`HostConfig::new`] has the defaults for a data directory.
#[derive(Clone)]
pub struct HostConfig {
    /// `outboard.db`, `outboard.lock`, `connectors/`, `keys/`, `cache/`, `data/` are in it.
    pub data_dir: PathBuf,
    /// Installed connectors, if not `connectors` in the data directory.
    pub connectors_dir: PathBuf,
    /// Catalogs: URLs or files. The first that has a key wins.
    pub catalogs: Vec<String>,
    /// The bearer token for the catalogs' own origins.
    pub catalog_token: Option<String>,
    /// Which signatures are asked for: `unsigned-ok`, `signed` or `signed-envelope`; unset:
    /// `signed` for what comes from anywhere but a directory on this machine.
    pub signature_policy: Option<String>,
    /// The key that secrets are encrypted with, in base64, instead of `keys/secret.key`.
    pub secret_key: Option<String>,
    /// How many processes there may be: 8; 0 is no limit.
    pub max_processes: usize,
    /// How long a call waits for a process: 10 s.
    pub queue_timeout: Duration,
    /// How long an unused process is kept: 5 min.
    pub idle_timeout: Duration,
    /// How long a process gets to start: 60 s.
    pub start_timeout: Duration,
    /// How long calls get to finish when a process is replaced or the host stops: 30 s.
    pub drain_timeout: Duration,
    /// Calls of one connector at once: 64.
    pub calls_per_connector: usize,
    /// Connectors whose processes always run.
    pub warm: Vec<String>,
    /// Limits of each process: address space in MiB, processor seconds, open files.
    pub memory_limit_mib: Option<u64>,
    /// Processor time of each process, in seconds.
    pub cpu_limit_seconds: Option<u64>,
    /// Open files of each process.
    pub open_files_limit: Option<u64>,
    /// How often the directory is looked at when the system does not tell: 5 s.
    pub poll_interval: Duration,
    /// How long calls are remembered: 30 days.
    pub history_age: Duration,
    /// How many calls are remembered: 100,000.
    pub history_count: u64,
    /// Variables of this process's environment that config fields with an override may take
    /// their value from: none. A connector's author names the variable, so it is for the
    /// operator to say which ones may be seen.
    pub environment_overrides: Vec<String>,
}

impl HostConfig {
    /// The defaults, below a data directory.
    pub fn new(data_dir: impl Into<PathBuf>) -> HostConfig {
        let data_dir = data_dir.into();
        HostConfig {
            connectors_dir: data_dir.join("connectors"),
            data_dir,
            catalogs: Vec::new(),
            catalog_token: None,
            signature_policy: None,
            secret_key: None,
            max_processes: 8,
            queue_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(300),
            start_timeout: Duration::from_secs(60),
            drain_timeout: Duration::from_secs(30),
            calls_per_connector: 64,
            warm: Vec::new(),
            memory_limit_mib: None,
            cpu_limit_seconds: None,
            open_files_limit: None,
            poll_interval: Duration::from_secs(5),
            history_age: Duration::from_secs(30 * 24 * 3600),
            history_count: 100_000,
            environment_overrides: Vec::new(),
        }
    }
}

impl fmt::Debug for HostConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HostConfig")
            .field("data_dir", &self.data_dir)
            .field("connectors_dir", &self.connectors_dir)
            .finish_non_exhaustive()
    }
}

impl HostConfig {
    pub(super) fn keys_dir(&self) -> PathBuf {
        self.data_dir.join("keys")
    }

    pub(super) fn cache_dir(&self) -> PathBuf {
        self.data_dir.join("cache")
    }

    pub(super) fn make_directories(&self) -> Result<(), HostError> {
        let cannot = |path: &Path, error: &io::Error| {
            let message = format!("cannot make {}: {error}", path.display());
            HostError::new(HostErrorKind::Internal, message).hint("choose another data directory")
        };
        for path in [&self.data_dir, &self.connectors_dir, &self.cache_dir()] {
            fs::create_dir_all(path).map_err(|error| cannot(path, &error))?;
        }
        let keys = self.keys_dir();
        let mut private = fs::DirBuilder::new();
        private.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut private, 0o700);
        private.create(&keys).map_err(|error| cannot(&keys, &error))
    }

    pub(super) fn policy(&self) -> Result<Option<SignaturePolicy>, HostError> {
        let policy = self.signature_policy.as_deref().map(str::parse);
        policy
            .transpose()
            .map_err(|error| HostError::new(HostErrorKind::InvalidInput, error))
    }

    pub(super) fn catalog(&self) -> Result<ReaderConfig, HostError> {
        let sources: Result<Vec<Source>, _> = self
            .catalogs
            .iter()
            .map(|text| Source::parse(text, false))
            .collect();
        let sources = sources.map_err(|error| {
            HostError::new(HostErrorKind::InvalidInput, format!("catalogs: {error}"))
        })?;
        let mut config = ReaderConfig::new(sources, self.cache_dir());
        config.token.clone_from(&self.catalog_token);
        Ok(config)
    }

    pub(super) fn pool(&self) -> PoolConfig {
        let mut config = PoolConfig::new(self.data_dir.join("data").join("connectors"));
        config.max_processes = self.max_processes;
        config.calls_per_process = self.calls_per_connector;
        config.idle_timeout = Some(self.idle_timeout);
        config.drain_timeout = self.drain_timeout;
        config.start_timeout = self.start_timeout;
        config.warm = self.warm.iter().cloned().collect();
        let mut limits = ResourceLimits::default();
        limits.address_space_bytes = self
            .memory_limit_mib
            .map(|mebibytes| mebibytes.saturating_mul(1024 * 1024));
        limits.cpu_seconds = self.cpu_limit_seconds;
        limits.open_files = self.open_files_limit;
        config.resource_limits = limits;
        config
    }
}
