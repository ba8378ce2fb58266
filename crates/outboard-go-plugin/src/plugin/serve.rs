//! From `main` to exit: the whole life of a plugin process.

use std::{env, fmt, future::Future, io, pin::Pin, process::ExitCode, sync::Arc, time::Duration};

use tokio::sync::watch;

#[cfg(unix)]
use super::host_watch::HostWatch;
use super::{
    connections::Connections,
    housekeeping::{BrokerService, ControllerService, HealthService, Shutdown, StdioService},
    stdout::{self, Printed},
    test_mode,
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
    transport::{Listener, Network, Services, Sockets},
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
    pub(super) network: Network,
    pub(super) tls: Option<Tls>,
    drain_timeout: Duration,
    outlive_host: bool,
    hook: Option<Arc<ShutdownHook>>,
}

/// What a plugin stands on, however it came to be started.
pub(super) struct Ground {
    pub(super) version: u32,
    pub(super) listener: Listener,
    pub(super) sockets: Sockets,
    pub(super) tls: Option<Tls>,
    pub(super) multiplexed: bool,
    pub(super) printed: Printed,
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
            outlive_host: false,
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

    /// Whether to serve on when the host has died, until SIGTERM or until
    /// another host reattaches and ends it. Otherwise that ends the plugin, in
    /// order. A host can ask for it too, with `OUTBOARD_OUTLIVE_HOST`.
    #[must_use]
    pub fn outlive_host(mut self, outlive: bool) -> ServeConfig {
        self.outlive_host = outlive;
        self
    }

    /// Runs `hook` once when the host asks the plugin to stop or dies, or on
    /// SIGTERM, after running calls are done and before the process ends.
    #[must_use]
    pub fn on_shutdown<F, Fut>(mut self, hook: F) -> ServeConfig
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.hook = Some(Arc::new(move || Box::pin(hook())));
        self
    }

    /// Serves until the host asks for the end or dies, or SIGTERM comes. SIGINT is
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
        let version = self.version()?;
        let (tls, certificate) = self.protection()?;
        stdout::take_over_stdout().map_err(failed("take over standard output"))?;
        let sockets = Sockets::from_environment(self.network).map_err(failed("listen"))?;
        let listener = sockets.listen().await.map_err(failed("listen"))?;
        let printed = Printed::of_this_process().map_err(failed("read standard output"))?;
        let signals = Signals::install().map_err(failed("install signal handlers"))?;
        let multiplexing = multiplexing();
        let line = HandshakeLine {
            core_version: CORE_PROTOCOL_VERSION,
            app_version: version,
            address: listener.address().clone(),
            protocol: Protocol::Grpc,
            certificate,
            multiplexed: multiplexing,
        };
        let ground = Ground {
            version,
            listener,
            sockets,
            tls,
            multiplexed: multiplexing == Some(true),
            printed: printed.clone(),
        };
        let asked = env::var_os(environment::OUTLIVE_HOST).is_some_and(|asked| !asked.is_empty());
        let outlive_host = self.outlive_host || asked;
        #[cfg(unix)]
        let host = HostWatch::new(printed).map_err(failed("watch the host"))?;
        self.serve_on(
            ground,
            || stdout::write_handshake(&line.to_string()).map_err(failed("print the handshake")),
            |shutdown| async move {
                #[cfg(unix)]
                return ends(signals, host, outlive_host, shutdown).await;
                #[cfg(not(unix))]
                {
                    let _ = (signals, outlive_host, shutdown);
                    std::future::pending().await
                }
            },
        )
        .await
    }

    /// Serves until `Shutdown` has run. `ready` is called when hosts can
    /// connect; what `beside` makes is polled all the while, and never ends.
    pub(super) async fn serve_on<Beside>(
        self,
        ground: Ground,
        ready: impl FnOnce() -> Result<(), ServeError>,
        beside: impl FnOnce(Shutdown) -> Beside,
    ) -> Result<(), ServeError>
    where
        Beside: Future<Output = ()>,
    {
        let Ground {
            version,
            listener,
            sockets,
            tls,
            multiplexed,
            printed,
        } = ground;
        let broker = Broker::new(BrokerConfig {
            end: End::Plugin,
            tls: tls.clone(),
            sockets,
            multiplexed,
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
        ready()?;
        let connections = Connections {
            services,
            tls,
            multiplexed: multiplexed.then_some(broker),
            stop,
        };
        connections.run(listener, beside(shutdown)).await;
        Ok(())
    }

    /// The app protocol version to serve.
    pub(super) fn version(&self) -> Result<u32, ServeError> {
        negotiate(&self.versions, &accepted_by_host()).ok_or(ServeError(Failure::NoVersions))
    }

    /// How connections are protected, and the certificate that the handshake
    /// tells the host.
    fn protection(&self) -> Result<(Option<Tls>, Option<String>), ServeError> {
        let unusable = |error| ServeError(Failure::Tls(error));
        if let Some(tls) = &self.tls {
            return Ok((Some(tls.clone()), None));
        }
        let Some(pem) = env::var_os(environment::CLIENT_CERT).filter(|pem| !pem.is_empty()) else {
            return Ok((None, None));
        };
        let host = certificate_from_pem(pem.as_encoded_bytes()).map_err(unusable)?;
        let identity = Identity::generate().map_err(unusable)?;
        let tls = Tls::pinned(&identity, &host).map_err(unusable)?;
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

/// Runs the orderly end when a signal asks for it or the host is gone.
#[cfg(unix)]
async fn ends(mut signals: Signals, host: HostWatch, outlive_host: bool, shutdown: Shutdown) {
    let host_gone = async {
        host.gone().await;
        if outlive_host {
            std::future::pending().await
        }
    };
    tokio::select! {
        () = host_gone => {}
        () = signals.terminate() => {}
    }
    shutdown.run().await;
    std::future::pending().await
}

/// An error of the operating system in one step.
pub(super) fn failed(step: &'static str) -> impl Fn(io::Error) -> ServeError {
    move |error| ServeError(Failure::Io { step, error })
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

pub(super) struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    pub(super) fn install() -> io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            // Having a handler that does nothing is what ignores it.
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    #[cfg(not(unix))]
    pub(super) fn install() -> io::Result<Signals> {
        Ok(Signals {})
    }

    /// Waits for SIGTERM or SIGINT.
    pub(super) async fn any(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
        #[cfg(not(unix))]
        std::future::pending().await
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
///
/// Started by hand with `OUTBOARD_TEST_MODE` set to a name, it serves in
/// [test mode](ServeConfig::serve_in_test_mode), and prints the value of
/// `TF_REATTACH_PROVIDERS` for a plugin of that name, until SIGINT or SIGTERM.
pub fn run(config: ServeConfig) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let outcome = match runtime {
        // A host that did start it comes first.
        Ok(runtime) => match test_mode::wished_for().filter(|_| config.check_cookie().is_err()) {
            Some(name) => runtime.block_on(config.serve_by_hand(&name)),
            None => runtime.block_on(config.serve()),
        },
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
