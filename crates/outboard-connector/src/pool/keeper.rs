//! The task that owns one process: starts it, watches it, checks it, stops it.

use std::{
    io,
    os::unix::fs::DirBuilderExt as _,
    path::Path,
    sync::{Arc, Weak},
    time::Duration,
};

use outboard_contracts::connector::Module;
use outboard_go_plugin::host::{ExitReport, PluginEventKind, PluginProcess};
use tokio::sync::mpsc;
use tonic::Code;

use super::{
    error::StartFailure,
    plugin::Plugin,
    policy::{ProcessId, StopReason},
    shared::Shared,
};
use crate::{
    client::{CallError, CallLimits, ExecCall, GrpcConn},
    protocol::versioned_plugins,
};

/// What the pool asks of a process.
#[derive(Clone, Copy, Debug)]
pub(super) enum Command {
    Check,
    Stop(StopReason),
}

/// A process that answers.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) plugin: Arc<Plugin>,
    pub(super) connection: GrpcConn,
    pub(super) pid: u32,
}

/// How a process came to its end, or never began.
pub(super) enum End {
    NotStarted(Arc<StartFailure>),
    Exited(Option<ExitReport>),
}

pub(super) struct Keeper {
    pub(super) pool: Weak<Shared>,
    pub(super) process: ProcessId,
    pub(super) plugin: Arc<Plugin>,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) check_timeout: Duration,
}

impl Keeper {
    pub(super) async fn run(mut self) {
        let mut last_word = LastWord {
            pool: self.pool.clone(),
            process: self.process,
            plugin: Arc::clone(&self.plugin),
            end: None,
        };
        last_word.end = Some(self.keep().await);
    }

    async fn keep(&mut self) -> End {
        let plugin = Arc::clone(&self.plugin);
        let started = tokio::select! {
            biased;
            // What has begun ends with the future that is dropped.
            () = stop_asked(&mut self.commands) => return End::Exited(None),
            started = start(&plugin) => started,
        };
        let (process, connection) = match started {
            Ok(started) => started,
            Err(failure) => return End::NotStarted(Arc::new(failure)),
        };
        let running = Running {
            plugin,
            connection,
            pid: process.pid(),
        };
        match self.pool.upgrade() {
            Some(pool) => pool.started(self.process, Arc::new(running)),
            None => return End::Exited(None),
        }
        let exited = process.exited();
        tokio::pin!(exited);
        loop {
            let command = tokio::select! {
                biased;
                report = &mut exited => return End::Exited(Some(report)),
                command = self.commands.recv() => command,
            };
            match command {
                Some(Command::Check) => {
                    let well = tokio::select! {
                        biased;
                        report = &mut exited => return End::Exited(Some(report)),
                        () = stop_asked(&mut self.commands) => break,
                        well = is_well(&process, self.check_timeout) => well,
                    };
                    if let Some(pool) = self.pool.upgrade() {
                        pool.checked(self.process, &self.plugin, well);
                    }
                }
                Some(Command::Stop(why)) => {
                    tracing::debug!(plugin = process.name(), ?why, "stopping");
                    break;
                }
                None => break,
            }
        }
        End::Exited(Some(process.stop().await))
    }
}

/// Tells the pool that a process is gone, also if its task did not come to its end: the
/// process has ended with it.
struct LastWord {
    pool: Weak<Shared>,
    process: ProcessId,
    plugin: Arc<Plugin>,
    end: Option<End>,
}

impl Drop for LastWord {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.upgrade() {
            let end = self.end.take().unwrap_or(End::Exited(None));
            pool.ended(self.process, &self.plugin, end);
        }
    }
}

/// Waits until the process is to stop. A check of one that is not there yet is moot.
async fn stop_asked(commands: &mut mpsc::Receiver<Command>) {
    while let Some(Command::Check) = commands.recv().await {}
}

async fn is_well(process: &PluginProcess, timeout: Duration) -> bool {
    match tokio::time::timeout(timeout, process.ping()).await {
        Ok(Ok(())) => true,
        Ok(Err(status)) => {
            tracing::warn!(plugin = process.name(), %status, "the health check failed");
            false
        }
        Err(_) => {
            let plugin = process.name();
            tracing::warn!(
                plugin,
                ?timeout,
                "the health check was not answered in time"
            );
            false
        }
    }
}

/// Starts a process and makes sure that it is the connector that it should be.
async fn start(plugin: &Plugin) -> Result<(PluginProcess, GrpcConn), StartFailure> {
    let path = plugin.directory.clone();
    let made = tokio::task::spawn_blocking(move || make_directory(&path)).await;
    made.unwrap_or_else(|error| Err(io::Error::other(error)))
        .map_err(|error| StartFailure::Directory {
            plugin: plugin.key.to_string(),
            path: plugin.directory.clone(),
            error,
        })?;
    let process = plugin.spec.start().await.map_err(StartFailure::Process)?;
    // The handshake takes only versions that were offered.
    let version = process.protocol_version();
    let spoken = versioned_plugins().get(version).copied();
    let connection = match spoken {
        Some(plugin) => plugin.client(&process),
        None => GrpcConn::of(&process),
    };
    match introduce(plugin, &connection).await {
        Ok(()) => Ok((process, connection)),
        Err(failure) => {
            let reason = failure.to_string();
            plugin
                .events
                .send(&plugin.key, PluginEventKind::StartFailed { reason });
            process.stop().await;
            Err(failure)
        }
    }
}

/// The directory, for its user alone. It must not be a link to somewhere else.
fn make_directory(path: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)?;
    match std::fs::symlink_metadata(path)?.is_dir() {
        true => Ok(()),
        false => Err(io::ErrorKind::NotADirectory.into()),
    }
}

/// Asks a new process who it is. Connecting proves nothing: any gRPC server lets
/// itself be connected to.
async fn introduce(plugin: &Plugin, connection: &GrpcConn) -> Result<(), StartFailure> {
    let limits = CallLimits::within(plugin.first_call_timeout);
    let name = || plugin.key.to_string();
    match connection.schema(limits).await {
        Ok(schema) => check_key(plugin, &schema),
        // The original's guide for other languages leaves room for that; what each
        // connector must have is `ExecuteStream`.
        Err(error) if is_unimplemented(&error) => {
            match connection
                .execute_stream(ExecCall::new(""), limits, |_| {})
                .await
            {
                Err(error) if is_unimplemented(&error) => {
                    Err(StartFailure::NotAConnector { plugin: name() })
                }
                Ok(_) | Err(CallError::Operation(_) | CallError::InvalidResult(_)) => Ok(()),
                Err(error) => Err(StartFailure::FirstCall {
                    plugin: name(),
                    error,
                }),
            }
        }
        Err(error) => Err(StartFailure::FirstCall {
            plugin: name(),
            error,
        }),
    }
}

fn is_unimplemented(error: &CallError) -> bool {
    matches!(error, CallError::Transport(error) if error.code == Code::Unimplemented)
}

/// The program's own word on its key. What cannot be read is left to whoever needs it:
/// operations run by the manifest that was installed.
fn check_key(plugin: &Plugin, schema: &[u8]) -> Result<(), StartFailure> {
    let Ok(module) = serde_json::from_slice::<Module>(schema) else {
        tracing::debug!(plugin = &*plugin.key, "its schema cannot be read");
        return Ok(());
    };
    let says = module.meta.key;
    if says.is_empty() || says == *plugin.key {
        return Ok(());
    }
    Err(StartFailure::OtherConnector {
        plugin: plugin.key.to_string(),
        says: says.chars().take(80).collect(),
    })
}
