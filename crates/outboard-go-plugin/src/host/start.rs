//! From a description to a running plugin, one step after the other, each with
//! an error of its own.

use std::{
    future::Future,
    io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::{ChildStdout, Command},
    time::Instant,
};

use super::{
    PluginEventKind, PluginLog, PluginProcess, PluginSpec, StartError, StartErrorKind, StartStep,
    connect::{Connected, Preparation},
    diagnose,
    log::{LogSource, Writer, pump},
    process::{self, DRAIN, Owned, Started},
    stdio,
};
use crate::{
    environment,
    handshake::{HandshakeError, HandshakeLine, MAX_LINE_BYTES, Protocol},
    transport::Address,
};

/// Longest path of a Unix socket, in bytes, without the closing zero.
const MAX_SOCKET_PATH: usize = if cfg!(target_os = "linux") { 107 } else { 103 };
/// What plugins append to their socket directory, with room to spare:
/// `/plugin` and up to ten digits in Go, up to twenty in ours.
const SOCKET_NAME: usize = 30;
/// How often a program that somebody just wrote is tried again, and how long
/// the wait between is.
const BUSY_RETRIES: u32 = 20;
const BUSY_WAIT: Duration = Duration::from_millis(10);

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
            owned.adopt(tokio::spawn(broker.clone().follow(channel.clone())));
            owned.adopt(tokio::spawn(stdio::follow(
                channel.clone(),
                log.clone(),
                pid,
            )));
            if let Some(events) = &spec.events {
                let kind = PluginEventKind::Ready {
                    pid,
                    elapsed: begun.elapsed(),
                };
                events.send(&spec.name, kind);
            }
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
                inner.exit = inner.exit.or_else(|| owned.try_exit());
                owned.kill().await;
                owned.drain().await;
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

