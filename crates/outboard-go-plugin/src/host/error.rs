//! Why a plugin did not start, in a form that a program can branch on and a
//! person can act on.

use std::{fmt, io, path::PathBuf, time::Duration};

use super::{VerificationError, exit::ExitCause};
use crate::{
    handshake::{HandshakeError, Protocol},
    tls::TlsError,
};

/// The step at which a start failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StartStep {
    /// Looking at the program file and preparing directories.
    Prepare,
    /// Comparing the program's checksum and keeping the verified bytes.
    Verify,
    /// Creating the process.
    Spawn,
    /// Waiting for the handshake line and checking it.
    Handshake,
    /// Connecting to the address in the handshake.
    Connect,
    /// Asking the plugin whether it is well.
    Health,
}

impl fmt::Display for StartStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StartStep::Prepare => "prepare",
            StartStep::Verify => "verify",
            StartStep::Spawn => "spawn",
            StartStep::Handshake => "handshake",
            StartStep::Connect => "connect",
            StartStep::Health => "health check",
        })
    }
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartErrorKind {
    /// There is no file at this path.
    #[error("there is no program at {0}")]
    NotFound(PathBuf),
    /// The path is a directory, a socket or the like.
    #[error("{0} is not a regular file")]
    NotAFile(PathBuf),
    /// The file lacks the permission to execute it.
    #[error("{0} is not executable")]
    NotExecutable(PathBuf),
    /// The program was built for another machine.
    #[error("the program was built for {found}, and this machine is {host}")]
    WrongArchitecture {
        /// The architecture in the file's header.
        found: String,
        /// This machine's.
        host: &'static str,
    },
    /// Neither a program nor a script with a `#!` line.
    #[error("{0} is neither a program nor a script with an interpreter line")]
    UnknownFormat(PathBuf),
    /// The interpreter in the script's `#!` line does not exist.
    #[error("the interpreter {interpreter:?} of the script {script} does not exist")]
    NoInterpreter {
        /// The script.
        script: PathBuf,
        /// What its first line names.
        interpreter: String,
    },
    /// The socket directory's path is longer than socket addresses may be.
    #[error("the socket directory {path} is too long: it has {length} bytes of at most {limit}")]
    SocketPathTooLong {
        /// The directory.
        path: PathBuf,
        /// Its length in bytes.
        length: usize,
        /// What would fit, in bytes.
        limit: usize,
    },
    /// The program could not be verified, or is not the one that was asked for.
    #[error(transparent)]
    Verification(VerificationError),
    /// The operating system refused something.
    #[error("{0}")]
    Io(#[source] io::Error),
    /// The runner could not start it.
    #[error("its runner could not start it: {0}")]
    Runner(#[source] io::Error),
    /// The plugin listens where its runner knows no way to.
    #[error("its runner knows no way to the address {address} at which it listens: {error}")]
    Unreachable {
        /// The address in the handshake.
        address: String,
        /// What the runner said.
        #[source]
        error: io::Error,
    },
    /// What was asked for needs a start by this host, and the plugin runs already.
    #[error("it is to be reattached to, which excludes {0}")]
    NotWithReattach(&'static str),
    /// Nobody listens at the address of the plugin to reattach to.
    #[error("no plugin runs at {address} any more: {error}")]
    NotRunning {
        /// The address in the reattach configuration.
        address: String,
        /// What the operating system said.
        #[source]
        error: io::Error,
    },
    /// The reattach configuration says no version, and the host has several.
    #[error(
        "its reattach configuration does not say which protocol version it speaks, and this \
         host speaks {}", join(.host)
    )]
    NoVersion {
        /// The host's versions.
        host: Vec<u32>,
    },
    /// The process ended before it printed a handshake.
    #[error("it ended with {0} before it printed a handshake")]
    Exited(ExitCause),
    /// The process closed its standard output without a handshake, and runs on.
    #[error("it closed its standard output without printing a handshake")]
    NoHandshake,
    /// The first line is no handshake.
    #[error("its first line of output {line:?} is not a handshake: {error}")]
    Unrecognized {
        /// The line, cut after 200 characters.
        line: String,
        /// What is wrong with it.
        error: HandshakeError,
    },
    /// The plugin speaks a core protocol version other than 1.
    #[error("it speaks core protocol version {plugin}, and this host speaks 1")]
    CoreVersion {
        /// As the plugin printed it.
        plugin: String,
    },
    /// Host and plugin have no app protocol version in common.
    #[error("it speaks protocol version {plugin}, and this host speaks {}", join(.host))]
    AppVersion {
        /// The plugin's version.
        plugin: u32,
        /// The host's versions.
        host: Vec<u32>,
    },
    /// The plugin does not speak gRPC.
    #[error("it speaks the protocol {0:?}, and this host speaks grpc")]
    Protocol(Protocol),
    /// The plugin wants TLS, which was not asked for.
    #[error("it answered with a certificate although no TLS was asked for")]
    UnexpectedCertificate,
    /// The plugin answered without the certificate that AutoMTLS needs.
    #[error("it answered without a certificate, so it does not speak AutoMTLS")]
    NoCertificate,
    /// The plugin cannot carry brokered connections inside of the main one.
    #[error("it does not multiplex brokered connections")]
    NoMultiplexing,
    /// A key or a certificate could not be made or used.
    #[error("{0}")]
    Tls(#[source] TlsError),
    /// Nobody accepts connections at the address in the handshake.
    #[error("no connection to {address}: {error}")]
    Connect {
        /// The address in the handshake.
        address: String,
        /// What the operating system said.
        error: io::Error,
    },
    /// The health check failed.
    #[error("its health check failed: {0}")]
    Unhealthy(tonic::Status),
    /// The start timeout passed during this step.
    #[error("nothing came within the start timeout of {0:?}")]
    Timeout(Duration),
}

impl StartErrorKind {
    /// Whether this is what the end of the process would look like from outside.
    pub(super) fn may_be_an_end(&self) -> bool {
        matches!(
            self,
            StartErrorKind::Connect { .. } | StartErrorKind::Unhealthy(_)
        )
    }
}

fn join(versions: &[u32]) -> String {
    let versions: Vec<String> = versions.iter().map(u32::to_string).collect();
    versions.join(", ")
}

/// A plugin that did not start: which, at which step, why, and what it said.
///
/// Nothing is left behind when this is returned: no process, no socket.
#[derive(Debug)]
pub struct StartError {
    pub(super) inner: Box<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) plugin: String,
    pub(super) step: StartStep,
    pub(super) kind: StartErrorKind,
    pub(super) elapsed: Duration,
    pub(super) exit: Option<ExitCause>,
    pub(super) last_lines: Vec<String>,
    pub(super) diagnosis: Option<String>,
}

impl StartError {
    pub(super) fn new(
        plugin: &str,
        step: StartStep,
        kind: StartErrorKind,
        elapsed: Duration,
    ) -> StartError {
        let exit = match &kind {
            StartErrorKind::Exited(cause) => Some(*cause),
            _ => None,
        };
        let plugin = plugin.to_owned();
        StartError {
            inner: Box::new(Inner {
                plugin,
                step,
                kind,
                elapsed,
                exit,
                last_lines: Vec::new(),
                diagnosis: None,
            }),
        }
    }

    /// The plugin's name.
    pub fn plugin(&self) -> &str {
        &self.inner.plugin
    }

    /// The step that failed.
    pub fn step(&self) -> StartStep {
        self.inner.step
    }

    /// What went wrong.
    pub fn kind(&self) -> &StartErrorKind {
        &self.inner.kind
    }

    /// How long the start had taken.
    pub fn elapsed(&self) -> Duration {
        self.inner.elapsed
    }

    /// How the process had ended by itself, where it had.
    pub fn exit(&self) -> Option<ExitCause> {
        self.inner.exit
    }

    /// The last lines on the plugin's standard error, oldest first, at most 20.
    pub fn last_lines(&self) -> &[String] {
        &self.inner.last_lines
    }

    /// What the plugin's [`Runner`](super::Runner) says about it.
    pub fn diagnosis(&self) -> Option<&str> {
        self.inner.diagnosis.as_deref()
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match &self.inner.kind {
            StartErrorKind::NotFound(_) | StartErrorKind::NotAFile(_) => {
                "build the plugin, or correct the path"
            }
            StartErrorKind::NotExecutable(_) => "make it executable with chmod +x",
            StartErrorKind::WrongArchitecture { .. } => "build the plugin for this machine",
            StartErrorKind::UnknownFormat(_) => {
                "build it as a program, or begin the script with a line such as #!/usr/bin/env python3"
            }
            StartErrorKind::NoInterpreter { .. } => {
                "install the interpreter, or correct the script's first line"
            }
            StartErrorKind::SocketPathTooLong { .. } => {
                "set XDG_RUNTIME_DIR or TMPDIR to a shorter directory"
            }
            StartErrorKind::Runner(_) | StartErrorKind::Unreachable { .. } => {
                "see what the runner said"
            }
            StartErrorKind::NotWithReattach(_) => "leave that setting out, or start the plugin",
            StartErrorKind::NotRunning { .. } => {
                "start the plugin again and use the configuration that it then prints"
            }
            StartErrorKind::NoVersion { .. } => {
                "add ProtocolVersion to the configuration, or give the host one version"
            }
            StartErrorKind::Verification(error) => error.hint(),
            StartErrorKind::Io(_) => "see what the operating system said",
            StartErrorKind::Exited(_) | StartErrorKind::NoHandshake => {
                "read what it said on standard error; run with RUST_LOG=debug to see all of it"
            }
            StartErrorKind::Unrecognized { .. } => {
                "check that it is a go-plugin plugin and prints nothing before the handshake"
            }
            StartErrorKind::CoreVersion { .. } => "rebuild it with a current go-plugin",
            StartErrorKind::AppVersion { .. } => {
                "install a plugin and a host whose protocol versions overlap"
            }
            StartErrorKind::Protocol(_) => "rebuild it to serve gRPC instead of net/rpc",
            StartErrorKind::UnexpectedCertificate => {
                "use AutoMTLS for it, or rebuild it to show a certificate only when asked"
            }
            StartErrorKind::NoCertificate => {
                "rebuild it on a go-plugin library with AutoMTLS, or allow plain text for it (TlsMode)"
            }
            StartErrorKind::NoMultiplexing => {
                "rebuild it with go-plugin 1.6 or newer, or turn multiplexing off"
            }
            StartErrorKind::Tls(_) => "check the machine's randomness and the TLS configuration",
            StartErrorKind::Connect { .. } | StartErrorKind::Unhealthy(_) => {
                "check that it serves gRPC at the address that it printed"
            }
            StartErrorKind::Timeout(_) => "see what it waits for, or raise the start timeout",
        }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner {
            plugin,
            step,
            kind,
            elapsed,
            exit,
            last_lines,
            diagnosis,
        } = &*self.inner;
        write!(
            f,
            "plugin {plugin:?} did not start: {step} failed after {elapsed:.1?}: {kind}"
        )?;
        if let (Some(exit), false) = (exit, matches!(kind, StartErrorKind::Exited(_))) {
            write!(f, "; it ended with {exit}")?;
        }
        if !last_lines.is_empty() {
            write!(f, "; it last said: {}", last_lines.join(" / "))?;
        }
        if let Some(diagnosis) = diagnosis {
            write!(f, "; its runner says: {diagnosis}")?;
        }
        write!(f, "; {}", self.hint())
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.inner.kind)
    }
}
