//! What a plugin prints and logs: that all of it arrives, that nobody waits for
//! it, and that it goes on when nobody is left to read it.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use outboard_go_plugin::host::{LogLevel, LogSource, OutputChannel, RawOutput};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{fixture, script, wait_for};

/// What the fixture prints in its hook.
fn printed_at_the_end() -> String {
    let lines = (0..1000).map(|line| {
        let text = "of what is printed at the end ".repeat(2);
        format!("line {line:04} {text}\n")
    });
    lines.chain(["and no line feed".to_owned()]).collect()
}

#[tokio::test]
async fn nothing_that_is_printed_at_the_end_is_lost_in_three_hundred_runs() {
    let expected = printed_at_the_end();
    let (output, mut reader) = RawOutput::new(RawOutput::DEFAULT_LIMIT);
    let spec = fixture().args(["print-at-the-end"]).raw_output(output);
    for run in 0..300 {
        let plugin = spec.start().await.unwrap();
        let report = plugin.stop().await;
        assert!(!report.forced, "{report}");
        let mut bytes = Vec::new();
        while bytes.len() < expected.len() {
            let next = tokio::time::timeout(Duration::ZERO, reader.next()).await;
            let piece = next.unwrap_or_else(|_| {
                let (got, wanted) = (bytes.len(), expected.len());
                panic!("run {run}: {got} of {wanted} bytes arrived before the exit report")
            });
            let piece = piece.unwrap().unwrap();
            assert_eq!(
                (piece.channel, piece.pid),
                (OutputChannel::Stdout, plugin.pid())
            );
            bytes.extend_from_slice(&piece.bytes);
        }
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
        let lines = plugin.log().recent();
        let last = lines.last().unwrap();
        assert_eq!(
            (last.source, last.message.as_str()),
            (LogSource::Stdout, "and no line feed")
        );
    }
}

#[tokio::test]
async fn raw_output_has_the_bytes_as_they_are_and_counts_what_nobody_read() {
    let (output, mut reader) = RawOutput::new(1000);
    let body = r"printf 'a\r\n\033[31m\377' >&2; head -c 100000 /dev/zero >&2; exit 3";
    let (_directory, spec) = script(body);
    spec.raw_output(output).start().await.unwrap_err();
    let dropped = reader.next().await.unwrap().unwrap_err();
    let mut kept = 0;
    while let Some(piece) = reader.next().await {
        let piece = piece.unwrap();
        assert_eq!(piece.channel, OutputChannel::Log);
        assert!(piece.bytes.iter().all(|byte| *byte == 0));
        kept += piece.bytes.len();
    }
    assert!(kept <= 1000);
    assert_eq!(dropped + kept as u64, 100_009);

    let (output, mut reader) = RawOutput::new(RawOutput::DEFAULT_LIMIT);
    let (_directory, spec) = script(r"printf 'a\r\n\033[31m\377' >&2; exit 3");
    spec.raw_output(output).start().await.unwrap_err();
    let piece = reader.next().await.unwrap().unwrap();
    assert_eq!(&piece.bytes[..], b"a\r\n\x1b[31m\xff");
    assert_eq!(reader.next().await, None, "nobody is left to write");
}

#[tokio::test]
async fn ten_megabytes_on_one_line_of_either_stream_do_not_hurt_the_next_line() {
    let long = "head -c 10000000 /dev/zero | tr '\\0' x";
    let body = format!("({long}; echo; echo '[WARN] after') >&2; {long}; echo; exit 3");
    let (_directory, spec) = script(&body);
    let log = outboard_go_plugin::host::PluginLog::new("long");
    let error = spec
        .log(log.clone())
        .allow_stray_lines(10_000)
        .start()
        .await
        .unwrap_err();
    assert_eq!(error.last_lines().last().unwrap(), "after");
    let lines = log.recent();
    let last = lines
        .iter()
        .rfind(|line| line.source == LogSource::Stderr)
        .unwrap();
    assert_eq!(
        (last.level, last.message.as_str()),
        (LogLevel::Warn, "after")
    );
}

/// The fixture as a host that we are not would start it, up to its handshake.
fn start_by_hand(
    arguments: &[&str],
    stderr: Stdio,
) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut child = Command::new(fixture().program().unwrap())
        .args(arguments)
        .env("FIXTURE_PLUGIN", "a cookie")
        .env("OUTBOARD_OUTLIVE_HOST", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(stderr)
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert!(line.contains("|grpc|"), "{line}");
    (child, stdout)
}

/// How far the fixture came, if the file is not just being written.
fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.parse().ok()
}

async fn goes_on(child: &mut Child, path: &Path) {
    let mut now = None;
    wait_for("a first number", || {
        now = number(path);
        now.is_some()
    })
    .await;
    // More than a pipe holds.
    let enough = now.unwrap() + 10_000;
    wait_for("more to be printed and logged", || {
        number(path).is_some_and(|number| number > enough)
    })
    .await;
    assert_eq!(child.try_wait().unwrap(), None);
    let pid = Pid::from_raw(child.id() as i32).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[tokio::test]
async fn a_plugin_whose_host_is_gone_prints_and_logs_on() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("number");
    let chatter = format!("chatter={}", path.display());
    for _ in 0..5 {
        let (mut child, stdout) = start_by_hand(&[&chatter], Stdio::piped());
        let stderr = child.stderr.take().unwrap();
        let reader = std::thread::spawn(move || {
            // As a host does: reads, until it is no more.
            let mut lines = BufReader::new(stderr).lines();
            let _ = lines.nth(200);
        });
        wait_for("the reader to end", || reader.is_finished()).await;
        drop(stdout);
        goes_on(&mut child, &path).await;
        fs::remove_file(&path).unwrap();
    }
}

#[tokio::test]
async fn a_host_that_closes_standard_output_alone_still_gets_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("number");
    let chatter = format!("chatter={}", path.display());
    let (mut child, stdout) = start_by_hand(&[&chatter], Stdio::piped());
    drop(stdout);
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let reader = std::thread::spawn(move || {
        let lines = stderr.lines().map(Result::unwrap);
        lines
            .filter(|line| line.starts_with("[INFO] logged"))
            .count()
    });
    goes_on(&mut child, &path).await;
    assert!(reader.join().unwrap() > 10_000);
}

#[tokio::test]
async fn a_plugin_whose_both_outputs_are_one_pipe_survives_its_host_too() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("number");
    let program = fixture().program().unwrap().display().to_string();
    let mut child = Command::new("sh")
        .arg("-c")
        .arg(format!("exec {program} chatter={} 2>&1", path.display()))
        .env("FIXTURE_PLUGIN", "a cookie")
        .env("OUTBOARD_OUTLIVE_HOST", "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("|grpc|")));
    drop(lines);
    // A line in the very moment of the loss may fail, and that thread with it.
    wait_for("the plugin to end in order", || {
        let pid = Pid::from_raw(child.id() as i32).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        child
            .try_wait()
            .unwrap()
            .is_some_and(|status| status.code() == Some(0))
    })
    .await;
}
