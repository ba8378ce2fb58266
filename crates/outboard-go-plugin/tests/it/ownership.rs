//! Who ends a plugin, when, and what is left of it: nothing, whatever happens.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use outboard_go_plugin::{
    host::{ExitCause, LogLevel, LogSource, PluginProcess, PluginSpec, StartErrorKind, TlsMode},
    reattach::ReattachConfig,
    transport::Address,
};
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::time::Instant;
use tower_service::Service as _;

use crate::support::{Host, fixture, handshake, is_alive, script, signal, socket_dir, wait_for};

/// A shell script that becomes the fixture plugin. The directory must outlive it.
fn wrapper(body: &str) -> (TempDir, PluginSpec) {
    let plugin = fixture().program().unwrap().to_owned();
    script(&format!("plugin='{}'\n{body}", plugin.display()))
}

async fn number_in(path: &Path) -> u32 {
    let read = || fs::read_to_string(path).ok()?.trim().parse().ok();
    wait_for("a process id", || read().is_some()).await;
    read().unwrap()
}

async fn grandchild(plugin: &PluginProcess) -> u32 {
    let find = || {
        let lines = plugin.log().recent();
        let mut lines = lines.iter();
        lines.find_map(|line| line.message.strip_prefix("grandchild ")?.parse().ok())
    };
    wait_for("the grandchild's number", || find().is_some()).await;
    find().unwrap()
}

#[tokio::test]
async fn killing_the_host_ends_its_plugin_with_children_and_sockets_within_a_second() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("grandchild");
    let mut host = Host::start(&[&format!("plugin=grandchild-in={}", file.display())], &[]);
    let (plugin, grandchild) = (host.plugin_pid(), number_in(&file).await);
    assert!(is_alive(plugin) && is_alive(grandchild) && host.socket_dir().exists());
    let before = Instant::now();
    host.kill();
    wait_for("everything to be gone", || {
        !is_alive(plugin) && !is_alive(grandchild) && !host.socket_dir().exists()
    })
    .await;
    assert!(
        before.elapsed() < Duration::from_secs(1),
        "{:?}",
        before.elapsed()
    );
}

#[tokio::test]
async fn a_plugin_that_ignores_sigterm_and_is_stopped_goes_with_its_host_too() {
    // What answers is a child of the plugin; the plugin itself is only in the way.
    let (directory, spec) = wrapper("trap '' TERM; \"$plugin\" & echo $! > \"$0.pid\"; wait; wait");
    let mut host = Host::of(spec.program().unwrap(), &[], &[]);
    let plugin = host.plugin_pid();
    let server = number_in(&directory.path().join("scripted.pid")).await;
    signal(server, Signal::STOP);
    host.kill();
    wait_for("everything to be gone", || {
        !is_alive(plugin) && !is_alive(server) && !host.socket_dir().exists()
    })
    .await;
}

#[tokio::test]
async fn a_plugin_that_is_to_outlive_its_host_does_and_can_be_reattached_to() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("now");
    let talk = format!("plugin=talk-after={}", file.display());
    let mut host = Host::start(&["outlive", &talk], &[]);
    host.kill();
    fs::write(&file, "").unwrap();
    let done = directory.path().join("now.done");
    wait_for("output that nobody reads", || done.exists()).await;

    let plugin = PluginSpec::new("again", host.plugin.clone(), handshake());
    let plugin = plugin.start().await.unwrap();
    assert_eq!(plugin.pid(), host.plugin_pid());
    plugin.ping().await.unwrap();
    let report = plugin.stop().await;
    assert!(!report.forced, "{report}");
    assert!(!is_alive(plugin.pid()));
    assert!(!host.socket_dir().exists());
}

