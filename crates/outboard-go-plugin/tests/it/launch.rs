//! The ways to get at a plugin besides starting a command: reattaching, and a
//! runner of the caller's own.

use std::{io, path::PathBuf, process::Stdio, sync::Arc, time::Duration};

use outboard_go_plugin::{
    host::{
        AttachedRunner, ExitCause, LogSource, Output, PluginProcess, PluginSpec, Runner,
        RunnerRequest, StartError, StartErrorKind, StartStep, TlsMode, Translation, async_trait,
    },
    reattach::ReattachConfig,
    transport::Address,
};
use rustix::process::Signal;
use tokio::time::Instant;

use crate::support::{self, handshake, is_alive, signal, wait_for};

/// One that can be reattached to.
fn fixture() -> PluginSpec {
    support::fixture().tls(TlsMode::Plaintext)
}

async fn reattach(config: ReattachConfig) -> Result<PluginProcess, StartError> {
    PluginSpec::new("reattached", config, handshake())
        .shutdown_grace(Duration::from_millis(500))
        .terminate_grace(Duration::from_millis(200))
        .start()
        .await
}

/// A process that is nobody's plugin.
struct Bystander(std::process::Child);

impl Bystander {
    fn new() -> Bystander {
        let mut sleep = std::process::Command::new("sleep");
        Bystander(sleep.arg("1000").spawn().unwrap())
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        assert!(is_alive(self.0.id()), "a bystander was hit");
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How many process descriptors of ours stand for a process.
fn descriptors_of(pid: u32) -> usize {
    let infos = std::fs::read_dir("/proc/self/fdinfo").unwrap();
    let of_pid = |entry: io::Result<std::fs::DirEntry>| {
        let text = std::fs::read_to_string(entry.ok()?.path()).ok()?;
        text.lines()
            .any(|line| line.split_whitespace().eq(["Pid:", &pid.to_string()]))
            .then_some(())
    };
    infos.filter_map(of_pid).count()
}

#[tokio::test]
async fn a_running_plugin_is_reattached_to_and_ended_in_order() {
    let first = fixture().start().await.unwrap();
    let second = reattach(first.reattach_config().unwrap()).await.unwrap();
    assert_eq!(second.pid(), first.pid());
    assert_eq!(second.protocol_version(), 1);
    second.ping().await.unwrap();
    let report = second.stop().await;
    assert!(report.requested && !report.forced, "{report}");
    // Its own host sees it end without having asked.
    assert_eq!(first.exited().await.cause, ExitCause::Code(0));
}

#[tokio::test]
async fn what_is_printed_after_reattaching_arrives() {
    let first = fixture().args(["hook"]).start().await.unwrap();
    let second = reattach(first.reattach_config().unwrap()).await.unwrap();
    second.stop().await;
    first.exited().await;
    let printed = |plugin: &PluginProcess| {
        let lines = plugin.log().recent();
        let printed = |line: &&_| {
            let line: &outboard_go_plugin::host::LogLine = line;
            line.source == LogSource::Stdout && line.message == "printed by the hook"
        };
        lines.iter().filter(printed).count()
    };
    // Each piece goes to one of those who read, and nowhere twice.
    assert_eq!(printed(&first) + printed(&second), 1);
}

#[tokio::test]
async fn the_end_of_a_reattached_plugin_is_seen_at_once_through_one_descriptor() {
    let mut fastest = Duration::MAX;
    for _ in 0..5 {
        let first = fixture().start().await.unwrap();
        let before = descriptors_of(first.pid());
        let second = reattach(first.reattach_config().unwrap()).await.unwrap();
        assert_eq!(descriptors_of(first.pid()), before + 1);
        let (pid, killed) = (first.pid(), Instant::now());
        signal(pid, Signal::KILL);
        let report = second.exited().await;
        fastest = fastest.min(killed.elapsed());
        assert!(!report.requested, "{report}");
        first.exited().await;
        wait_for("the descriptors to close", || descriptors_of(pid) == 0).await;
    }
    assert!(fastest < Duration::from_millis(50), "{fastest:?}");
}

#[tokio::test]
async fn letting_go_of_a_reattached_plugin_leaves_it_running_and_leaks_nothing_in_it() {
    let first = fixture().start().await.unwrap();
    let descriptors = || {
        let path = format!("/proc/{}/fd", first.pid());
        std::fs::read_dir(path).unwrap().count()
    };
    let before = descriptors();
    for round in 0..30 {
        let mut config = first.reattach_config().unwrap();
        config.test = round % 2 == 0;
        let second = reattach(config).await.unwrap();
        second.ping().await.unwrap();
        if round % 2 == 0 {
            // In test mode, stopping is letting go.
            let report = second.stop().await;
            assert_eq!(report.cause, ExitCause::LeftRunning, "{report}");
            second.ping().await.unwrap_err();
        }
    }
    wait_for("its connections to close", || descriptors() <= before).await;
    first.ping().await.unwrap();
    assert!(!first.stop().await.forced);
}

#[tokio::test]
async fn a_number_that_belongs_to_somebody_else_now_is_never_signalled() {
    let bystander = Bystander::new();
    // Nobody listens any more where the plugin was.
    let directory = tempfile::tempdir().unwrap();
    let mut config = ReattachConfig::new(Address::Unix(directory.path().join("gone")));
    config.pid = Some(bystander.0.id());
    let error = reattach(config).await.unwrap_err();
    assert!(
        matches!(error.kind(), StartErrorKind::NotRunning { .. }),
        "{error}"
    );
    assert_eq!(error.step(), StartStep::Connect);

    // A plugin that answers there, under another number, and then hangs.
    for network in [&[][..], &["tcp"]] {
        let first = fixture().args(network).start().await.unwrap();
        let mut config = first.reattach_config().unwrap();
        config.pid = Some(bystander.0.id());
        config.start_time = None;
        let second = reattach(config).await.unwrap();
        signal(first.pid(), Signal::STOP);
        let report = second.stop().await;
        assert_eq!(report.cause, ExitCause::LeftRunning, "{report}");
        assert!(is_alive(first.pid()));
        signal(first.pid(), Signal::CONT);
    }
}

#[tokio::test]
async fn a_process_with_the_right_number_and_another_age_is_left_alone() {
    let first = fixture().start().await.unwrap();
    let mut config = first.reattach_config().unwrap();
    config.start_time = config.start_time.map(|time| time - 1);
    let second = reattach(config).await.unwrap();
    signal(first.pid(), Signal::STOP);
    assert_eq!(second.stop().await.cause, ExitCause::LeftRunning);
    assert!(is_alive(first.pid()));
}

#[tokio::test]
async fn a_reattached_plugin_that_hangs_is_ended_by_force_with_its_children() {
    for network in ["unix", "tcp"] {
        let first = fixture()
            .args([network, "grandchild"])
            .start()
            .await
            .unwrap();
        let second = reattach(first.reattach_config().unwrap()).await.unwrap();
        signal(first.pid(), Signal::STOP);
        let before = Instant::now();
        let report = second.stop().await;
        assert!(report.forced, "{report}");
        assert!(
            before.elapsed() < Duration::from_secs(2),
            "{:?}",
            before.elapsed()
        );
        assert!(!first.exited().await.requested);
    }
}

#[tokio::test]
async fn after_reattaching_the_version_must_be_one_of_the_hosts() {
    let first = fixture().start().await.unwrap();
    let mut config = first.reattach_config().unwrap();
    let spec = |config: &ReattachConfig| {
        PluginSpec::new("versioned", config.clone(), handshake()).protocol_versions([1, 2])
    };
    assert_eq!(spec(&config).start().await.unwrap().protocol_version(), 1);
    config.protocol_version = Some(7);
    let error = spec(&config).start().await.unwrap_err();
    assert_eq!(error.step(), StartStep::Prepare, "before anything happens");
    assert!(
        matches!(error.kind(), StartErrorKind::AppVersion { plugin: 7, host } if host == &[1, 2])
    );
    assert!(error.to_string().contains("version 7"), "{error}");
    assert!(error.to_string().contains("1, 2"), "{error}");
    config.protocol_version = None;
    let error = spec(&config).start().await.unwrap_err();
    assert!(
        matches!(error.kind(), StartErrorKind::NoVersion { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn what_needs_a_start_excludes_reattaching_before_anything_happens() {
    // Connecting to this address would fail with another error.
    let config = ReattachConfig::new(Address::Unix("/nonexistent/socket".into()));
    let spec = PluginSpec::new("reattached", config, handshake());
    let conflicts = [
        (spec.clone().tls(TlsMode::Auto), "AutoMTLS"),
        (spec.multiplexed_broker(true), "multiplexed"),
    ];
    for (spec, what) in conflicts {
        let error = spec.start().await.unwrap_err();
        assert!(
            matches!(error.kind(), StartErrorKind::NotWithReattach(_)),
            "{error}"
        );
        assert_eq!(error.step(), StartStep::Prepare);
        assert!(error.to_string().contains(what), "{error}");
    }
    // From the other end: whose keys only its host has gives no configuration.
    let plugin = support::fixture().start().await.unwrap();
    assert!(plugin.is_encrypted());
    assert!(plugin.reattach_config().is_none());
}

/// The fixture, started by hand for a debugger, and what it prints.
fn in_test_mode(name: &str) -> (std::process::Child, String) {
    let mut process = std::process::Command::new(fixture().program().unwrap())
        .env("OUTBOARD_TEST_MODE", name)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(
        &mut std::io::BufReader::new(process.stdout.as_mut().unwrap()),
        &mut line,
    )
    .unwrap();
    (process, line)
}

#[tokio::test]
async fn a_plugin_under_a_debugger_prints_how_to_reattach_and_is_not_ended_by_hosts() {
    let name = "registry.terraform.io/example/kv";
    let (mut process, line) = in_test_mode(name);
    // A shell reads the line as it stands.
    let value = std::process::Command::new("sh")
        .arg("-c")
        .arg(format!("{line}\nprintf %s \"$TF_REATTACH_PROVIDERS\""))
        .output()
        .unwrap();
    let plugins = ReattachConfig::map_from_json(&String::from_utf8(value.stdout).unwrap()).unwrap();
    let config = &plugins[name];
    assert!(config.test);
    assert_eq!(config.pid, Some(process.id()));
    for _ in 0..2 {
        let plugin = reattach(config.clone()).await.unwrap();
        plugin.ping().await.unwrap();
        assert_eq!(plugin.stop().await.cause, ExitCause::LeftRunning);
    }
    // Ctrl-C, which a plugin that a host has started ignores.
    let Address::Unix(path) = &config.address else {
        panic!("{config}")
    };
    assert!(path.exists());
    signal(process.id(), Signal::INT);
    assert_eq!(process.wait().unwrap().code(), Some(0));
    assert!(!path.exists());
}

#[tokio::test]
async fn serving_in_test_mode_ends_when_its_caller_says_so() {
    let services = outboard_go_plugin::transport::Services::new();
    let config = outboard_go_plugin::plugin::ServeConfig::new(handshake(), services);
    let (announce, announced) = tokio::sync::oneshot::channel();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    // No cookie is set here, and the test's output stays its own.
    let serving = tokio::spawn(config.serve_in_test_mode(
        |config| announce.send(config.clone()).unwrap(),
        async {
            let _ = ended.await;
        },
    ));
    let config = announced.await.unwrap();
    let plugin = reattach(config.clone()).await.unwrap();
    plugin.ping().await.unwrap();
    assert_eq!(plugin.protocol_version(), 1);
    plugin.stop().await;
    end.send(()).unwrap();
    serving.await.unwrap().unwrap();
    let error = reattach(config).await.unwrap_err();
    assert!(
        matches!(error.kind(), StartErrorKind::NotRunning { .. }),
        "{error}"
    );
}

/// Starts the fixture in a directory of its own, in which it calls its sockets
/// by relative names: the host has to translate them.
#[derive(Debug)]
struct ElsewhereRunner {
    program: PathBuf,
}

struct Elsewhere {
    child: tokio::process::Child,
    directory: PathBuf,
    ended: Option<ExitCause>,
}

#[async_trait]
impl Runner for ElsewhereRunner {
    async fn start(&self, request: RunnerRequest) -> io::Result<Box<dyn AttachedRunner>> {
        let child = tokio::process::Command::new(&self.program)
            .env_clear()
            .envs(request.environment)
            .env("PLUGIN_UNIX_SOCKET_DIR", "elsewhere")
            .current_dir(prepare(&request.socket_dir)?)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        Ok(Box::new(Elsewhere {
            child,
            directory: request.socket_dir,
            ended: None,
        }))
    }
}

fn prepare(directory: &std::path::Path) -> io::Result<&std::path::Path> {
    std::fs::create_dir(directory.join("elsewhere"))?;
    Ok(directory)
}

/// What is `elsewhere/…` to the plugin is below this directory to the host.
struct Mount(PathBuf);

impl Translation for Mount {
    fn plugin_to_host(&self, address: Address) -> io::Result<Address> {
        match address {
            Address::Unix(path) if path.is_relative() => Ok(Address::Unix(self.0.join(path))),
            other => Err(io::Error::other(format!(
                "{other} is not in this container"
            ))),
        }
    }

    fn host_to_plugin(&self, address: Address) -> io::Result<Address> {
        let inside = match &address {
            Address::Unix(path) => path.strip_prefix(&self.0).ok(),
            Address::Tcp(_) => None,
        };
        inside
            .map(|path| Address::Unix(path.to_owned()))
            .ok_or_else(|| io::Error::other(format!("{address} cannot be seen from inside")))
    }
}

#[async_trait]
impl AttachedRunner for Elsewhere {
    fn id(&self) -> String {
        "container-1".to_owned()
    }

    fn take_stdout(&mut self) -> Option<Output> {
        Some(Box::new(self.child.stdout.take()?))
    }

    fn take_stderr(&mut self) -> Option<Output> {
        Some(Box::new(self.child.stderr.take()?))
    }

    async fn wait(&mut self) -> ExitCause {
        if self.ended.is_none() {
            let status = self.child.wait().await;
            self.ended = Some(status.map_or(ExitCause::Unknown, ExitCause::from));
        }
        self.ended.unwrap()
    }

    async fn kill(&mut self) -> io::Result<()> {
        self.child.start_kill()
    }

    fn translation(&self) -> Option<Arc<dyn Translation>> {
        Some(Arc::new(Mount(self.directory.clone())))
    }

    async fn diagnose(&mut self) -> Option<String> {
        Some("the container is empty".to_owned())
    }
}

#[tokio::test]
async fn a_runner_starts_a_plugin_elsewhere_and_its_addresses_are_translated() {
    let program = fixture().program().unwrap().to_owned();
    let runner = Arc::new(ElsewhereRunner { program });
    let spec = PluginSpec::new("elsewhere", runner, handshake());
    let plugin = spec.start().await.unwrap();
    assert_eq!((plugin.id(), plugin.pid()), ("container-1", 0));
    let address = PathBuf::from(plugin.address().to_string());
    assert!(address.is_absolute(), "{}", address.display());
    plugin.ping().await.unwrap();
    let report = plugin.stop().await;
    assert_eq!((report.cause, report.forced), (ExitCause::Code(0), false));
    assert!(!address.parent().unwrap().parent().unwrap().exists());
    // A description for more than one start, like any other.
    let plugin = spec.start().await.unwrap();
    assert!(!plugin.stop().await.forced);
}

#[tokio::test]
async fn what_a_runner_cannot_start_is_told_in_its_words() {
    let missing = Arc::new(ElsewhereRunner {
        program: "/no/such/program".into(),
    });
    let error = PluginSpec::new("missing", missing, handshake())
        .start()
        .await
        .unwrap_err();
    assert!(matches!(error.kind(), StartErrorKind::Runner(_)), "{error}");
    assert_eq!(error.step(), StartStep::Spawn);

    let silent = Arc::new(ElsewhereRunner {
        program: "/bin/true".into(),
    });
    let error = PluginSpec::new("silent", silent, handshake())
        .start()
        .await
        .unwrap_err();
    assert!(
        matches!(error.kind(), StartErrorKind::Exited(ExitCause::Code(0))),
        "{error}"
    );
    assert_eq!(error.diagnosis(), Some("the container is empty"));
    assert!(
        error.to_string().contains("the container is empty"),
        "{error}"
    );
}
