//! Many callers and several connectors at once.

use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use outboard_connector::pool::{PoolError, ProcessState, WaitReason};

use super::support::{Probes, call, is_alive, kill, soon, wait_for};

#[tokio::test]
async fn callers_that_come_at_once_share_one_start() {
    let probes = Probes::new(|_| {});
    probes.add("probe", &["start-delay=300"]);
    let leases = futures_util::future::join_all((0..20).map(|_| probes.lease("probe"))).await;
    let leases: Vec<_> = leases.into_iter().map(Result::unwrap).collect();
    assert_eq!(probes.starts("probe").len(), 1);
    assert!(leases.iter().all(|lease| lease.pid() == leases[0].pid()));
    assert_eq!(probes.pool.status_of("probe").unwrap().in_flight, 20);
    drop(leases);
    assert_eq!(probes.pool.status_of("probe").unwrap().in_flight, 0);
}

#[tokio::test]
async fn a_connector_that_is_slow_to_start_delays_no_call_to_another() {
    let probes = Probes::new(|_| {});
    probes.add("slow", &["start-delay=5000"]);
    probes.add("quick", &[]);
    drop(probes.lease("quick").await.unwrap());
    let slow = probes.lease("slow");
    let calls = async {
        let mut slowest = Duration::ZERO;
        for _ in 0..100 {
            let before = Instant::now();
            drop(probes.lease("quick").await.unwrap());
            slowest = slowest.max(before.elapsed());
            probes.call("quick", call("echo", &[])).await.unwrap();
        }
        let status = probes.pool.status_of("slow").unwrap();
        assert_eq!(status.state, ProcessState::Starting, "{status:?}");
        slowest
    };
    let (slow, slowest) = tokio::join!(slow, calls);
    drop(slow.unwrap());
    assert!(slowest < Duration::from_millis(100), "{slowest:?}");
}

#[tokio::test]
async fn a_connector_that_is_slow_to_stop_delays_no_start_of_another() {
    let probes = Probes::new(|config| {
        config.max_processes = 1;
        config.shutdown_grace = Duration::from_secs(5);
    });
    probes.add("stuck", &[]);
    probes.add("next", &[]);
    let stuck = probes.lease("stuck").await.unwrap().pid();
    super::support::signal(stuck, rustix::process::Signal::STOP);
    let before = Instant::now();
    drop(probes.lease("next").await.unwrap());
    assert!(
        before.elapsed() < Duration::from_secs(5),
        "{:?}",
        before.elapsed()
    );
    assert!(is_alive(stuck), "it is still being asked");
    kill(stuck);
}

#[tokio::test]
async fn the_cap_holds_and_whoever_waits_beyond_it_is_told() {
    let probes = Probes::new(|config| config.max_processes = 2);
    for key in ["one", "two", "three"] {
        probes.add(key, &[]);
    }
    let one = probes.lease("one").await.unwrap();
    let two = probes.lease("two").await.unwrap();
    let deadline = Instant::now() + Duration::from_millis(200);
    let error = probes.pool.lease("three", deadline).await.unwrap_err();
    assert!(
        matches!(
            &error,
            PoolError::Timeout {
                reason: WaitReason::Slot,
                ..
            }
        ),
        "{error}"
    );
    assert!(Instant::now() - deadline < Duration::from_secs(1));
    let (first, second) = (one.pid(), two.pid());
    drop(one);
    let three = probes.lease("three").await.unwrap();
    wait_for("the eviction", || !is_alive(first)).await;
    assert!(is_alive(second) && is_alive(three.pid()));
    assert_eq!(probes.starts("three").len(), 1);
}

#[tokio::test]
async fn connectors_take_turns_when_there_are_more_than_the_cap_and_all_are_busy() {
    let probes = Probes::new(|config| {
        config.max_processes = 1;
        config.patience = Duration::from_millis(50);
    });
    probes.add("greedy", &[]);
    probes.add("modest", &[]);
    // Two calls that overlap for ever, so that it is never idle by itself.
    let greedy = || async {
        loop {
            let call = call("slow", &[("milliseconds", "30")]);
            probes.call("greedy", call).await.unwrap();
        }
    };
    let modest = async {
        for _ in 0..2 {
            probes.call("modest", call("echo", &[])).await.unwrap();
        }
    };
    tokio::select! {
        ((), ()) = async { tokio::join!(greedy(), greedy()) } => {}
        () = modest => {}
    }
    assert_eq!(probes.starts("modest").len(), 2);
}