#[test]
fn a_plugin_that_is_to_outlive_its_host_outlives_its_handle_and_its_runtime() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().unwrap()
    };
    let first = runtime();
    let spec = fixture().tls(TlsMode::Plaintext).outlive_host(true);
    let plugin = first.block_on(spec.start()).unwrap();
    let config = plugin.reattach_config().unwrap();
    drop(first);
    drop(plugin);
    runtime().block_on(async {
        let again = PluginSpec::new("again", config, handshake());
        drop(again.start().await.unwrap());
        let again = again.start().await.unwrap();
        again.ping().await.unwrap();
        let directory = socket_dir(&again);
        assert!(!again.stop().await.forced);
        assert!(!directory.exists());
    });
}

/// The fixture, started by somebody who shares no code with our host: what it
/// does about its host's death, it does by itself.
struct Bare {
    process: std::process::Child,
    address: PathBuf,
    _sockets: TempDir,
}

impl Bare {
    fn start(arguments: &[String], environment: &[(&str, &str)]) -> Bare {
        let sockets = tempfile::tempdir().unwrap();
        let mut process = std::process::Command::new(fixture().program().unwrap())
            .args(arguments)
            .env("FIXTURE_PLUGIN", "a cookie")
            .env("PLUGIN_UNIX_SOCKET_DIR", sockets.path())
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line.split('|').nth(3).unwrap().into();
        Bare {
            process,
            address,
            _sockets: sockets,
        }
    }

    async fn exit_code(&mut self) -> Option<i32> {
        let mut status = None;
        wait_for("its end", || {
            status = self.process.try_wait().unwrap();
            status.is_some()
        })
        .await;
        status.unwrap().code()
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn a_plugin_ends_in_order_by_itself_when_nobody_reads_it_any_more() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("hook");
    let mut plugin = Bare::start(&[format!("hook-in={}", file.display())], &[]);
    // One pipe alone may be closed by a host that is well.
    drop(plugin.process.stdout.take());
    tokio::net::UnixStream::connect(&plugin.address)
        .await
        .unwrap();
    assert!(plugin.process.try_wait().unwrap().is_none());
    let before = Instant::now();
    drop(plugin.process.stderr.take());
    assert_eq!(plugin.exit_code().await, Some(0));
    assert!(
        before.elapsed() < Duration::from_secs(1),
        "{:?}",
        before.elapsed()
    );
    assert!(file.exists(), "its hook ran, and could log");
    assert!(!plugin.address.exists());
}

#[tokio::test]
async fn a_plugin_that_is_told_to_outlive_its_host_survives_broken_pipes_and_keeps_its_log() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("now");
    let talk = [format!("talk-after={}", file.display())];
    let mut plugin = Bare::start(&talk, &[("OUTBOARD_OUTLIVE_HOST", "1")]);
    drop(plugin.process.stdout.take());
    drop(plugin.process.stderr.take());
    fs::write(&file, "").unwrap();
    let done = directory.path().join("now.done");
    wait_for("output that nobody reads", || done.exists()).await;

    let config = ReattachConfig::new(Address::Unix(plugin.address.clone()));
    let again = PluginSpec::new("again", config, handshake());
    let again = again.start().await.unwrap();
    wait_for("what it logged meanwhile", || {
        let lines = again.log().recent();
        lines.iter().any(|line| {
            let logged = (line.source, line.level) == (LogSource::Stderr, LogLevel::Info);
            logged && line.message == "line 19999 that nobody reads"
        })
    })
    .await;
    drop(again);
    signal(plugin.process.id(), Signal::TERM);
    assert_eq!(plugin.exit_code().await, Some(0));
    assert!(!plugin.address.exists());
}

#[test]
fn a_plugin_lives_on_when_the_thread_ends_that_started_it() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_keep_alive(Duration::from_millis(1))
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let started = tokio::task::spawn_blocking(|| {
            let thread = fs::read_link("/proc/thread-self").unwrap();
            let plugin = tokio::runtime::Handle::current().block_on(fixture().start());
            (Path::new("/proc").join(thread), plugin.unwrap())
        });
        let (thread, plugin) = started.await.unwrap();
        wait_for("the thread to end", || !thread.exists()).await;
        plugin.ping().await.unwrap();
        assert!(plugin.exit_report().is_none());
        plugin.stop().await;
    });
}

