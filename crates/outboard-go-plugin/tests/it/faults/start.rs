//! Faults up to the first answer: each has its own error.

use std::time::Duration;

use outboard_go_plugin::{
    handshake::{HandshakeError, Protocol},
    host::{ExitCause, LogSource, StartErrorKind, StartStep},
};
use outboard_testkit::misbehaving::Fault;
use tokio::time::Instant;

use super::{call, with};

#[tokio::test]
async fn one_that_exits_at_once_tells_its_status_and_last_words() {
    let error = with(Fault::ExitsAtOnce).fails().await;
    assert!(
        matches!(error.kind(), StartErrorKind::Exited(ExitCause::Code(3))),
        "{error:?}"
    );
    assert_eq!(error.step(), StartStep::Handshake);
    assert_eq!(error.exit(), Some(ExitCause::Code(3)));
    assert_eq!(error.last_lines(), ["no database"]);
    assert!(error.to_string().contains("exit status 3"), "{error}");
    assert!(error.to_string().contains("no database"), "{error}");
}

#[tokio::test]
async fn a_child_that_holds_the_output_does_not_hold_up_the_error() {
    let before = Instant::now();
    let error = with(Fault::LeavesChildWithOutput).fails().await;
    assert!(before.elapsed() < Duration::from_secs(3));
    assert_eq!(error.exit(), Some(ExitCause::Code(3)));
    assert_eq!(error.last_lines(), ["no database"]);
}

#[tokio::test]
async fn one_that_is_ended_by_a_signal_tells_which() {
    let error = with(Fault::Aborts).fails().await;
    assert!(
        matches!(error.kind(), StartErrorKind::Exited(ExitCause::Signal(6))),
        "{error:?}"
    );
    assert!(error.to_string().contains("SIGABRT"), "{error}");
}

#[tokio::test]
async fn one_that_prints_garbage_is_shown_what_it_printed() {
    let error = with(Fault::PrintsGarbage).fails().await;
    assert!(
        matches!(error.kind(), StartErrorKind::Unrecognized { line, .. } if line == "hello world"),
        "{error:?}"
    );
}

#[tokio::test]
async fn garbage_without_end_and_without_lines_is_cut() {
    let error = with(Fault::PrintsGarbageWithoutEnd).fails().await;
    let StartErrorKind::Unrecognized { line, .. } = error.kind() else {
        panic!("{error:?}")
    };
    assert!(line.len() <= 200);
}

#[tokio::test]
async fn one_that_closes_its_output_and_runs_on_is_ended() {
    let error = with(Fault::ClosesOutput).fails().await;
    assert!(
        matches!(error.kind(), StartErrorKind::NoHandshake),
        "{error:?}"
    );
}

#[tokio::test]
async fn one_that_hangs_is_ended_at_the_timeout_at_the_step_where_it_hung() {
    for (fault, step) in [
        (Fault::HangsBeforeHandshake, StartStep::Handshake),
        (Fault::HangsAfterHandshake, StartStep::Health),
        (Fault::HealthHangs, StartStep::Health),
    ] {
        let timeout = Duration::from_millis(700);
        let plugin = with(fault).set(|spec| spec.start_timeout(timeout));
        let before = Instant::now();
        let error = plugin.fails().await;
        assert!(before.elapsed() < Duration::from_secs(3));
        assert!(
            matches!(error.kind(), StartErrorKind::Timeout(limit) if *limit == timeout),
            "{error:?}"
        );
        assert_eq!(error.step(), step, "{error}");
    }
}

#[tokio::test]
async fn other_versions_are_named_with_ours() {
    let error = with(Fault::WrongCoreVersion).fails().await;
    assert!(
        matches!(error.kind(), StartErrorKind::CoreVersion { plugin } if plugin == "9"),
        "{error:?}"
    );

    let plugin = with(Fault::WrongAppVersion).set(|spec| spec.protocol_versions([3, 4]));
    let error = plugin.fails().await;
    assert!(
        matches!(error.kind(), StartErrorKind::AppVersion { plugin: 7, host } if host == &[3, 4]),
        "{error:?}"
    );
    for version in ["7", "3, 4"] {
        assert!(error.to_string().contains(version), "{error}");
    }
}