#[tokio::test]
async fn calls_to_one_connector_are_bounded_and_queue_in_order() {
    let probes = Probes::new(|config| {
        config.calls_per_process = 2;
        config.max_queue = 3;
    });
    probes.add("probe", &[]);
    let (one, two) = (
        probes.lease("probe").await.unwrap(),
        probes.lease("probe").await.unwrap(),
    );
    let order = std::sync::Mutex::new(Vec::new());
    let waiting = async {
        let wait = |number: usize| {
            let (probes, order) = (&probes, &order);
            async move {
                let lease = probes.lease("probe").await.unwrap();
                order.lock().unwrap().push(number);
                drop(lease);
            }
        };
        tokio::join!(wait(1), wait(2), wait(3));
    };
    let rest = async {
        let error = probes.lease("probe").await.unwrap_err();
        assert!(
            matches!(&error, PoolError::QueueFull { limit: 3, .. }),
            "{error}"
        );
        assert_eq!(probes.pool.status_of("probe").unwrap().queued, 3);
        drop(one);
    };
    tokio::join!(biased; waiting, rest);
    assert_eq!(*order.lock().unwrap(), [1, 2, 3]);
    drop(two);
}

#[tokio::test]
async fn whoever_stops_waiting_leaves_the_queue_and_no_lease_is_lost() {
    let probes = Probes::new(|config| config.calls_per_process = 1);
    probes.add("probe", &[]);
    let held = probes.lease("probe").await.unwrap();
    let gone = tokio::time::timeout(Duration::from_millis(20), probes.lease("probe")).await;
    gone.unwrap_err();
    assert_eq!(probes.pool.status_of("probe").unwrap().queued, 0);
    // One whose lease was granted, and that has gone before it looked.
    let mut waiting = Box::pin(probes.lease("probe"));
    assert!((&mut waiting).now_or_never().is_none());
    drop(held);
    assert_eq!(probes.pool.status_of("probe").unwrap().in_flight, 1);
    drop(waiting);
    assert_eq!(probes.pool.status_of("probe").unwrap().in_flight, 0);
    drop(probes.lease("probe").await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_that_comes_and_goes_leaves_nothing_behind() {
    let probes = std::sync::Arc::new(Probes::new(|config| {
        config.max_processes = 2;
        config.calls_per_process = 3;
        config.patience = Duration::from_millis(20);
    }));
    for key in ["a", "b", "c"] {
        probes.add(key, &[]);
    }
    let crowd = (0..60u64).map(|number| {
        let probes = std::sync::Arc::clone(&probes);
        tokio::spawn(async move {
            let key = ["a", "b", "c"][number as usize % 3];
            let work = async {
                let milliseconds = (number * 7 % 20).to_string();
                let call = call("slow", &[("milliseconds", &milliseconds)]);
                probes.call(key, call).await.unwrap();
            };
            // A third of them loses patience at some point.
            let patience = match number % 3 {
                0 => Duration::from_millis(number * 13 % 100),
                _ => Duration::from_secs(60),
            };
            tokio::time::timeout(patience, work).await.is_ok()
        })
    });
    let done = futures_util::future::join_all(crowd.collect::<Vec<_>>()).await;
    let done = done
        .into_iter()
        .filter(|done| *done.as_ref().unwrap())
        .count();
    assert!(done >= 40, "{done}");
    for status in probes.pool.status() {
        assert_eq!((status.in_flight, status.queued), (0, 0), "{status:?}");
    }
    let pids: Vec<u32> = ["a", "b", "c"]
        .iter()
        .flat_map(|key| probes.starts(key))
        .collect();
    probes.pool.shutdown().await;
    assert!(!pids.iter().any(|pid| is_alive(*pid)));
    let error = probes.pool.lease("a", soon()).await.unwrap_err();
    assert!(matches!(error, PoolError::ShuttingDown));
}