#[tokio::test]
async fn a_grandchild_out_of_reach_that_holds_the_pipes_delays_neither_report_nor_kill() {
    let mut fastest = Duration::MAX;
    // Other tests run beside this one; what is slow by itself is slow each time.
    for _ in 0..5 {
        let plugin = fixture()
            .args(["escaped-grandchild"])
            .start()
            .await
            .unwrap();
        let grandchild = grandchild(&plugin).await;
        let before = Instant::now();
        signal(plugin.pid(), Signal::KILL);
        plugin.exited().await;
        fastest = fastest.min(before.elapsed());
        assert!(is_alive(grandchild), "it is what held the pipes");
        signal(grandchild, Signal::KILL);
    }
    assert!(fastest < Duration::from_millis(100), "{fastest:?}");

    let plugin = fixture()
        .args(["escaped-grandchild"])
        .start()
        .await
        .unwrap();
    let grandchild = self::grandchild(&plugin).await;
    let before = Instant::now();
    let report = plugin.stop().await;
    assert!(
        before.elapsed() < Duration::from_secs(1),
        "{:?}",
        before.elapsed()
    );
    assert!(!report.forced, "{report}");
    signal(grandchild, Signal::KILL);
}

#[tokio::test]
async fn a_slow_end_is_waited_for_as_long_as_the_grace_and_no_longer() {
    let slow = |grace| {
        let spec = fixture().args(["slow-hook"]);
        spec.shutdown_grace(Duration::from_millis(grace))
            .terminate_grace(Duration::ZERO)
    };
    let plugin = slow(5000).start().await.unwrap();
    let report = plugin.stop().await;
    assert_eq!((report.cause, report.forced), (ExitCause::Code(0), false));

    let plugin = slow(100).start().await.unwrap();
    let report = plugin.stop().await;
    assert_eq!((report.cause, report.forced), (ExitCause::Signal(9), true));
}

