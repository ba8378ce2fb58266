//! How a plugin is started: a description that can be used again and again.

use std::{
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    EventBus, Launch, PluginLog, PluginProcess, RawOutput, ResourceLimits, StartError,
    StartErrorKind, TlsMode, verify::Verification,
};
use crate::{environment, handshake::HandshakeConfig};

/// Which variables of the host's environment a plugin gets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Inherit {
    /// What programs need to find their way and little else: see
    /// [`Inherit::BASICS`]. The default.
    Basics,
    /// All of it, as a Go host does: also every secret that is in it.
    All,
    /// Nothing.
    None,
    /// These, where they are set.
    Only(Vec<String>),
}

impl Inherit {
    /// The variables that [`Inherit::Basics`] passes on; `LC_` stands for all
    /// that begin so.
    pub const BASICS: &[&str] = &[
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "SHELL",
        "LANG",
        "LANGUAGE",
        "LC_",
        "TZ",
        "TMPDIR",
        "TERM",
        "XDG_RUNTIME_DIR",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "SYSTEMROOT",
        "OUTBOARD_LOG",
        "RUST_BACKTRACE",
    ];

    /// The names of the variables that it passes on now, sorted. Never their values.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = std::env::vars_os()
            .filter_map(|(name, _)| name.into_string().ok())
            .filter(|name| self.passes(name))
            .collect();
        names.sort_unstable();
        names
    }

    fn passes(&self, name: &str) -> bool {
        match self {
            Inherit::All => true,
            Inherit::None => false,
            Inherit::Only(names) => names.iter().any(|allowed| allowed == name),
            Inherit::Basics => name.starts_with("LC_") || Inherit::BASICS.contains(&name),
        }
    }
}

/// Everything that is needed to start a plugin.
///
/// ```no_run
/// # async fn example() -> Result<(), outboard_go_plugin::host::StartError> {
/// use outboard_go_plugin::{handshake::HandshakeConfig, host::PluginSpec};
///
/// let handshake = HandshakeConfig::new("BASIC_PLUGIN", "hello", 1);
/// let plugin = PluginSpec::new("greeter", "./greeter", handshake).start().await?;
/// // GreeterClient::new(plugin.channel()) …
/// plugin.stop().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct PluginSpec {
    pub(super) name: String,
    pub(super) launch: Launch,
    pub(super) handshake: HandshakeConfig,
    pub(super) versions: Vec<u32>,
    pub(super) env: Vec<(OsString, OsString)>,
    pub(super) inherit: Inherit,
    pub(super) current_dir: Option<PathBuf>,
    pub(super) start_timeout: Duration,
    pub(super) shutdown_grace: Duration,
    pub(super) terminate_grace: Duration,
    pub(super) outlive_host: bool,
    pub(super) stray_lines: usize,
    pub(super) tls: Option<TlsMode>,
    pub(super) multiplexed: bool,
    pub(super) events: Option<EventBus>,
    pub(super) log: Option<PluginLog>,
    pub(super) verification: Option<Verification>,
    pub(super) raw_output: Option<RawOutput>,
    pub(super) limits: ResourceLimits,
}

impl PluginSpec {
    /// A plugin that is called `name` in logs, events and errors. `launch` is
    /// the path of its program, or another [`Launch`].
    pub fn new(
        name: impl Into<String>,
        launch: impl Into<Launch>,
        handshake: HandshakeConfig,
    ) -> PluginSpec {
        PluginSpec {
            name: name.into(),
            launch: launch.into(),
            versions: vec![handshake.protocol_version],
            handshake,
            env: Vec::new(),
            inherit: Inherit::Basics,
            current_dir: None,
            start_timeout: Duration::from_secs(60),
            shutdown_grace: Duration::from_secs(2),
            terminate_grace: Duration::from_millis(500),
            outlive_host: false,
            stray_lines: 0,
            tls: None,
            multiplexed: false,
            events: None,
            log: None,
            verification: None,
            raw_output: None,
            limits: ResourceLimits::default(),
        }
    }

