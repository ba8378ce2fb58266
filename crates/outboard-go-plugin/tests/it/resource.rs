//! Limits that the host sets, seen from the plugin's process.

use std::{collections::HashMap, fs};

use outboard_go_plugin::host::{ExitCause, ResourceLimits, RunFrom, StartErrorKind};

use crate::support::{fixture, script};

/// Soft and hard limit by name, from `/proc/PID/limits`.
fn limits_of(pid: &str) -> HashMap<String, (String, String)> {
    let text = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let limit = |line: &str| {
        let (name, rest) = line.split_at_checked(26)?;
        let mut values = rest.split_whitespace().map(str::to_owned);
        Some((name.trim().to_owned(), (values.next()?, values.next()?)))
    };
    text.lines().filter_map(limit).collect()
}

fn both(value: u64) -> (String, String) {
    (value.to_string(), value.to_string())
}

#[tokio::test]
async fn limits_hold_for_the_program_and_no_others_are_changed() {
    let mut limits = ResourceLimits::default();
    limits.address_space_bytes = Some(8 << 30);
    limits.open_files = Some(123);
    limits.cpu_seconds = Some(1000);
    let plugin = fixture().resource_limits(limits).start().await.unwrap();
    let (its, ours) = (limits_of(&plugin.pid().to_string()), limits_of("self"));
    assert_eq!(its["Max address space"], both(8 << 30));
    assert_eq!(its["Max open files"], both(123));
    assert_eq!(its["Max cpu time"], ("1000".to_owned(), "1005".to_owned()));
    for (name, limit) in &ours {
        if !["Max address space", "Max open files", "Max cpu time"].contains(&name.as_str()) {
            assert_eq!(&its[name], limit, "{name}");
        }
    }
    plugin.stop().await;
    let plugin = fixture().start().await.unwrap();
    assert_eq!(limits_of(&plugin.pid().to_string()), ours);
    plugin.stop().await;
}

#[tokio::test]
async fn limits_are_there_before_the_programs_first_line_and_for_its_children() {
    let (directory, spec) = script("sh -c 'ulimit -n; ulimit -u' > \"$0.limits\"; exit 3");
    let mut limits = ResourceLimits::default();
    limits.open_files = Some(77);
    limits.processes = Some(5555);
    let error = spec.resource_limits(limits).start().await.unwrap_err();
    assert!(
        matches!(error.kind(), StartErrorKind::Exited(ExitCause::Code(3))),
        "{error}"
    );
    let seen = fs::read_to_string(directory.path().join("scripted.limits")).unwrap();
    let mut seen = seen.lines();
    assert_eq!(seen.next(), Some("77"));
    // Not every shell can say the second.
    assert!(matches!(seen.next(), Some("5555") | None), "{seen:?}");
}

#[tokio::test]
async fn a_limit_beyond_the_hosts_own_becomes_that_one() {
    let ours = limits_of("self")["Max open files"].1.clone();
    let mut limits = ResourceLimits::default();
    limits.open_files = Some(u64::MAX);
    let plugin = fixture().resource_limits(limits).start().await.unwrap();
    let its = limits_of(&plugin.pid().to_string());
    assert_eq!(its["Max open files"], (ours.clone(), ours));
    plugin.stop().await;
}

#[tokio::test]
async fn a_program_that_spins_ends_when_its_processor_time_is_over() {
    let (_directory, spec) = script("while :; do :; done");
    let mut limits = ResourceLimits::default();
    limits.cpu_seconds = Some(1);
    let error = spec.resource_limits(limits).start().await.unwrap_err();
    // SIGXCPU.
    assert!(
        matches!(error.kind(), StartErrorKind::Exited(ExitCause::Signal(24))),
        "{error}"
    );
}

#[tokio::test]
async fn verified_programs_are_limited_too_wherever_they_run_from() {
    use outboard_go_plugin::host::{Checksum, ChecksumAlgorithm};

    let program = fixture().program().unwrap().to_owned();
    let checksum = Checksum::of_file(ChecksumAlgorithm::Sha256, program).unwrap();
    let mut limits = ResourceLimits::default();
    limits.open_files = Some(200);
    for run_from in [RunFrom::PrivateCopy, RunFrom::Memory] {
        let spec = fixture().checksum(checksum.clone()).run_from(run_from);
        let plugin = spec.resource_limits(limits).start().await.unwrap();
        let its = limits_of(&plugin.pid().to_string());
        assert_eq!(its["Max open files"], both(200), "{run_from:?}");
        plugin.stop().await;
    }
}
