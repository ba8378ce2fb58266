//! Connectors that do not start, crash, or do not answer.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use outboard_connector::pool::{PoolError, ProcessState, StartFailure};
use outboard_go_plugin::host::{ExitCause, PluginEventKind};

use super::support::{Probes, call, is_alive, kill, signal, wait_for};

#[tokio::test]
async fn a_start_that_fails_fails_all_who_wait_with_one_error() {
    let probes = Probes::new(|_| {});
    probes.add("probe", &["start-delay=100", "crash-at-start"]);
    let leases = futures_util::future::join_all((0..5).map(|_| probes.lease("probe"))).await;
    let failures: Vec<Arc<StartFailure>> = leases
        .into_iter()
        .map(|lease| match lease.unwrap_err() {
            PoolError::Start(failure) => failure,
            other => panic!("{other}"),
        })
        .collect();
    assert!(
        failures
            .iter()
            .all(|failure| Arc::ptr_eq(failure, &failures[0]))
    );
    assert_eq!(probes.starts("probe").len(), 1);
    let StartFailure::Process(error) = &*failures[0] else {
        panic!("{}", failures[0])
    };
    assert_eq!(error.exit(), Some(ExitCause::Code(7)));
    let text = failures[0].to_string();
    for part in ["\"probe\"", "exit status 7", "not today"] {
        assert!(text.contains(part), "{part:?} is missing in {text:?}");
    }

    // It rests now, and says why.
    let error = probes.lease("probe").await.unwrap_err();
    let PoolError::Resting {
        failures,
        retry_after,
        ..
    } = &error
    else {
        panic!("{error}")
    };
    assert_eq!(*failures, 1);
    assert!(*retry_after <= Duration::from_secs(1));
    assert!(error.to_string().contains("not today"), "{error}");
    let status = probes.pool.status_of("probe").unwrap();
    assert_eq!(status.state, ProcessState::Resting);

    // It is well again when its time is over.
    probes.behave("probe", &[]);
    wait_for("the end of its rest", || {
        probes.pool.status_of("probe").unwrap().state == ProcessState::Stopped
    })
    .await;
    drop(probes.lease("probe").await.unwrap());
    assert_eq!(probes.starts("probe").len(), 2);
}

#[tokio::test]
async fn a_crash_is_noticed_at_once_and_the_next_call_starts_it_again() {
    let probes = Probes::new(|_| {});
    let mut events = probes.pool.events();
    probes.add("probe", &[]);
    let first = probes.lease("probe").await.unwrap().pid();
    kill(first);
    wait_for("the crash", || {
        probes.pool.status_of("probe").unwrap().crashes == 1
    })
    .await;
    let status = probes.pool.status_of("probe").unwrap();
    assert_eq!((status.state, status.pid), (ProcessState::Stopped, None));
    assert!(status.last_error.unwrap().text.contains("SIGKILL"));
    let second = probes.lease("probe").await.unwrap().pid();
    assert_ne!(second, first);

    // What both said is in one log.
    let log = probes.pool.log("probe").unwrap();
    let said = |pid: u32| {
        let text = format!("process {pid} begins");
        log.recent().iter().any(|line| line.message.contains(&text))
    };
    wait_for("both lines", || said(first) && said(second)).await;
    let mut kinds = Vec::new();
    while kinds.len() < 5 {
        let event = events.next().await.unwrap().unwrap();
        assert_eq!(event.plugin, "probe");
        kinds.push(match event.kind {
            PluginEventKind::Starting => "starting",
            PluginEventKind::Ready { .. } => "ready",
            PluginEventKind::Crashed(_) => "crashed",
            _ => "other",
        });
    }
    assert_eq!(kinds, ["starting", "ready", "crashed", "starting", "ready"]);

    // A second one so soon is one too many.
    kill(second);
    wait_for("the rest", || {
        probes.pool.status_of("probe").unwrap().state == ProcessState::Resting
    })
    .await;
    loop {
        let event = events.next().await.unwrap().unwrap();
        if let PluginEventKind::Restarting { attempt, delay } = event.kind {
            assert_eq!((attempt, delay), (1, Duration::from_secs(1)));
            break;
        }
    }
}

#[tokio::test]
async fn calls_in_flight_fail_when_it_crashes_and_those_in_the_queue_go_on() {
    let probes = Probes::new(|config| config.calls_per_process = 1);
    probes.add("probe", &[]);
    let dying = probes.call("probe", call("crash", &[]));
    let (dying, next) = tokio::join!(biased; dying, probes.call("probe", call("echo", &[])));
    assert!(dying.unwrap_err().exit_report().is_some());
    next.unwrap();
    assert_eq!(probes.starts("probe").len(), 2);
}

