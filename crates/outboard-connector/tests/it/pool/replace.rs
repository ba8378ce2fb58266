//! Programs that are put in place and taken out while they are used.

use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use outboard_connector::{
    client::CallLimits,
    pool::{PoolError, Program},
};
use outboard_go_plugin::host::ExitCause;

use super::support::{Probes, call, exists, is_alive, probe, soon, wait_for};

#[tokio::test]
async fn calls_on_the_old_program_finish_and_new_ones_go_to_the_new() {
    let probes = Probes::new(|_| {});
    probes.add("probe", &[]);
    let old = probes.lease("probe").await.unwrap();
    let running = async {
        let call = call("slow", &[("milliseconds", "500")]);
        let limits = CallLimits::within(Duration::from_secs(30));
        old.connection().execute_stream(call, limits, |_| {}).await
    };
    let replacing = async {
        assert!(probes.pool.set(probe("probe", "2.0.0")).unwrap());
        let new = probes.lease("probe").await.unwrap();
        assert_eq!((old.version(), new.version()), ("1.0.0", "2.0.0"));
        assert_ne!(old.pid(), new.pid());
        assert_eq!(probes.pool.status_of("probe").unwrap().leaving, 1);
    };
    let (result, ()) = tokio::join!(running, replacing);
    assert_eq!(result.unwrap(), "\"done\"");
    let pid = old.pid();
    assert!(is_alive(pid), "its lease is still held");
    drop(old);
    wait_for("its end", || !is_alive(pid)).await;
    assert_eq!(probes.pool.status_of("probe").unwrap().crashes, 0);
}

#[tokio::test]
async fn the_same_program_again_changes_nothing() {
    let probes = Probes::new(|_| {});
    probes.add("probe", &[]);
    let pid = probes.lease("probe").await.unwrap().pid();
    assert!(!probes.pool.set(probe("probe", "1.0.0")).unwrap());
    assert_eq!(probes.lease("probe").await.unwrap().pid(), pid);
}

#[tokio::test]
async fn draining_has_an_end() {
    let probes = Probes::new(|config| config.drain_timeout = Duration::from_millis(200));
    probes.add("probe", &[]);
    let lease = probes.lease("probe").await.unwrap();
    let limits = CallLimits::within(Duration::from_secs(30));
    let hanging = lease
        .connection()
        .execute_stream(call("hang", &[]), limits, |_| {});
    let removing = async {
        assert!(probes.pool.remove("probe"));
        let error = probes.lease("probe").await.unwrap_err();
        assert!(matches!(&error, PoolError::Unknown { .. }), "{error}");
    };
    let (error, ()) = tokio::join!(hanging, removing);
    let error = error.unwrap_err();
    let report = error.exit_report().unwrap_or_else(|| panic!("{error}"));
    assert!(report.requested, "{report}");
    assert_eq!(report.cause, ExitCause::Code(0));
    assert!(!probes.pool.remove("probe"), "it was there once");
}

#[tokio::test]
async fn removing_refuses_those_who_wait_at_once() {
    let probes = Probes::new(|_| {});
    probes.add("probe", &["start-delay=5000"]);
    let waiting = probes.lease("probe");
    let removing = async {
        wait_for("the start", || !probes.starts("probe").is_empty()).await;
        probes.pool.remove("probe");
    };
    let before = Instant::now();
    let (error, ()) = tokio::join!(waiting, removing);
    let error = error.unwrap_err();
    assert!(matches!(&error, PoolError::Removed { .. }), "{error}");
    assert!(before.elapsed() < Duration::from_secs(4));
    let pid = probes.starts("probe")[0];
    wait_for("the end of the start", || !is_alive(pid)).await;
}

#[tokio::test]
async fn shutting_down_refuses_those_who_wait_and_lets_calls_finish() {
    let probes = Probes::new(|config| config.calls_per_process = 1);
    probes.add("probe", &[]);
    let lease = probes.lease("probe").await.unwrap();
    let pid = lease.pid();
    let running = async {
        let call = call("slow", &[("milliseconds", "300")]);
        let limits = CallLimits::within(Duration::from_secs(30));
        let result = lease
            .connection()
            .execute_stream(call, limits, |_| {})
            .await;
        drop(lease);
        result
    };
    let waiting = probes.lease("probe");
    let ending = async {
        probes.pool.shutdown().await;
        assert!(!is_alive(pid));
        probes.pool.shutdown().await;
    };
    let (result, refused, ()) = tokio::join!(biased; running, waiting, ending);
    assert_eq!(result.unwrap(), "\"done\"");
    assert!(matches!(refused.unwrap_err(), PoolError::ShuttingDown));
    let error = probes.pool.lease("probe", soon()).await.unwrap_err();
    assert!(matches!(error, PoolError::ShuttingDown), "{error}");
}

#[tokio::test]
async fn dropping_the_pool_ends_its_processes_whoever_holds_a_lease() {
    let probes = Probes::new(|_| {});
    probes.add("probe", &[]);
    probes.add("starting", &["start-delay=60000"]);
    let lease = probes.lease("probe").await.unwrap();
    {
        let mut starting = Box::pin(probes.lease("starting"));
        assert!((&mut starting).now_or_never().is_none());
        wait_for("the start", || !probes.starts("starting").is_empty()).await;
    }
    let pids = [lease.pid(), probes.starts("starting")[0]];
    let Probes { pool, directory } = probes;
    drop(pool);
    wait_for("their end", || !pids.iter().any(|pid| is_alive(*pid))).await;
    let limits = CallLimits::within(Duration::from_secs(30));
    let result = lease
        .connection()
        .execute_stream(call("echo", &[]), limits, |_| {})
        .await;
    assert!(!result.unwrap_err().is_operation());
    drop(directory);
}

#[tokio::test]
async fn names_from_outside_reach_no_path() {
    let probes = Probes::new(|_| {});
    for key in ["", "../etc", "a/b", "A", "x y", &"k".repeat(65)] {
        let error = probes.pool.set(probe(key, "1.0.0")).unwrap_err();
        assert!(matches!(&error, PoolError::Key(_)), "{error}");
        let error = probes.lease(key).await.unwrap_err();
        assert!(matches!(&error, PoolError::Unknown { .. }), "{error}");
        assert!(!probes.pool.remove(key));
    }
    for sha256 in ["", "abc", "sha512:00", &"g".repeat(64), &"0".repeat(128)] {
        let program = Program {
            sha256: sha256.to_owned(),
            ..probe("probe", "1.0.0")
        };
        let error = probes.pool.set(program).unwrap_err();
        assert!(matches!(&error, PoolError::Checksum { .. }), "{error}");
    }
    assert_eq!(probes.pool.status().len(), 0);
    assert!(!exists(&probes.directory.path().join("data")));
}
