//! Faults of a plugin that runs: they cost the call at hand, and nothing else.

use std::time::Duration;

use outboard_go_plugin::host::{ExitCause, LogLevel};
use outboard_testkit::misbehaving::{CALL, Fault};
use tokio::time::{Instant, timeout};
use tonic::Code;

use super::{call, call_within, with};
use crate::support::wait_for;

#[tokio::test]
async fn one_without_a_fault_answers_and_goes_in_peace() {
    let plugin = with(Fault::Nothing);
    let process = plugin.starts().await;
    call(process.channel()).await.unwrap();
    assert!(plugin.report().calls.iter().any(|path| path == CALL));
    let report = process.stop().await;
    assert_eq!((report.cause, report.forced), (ExitCause::Code(0), false));
    plugin.leaves_nothing().await;
}

#[tokio::test]
async fn a_crash_in_a_call_fails_it_with_the_cause_and_the_last_words() {
    let plugin = with(Fault::CrashesInCall);
    let process = plugin.starts().await;
    let status = call(process.channel()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    let report = process.exited().await;
    assert_eq!(
        (report.cause, report.requested),
        (ExitCause::Code(7), false)
    );
    assert_eq!(report.last_lines, ["about to crash in a call"]);
    let status = call(process.channel()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    for part in ["crashes-in-call", "exit status 7", "about to crash"] {
        assert!(status.message().contains(part), "{status:?}");
    }
    plugin.leaves_nothing().await;
}

#[tokio::test]
async fn a_call_that_is_never_answered_ends_at_its_deadline_and_alone() {
    let plugin = with(Fault::NeverAnswers);
    let process = plugin.starts().await;
    let before = Instant::now();
    let unanswered = call_within(process.channel(), Duration::from_millis(200));
    let (status, ping) = tokio::join!(unanswered, process.ping());
    assert_eq!(status.unwrap_err().code(), Code::DeadlineExceeded);
    assert!(before.elapsed() < Duration::from_secs(3));
    ping.unwrap();
    assert!(!process.stop().await.forced);
    plugin.leaves_nothing().await;
}

#[tokio::test]
async fn a_lost_connection_costs_the_call_and_the_next_one_connects_again() {
    for fault in [Fault::GoesAway, Fault::CutsConnection] {
        let plugin = with(fault);
        let process = plugin.starts().await;
        let status = call(process.channel()).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable, "{fault}: {status:?}");
        process.ping().await.unwrap();
        assert_eq!(process.exit_report(), None);
        plugin.ends(process).await;
    }
}

#[tokio::test]
async fn answers_that_are_no_grpc_are_errors_of_that_call() {
    for fault in [
        Fault::HugeHeaders,
        Fault::AnswersWebPage,
        Fault::AnswersWithoutStatus,
        Fault::AnnouncesHugeMessage,
        Fault::AnswersHalf,
        Fault::AnswersCompressed,
    ] {
        let plugin = with(fault);
        let process = plugin.starts().await;
        // 17 MiB of headers take a while without optimisation.
        let answered = call_within(process.channel(), Duration::from_secs(100)).await;
        let status = answered.unwrap_err();
        let expected = match fault {
            Fault::AnswersWithoutStatus => Code::Unknown,
            Fault::AnnouncesHugeMessage => Code::OutOfRange,
            _ => Code::Internal,
        };
        assert_eq!(status.code(), expected, "{fault}: {status:?}");
        process.ping().await.unwrap();
        plugin.ends(process).await;
    }
}

#[tokio::test]
async fn of_huge_trailers_the_status_arrives_and_the_rest_is_left_out() {
    let plugin = with(Fault::HugeTrailers);
    let process = plugin.starts().await;
    let limit = Duration::from_secs(100);
    call_within(process.channel(), limit).await.unwrap();
    process.ping().await.unwrap();
    plugin.ends(process).await;
}

#[tokio::test]
async fn one_that_deletes_its_socket_goes_on_over_the_open_connection() {
    let plugin = with(Fault::DeletesItsSocket);
    let process = plugin.starts().await;
    assert!(!plugin.report().socket.unwrap().exists());
    call(process.channel()).await.unwrap();
    assert!(!process.stop().await.forced);
    plugin.leaves_nothing().await;
}

#[tokio::test]
async fn one_without_a_stdio_stream_is_a_plugin_like_others() {
    let plugin = with(Fault::NoStdio);
    let process = plugin.starts().await;
    call(process.channel()).await.unwrap();
    plugin.ends(process).await;
}

#[tokio::test]
async fn a_long_line_is_cut_and_the_next_one_is_whole() {
    let plugin = with(Fault::LongLogLine);
    let process = plugin.starts().await;
    wait_for("the line after it", || {
        let lines = process.log().recent();
        lines
            .iter()
            .any(|line| line.message == "after the long line" && line.level == LogLevel::Info)
    })
    .await;
    call(process.channel()).await.unwrap();
    let longest = process
        .log()
        .recent()
        .iter()
        .map(|line| line.message.len())
        .max();
    assert!(longest.unwrap() < 1000);
    plugin.ends(process).await;
}

#[tokio::test]
async fn a_flood_of_output_delays_no_call_and_no_stop() {
    let plugin = with(Fault::FloodsOutput);
    let process = plugin.starts().await;
    for _ in 0..20 {
        timeout(Duration::from_secs(5), call(process.channel()))
            .await
            .unwrap()
            .unwrap();
    }
    let before = Instant::now();
    process.stop().await;
    assert!(
        before.elapsed() < Duration::from_secs(5),
        "{:?}",
        before.elapsed()
    );
    plugin.leaves_nothing().await;
}

#[tokio::test]
async fn log_lines_of_wrong_types_and_bytes_are_text() {
    let plugin = with(Fault::BinaryLogLines);
    let process = plugin.starts().await;
    wait_for("the last line", || {
        let lines = process.log().recent();
        lines
            .iter()
            .any(|line| line.message == "after the binary lines")
    })
    .await;
    let lines = process.log().recent();
    let message = |text: &str| lines.iter().any(|line| line.message.contains(text));
    assert!(message(r#"{"@message":5}"#), "{lines:?}");
    assert!(message("no text"), "{lines:?}");
    plugin.ends(process).await;
}