#[tokio::test]
async fn one_that_does_not_answer_is_found_out_and_replaced() {
    let probes = Probes::new(|config| {
        config.check_after = Duration::from_millis(100);
        config.check_timeout = Duration::from_millis(300);
        config.shutdown_grace = Duration::from_millis(100);
    });
    probes.add("probe", &[]);
    let stuck = probes.lease("probe").await.unwrap().pid();
    signal(stuck, rustix::process::Signal::STOP);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let before = Instant::now();
    let next = probes.lease("probe").await.unwrap();
    assert_ne!(next.pid(), stuck);
    assert!(
        before.elapsed() < Duration::from_secs(5),
        "{:?}",
        before.elapsed()
    );
    wait_for("its end", || !is_alive(stuck)).await;
    let status = probes.pool.status_of("probe").unwrap();
    assert_eq!(status.crashes, 1);
    assert!(status.last_error.unwrap().text.contains("health check"));
}

#[tokio::test]
async fn an_idle_one_is_found_out_although_nobody_calls() {
    let probes = Probes::new(|config| {
        config.check_every = Duration::from_millis(200);
        config.check_timeout = Duration::from_millis(300);
        config.shutdown_grace = Duration::from_millis(100);
    });
    probes.add("probe", &[]);
    let stuck = probes.lease("probe").await.unwrap().pid();
    signal(stuck, rustix::process::Signal::STOP);
    wait_for("its end", || !is_alive(stuck)).await;
    assert_eq!(probes.pool.status_of("probe").unwrap().crashes, 1);
}

#[tokio::test]
async fn one_that_blocks_itself_is_checked_after_the_call_that_met_it() {
    let probes = Probes::new(|config| {
        config.check_timeout = Duration::from_millis(300);
        config.shutdown_grace = Duration::from_millis(100);
    });
    probes.add("probe", &[]);
    let lease = probes.lease("probe").await.unwrap();
    let limits = outboard_connector::client::CallLimits::within(Duration::from_millis(300));
    let stopped = lease.connection();
    stopped
        .execute_stream(call("stop", &[]), limits, |_| {})
        .await
        .unwrap_err();
    let stuck = lease.pid();
    drop(lease);
    let next = probes.lease("probe").await.unwrap();
    assert_ne!(next.pid(), stuck);
}

#[tokio::test]
async fn what_is_no_connector_does_not_start() {
    let probes = Probes::new(|_| {});
    let mut events = probes.pool.events();
    probes.add("server", &["no-service"]);
    let error = probes.lease("server").await.unwrap_err();
    assert!(
        matches!(&error, PoolError::Start(failure)
            if matches!(&**failure, StartFailure::NotAConnector { .. })),
        "{error}"
    );
    assert!(
        error.to_string().contains("wick.connector.v1.Connector"),
        "{error}"
    );
    loop {
        let event = events.next().await.unwrap().unwrap();
        if let PluginEventKind::StartFailed { reason } = event.kind {
            assert_eq!(reason, error.to_string());
            break;
        }
    }
    let pids = probes.starts("server");
    wait_for("its end", || !pids.iter().any(|pid| is_alive(*pid))).await;

    probes.add("github", &["key=slack"]);
    let error = probes.lease("github").await.unwrap_err();
    assert!(
        matches!(&error, PoolError::Start(failure)
            if matches!(&**failure, StartFailure::OtherConnector { says, .. } if says == "slack")),
        "{error}"
    );

    // The least that a connector in another language has.
    probes.add("least", &["no-schema"]);
    probes.call("least", call("echo", &[])).await.unwrap();
}

#[tokio::test]
async fn the_warm_set_starts_by_itself_and_comes_back() {
    let probes = Probes::new(|config| {
        config.warm = ["one", "two"].map(str::to_owned).into();
        config.idle_timeout = Some(Duration::ZERO);
    });
    for key in ["one", "two", "cold"] {
        probes.add(key, &[]);
    }
    probes.pool.warm();
    let ready = |key: &str| probes.pool.status_of(key).unwrap().pid;
    wait_for("both", || ready("one").is_some() && ready("two").is_some()).await;
    assert_eq!(probes.starts("cold"), [0; 0]);
    let first = ready("one").unwrap();
    kill(first);
    wait_for("it to come back", || {
        ready("one").is_some_and(|pid| pid != first)
    })
    .await;
    // One that is set later is started as well.
    assert!(probes.pool.remove("two"));
    probes.add("two", &[]);
    wait_for("the new one", || ready("two").is_some()).await;
}
