//! What the pool knows of one connector: its program, and how it is started.

use std::{path::PathBuf, sync::Arc, time::Duration};

use outboard_contracts::connector::validate_key;
use outboard_go_plugin::host::{
    Checksum, ChecksumAlgorithm, EventBus, PluginLog, PluginSpec, TlsMode,
};

use super::{PoolConfig, PoolError, policy::Key};
use crate::protocol::{handshake, versioned_plugins};

/// A program that has been verified, for the pool to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The connector's key.
    pub key: String,
    /// Its version, for people.
    pub version: String,
    /// The executable file.
    pub program: PathBuf,
    /// The SHA-256 that the file must have at each start, as 64 hexadecimal digits. The
    /// bytes that have it are the bytes that are executed.
    pub sha256: String,
}

/// One program and how it is started. Replaced as a whole.
#[derive(Debug)]
pub(super) struct Plugin {
    pub(super) key: Key,
    pub(super) program: Program,
    pub(super) spec: PluginSpec,
    pub(super) directory: PathBuf,
    pub(super) events: EventBus,
    pub(super) first_call_timeout: Duration,
}

impl Plugin {
    pub(super) fn new(
        config: &PoolConfig,
        program: Program,
        log: &PluginLog,
    ) -> Result<Plugin, PoolError> {
        validate_key(&program.key)?;
        let checksum = program.sha256.parse::<Checksum>().ok();
        let checksum = checksum.filter(|it| it.algorithm() == ChecksumAlgorithm::Sha256);
        let checksum = checksum.ok_or_else(|| PoolError::Checksum {
            plugin: program.key.clone(),
        })?;
        let key: Key = Arc::from(program.key.as_str());
        // The key is one name and no path, so this stays inside.
        let directory = config.data_directory.join(&*key);
        let spec = PluginSpec::new(&*key, &program.program, handshake())
            .protocol_versions(versioned_plugins().versions())
            // Config values and results cross it: never in plain text.
            .tls(TlsMode::Auto)
            .checksum(checksum)
            .inherit_environment(config.environment.clone())
            .current_dir(&directory)
            // What runs is a verified copy elsewhere, so it cannot tell from its own place.
            .env("OUTBOARD_PLUGIN_DATA_DIR", &directory)
            .resource_limits(config.resource_limits)
            .start_timeout(config.start_timeout)
            .shutdown_grace(config.shutdown_grace)
            .events(config.events.clone())
            .log(log.clone());
        Ok(Plugin {
            key,
            program,
            spec,
            directory,
            events: config.events.clone(),
            first_call_timeout: config.start_timeout,
        })
    }
}