#[tokio::test]
async fn protocols_and_networks_that_we_do_not_speak_are_named() {
    let error = with(Fault::SpeaksNetRpc).fails().await;
    assert!(
        matches!(error.kind(), StartErrorKind::Protocol(Protocol::NetRpc)),
        "{error:?}"
    );
    assert!(error.to_string().contains("net/rpc"), "{error}");

    let error = with(Fault::UnknownProtocol).fails().await;
    assert!(
        matches!(error.kind(), StartErrorKind::Protocol(Protocol::Unknown(name)) if name == "carrier-pigeon"),
        "{error:?}"
    );
    assert!(error.to_string().contains("carrier-pigeon"), "{error}");

    let error = with(Fault::UnknownNetwork).fails().await;
    assert!(
        matches!(error.kind(), StartErrorKind::Unrecognized { error: HandshakeError::Network(name), .. } if name == "vsock"),
        "{error:?}"
    );
    assert!(error.to_string().contains("vsock"), "{error}");
}

#[tokio::test]
async fn a_certificate_that_nobody_asked_for_is_refused() {
    let error = with(Fault::UnaskedCertificate).fails().await;
    assert!(
        matches!(error.kind(), StartErrorKind::UnexpectedCertificate),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_address_where_nobody_listens_is_named() {
    let plugin = with(Fault::NobodyListens);
    let error = plugin.fails().await;
    assert!(
        matches!(error.kind(), StartErrorKind::Connect { .. }),
        "{error:?}"
    );
    let socket = plugin.report().socket.unwrap();
    assert!(error.to_string().contains(&*socket.to_string_lossy()));
}

#[tokio::test]
async fn one_that_ends_after_the_handshake_tells_its_status() {
    for (fault, status) in [
        (Fault::ExitsAfterHandshake, 4),
        (Fault::CrashesInHealthCheck, 6),
    ] {
        let error = with(fault).fails().await;
        assert_eq!(error.exit(), Some(ExitCause::Code(status)), "{error:?}");
        let text = format!("exit status {status}");
        assert!(error.to_string().contains(&text), "{error}");
    }
}

#[tokio::test]
async fn what_does_not_speak_grpc_is_told_at_once() {
    for fault in [Fault::SpeaksHttp1, Fault::ClosesConnections] {
        let error = with(fault).fails().await;
        assert!(
            // Whether the first bytes still leave is a matter of moments.
            matches!(
                error.kind(),
                StartErrorKind::Unhealthy(_) | StartErrorKind::Connect { .. }
            ),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_health_service_that_fails_is_told_and_any_answer_is_enough() {
    let error = with(Fault::HealthFails).fails().await;
    assert!(
        matches!(error.kind(), StartErrorKind::Unhealthy(status) if status.code() == tonic::Code::Internal),
        "{error:?}"
    );

    // As in Go: what a plugin says of itself does not count, that it answers does.
    for fault in [Fault::HealthNotServing, Fault::HealthUnimplemented] {
        let plugin = with(fault);
        let process = plugin.starts().await;
        process.ping().await.unwrap();
        call(process.channel()).await.unwrap();
        plugin.ends(process).await;
    }
}

#[tokio::test]
async fn lines_before_the_handshake_are_refused_or_skipped_and_kept() {
    let error = with(Fault::PrintsLinesFirst).fails().await;
    assert!(
        matches!(error.kind(), StartErrorKind::Unrecognized { line, .. } if line == "one"),
        "{error:?}"
    );

    let plugin = with(Fault::PrintsLinesFirst).set(|spec| spec.allow_stray_lines(2));
    let error = plugin.fails().await;
    assert!(
        matches!(error.kind(), StartErrorKind::Unrecognized { line, .. } if line.starts_with("two")),
        "{error:?}"
    );

    let plugin = with(Fault::PrintsLinesFirst).set(|spec| spec.allow_stray_lines(3));
    let process = plugin.starts().await;
    let printed: Vec<String> = process
        .log()
        .recent()
        .into_iter()
        .filter(|line| line.source == LogSource::Stdout)
        .map(|line| line.message)
        .collect();
    assert_eq!(printed, ["one", "two | with | bars"]);
    plugin.ends(process).await;
}