    /// The plugin's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How its process comes about.
    pub fn launch(&self) -> &Launch {
        &self.launch
    }

    /// The plugin's program, if it is started from a file.
    pub fn program(&self) -> Option<&Path> {
        match &self.launch {
            Launch::Command { program, .. } => Some(program),
            _ => None,
        }
    }

    /// The app protocol versions that the host speaks, instead of the one in
    /// the handshake configuration. The plugin picks one.
    #[must_use]
    pub fn protocol_versions(mut self, versions: impl IntoIterator<Item = u32>) -> PluginSpec {
        self.versions = versions.into_iter().collect();
        self
    }

    /// Adds arguments for the program; does nothing where there is none to start.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, more: impl IntoIterator<Item = A>) -> PluginSpec {
        if let Launch::Command { args, .. } = &mut self.launch {
            args.extend(more.into_iter().map(Into::into));
        }
        self
    }

    /// Sets a variable of the plugin's environment. It wins over an inherited
    /// one; go-plugin's own variables win over it.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> PluginSpec {
        self.env.push((name.into(), value.into()));
        self
    }

    /// What the plugin inherits of the host's environment: [`Inherit::Basics`]
    /// unless said otherwise.
    #[must_use]
    pub fn inherit_environment(mut self, inherit: Inherit) -> PluginSpec {
        self.inherit = inherit;
        self
    }

    /// The plugin's working directory; the host's own unless set.
    #[must_use]
    pub fn current_dir(mut self, directory: impl Into<PathBuf>) -> PluginSpec {
        self.current_dir = Some(directory.into());
        self
    }

    /// How long a start may take, from the look at the file to the first
    /// answer: 60 s unless set.
    #[must_use]
    pub fn start_timeout(mut self, timeout: Duration) -> PluginSpec {
        self.start_timeout = timeout;
        self
    }

    /// How long the plugin gets to shut down by itself: 2 s unless set, as in
    /// Go. It is counted once for the call that asks it to and once more from
    /// the answer to the exit. After that comes SIGTERM.
    #[must_use]
    pub fn shutdown_grace(mut self, grace: Duration) -> PluginSpec {
        self.shutdown_grace = grace;
        self
    }

    /// How long the plugin gets between SIGTERM and SIGKILL: 500 ms unless
    /// set; zero leaves SIGTERM out.
    #[must_use]
    pub fn terminate_grace(mut self, grace: Duration) -> PluginSpec {
        self.terminate_grace = grace;
        self
    }

    /// Whether the plugin's process outlives this one, to be reattached to with
    /// [`PluginProcess::reattach_config`]. It does not unless set.
    ///
    /// Set [`tls`](Self::tls) as well: AutoMTLS, the default, dies with the keys of
    /// this process, and nobody could reattach.
    ///
    /// Normally a plugin, its children and its sockets go with the host, however
    /// the host ends, also by SIGKILL: on Unix a guardian process sees to that.
    /// With this, neither the host's death nor dropping the [`PluginProcess`]
    /// ends it; [`PluginProcess::stop`] still does. On Linux its output goes to
    /// nowhere once the host is gone, instead of into a broken pipe. What its
    /// [`Runner`](super::Runner) does about it is the runner's affair.
    #[must_use]
    pub fn outlive_host(mut self, outlive: bool) -> PluginSpec {
        self.outlive_host = outlive;
        self
    }

    /// How many lines that are no handshake the plugin may print before it;
    /// they are logged and skipped. None unless set, as in Go.
    #[must_use]
    pub fn allow_stray_lines(mut self, lines: usize) -> PluginSpec {
        self.stray_lines = lines;
        self
    }

    /// How the connections to the plugin are protected: AutoMTLS unless said
    /// otherwise, and plain text after reattaching, where there is no AutoMTLS.
    #[must_use]
    pub fn tls(mut self, mode: TlsMode) -> PluginSpec {
        self.tls = Some(mode);
        self
    }

    /// Whether brokered connections are streams inside of the main connection,
    /// instead of sockets of their own. Not unless said so. A plugin that
    /// cannot, as any with a go-plugin before 1.6, does not start then.
    #[must_use]
    pub fn multiplexed_broker(mut self, multiplexed: bool) -> PluginSpec {
        self.multiplexed = multiplexed;
        self
    }

    /// Where to tell what happens to the plugin.
    #[must_use]
    pub fn events(mut self, events: EventBus) -> PluginSpec {
        self.events = Some(events);
        self
    }

    /// Keeps what the plugin says in this log, so that it survives a restart; a
    /// log of its own for each process unless set.
    #[must_use]
    pub fn log(mut self, log: PluginLog) -> PluginSpec {
        self.log = Some(log);
        self
    }

    /// Gives this a copy of the bytes that the plugin writes, besides the log.
    #[must_use]
    pub fn raw_output(mut self, output: RawOutput) -> PluginSpec {
        self.raw_output = Some(output);
        self
    }

    /// What its process may use of the machine: as much as the host unless set. A
    /// [`Runner`](super::Runner) is told and has to see to it itself; a plugin that runs
    /// already is left as it is.
    #[must_use]
    pub fn resource_limits(mut self, limits: ResourceLimits) -> PluginSpec {
        self.limits = limits;
        self
    }

    /// Starts a process and waits until it answers.
    ///
    /// Dropping the future before it is ready kills what was started.
    ///
    /// # Errors
    ///
    /// A [`StartError`] that says which step failed and why; nothing is left
    /// running then, and the same description may be started again.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with IO and time enabled.
    pub async fn start(&self) -> Result<PluginProcess, StartError> {
        super::start::start(self).await
    }

    /// How to protect connections, if that goes with the launch.
    pub(super) fn protection(&self) -> Result<TlsMode, StartErrorKind> {
        let reattaching = matches!(self.launch, Launch::Reattach(_));
        match &self.tls {
            _ if reattaching && self.multiplexed => {
                Err(StartErrorKind::NotWithReattach("a multiplexed broker"))
            }
            Some(TlsMode::Auto) if reattaching => Err(StartErrorKind::NotWithReattach("AutoMTLS")),
            None | Some(TlsMode::AutoIfSupported) if reattaching => Ok(TlsMode::Plaintext),
            mode => Ok(mode.clone().unwrap_or_default()),
        }
    }

    /// The variables that the child gets, in order; later ones win.
    pub(super) fn environment(&self) -> Vec<(OsString, OsString)> {
        let inherited = std::env::vars_os().filter(|(name, _)| {
            // A name that is not text is none of those anybody listed.
            let text = name.to_str();
            let own = text.is_some_and(|name| {
                environment::ALL.contains(&name) || name == environment::OUTLIVE_HOST
            });
            !own && (self.inherit == Inherit::All
                || text.is_some_and(|name| self.inherit.passes(name)))
        });
        let versions: Vec<String> = self.versions.iter().map(u32::to_string).collect();
        let own = [
            (environment::PROTOCOL_VERSIONS, versions.join(",")),
            (environment::MIN_PORT, "10000".to_owned()),
            (environment::MAX_PORT, "25000".to_owned()),
        ];
        let outlive = self
            .outlive_host
            .then(|| (environment::OUTLIVE_HOST.into(), "1".into()));
        let cookie = &self.handshake;
        inherited
            .chain(self.env.iter().cloned())
            .chain(
                own.into_iter()
                    .map(|(name, value)| (name.into(), value.into())),
            )
            .chain(outlive)
            .chain([(
                OsString::from(&cookie.magic_cookie_key),
                OsString::from(&cookie.magic_cookie_value),
            )])
            .collect()
    }
}

impl fmt::Display for PluginSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.launch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_variables_that_are_passed_on_are_those_that_are_set() {
        let only = Inherit::Only(vec![
            "PATH".to_owned(),
            "OUTBOARD_NOT_SET_AT_ALL".to_owned(),
        ]);
        assert_eq!(only.names(), ["PATH"]);
        assert!(Inherit::None.names().is_empty());
        assert!(Inherit::All.names().contains(&"PATH".to_owned()));
    }
}
