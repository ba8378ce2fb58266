//! Faults at the end: the host waits as long as it was told to, and then uses force.

use std::time::Duration;

use outboard_go_plugin::host::{ExitCause, ExitReport, PluginSpec};
use outboard_testkit::misbehaving::Fault;
use tokio::time::Instant;

use super::with;

const GRACE: Duration = Duration::from_millis(300);

fn impatient(spec: PluginSpec) -> PluginSpec {
    spec.shutdown_grace(GRACE).terminate_grace(GRACE)
}

/// Stops a plugin with this fault within the host's patience.
async fn stopped(fault: Fault) -> ExitReport {
    let plugin = with(fault).set(impatient);
    let process = plugin.starts().await;
    let before = Instant::now();
    let report = process.stop().await;
    assert!(
        before.elapsed() < 3 * GRACE + Duration::from_secs(1),
        "{fault}: {:?}",
        before.elapsed()
    );
    assert!(report.requested, "{report}");
    assert!(report.to_string().contains(fault.name()), "{report}");
    plugin.leaves_nothing().await;
    report
}

#[tokio::test]
async fn one_that_does_not_shut_down_is_terminated() {
    for fault in [
        Fault::IgnoresShutdown,
        Fault::HangsInShutdown,
        Fault::NoShutdown,
    ] {
        let report = stopped(fault).await;
        assert!(report.forced, "{report}");
        assert_eq!(report.cause, ExitCause::Signal(15), "{report}");
    }
}

#[tokio::test]
async fn one_that_ignores_sigterm_or_stopped_itself_is_killed() {
    for fault in [Fault::IgnoresTerminate, Fault::StopsItself] {
        let report = stopped(fault).await;
        assert!(report.forced, "{report}");
        assert_eq!(report.cause, ExitCause::Signal(9), "{report}");
    }
}

#[tokio::test]
async fn a_dropped_one_that_ignores_everything_is_gone_as_well() {
    let plugin = with(Fault::IgnoresTerminate);
    let process = plugin.starts().await;
    let pid = process.pid();
    drop(process);
    crate::support::wait_for("it to end", || !crate::support::exists(pid)).await;
    let directory = plugin.report().socket_directory.unwrap();
    crate::support::wait_for("its directory to go", || !directory.exists()).await;
}

#[tokio::test]
async fn cleaning_up_takes_as_long_as_the_grace_allows() {
    let plugin = with(Fault::SlowCleanup).set(|spec| spec.shutdown_grace(Duration::from_secs(10)));
    let process = plugin.starts().await;
    let report = process.stop().await;
    assert_eq!((report.cause, report.forced), (ExitCause::Code(0), false));
    plugin.leaves_nothing().await;

    let report = stopped(Fault::SlowCleanup).await;
    assert!(report.forced, "{report}");
}

#[tokio::test]
async fn one_that_fails_at_the_end_is_stopped_with_its_status() {
    let report = stopped(Fault::FailsAtTheEnd).await;
    assert_eq!((report.cause, report.forced), (ExitCause::Code(9), false));
}

#[tokio::test]
async fn a_child_that_lives_on_neither_holds_up_the_stop_nor_stays() {
    let report = stopped(Fault::LeavesChild).await;
    assert_eq!((report.cause, report.forced), (ExitCause::Code(0), false));
}

#[tokio::test]
async fn a_socket_outside_its_directory_is_removed_all_the_same() {
    let report = stopped(Fault::SocketElsewhere).await;
    assert_eq!((report.cause, report.forced), (ExitCause::Code(0), false));
}
