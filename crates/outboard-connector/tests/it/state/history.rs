//! Calls: recorded, listed, pruned, masked.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use outboard_connector::{
    secrets::Masker,
    state::{
        State,
        history::{
            Call, CallFilter, MAX_MESSAGE_BYTES, MAX_PAGE, Outcome, RecorderConfig, Retention,
        },
    },
};
use rusqlite::Connection;

use super::Home;

fn call(connector: &str, operation: &str, outcome: Outcome) -> Call {
    Call {
        started_at: Timestamp::now(),
        duration: Duration::from_millis(12),
        connector: connector.to_owned(),
        version: "1.2.3".to_owned(),
        operation: operation.to_owned(),
        instance: "work".to_owned(),
        caller: "ada".to_owned(),
        request_id: "r-1".to_owned(),
        session_id: "s-1".to_owned(),
        outcome,
        code: String::new(),
        message: String::new(),
        result_bytes: 345,
        trace_id: String::new(),
    }
}

fn record(state: &State, calls: impl IntoIterator<Item = Call>) {
    let recorder = state
        .recorder(RecorderConfig {
            queue: 10_000,
            // Nothing goes before the test says so.
            retention: Retention {
                age: Duration::from_secs(100 * 365 * 24 * 60 * 60),
                ..Retention::default()
            },
        })
        .unwrap();
    for call in calls {
        recorder.record(call, &Masker::default());
    }
    let lost = recorder.lost();
    assert_eq!((lost.dropped, lost.failed), (0, 0));
}

#[test]
fn a_call_comes_back_as_it_was_recorded() {
    let home = Home::new();
    let state = home.open();
    let mut recorded = call("github", "list", Outcome::OperationError);
    recorded.code = "exec_error".to_owned();
    recorded.message = "no such repository".to_owned();
    recorded.started_at = Timestamp::from_millisecond(1_700_000_000_123).unwrap();
    let recent = Call {
        started_at: Timestamp::now(),
        ..recorded.clone()
    };
    record(&state, [recorded.clone(), recent]);
    let page = state.calls(&CallFilter::default()).unwrap();
    assert_eq!(page.next, None);
    assert_eq!(page.calls.len(), 2);
    assert_eq!(page.calls[1].call, recorded);
    let id = page.calls[1].id;
    assert_eq!(state.call(id).unwrap().unwrap().call, recorded);
    assert_eq!(state.call(id + 100).unwrap(), None);
}

#[test]
fn pages_go_back_in_time_and_miss_nothing() {
    let home = Home::new();
    let state = home.open();
    record(
        &state,
        (0..1_234).map(|at| call("github", &format!("op{at}"), Outcome::Ok)),
    );
    let mut seen = Vec::new();
    let mut filter = CallFilter {
        limit: u32::MAX,
        ..CallFilter::default()
    };
    loop {
        let page = state.calls(&filter).unwrap();
        assert!(page.calls.len() <= MAX_PAGE as usize);
        seen.extend(page.calls.into_iter().map(|it| it.call.operation));
        match page.next {
            Some(next) => filter.before = Some(next),
            None => break,
        }
    }
    let expected: Vec<String> = (0..1_234).rev().map(|at| format!("op{at}")).collect();
    assert_eq!(seen, expected);
    assert_eq!(
        state.calls(&CallFilter::default()).unwrap().calls.len(),
        100
    );
}

#[test]
fn filters_are_all_of_them_together() {
    let home = Home::new();
    let state = home.open();
    let mut calls = vec![
        call("github", "list", Outcome::Ok),
        call("github", "list", Outcome::Deadline),
        call("github", "get", Outcome::Ok),
        call("slack", "list", Outcome::Ok),
    ];
    calls[2].caller = "bob".to_owned();
    calls[3].instance = "home".to_owned();
    record(&state, calls);
    let count = |filter: CallFilter| state.calls(&filter).unwrap().calls.len();
    let text = |text: &str| Some(text.to_owned());
    let any = CallFilter::default;
    assert_eq!(
        count(CallFilter {
            connector: text("github"),
            ..any()
        }),
        3
    );
    assert_eq!(
        count(CallFilter {
            operation: text("list"),
            ..any()
        }),
        3
    );
    assert_eq!(
        count(CallFilter {
            outcome: Some(Outcome::Ok),
            ..any()
        }),
        3
    );
    assert_eq!(
        count(CallFilter {
            caller: text("bob"),
            ..any()
        }),
        1
    );
    assert_eq!(
        count(CallFilter {
            instance: text("home"),
            ..any()
        }),
        1
    );
    let both = CallFilter {
        connector: text("github"),
        operation: text("list"),
        ..any()
    };
    assert_eq!(
        count(CallFilter {
            outcome: Some(Outcome::Deadline),
            ..both
        }),
        1
    );
    assert_eq!(
        count(CallFilter {
            connector: text("' OR 1=1 --"),
            ..any()
        }),
        0
    );
}