impl Start<'_> {
    async fn run(
        &mut self,
        owned: &mut Option<Owned>,
        log: &PluginLog,
    ) -> Result<(u32, Address, Connected), StartErrorKind> {
        let preparation = Preparation::new(self.spec.tls.clone(), self.spec.multiplexed)?;
        let program = std::path::absolute(&self.spec.program).map_err(StartErrorKind::Io)?;
        diagnose::preflight(&program)?;
        let sockets = socket_directory().map_err(|error| *error)?;

        self.step = StartStep::Spawn;
        let directory = sockets.path().to_owned();
        let child = self
            .spawn(&program, &directory, preparation.environment())
            .await?;
        let Some(pid) = child.id() else {
            return Err(StartErrorKind::Io(io::Error::other(
                "the child has no process id",
            )));
        };
        let owned = owned.insert(Owned::new(child, pid, sockets));
        let (stdout, stderr) = (owned.child().stdout.take(), owned.child().stderr.take());
        let (Some(stdout), Some(stderr)) = (stdout, stderr) else {
            return Err(StartErrorKind::Io(io::Error::other(
                "the child has no pipes",
            )));
        };
        let writer = Writer::new(log.clone(), pid, LogSource::Stderr);
        owned.adopt(tokio::spawn(pump(stderr, writer)));

        self.step = StartStep::Handshake;
        let mut stdout = BufReader::new(stdout);
        let line = self.within(self.handshake(&mut stdout, owned, log)).await?;
        let writer = Writer::new(log.clone(), pid, LogSource::Stdout);
        owned.adopt(tokio::spawn(pump(stdout, writer)));
        let (version, address) = self.check(&line)?;
        let tls = preparation.protection(&line)?;

        self.step = StartStep::Connect;
        let connected = preparation.connect(&address, tls, directory);
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

    async fn within<T>(
        &self,
        step: impl Future<Output = Result<T, StartErrorKind>>,
    ) -> Result<T, StartErrorKind> {
        tokio::time::timeout_at(self.deadline, step)
            .await
            .unwrap_or(Err(StartErrorKind::Timeout(self.spec.start_timeout)))
    }

    async fn spawn(
        &self,
        program: &Path,
        sockets: &Path,
        environment: Vec<(&'static str, String)>,
    ) -> Result<tokio::process::Child, StartErrorKind> {
        let mut command = Command::new(program);
        command
            .args(&self.spec.args)
            .env_clear()
            .envs(self.spec.environment())
            .env(environment::UNIX_SOCKET_DIR, sockets)
            .envs(environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        // A group of its own: a Ctrl-C in our terminal is ours to act on, and
        // what the plugin starts can be ended with it.
        #[cfg(unix)]
        command.process_group(0);
        if let Some(directory) = &self.spec.current_dir {
            command.current_dir(directory);
        }
        let mut busy = 0;
        loop {
            match command.spawn() {
                Ok(child) => return Ok(child),
                // Another thread forked while the file was still open for
                // writing; it passes as soon as that child has called exec.
                Err(error)
                    if error.kind() == io::ErrorKind::ExecutableFileBusy && busy < BUSY_RETRIES =>
                {
                    busy += 1;
                    tokio::time::sleep(BUSY_WAIT).await;
                }
                Err(error) => return Err(StartErrorKind::Io(error)),
            }
        }
    }

    async fn handshake(
        &self,
        stdout: &mut BufReader<ChildStdout>,
        owned: &mut Owned,
        log: &PluginLog,
    ) -> Result<HandshakeLine, StartErrorKind> {
        let mut stray = Writer::new(log.clone(), owned.pid(), LogSource::Stdout);
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
                return Err(match tokio::time::timeout(DRAIN, owned.exit()).await {
                    Ok(cause) => StartErrorKind::Exited(cause),
                    Err(_) => StartErrorKind::NoHandshake,
                });
            };
            match HandshakeLine::parse(&line) {
                Ok(line) => return Ok(line),
                Err(HandshakeError::CoreVersion(plugin)) if plugin.parse::<u32>().is_ok() => {
                    return Err(StartErrorKind::CoreVersion { plugin });
                }
                Err(_) if allowed > 0 => stray.feed(format!("{line}\n").as_bytes()),
                Err(error) => {
                    let line = line.chars().take(200).collect();
                    return Err(StartErrorKind::Unrecognized { line, error });
                }
            }
        }
        Err(StartErrorKind::NoHandshake)
    }

    fn check(&self, line: &HandshakeLine) -> Result<(u32, Address), StartErrorKind> {
        if !self.spec.versions.contains(&line.app_version) {
            let (plugin, host) = (line.app_version, self.spec.versions.clone());
            return Err(StartErrorKind::AppVersion { plugin, host });
        }
        if line.protocol != Protocol::Grpc {
            return Err(StartErrorKind::Protocol(line.protocol.clone()));
        }
        Ok((line.app_version, line.address.clone()))
    }
}

/// One line without its end, or nothing at the end of the flow. What is not
/// text, or too long, still makes a line, which then is no handshake.
async fn read_line(stdout: &mut BufReader<ChildStdout>) -> io::Result<Option<String>> {
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

/// A private directory for the plugin's sockets, on a short path.
fn socket_directory() -> Result<TempDir, Box<StartErrorKind>> {
    let candidates = [
        std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from),
        Some(std::env::temp_dir()),
        Some(PathBuf::from("/tmp")),
    ];
    let mut failure = None;
    for parent in candidates
        .into_iter()
        .flatten()
        .filter(|parent| parent.is_absolute())
    {
        let mut builder = tempfile::Builder::new();
        builder.prefix("outboard-");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        match builder.tempdir_in(&parent) {
            Ok(directory) => {
                let length = directory.path().as_os_str().len();
                let limit = MAX_SOCKET_PATH - SOCKET_NAME;
                if length <= limit {
                    return Ok(directory);
                }
                let path = directory.path().to_owned();
                failure = Some(StartErrorKind::SocketPathTooLong {
                    path,
                    length,
                    limit,
                });
            }
            Err(error) => {
                failure.get_or_insert(StartErrorKind::Io(error));
            }
        }
    }
    Err(Box::new(failure.unwrap_or_else(|| {
        StartErrorKind::Io(io::Error::other(
            "there is no directory for temporary files",
        ))
    })))
}
