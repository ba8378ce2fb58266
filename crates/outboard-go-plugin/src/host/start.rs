//! From a description to a running plugin, one step after the other, each with
//! an error of its own.

use std::{
    ffi::OsString,
    future::Future,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    time::Instant,
};

use super::{
    Launch, Output, PluginEventKind, PluginLog, PluginProcess, PluginSpec, Runner, RunnerRequest,
    StartError, StartErrorKind, StartStep, Translation,
    child::ChildProcess,
    connect::{Connected, Preparation},
    log::LogSource,
    output::{OutputChannel, Sink},
    owned::{DRAIN, Owned},
    process::{self, Started},
    reattached::Reattached,
    sockets::{self, SocketDirectory},
    stdio, verify,
};
use crate::{
    environment,
    handshake::{HandshakeError, HandshakeLine, MAX_LINE_BYTES, Protocol},
    reattach::ReattachConfig,
    tls::Tls,
    transport::Address,
};

/// How long a runner gets to explain a start that failed.
const DIAGNOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a process that failed in another way gets to show that it has ended.
const ENDING: Duration = Duration::from_millis(10);

pub(super) async fn start(spec: &PluginSpec) -> Result<PluginProcess, StartError> {
    let begun = Instant::now();
    let log = spec
        .log
        .clone()
        .unwrap_or_else(|| PluginLog::new(&spec.name));
    if let Some(events) = &spec.events {
        events.send(&spec.name, PluginEventKind::Starting);
    }
    let mut start = Start {
        spec,
        deadline: begun + spec.start_timeout,
        step: StartStep::Prepare,
    };
    let mut owned = None;
    match start.run(&mut owned, &log).await {
        Ok((version, address, connected)) => {
            // `run` succeeds only with a child.
            let Some(mut owned) = owned else {
                unreachable!("a started plugin has a process")
            };
            let pid = owned.pid();
            let Connected {
                channel,
                broker,
                encrypted,
            } = connected;
            owned.adopt(tokio::spawn(
                broker.clone().follow(channel.clone().uncounted()),
            ));
            owned.adopt(tokio::spawn(stdio::follow(
                channel.clone(),
                sink(spec, &log, pid, OutputChannel::Stdout),
                sink(spec, &log, pid, OutputChannel::Stderr),
            )));
            if let Some(events) = &spec.events {
                let kind = PluginEventKind::Ready {
                    pid,
                    elapsed: begun.elapsed(),
                };
                events.send(&spec.name, kind);
            }
            sockets::sweep_in_background();
            let since = begun.into_std();
            let started = Started {
                version,
                address,
                channel,
                broker,
                encrypted,
                log,
                since,
            };
            Ok(process::run(spec, owned, started))
        }
        Err(kind) => {
            let mut error = StartError::new(&spec.name, start.step, kind, begun.elapsed());
            if let Some(mut owned) = owned {
                let inner = &mut *error.inner;
                if inner.exit.is_none() {
                    // A connection ends a moment before its process does.
                    let may_end = inner.kind.may_be_an_end();
                    let patience = if may_end { DRAIN } else { ENDING };
                    inner.exit = owned.exit_within(patience).await;
                }
                let diagnosis = owned.process().diagnose();
                let diagnosis = tokio::time::timeout(DIAGNOSE_TIMEOUT, diagnosis).await;
                inner.diagnosis = diagnosis.ok().flatten();
                match spec.launch {
                    // It was running before, and is not ours to end.
                    Launch::Reattach(_) => owned.leave(),
                    _ => {
                        owned.kill().await;
                        owned.drain().await;
                    }
                }
                inner.last_lines = log.last(owned.pid());
            }
            if let Some(events) = &spec.events {
                let reason = error.to_string();
                events.send(&spec.name, PluginEventKind::StartFailed { reason });
            }
            Err(error)
        }
    }
}

struct Start<'a> {
    spec: &'a PluginSpec,
    deadline: Instant,
    step: StartStep,
}

/// A process that has said where it listens.
struct Reached {
    version: u32,
    address: Address,
    tls: Option<Tls>,
    /// Where this side makes sockets of its own.
    directory: PathBuf,
    translation: Option<Arc<dyn Translation>>,
}