#[test]
fn what_is_too_old_or_too_much_goes() {
    let home = Home::new();
    let state = home.open();
    let now = Timestamp::now();
    let day = Duration::from_secs(24 * 60 * 60);
    record(
        &state,
        (0..3_000).map(|at| Call {
            started_at: if at < 1_500 { now - 31 * day } else { now },
            ..call("github", &at.to_string(), Outcome::Ok)
        }),
    );
    let retention = Retention::default();
    let all = || {
        let mut ids = BTreeSet::new();
        let mut before = None;
        loop {
            let filter = CallFilter {
                before,
                limit: 500,
                ..CallFilter::default()
            };
            let page = state.calls(&filter).unwrap();
            ids.extend(page.calls.iter().map(|it| it.id));
            before = page.next;
            if before.is_none() {
                break ids;
            }
        }
    };
    assert_eq!(all().len(), 3_000);
    assert_eq!(state.prune_calls(&retention, now - 2 * day).unwrap(), 0);
    assert_eq!(state.prune_calls(&retention, now).unwrap(), 1_500);
    assert_eq!(all().first(), Some(&1_501));
    let few = Retention {
        calls: 10,
        ..retention
    };
    assert_eq!(state.prune_calls(&few, now).unwrap(), 1_490);
    assert_eq!(all(), (2_991..=3_000).collect());
    let none = Retention {
        calls: 0,
        ..retention
    };
    assert_eq!(state.prune_calls(&none, now).unwrap(), 10);
    // A number is never used again, so a cursor never points at something else.
    record(&state, [call("github", "x", Outcome::Ok)]);
    assert_eq!(all(), [3_001].into());
}

#[test]
fn the_recorder_prunes_by_itself() {
    let home = Home::new();
    let state = home.open();
    let recorder = state
        .recorder(RecorderConfig {
            queue: 10_000,
            retention: Retention {
                calls: 50,
                ..Retention::default()
            },
        })
        .unwrap();
    for at in 0..2_500 {
        recorder.record(
            call("github", &at.to_string(), Outcome::Ok),
            &Masker::default(),
        );
    }
    drop(recorder);
    let page = state
        .calls(&CallFilter {
            limit: 500,
            ..CallFilter::default()
        })
        .unwrap();
    assert_eq!(page.calls[0].call.operation, "2499");
    // It prunes after every thousand.
    assert!(page.next.is_none() || page.calls.len() < 1_100 + 50);
    let total = Connection::open(home.path())
        .unwrap()
        .query_row("SELECT count(*) FROM calls", [], |row| row.get::<_, i64>(0))
        .unwrap();
    assert!(total < 1_400, "{total}");
}

#[test]
fn secrets_are_masked_before_anything_is_cut_or_written() {
    let home = Home::new();
    let state = home.open();
    let recorder = state.recorder(RecorderConfig::default()).unwrap();
    let secret = "correct-horse-battery-staple";
    let masker = Masker::new([secret]);
    let mut leaky = call("github", "get", Outcome::OperationError);
    // The cut falls into the secret.
    leaky.message = format!(
        "{}{secret} and more",
        "é".repeat((MAX_MESSAGE_BYTES - 10) / 2)
    );
    leaky.caller = format!("https://{secret}@example.test");
    leaky.request_id = secret.to_owned();
    recorder.record(leaky, &masker);
    assert!(recorder.flush(Duration::from_secs(30)));
    let page = state.calls(&CallFilter::default()).unwrap();
    let kept = &page.calls[0].call;
    assert_eq!(kept.caller, "https://[secret]@example.test");
    assert_eq!(kept.request_id, "[secret]");
    assert!(kept.message.len() <= MAX_MESSAGE_BYTES);
    assert!(!format!("{kept:?}").contains("correct"), "{kept:?}");
    drop(recorder);
    assert!(home.files_with("correct-horse").is_empty());
}

