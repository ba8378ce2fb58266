//! From `main` to exit: the whole life of a plugin process.

use std::{env, fmt, future::Future, io, pin::Pin, process::ExitCode, sync::Arc, time::Duration};

use tokio::sync::watch;

use super::{
    connections::Connections,
    housekeeping::{BrokerService, ControllerService, HealthService, Shutdown, StdioService},
    stdout::{self, Printed},
};
use crate::{
    broker::{Broker, BrokerConfig, End},
    environment,
    generated::{
        health::health_server::HealthServer,
        plugin::{
            grpc_broker_server::GrpcBrokerServer, grpc_controller_server::GrpcControllerServer,
            grpc_stdio_server::GrpcStdioServer,
        },
    },
    handshake::{
        CORE_PROTOCOL_VERSION, HandshakeConfig, HandshakeLine, Protocol, negotiate, parse_bool,
    },
    tls::{Identity, Tls, TlsError, certificate_from_pem},
    transport::{Network, Services, Sockets},
};

/// How long running calls, and then the author's hook, get at shutdown.
const DEFAULT_DRAIN_TIMEOUT: Duration = Duration::from_millis(900);

pub(super) type ShutdownHook = dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync;

type MakeServices = dyn Fn(&PluginContext) -> Services + Send;

/// What a plugin's services may want to know and use of the process they are in.
#[derive(Debug, Clone)]
pub struct PluginContext {
    protocol_version: u32,
    broker: Broker,
}

impl PluginContext {
    /// The app protocol version that was chosen.
    pub fn protocol_version(&self) -> u32 {
        self.protocol_version
    }

    /// Further connections to and from the host.
    pub fn broker(&self) -> &Broker {
        &self.broker
    }
}

/// What a plugin serves, and under which cookie and versions.
pub struct ServeConfig {
    handshake: HandshakeConfig,
    versions: Vec<u32>,
    services: Box<MakeServices>,
    network: Network,
    tls: Option<Tls>,
    drain_timeout: Duration,
    hook: Option<Arc<ShutdownHook>>,
}

impl ServeConfig {
    /// A plugin of one protocol version, the one in `handshake`.
    pub fn new(handshake: HandshakeConfig, services: Services) -> ServeConfig {
        let versions = vec![handshake.protocol_version];
        ServeConfig::versioned(handshake, versions, move |_| services.clone())
    }

    /// A plugin of several protocol versions, or one whose services use the
    /// [broker](PluginContext::broker). `services` is asked once, for the
    /// version that was chosen: the highest that the host accepts too, or the
    /// lowest of `versions` where there is none.
    pub fn versioned(
        handshake: HandshakeConfig,
        versions: impl IntoIterator<Item = u32>,
        services: impl Fn(&PluginContext) -> Services + Send + 'static,
    ) -> ServeConfig {
        ServeConfig {
            handshake,
            versions: versions.into_iter().collect(),
            services: Box::new(services),
            network: Network::Auto,
            tls: None,
            drain_timeout: DEFAULT_DRAIN_TIMEOUT,
            hook: None,
        }
    }

    /// The kind of socket to listen on.
    #[must_use]
    pub fn network(mut self, network: Network) -> ServeConfig {
        self.network = network;
        self
    }