impl Start<'_> {
    async fn run(
        &mut self,
        slot: &mut Option<Owned>,
        log: &PluginLog,
    ) -> Result<(u32, Address, Connected), StartErrorKind> {
        let mode = self.spec.protection()?;
        verify::applicable(self.spec)?;
        let preparation = Preparation::new(mode, self.spec.multiplexed)?;
        let reached = match &self.spec.launch {
            Launch::Command { program, args } => {
                let program = std::path::absolute(program).map_err(StartErrorKind::Io)?;
                let mut step = self.step;
                let image = verify::prepare(self.spec, &program, &mut step);
                let image = self.within(image).await;
                self.step = step;
                let image = image?;
                let sockets = SocketDirectory::create()?;
                self.step = StartStep::Spawn;
                let environment = self.environment(&preparation, sockets.path());
                let child = ChildProcess::spawn(self.spec, &program, image, args, environment);
                let owned = Owned::new(Box::new(child.await?), sockets);
                self.introduce(slot.insert(owned), log, &preparation)
                    .await?
            }
            Launch::Runner(runner) => {
                let sockets = SocketDirectory::create()?;
                self.step = StartStep::Spawn;
                let started = self.run_elsewhere(&**runner, &preparation, sockets.path());
                let owned = Owned::new(self.within(started).await?, sockets);
                self.introduce(slot.insert(owned), log, &preparation)
                    .await?
            }
            Launch::Reattach(config) => {
                let version = self.version_of(config)?;
                let sockets = SocketDirectory::create()?;
                self.step = StartStep::Connect;
                let directory = sockets.path().to_owned();
                let found = self.within(self.find(config)).await?;
                *slot = Some(Owned::new(Box::new(found), sockets));
                Reached {
                    version,
                    address: config.address.clone(),
                    tls: preparation.own_tls(),
                    directory,
                    translation: None,
                }
            }
        };
        // All three ways have made one.
        let Some(owned) = slot else {
            unreachable!("a process that was reached has an owner")
        };

        self.step = StartStep::Connect;
        let Reached {
            version,
            address,
            tls,
            directory,
            translation,
        } = reached;
        let connected = preparation.connect(&address, tls, directory, translation);
        let connected = self
            .within(async {
                connected.await.map_err(|error| StartErrorKind::Connect {
                    address: address.to_string(),
                    error,
                })
            })
            .await?;

        self.step = StartStep::Health;
        let left = self.deadline.saturating_duration_since(Instant::now());
        let health = process::ping(connected.channel.clone(), left);
        self.within(async {
            tokio::select! {
                biased;
                health = health => health.map_err(|status| match status.code() {
                    tonic::Code::DeadlineExceeded => {
                        StartErrorKind::Timeout(self.spec.start_timeout)
                    }
                    _ => StartErrorKind::Unhealthy(status),
                }),
                cause = owned.exit() => Err(StartErrorKind::Exited(cause)),
            }
        })
        .await?;
        Ok((version, address, connected))
    }

    /// The whole environment of a process that is about to be started.
    fn environment(&self, preparation: &Preparation, sockets: &Path) -> Vec<(OsString, OsString)> {
        let mut environment = self.spec.environment();
        environment.push((environment::UNIX_SOCKET_DIR.into(), sockets.into()));
        let further = preparation.environment().into_iter();
        environment.extend(further.map(|(name, value)| (name.into(), value.into())));
        environment
    }

    /// Reads what a new process says about itself.
    async fn introduce(
        &mut self,
        owned: &mut Owned,
        log: &PluginLog,
        preparation: &Preparation,
    ) -> Result<Reached, StartErrorKind> {
        let process = owned.process();
        let (stdout, stderr) = (process.take_stdout(), process.take_stderr());
        let Some(stdout) = stdout else {
            let error = io::Error::other("the process has no standard output to read");
            return Err(StartErrorKind::Io(error));
        };
        if let Some(stderr) = stderr {
            owned.read(
                stderr,
                sink(self.spec, log, owned.pid(), OutputChannel::Log),
            );
        }
        self.step = StartStep::Handshake;
        let mut stdout = BufReader::new(stdout);
        let line = self.within(self.handshake(&mut stdout, owned, log)).await?;
        let printed = sink(self.spec, log, owned.pid(), OutputChannel::Stdout);
        owned.read(Box::new(stdout), printed);
        let version = self.check(&line)?;
        let tls = preparation.protection(&line)?;
        let translation = owned.process().translation();
        let translated = match &translation {
            Some(translation) => translation.plugin_to_host(line.address.clone()),
            None => Ok(line.address.clone()),
        };
        let address = translated.map_err(|error| StartErrorKind::Unreachable {
            address: line.address.to_string(),
            error,
        })?;
        Ok(Reached {
            version,
            address,
            tls,
            directory: owned.socket_directory().to_owned(),
            translation,
        })
    }

    async fn run_elsewhere(
        &self,
        runner: &dyn Runner,
        preparation: &Preparation,
        sockets: &Path,
    ) -> Result<Box<dyn super::AttachedRunner>, StartErrorKind> {
        let request = RunnerRequest {
            plugin: self.spec.name.clone(),
            environment: self.environment(preparation, sockets),
            socket_dir: sockets.to_owned(),
            current_dir: self.spec.current_dir.clone(),
            resource_limits: self.spec.limits,
        };
        runner.start(request).await.map_err(StartErrorKind::Runner)
    }

    async fn find(&self, config: &ReattachConfig) -> Result<Reattached, StartErrorKind> {
        let found = Reattached::find(config).await;
        found.map_err(|error| StartErrorKind::NotRunning {
            address: config.address.to_string(),
            error,
        })
    }

    /// Nothing is negotiated with a plugin that runs already.
    fn version_of(&self, config: &ReattachConfig) -> Result<u32, StartErrorKind> {
        match (config.protocol_version, &*self.spec.versions) {
            (Some(version), versions) if versions.contains(&version) => Ok(version),
            (Some(plugin), host) => Err(StartErrorKind::AppVersion {
                plugin,
                host: host.to_owned(),
            }),
            (None, [only]) => Ok(*only),
            (None, host) => Err(StartErrorKind::NoVersion {
                host: host.to_owned(),
            }),
        }
    }

    async fn within<T>(
        &self,
        step: impl Future<Output = Result<T, StartErrorKind>>,
    ) -> Result<T, StartErrorKind> {
        tokio::time::timeout_at(self.deadline, step)
            .await
            .unwrap_or(Err(StartErrorKind::Timeout(self.spec.start_timeout)))
    }

    async fn handshake(
        &self,
        stdout: &mut BufReader<Output>,
        owned: &mut Owned,
        log: &PluginLog,
    ) -> Result<HandshakeLine, StartErrorKind> {
        let mut stray = sink(self.spec, log, owned.pid(), OutputChannel::Stdout);
        for allowed in (0..=self.spec.stray_lines).rev() {
            let line = tokio::select! {
                biased;
                line = read_line(stdout) => line.map_err(StartErrorKind::Io)?,
                // It may have printed its line and ended; or a child of it
                // keeps the pipe open and nothing will ever come.
                cause = owned.exit() => {
                    match tokio::time::timeout(DRAIN, read_line(stdout)).await {
                        Ok(Ok(Some(line))) => Some(line),
                        _ => return Err(StartErrorKind::Exited(cause)),
                    }
                }
            };
            let Some(line) = line else {
                // The pipe closes a moment before the process is gone.
                return Err(match owned.exit_within(DRAIN).await {
                    Some(cause) => StartErrorKind::Exited(cause),
                    None => StartErrorKind::NoHandshake,
                });
            };
            match HandshakeLine::parse(&line) {
                Ok(line) => return Ok(line),
                Err(HandshakeError::CoreVersion(plugin)) if plugin.parse::<u32>().is_ok() => {
                    return Err(StartErrorKind::CoreVersion { plugin });
                }
                Err(_) if allowed > 0 => stray.take(format!("{line}\n").as_bytes()),
                Err(error) => {
                    let line = line.chars().take(200).collect();
                    return Err(StartErrorKind::Unrecognized { line, error });
                }
            }
        }
        Err(StartErrorKind::NoHandshake)
    }

    fn check(&self, line: &HandshakeLine) -> Result<u32, StartErrorKind> {
        if !self.spec.versions.contains(&line.app_version) {
            let (plugin, host) = (line.app_version, self.spec.versions.clone());
            return Err(StartErrorKind::AppVersion { plugin, host });
        }
        if line.protocol != Protocol::Grpc {
            return Err(StartErrorKind::Protocol(line.protocol.clone()));
        }
        Ok(line.app_version)
    }
}

/// Where one flow of a process's output goes.
fn sink(spec: &PluginSpec, log: &PluginLog, pid: u32, channel: OutputChannel) -> Sink {
    let source = match channel {
        OutputChannel::Log | OutputChannel::Stderr => LogSource::Stderr,
        OutputChannel::Stdout => LogSource::Stdout,
    };
    Sink {
        pid,
        channel,
        log: log.writer(pid, source),
        raw: spec.raw_output.clone(),
    }
}

/// One line without its end, or nothing at the end of the flow. What is not
/// text, or too long, still makes a line, which then is no handshake.
async fn read_line(stdout: &mut BufReader<Output>) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    let limit = MAX_LINE_BYTES as u64;
    let count = (&mut *stdout)
        .take(limit)
        .read_until(b'\n', &mut line)
        .await?;
    if count == 0 {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(&line);
    Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
}