#[test]
fn recording_waits_for_nothing_and_counts_what_is_lost() {
    let home = Home::new();
    let state = home.open();
    let recorder = state
        .recorder(RecorderConfig {
            queue: 4,
            ..RecorderConfig::default()
        })
        .unwrap();
    // The writer stands still while somebody else writes.
    let other = Connection::open(home.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let begun = Instant::now();
    for at in 0..1_000 {
        recorder.record(
            call("github", &at.to_string(), Outcome::Ok),
            &Masker::default(),
        );
    }
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
    let dropped = recorder.lost().dropped;
    assert!(dropped >= 1_000 - 4 - 256, "{dropped}");
    assert!(!recorder.flush(Duration::from_millis(50)));
    other.execute_batch("ROLLBACK").unwrap();
    assert!(recorder.flush(Duration::from_secs(30)));
    assert_eq!(recorder.lost().dropped, dropped);
    let kept = state
        .calls(&CallFilter {
            limit: 500,
            ..CallFilter::default()
        })
        .unwrap()
        .calls
        .len();
    assert_eq!(kept as u64 + dropped + recorder.lost().failed, 1_000);
    assert!(kept > 0);
}

#[test]
fn dropping_the_recorder_writes_what_is_left() {
    let home = Home::new();
    let state = home.open();
    for round in 1..=20 {
        record(&state, (0..50).map(|_| call("github", "get", Outcome::Ok)));
        let page = state
            .calls(&CallFilter {
                limit: 1,
                ..CallFilter::default()
            })
            .unwrap();
        assert_eq!(page.calls[0].id, round * 50);
    }
}

#[test]
fn outcomes_have_words_and_those_of_a_newer_version_are_unknown() {
    for outcome in Outcome::ALL {
        assert_eq!(Outcome::named(outcome.as_str()), outcome);
    }
    assert_eq!(Outcome::named("teleported"), Outcome::Unknown);
}

#[test]
fn the_history_of_one_connector_can_be_forgotten() {
    let home = Home::new();
    let state = home.open();
    record(
        &state,
        [
            call("github", "a", Outcome::Ok),
            call("slack", "b", Outcome::Ok),
        ],
    );
    state.forget("github").unwrap();
    assert_eq!(state.calls(&CallFilter::default()).unwrap().calls.len(), 2);
    assert_eq!(state.forget_calls("github").unwrap(), 1);
    assert_eq!(state.calls(&CallFilter::default()).unwrap().calls.len(), 1);
}

#[test]
fn calls_are_found_by_any_of_their_texts_and_by_having_failed() {
    let home = Home::new();
    let state = home.open();
    let with = |operation: &str, outcome, message: &str| Call {
        message: message.to_owned(),
        ..call("github", operation, outcome)
    };
    record(
        &state,
        [
            with("list", Outcome::Ok, ""),
            with("open", Outcome::OperationError, "100% of the Disk is full"),
            with("close", Outcome::Cancelled, "a_b"),
            with("wait", Outcome::Deadline, ""),
        ],
    );
    let found = |text: &str, failed| -> Vec<String> {
        let filter = CallFilter {
            text: Some(text.to_owned()),
            failed,
            ..CallFilter::default()
        };
        let calls = state.calls(&filter).unwrap().calls;
        calls.into_iter().map(|one| one.call.operation).collect()
    };
    assert_eq!(found("disk", false), ["open"]);
    assert_eq!(found("r-1", false).len(), 4);
    assert_eq!(found("ADA", true), ["wait", "open"]);
    // What would be a pattern is a text.
    assert_eq!(found("0%", false), ["open"]);
    assert_eq!(found("a_b", false), ["close"]);
    assert_eq!(found("%", false), ["open"]);
    assert_eq!(found("\\", false).len(), 0);
}