    /// Uses this TLS instead of AutoMTLS, also for a host that asks for AutoMTLS.
    /// The host must be configured to match: the handshake says nothing of it.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> ServeConfig {
        self.tls = Some(tls);
        self
    }

    /// How long running calls get at shutdown, and after them the hook. The
    /// default of 900 ms each keeps the whole within a Go host's two seconds.
    #[must_use]
    pub fn drain_timeout(mut self, timeout: Duration) -> ServeConfig {
        self.drain_timeout = timeout;
        self
    }

    /// Runs `hook` once when the host asks the plugin to stop, or on SIGTERM,
    /// after running calls are done and before the process ends.
    #[must_use]
    pub fn on_shutdown<F, Fut>(mut self, hook: F) -> ServeConfig
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.hook = Some(Arc::new(move || Box::pin(hook())));
        self
    }

    /// Serves until the host asks for the end or SIGTERM comes. SIGINT is
    /// ignored: a Ctrl-C in the host's terminal reaches every process of it,
    /// and it is the host that decides.
    ///
    /// Handlers run on the runtime that this is awaited on, all calls of a
    /// connection on one task; [`run`] brings the runtime that suits.
    ///
    /// # Errors
    ///
    /// See [`ServeError`]. Nothing was printed on standard output then.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with IO and time enabled.
    pub async fn serve(self) -> Result<(), ServeError> {
        self.check_cookie()?;
        let version = negotiate(&self.versions, &accepted_by_host())
            .ok_or(ServeError(Failure::NoVersions))?;
        let failed = |step| move |error| ServeError(Failure::Io { step, error });
        let (tls, certificate) = self.protection()?;
        stdout::take_over_stdout().map_err(failed("take over standard output"))?;
        let sockets = Sockets::from_environment(self.network).map_err(failed("listen"))?;
        let listener = sockets.listen().await.map_err(failed("listen"))?;
        let printed = Printed::of_this_process().map_err(failed("read standard output"))?;
        let mut signals = Signals::install().map_err(failed("install signal handlers"))?;
        let multiplexing = multiplexing();
        let broker = Broker::new(BrokerConfig {
            end: End::Plugin,
            tls: tls.clone(),
            sockets,
            multiplexed: multiplexing == Some(true),
            outward: None,
            inward: None,
        });

        let (stopped, stop) = watch::channel(false);
        let services = (self.services)(&PluginContext {
            protocol_version: version,
            broker: broker.clone(),
        });
        let shutdown = Shutdown {
            in_flight: services.in_flight().clone(),
            printed: printed.clone(),
            broker: broker.clone(),
            hook: self.hook,
            drain_timeout: self.drain_timeout,
            stopped: Arc::new(stopped),
            once: Arc::default(),
        };
        let services = services
            .add_service(HealthServer::new(HealthService))
            .add_service(GrpcBrokerServer::new(BrokerService(broker.clone())))
            .add_service(GrpcStdioServer::new(StdioService(printed)))
            .add_service(GrpcControllerServer::new(ControllerService {
                shutdown: shutdown.clone(),
            }));

        let line = HandshakeLine {
            core_version: CORE_PROTOCOL_VERSION,
            app_version: version,
            address: listener.address().clone(),
            protocol: Protocol::Grpc,
            certificate,
            multiplexed: multiplexing,
        };
        stdout::write_handshake(&line.to_string()).map_err(failed("print the handshake"))?;

        let connections = Connections {
            services,
            tls,
            multiplexed: (multiplexing == Some(true)).then_some(broker),
            stop,
        };
        let terminated = async {
            loop {
                signals.terminate().await;
                shutdown.run().await;
            }
        };
        connections.run(listener, terminated).await;
        Ok(())
    }

    /// How connections are protected, and the certificate that the handshake
    /// tells the host.
    fn protection(&self) -> Result<(Option<Tls>, Option<String>), ServeError> {
        let failed = |error| ServeError(Failure::Tls(error));
        if let Some(tls) = &self.tls {
            return Ok((Some(tls.clone()), None));
        }
        let Some(pem) = env::var_os(environment::CLIENT_CERT).filter(|pem| !pem.is_empty()) else {
            return Ok((None, None));
        };
        let host = certificate_from_pem(pem.as_encoded_bytes()).map_err(failed)?;
        let identity = Identity::generate().map_err(failed)?;
        let tls = Tls::pinned(&identity, &host).map_err(failed)?;
        let certificate = HandshakeLine::encode_certificate(identity.certificate_der());
        Ok((Some(tls), Some(certificate)))
    }

    fn check_cookie(&self) -> Result<(), ServeError> {
        let HandshakeConfig {
            magic_cookie_key,
            magic_cookie_value,
            ..
        } = &self.handshake;
        if magic_cookie_key.is_empty() || magic_cookie_value.is_empty() {
            return Err(ServeError(Failure::NoCookieConfigured));
        }
        match env::var_os(magic_cookie_key) {
            Some(value) if value == magic_cookie_value.as_str() => Ok(()),
            _ => Err(ServeError(Failure::NotStartedByHost)),
        }
    }
}

impl fmt::Debug for ServeConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServeConfig")
            .field("handshake", &self.handshake)
            .field("versions", &self.versions)
            .field("network", &self.network)
            .field("drain_timeout", &self.drain_timeout)
            .finish_non_exhaustive()
    }
}

/// Whether the host asks for multiplexing; nothing if it does not mention it,
/// because then an older one would not expect a seventh field.
fn multiplexing() -> Option<bool> {
    let value = env::var_os(environment::MULTIPLEX_GRPC).filter(|value| !value.is_empty())?;
    let asked = value.to_str().map(parse_bool);
    Some(matches!(asked, Some(Ok(true))))
}

fn accepted_by_host() -> Vec<u32> {
    let text = env::var(environment::PROTOCOL_VERSIONS).unwrap_or_default();
    let entries = text.split(',').filter(|entry| !entry.is_empty());
    entries
        .filter_map(|entry| match entry.trim().parse() {
            Ok(version) => Some(version),
            Err(_) => {
                tracing::warn!(
                    entry,
                    "{} has an entry that is no version",
                    environment::PROTOCOL_VERSIONS
                );
                None
            }
        })
        .collect()
}

struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    _interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn install() -> io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            // Having a handler that does nothing is what ignores it.
            _interrupt: signal(SignalKind::interrupt())?,
        })
    }

    #[cfg(not(unix))]
    fn install() -> io::Result<Signals> {
        Ok(Signals {})
    }

    async fn terminate(&mut self) {
        #[cfg(unix)]
        if self.terminate.recv().await.is_some() {
            return;
        }
        std::future::pending().await
    }
}

/// Why a plugin did not serve.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct ServeError(Failure);

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(
        "This program is a plugin. It is started by its host, not by hand: give the host its \
         path, or put it into the host's plugin directory."
    )]
    NotStartedByHost,
    #[error("the plugin's own magic cookie key or value is empty")]
    NoCookieConfigured,
    #[error("the plugin offers no protocol version")]
    NoVersions,
    #[error(
        "the host asks for mutual TLS and {} cannot be used: {_0}",
        environment::CLIENT_CERT
    )]
    Tls(TlsError),
    #[error("the plugin could not {step}: {error}")]
    Io {
        step: &'static str,
        error: io::Error,
    },
}

impl ServeError {
    /// Whether somebody started the plugin by hand, or a host of another family.
    pub fn is_not_started_by_host(&self) -> bool {
        matches!(self.0, Failure::NotStartedByHost)
    }
}

/// The whole `main` of a plugin: serves on a runtime of its own, on this
/// thread, and turns the outcome into an exit code. An error goes to standard
/// error, with exit code 1.
pub fn run(config: ServeConfig) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(config.serve()),
        Err(error) => Err(ServeError(Failure::Io {
            step: "start a runtime",
            error,
        })),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            use io::Write as _;
            // Whoever closed standard error does not want to know.
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}
