//! The kinds of cycles, and the comparison of before and after.

use std::{
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use outboard_go_plugin::{
    handshake::HandshakeConfig,
    host::{ExitCause, PluginLog, PluginProcess, PluginSpec, TlsMode},
};
use rustix::process::{Pid, Signal, kill_process};

use crate::{usage::Usage, warnings::Warnings};

/// How much larger the process may be after the cycles than before, in KiB: what
/// an allocator keeps, whatever their number.
const GROWTH: u64 = 2 * 1024;

/// The tests measure the whole process, so only one may run.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn cycles() -> usize {
    match std::env::var("OUTBOARD_SOAK_CYCLES") {
        Ok(cycles) => cycles.parse().expect("OUTBOARD_SOAK_CYCLES is a number"),
        Err(_) => 100,
    }
}

fn handshake() -> HandshakeConfig {
    HandshakeConfig::new("FIXTURE_PLUGIN", "a cookie", 1)
}

fn fixture() -> PluginSpec {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.push("examples/fixture_plugin");
    PluginSpec::new("soaked", path, handshake()).start_timeout(Duration::from_secs(20))
}

fn socket_directory(plugin: &PluginProcess) -> PathBuf {
    let address = PathBuf::from(plugin.address().to_string());
    address.parent().unwrap().to_owned()
}

/// Runs cycles and compares what the process has before and after.
fn soak<F: AsyncFnMut(usize)>(what: &str, mut cycle: F) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let warnings = Warnings::install();
    runtime.block_on(async {
        let cycles = cycles();
        // What is made once and kept, and what the allocator takes at first.
        let first = (cycles / 5).max(5);
        for number in 0..first {
            cycle(number).await;
        }
        let before = Usage::now();
        let begun = Instant::now();
        for number in 0..cycles {
            cycle(number).await;
        }
        let took = begun.elapsed();
        // The last tasks may be about to end.
        let until = Instant::now() + Duration::from_secs(10);
        let mut after = Usage::now();
        while !after.is_within(&before) && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(5)).await;
            after = Usage::now();
        }
        println!(
            "{cycles} cycles of {what} in {took:.1?}\n  before {before:?}\n  after  {after:?}"
        );
        assert!(
            after.is_within(&before),
            "{what}: {before:?} became {after:?}"
        );
        let growth = after.kibibytes.saturating_sub(before.kibibytes);
        assert!(growth <= GROWTH, "{what}: grew by {growth} KiB");
    });
    let said = warnings.said();
    assert!(said.is_empty(), "{what}: the host's log has {said:?}");
}

#[test]
fn starting_and_stopping_leaves_nothing() {
    let _alone = alone();
    let spec = fixture();
    soak("start and stop", async |_| {
        let plugin = spec.start().await.unwrap();
        let directory = socket_directory(&plugin);
        plugin.ping().await.unwrap();
        let report = plugin.stop().await;
        assert!(report.requested && !report.forced, "{report}");
        assert_eq!(report.cause, ExitCause::Code(0));
        assert!(!directory.exists());
    });
}

#[test]
fn crashing_and_starting_again_leaves_nothing() {
    let _alone = alone();
    let log = PluginLog::new("soaked");
    let spec = fixture().log(log);
    let mut running: Option<PluginProcess> = None;
    soak("crash and restart", async |_| {
        if let Some(plugin) = running.take() {
            let directory = socket_directory(&plugin);
            let pid = Pid::from_raw(i32::try_from(plugin.pid()).unwrap()).unwrap();
            kill_process(pid, Signal::KILL).unwrap();
            let report = plugin.exited().await;
            assert_eq!(
                (report.cause, report.requested),
                (ExitCause::Signal(9), false)
            );
            plugin.ping().await.unwrap_err();
            assert!(!directory.exists());
        }
        let plugin = spec.start().await.unwrap();
        plugin.ping().await.unwrap();
        running = Some(plugin);
    });
}

#[test]
fn reattaching_and_letting_go_leaves_nothing_here_or_in_the_plugin() {
    let _alone = alone();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let spec = fixture().tls(TlsMode::Plaintext);
    let plugin = runtime.block_on(spec.start()).unwrap();
    let mut config = plugin.reattach_config().unwrap();
    // Stopping is letting go then.
    config.test = true;
    let spec = PluginSpec::new("reattached", config, handshake());
    let its_descriptors = || {
        let path = format!("/proc/{}/fd", plugin.pid());
        std::fs::read_dir(path).unwrap().count()
    };
    let before = its_descriptors();
    soak("reattach", async |number| {
        let again = spec.start().await.unwrap();
        again.ping().await.unwrap();
        if number % 2 == 0 {
            let report = again.stop().await;
            assert_eq!(report.cause, ExitCause::LeftRunning, "{report}");
        }
    });
    let until = Instant::now() + Duration::from_secs(10);
    while its_descriptors() > before && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(its_descriptors(), before);
    assert!(!runtime.block_on(plugin.stop()).forced);
}

#[test]
fn starts_that_fail_leave_nothing() {
    let _alone = alone();
    let spec = fixture().env("FIXTURE_PLUGIN", "overridden");
    // The cookie wins over the variable, so it is the version that fails.
    let spec = spec.protocol_versions([9]);
    soak("a start that fails", async |_| {
        let error = spec.start().await.unwrap_err();
        assert!(error.to_string().contains("version"), "{error}");
    });
}

#[test]
fn dropping_the_handle_leaves_nothing() {
    let _alone = alone();
    let spec = fixture();
    soak("start and drop", async |_| {
        let plugin = spec.start().await.unwrap();
        let (directory, exited) = (socket_directory(&plugin), plugin.exited());
        drop(plugin);
        exited.await;
        assert!(!directory.exists());
    });
}
