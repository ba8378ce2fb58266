//! From the first call to the end of the process.

use std::time::Duration;

use super::support::{Probes, call, is_alive, wait_for};

#[tokio::test]
async fn the_first_call_starts_a_process_and_the_next_ones_use_it() {
    let probes = Probes::new(|_| {});
    probes.add("echo_one", &["key=echo_one"]);
    assert_eq!(
        probes.starts("echo_one"),
        [0; 0],
        "nothing runs before that"
    );
    let mut call = call("echo", &[("text", "hello"), ("more", "\"quoted\"")]);
    call.creds.insert("token".into(), "secret".into());
    call.session_id = "session".into();
    let request_id = call.request_id.clone();
    let first = probes.call("echo_one", call.clone()).await.unwrap();
    assert_eq!(first["args"]["text"], "hello");
    assert_eq!(first["args"]["more"], "\"quoted\"");
    assert_eq!(first["creds"]["token"], "secret");
    assert_eq!(first["request_id"], request_id);
    assert_eq!(first["session_id"], "session");
    let second = probes.call("echo_one", call).await.unwrap();
    assert_eq!(second["pid"], first["pid"]);
    assert_eq!(probes.starts("echo_one").len(), 1);
    let status = probes.pool.status_of("echo_one").unwrap();
    assert_eq!((status.starts, status.crashes, status.in_flight), (1, 0, 0));
    assert!(status.memory_bytes.unwrap() > 1024 * 1024);

    let data = probes.data("echo_one");
    assert_eq!(
        first["directory"],
        data.canonicalize().unwrap().to_str().unwrap()
    );

    probes.pool.shutdown().await;
    let pid = status.pid.unwrap();
    assert!(!is_alive(pid));
}

#[tokio::test]
async fn an_idle_process_is_reaped_when_its_time_is_over_and_not_before() {
    let idle = Duration::from_secs(1);
    let probes = Probes::new(|config| config.idle_timeout = Some(idle));
    probes.add("idle", &[]);
    let lease = probes.lease("idle").await.unwrap();
    let (pid, released) = (lease.pid(), std::time::Instant::now());
    drop(lease);
    wait_for("the reaping", || {
        probes.pool.status_of("idle").unwrap().pid.is_none()
    })
    .await;
    let lived = released.elapsed();
    assert!(lived >= idle, "{lived:?}");
    assert!(
        lived < idle + idle / 10 + Duration::from_millis(50),
        "{lived:?}"
    );
    wait_for("its end", || !is_alive(pid)).await;
    let again = probes.lease("idle").await.unwrap();
    assert_ne!(again.pid(), pid);
}
