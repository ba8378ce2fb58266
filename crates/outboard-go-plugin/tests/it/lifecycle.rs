//! Starting, watching and ending a plugin that behaves.

use std::{os::unix::fs::PermissionsExt as _, time::Duration};

use outboard_go_plugin::host::{
    EventBus, ExitCause, Inherit, LogLevel, LogSource, PluginEventKind,
};
use tokio::time::Instant;

use crate::support::{exists, fixture, is_alive, socket_dir, wait_for};

#[tokio::test]
async fn a_plugin_starts_answers_and_stops_without_force() {
    let events = EventBus::default();
    let mut followed = events.subscribe();
    let plugin = fixture().events(events).start().await.unwrap();
    assert_eq!(plugin.protocol_version(), 1);
    plugin.ping().await.unwrap();
    let (pid, directory) = (plugin.pid(), socket_dir(&plugin));
    let mode = std::fs::metadata(&directory).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "the socket directory is private");
    let before = Instant::now();
    let report = plugin.stop().await;
    assert!(
        before.elapsed() < Duration::from_secs(1),
        "{:?}",
        before.elapsed()
    );
    assert_eq!(
        (report.cause, report.requested, report.forced),
        (ExitCause::Code(0), true, false)
    );
    assert!(!exists(pid), "it was reaped");
    assert!(!directory.exists(), "its socket directory is gone");
    assert_eq!(
        plugin.stop().await,
        report,
        "stopping again changes nothing"
    );
    let status = plugin.ping().await.unwrap_err();
    assert!(status.message().contains("stopped"), "{status}");

    let mut kinds = Vec::new();
    while kinds.len() < 3 {
        kinds.push(followed.next().await.unwrap().unwrap().kind);
    }
    assert!(matches!(kinds[0], PluginEventKind::Starting));
    assert!(matches!(kinds[1], PluginEventKind::Ready { pid: ready, .. } if ready == pid));
    assert!(matches!(&kinds[2], PluginEventKind::Stopped(stopped) if *stopped == report));
}

#[tokio::test]
async fn a_plugin_on_tcp_works_the_same() {
    let plugin = fixture().args(["tcp"]).start().await.unwrap();
    assert_eq!(plugin.address().network(), "tcp");
    plugin.ping().await.unwrap();
    assert_eq!(plugin.stop().await.cause, ExitCause::Code(0));
}

#[tokio::test]
async fn the_highest_common_version_is_chosen() {
    let plugin = fixture().protocol_versions([2, 3]).start().await.unwrap();
    assert_eq!(plugin.protocol_version(), 2);
    plugin.stop().await;
}

#[tokio::test]
async fn what_is_printed_before_the_handshake_does_not_break_it_and_arrives() {
    let plugin = fixture()
        .args(["print-early", "hook"])
        .start()
        .await
        .unwrap();
    let report = plugin.stop().await;
    assert!(!report.forced, "{report}");
    let lines = plugin.log().recent();
    let printed = |text: &str, source: LogSource| {
        lines
            .iter()
            .any(|line| line.message == text && line.source == source)
    };
    assert!(
        printed("printed before the handshake", LogSource::Stdout),
        "{lines:?}"
    );
    assert!(
        printed("printed by the hook", LogSource::Stdout),
        "{lines:?}"
    );
    let hook = lines
        .iter()
        .find(|line| line.message == "the hook ran")
        .unwrap();
    assert_eq!(
        (hook.level, hook.source),
        (LogLevel::Info, LogSource::Stderr)
    );
}

#[tokio::test]
async fn a_flood_of_output_blocks_nobody_and_its_end_arrives() {
    // 3.5 MB are printed before anybody can read them.
    let plugin = fixture()
        .args(["print-early", "flood"])
        .start()
        .await
        .unwrap();
    plugin.ping().await.unwrap();
    wait_for("the last line", || {
        let lines = plugin.log().recent();
        lines
            .iter()
            .any(|line| line.message.starts_with("line 49999 "))
    })
    .await;
    assert!(!plugin.stop().await.forced);
}

#[tokio::test]
async fn a_crash_is_seen_at_once_with_its_cause_and_last_words() {
    let events = EventBus::default();
    let mut followed = events.subscribe();
    let plugin = fixture()
        .args(["crash-soon"])
        .events(events)
        .start()
        .await
        .unwrap();
    let directory = socket_dir(&plugin);
    let report = plugin.exited().await;
    assert_eq!(
        (report.cause, report.requested),
        (ExitCause::Code(7), false)
    );
    assert_eq!(report.last_lines, ["about to crash"]);
    assert!(!directory.exists());
    let status = plugin.ping().await.unwrap_err();
    assert!(status.message().contains("exit status 7"), "{status}");
    loop {
        if let PluginEventKind::Crashed(crashed) = followed.next().await.unwrap().unwrap().kind {
            assert_eq!(crashed, report);
            break;
        }
    }
}