#[tokio::test]
async fn a_description_whose_start_failed_can_be_started_again() {
    let (_directory, spec) =
        wrapper("if [ ! -e \"$0.tried\" ]; then touch \"$0.tried\"; exit 3; fi; exec \"$plugin\"");
    let error = spec.start().await.unwrap_err();
    assert!(matches!(
        error.kind(),
        StartErrorKind::Exited(ExitCause::Code(3))
    ));
    let plugin = spec.start().await.unwrap();
    assert!(!plugin.stop().await.forced);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn starting_and_stopping_at_the_same_time_starts_each_once_and_ends_all() {
    let (directory, spec) = wrapper("echo $$ >> \"$0.pids\"; exec \"$plugin\"");
    let cycles = (0..12).map(|_| {
        let spec = spec.clone();
        tokio::spawn(async move {
            let plugin = spec.start().await.unwrap();
            let (one, other) = tokio::join!(plugin.stop(), plugin.stop());
            assert_eq!(one, other);
            plugin.pid()
        })
    });
    let mut pids = Vec::new();
    for cycle in cycles.collect::<Vec<_>>() {
        pids.push(cycle.await.unwrap());
    }
    let started = fs::read_to_string(directory.path().join("scripted.pids")).unwrap();
    let mut started: Vec<u32> = started.lines().map(|pid| pid.parse().unwrap()).collect();
    started.sort_unstable();
    pids.sort_unstable();
    assert_eq!(started, pids);
    assert!(!pids.iter().any(|pid| is_alive(*pid)));
}

#[tokio::test]
async fn no_socket_directory_stays_whatever_ends_the_plugin() {
    let mut directories: Vec<PathBuf> = Vec::new();
    for round in 0..20 {
        let plugin = fixture().start().await.unwrap();
        directories.push(socket_dir(&plugin));
        match round % 3 {
            0 => drop(plugin.stop().await),
            1 => {
                signal(plugin.pid(), Signal::KILL);
                plugin.exited().await;
            }
            _ => drop(plugin),
        }
    }
    wait_for("all directories to go", || {
        !directories.iter().any(|directory| directory.exists())
    })
    .await;
}

#[test]
fn a_directory_that_is_too_long_for_sockets_is_passed_over() {
    let parent = tempfile::tempdir().unwrap();
    let long = parent.path().join("x".repeat(120));
    fs::create_dir(&long).unwrap();
    let long = long.to_str().unwrap();
    let host = Host::start(&[], &[("TMPDIR", long), ("XDG_RUNTIME_DIR", long)]);
    assert!(
        host.socket_dir().starts_with("/tmp"),
        "{:?}",
        host.socket_dir()
    );
    assert_eq!(
        fs::read_dir(long).unwrap().count(),
        0,
        "nothing stays there"
    );
}

#[tokio::test]
async fn a_deleted_socket_does_not_end_calls_and_is_named_when_it_is_missed() {
    let plugin = fixture().tls(TlsMode::Plaintext).start().await.unwrap();
    fs::remove_file(plugin.address().to_string()).unwrap();
    plugin.ping().await.unwrap();
    let again = PluginSpec::new("again", plugin.reattach_config().unwrap(), handshake());
    let error = again.start().await.unwrap_err();
    assert!(
        matches!(error.kind(), StartErrorKind::NotRunning { .. }),
        "{error}"
    );
    assert!(
        error.to_string().contains(&plugin.address().to_string()),
        "{error}"
    );
    plugin.ping().await.unwrap();
    assert!(!plugin.stop().await.forced);
}

#[tokio::test]
async fn a_crash_report_counts_the_calls_in_flight() {
    let plugin = fixture().start().await.unwrap();
    let mut channel = plugin.channel();
    assert_eq!(channel.calls_in_flight(), 0, "the host's own do not count");
    // A stream that never ends, with an empty message as its request.
    let request = http::Request::post("/grpc.health.v1.Health/Watch")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(tonic::body::Body::new("\0\0\0\0\0".to_owned()))
        .unwrap();
    let response = channel.call(request).await.unwrap();
    assert_eq!(channel.calls_in_flight(), 1);
    signal(plugin.pid(), Signal::KILL);
    let report = plugin.exited().await;
    assert_eq!(report.calls_in_flight, 1);
    assert!(report.to_string().contains("1 call in flight"), "{report}");
    drop(response);
    assert_eq!(channel.calls_in_flight(), 0);
}

/// A control group of ours with 64 MiB of memory, where that is allowed.
struct Small(PathBuf);

impl Small {
    fn new() -> Option<Small> {
        let name = format!("outboard-test-{}", std::process::id());
        let (old, new) = ("/sys/fs/cgroup/memory", "/sys/fs/cgroup");
        let (root, limit) = if Path::new(old).exists() {
            (old, "memory.limit_in_bytes")
        } else {
            (new, "memory.max")
        };
        let path = Path::new(root).join(name);
        fs::create_dir(&path).ok()?;
        let small = Small(path);
        fs::write(small.0.join(limit), (64 << 20).to_string()).ok()?;
        Some(small)
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

#[tokio::test]
async fn a_plugin_that_the_kernel_kills_for_memory_is_reported_as_that() {
    let Some(small) = Small::new() else {
        eprintln!("skipped: no control group with a memory limit can be made here");
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("now");
    let hungry = format!("hungry-after={}", file.display());
    let plugin = fixture().args([hungry]).start().await.unwrap();
    fs::write(small.0.join("cgroup.procs"), plugin.pid().to_string()).unwrap();
    fs::write(&file, "").unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(20), plugin.exited());
    let report = ended.await.unwrap();
    drop(small);
    assert_eq!(report.cause, ExitCause::OutOfMemory, "{report}");
    assert!(report.to_string().contains("memory ran out"), "{report}");
}

#[test]
fn a_socket_directory_is_for_its_owner_alone() {
    let host = Host::start(&[], &[]);
    let mode = fs::metadata(host.socket_dir())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
}