#[tokio::test]
async fn a_killed_plugin_is_reported_by_signal() {
    let plugin = fixture().start().await.unwrap();
    let pid = rustix::process::Pid::from_raw(plugin.pid() as i32).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    let report = plugin.exited().await;
    assert_eq!(
        (report.cause, report.requested),
        (ExitCause::Signal(9), false)
    );
}

#[tokio::test]
async fn dropping_the_handle_leaves_neither_process_nor_grandchild_nor_socket() {
    let plugin = fixture().args(["grandchild"]).start().await.unwrap();
    let (pid, directory) = (plugin.pid(), socket_dir(&plugin));
    let mut grandchild = None;
    wait_for("the grandchild's number", || {
        let lines = plugin.log().recent();
        let number = lines
            .iter()
            .find_map(|line| line.message.strip_prefix("grandchild "));
        grandchild = number.and_then(|number| number.parse::<u32>().ok());
        grandchild.is_some()
    })
    .await;
    assert!(is_alive(grandchild.unwrap()));
    drop(plugin);
    wait_for("the processes to end", || {
        !exists(pid) && !is_alive(grandchild.unwrap())
    })
    .await;
    wait_for("the directory to go", || !directory.exists()).await;
}

#[test]
fn dropping_the_runtime_leaves_nothing_either() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let plugin = runtime.block_on(fixture().start()).unwrap();
    let (pid, directory) = (plugin.pid(), socket_dir(&plugin));
    drop(runtime);
    assert!(!exists(pid));
    assert!(!directory.exists());
    drop(plugin);
}

#[tokio::test]
async fn a_grandchild_that_holds_the_pipes_does_not_hold_up_the_end() {
    let plugin = fixture().args(["grandchild"]).start().await.unwrap();
    let pid = rustix::process::Pid::from_raw(plugin.pid() as i32).unwrap();
    let before = Instant::now();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    plugin.exited().await;
    assert!(
        before.elapsed() < Duration::from_secs(1),
        "{:?}",
        before.elapsed()
    );
}

#[tokio::test]
async fn a_hook_that_hangs_is_left_within_two_seconds() {
    let plugin = fixture().args(["stuck-hook"]).start().await.unwrap();
    let report = plugin.stop().await;
    assert!(!report.forced, "{report}");
}

#[tokio::test]
async fn sigterm_ends_a_plugin_in_order_and_sigint_is_ignored() {
    let plugin = fixture().args(["hook"]).start().await.unwrap();
    let pid = rustix::process::Pid::from_raw(plugin.pid() as i32).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    plugin.ping().await.unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let report = plugin.exited().await;
    assert_eq!(report.cause, ExitCause::Code(0));
    assert!(
        plugin
            .log()
            .recent()
            .iter()
            .any(|line| line.message == "the hook ran")
    );
}

#[tokio::test]
async fn the_environment_is_what_was_asked_for_and_the_caller_wins() {
    let directory = tempfile::tempdir().unwrap();
    let plugin = fixture()
        .args(["environment"])
        .inherit_environment(Inherit::Only(vec!["PATH".into(), "HOME".into()]))
        .env("HOME", "/of-the-caller")
        .env("PLUGIN_PROTOCOL_VERSIONS", "99")
        .current_dir(directory.path())
        .start()
        .await
        .unwrap();
    plugin.stop().await;
    let lines: Vec<_> = plugin
        .log()
        .recent()
        .into_iter()
        .map(|line| line.message)
        .collect();
    let has = |line: &str| lines.iter().any(|other| other == line);
    assert!(has("HOME=/of-the-caller"), "{lines:?}");
    assert!(has("PLUGIN_PROTOCOL_VERSIONS=1"), "{lines:?}");
    assert!(has("FIXTURE_PLUGIN=a cookie"), "{lines:?}");
    assert!(
        lines.iter().any(|line| line.starts_with("PATH=")),
        "{lines:?}"
    );
    assert!(
        !lines.iter().any(|line| line.starts_with("CARGO")),
        "{lines:?}"
    );
    let cwd = format!("cwd={}", directory.path().canonicalize().unwrap().display());
    assert!(has(&cwd), "{lines:?}");
}

#[tokio::test]
async fn a_description_can_be_started_again_and_again() {
    let spec = fixture();
    let first = spec.start().await.unwrap();
    let second = spec.start().await.unwrap();
    assert_ne!(first.pid(), second.pid());
    let (one, other) = tokio::join!(first.stop(), second.stop());
    assert!(!one.forced && !other.forced);
}
