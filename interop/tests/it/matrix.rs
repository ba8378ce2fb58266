//! The matrix: every pair of host and plugin, over everything that both can do; and why
//! the others cannot meet.

use futures_util::StreamExt as _;
use outboard_interop::{
    cases::{self, Case, judge},
    matrix::{self, Broker, Cell, Host, Network, PAIRS, Plugin, Programs, Setup, Tls},
    tools,
};
use serde_json::json;
use tokio::sync::Semaphore;

/// How many cells run at once, over all tests; most of a cell's time is waiting.
const AT_ONCE: usize = 4;

fn programs() -> Option<Programs> {
    tools::openssl()?;
    Some(Programs {
        ours: env!("CARGO_BIN_EXE_matrix-plugin").into(),
        go: tools::go()?,
        python: tools::python()?,
    })
}

/// Places for cells, over all tests of this process.
static TURNS: Semaphore = Semaphore::const_new(AT_ONCE);

/// Runs cases in a cell and says what is wrong.
///
/// A Go host gives a plugin two seconds to end and then kills it, whatever else the
/// machine does. So what a Go host has to complain about is tried once more, alone.
async fn problems(
    cell: Cell,
    programs: &Programs,
    cases: &[Case],
    setup: Setup<'_>,
) -> Vec<String> {
    let turn = TURNS.acquire().await.unwrap();
    let first = tried(cell, programs, cases, setup).await;
    drop(turn);
    if first.is_empty() || cell.host == Host::Ours {
        return first;
    }
    let all = u32::try_from(AT_ONCE).unwrap();
    let _alone = TURNS.acquire_many(all).await.unwrap();
    tried(cell, programs, cases, setup).await
}

async fn tried(cell: Cell, programs: &Programs, cases: &[Case], setup: Setup<'_>) -> Vec<String> {
    let outcome = matrix::run(cell, programs, cases, setup).await;
    let mut problems = match outcome.seen.as_slice() {
        [seen] if seen.case == matrix::START => vec![format!("{seen:?}")],
        seen => judge(cases, seen),
    };
    let left = outcome.processes.iter().chain(&outcome.files);
    problems.extend(left.map(|left| format!("{left} is left")));
    let problems = problems.into_iter();
    problems
        .map(|problem| format!("{cell}: {problem}"))
        .collect()
}

/// Runs many at once, and fails with all that is wrong in any.
async fn none_has_problems(
    runs: impl Iterator<Item = impl Future<Output = Vec<String>>>,
    at_once: usize,
) {
    let runs = futures_util::stream::iter(runs).buffer_unordered(at_once);
    let problems: Vec<_> = runs.collect::<Vec<_>>().await.concat();
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

/// Runs the list in all cells of a pair that are possible.
async fn all_cells(host: Host, plugin: Plugin) {
    let Some(programs) = programs() else { return };
    let cells = Cell::of(host, plugin).filter(|cell| cell.impossible().is_none());
    let runs = cells.map(|cell| {
        let (programs, cases) = (&programs, cases::MATRIX.in_cell(cell));
        async move { problems(cell, programs, &cases, Setup::default()).await }
    });
    none_has_problems(runs, AT_ONCE).await;
}

/// One test for each pair, so that a failure names it, and a list of them.
macro_rules! pairs {
    ($($name:ident: $host:ident, $plugin:ident;)*) => {
        $(#[tokio::test]
        async fn $name() {
            all_cells(Host::$host, Plugin::$plugin).await;
        })*

        const TESTED: &[(Host, Plugin)] = &[$((Host::$host, Plugin::$plugin),)*];
    };
}

pairs! {
    our_host_with_our_plugin: Ours, Ours;
    our_host_with_a_go_plugin: Ours, Go;
    our_host_with_a_go_plugin_on_the_oldest_grpc: Ours, GoSelected;
    our_host_with_a_go_plugin_of_1_4_3: Ours, Go143;
    our_host_with_a_python_plugin: Ours, Python;
    a_go_host_with_our_plugin: Go, Ours;
    a_go_host_with_a_go_plugin: Go, Go;
    a_go_host_with_a_python_plugin: Go, Python;
    a_go_host_on_the_oldest_grpc_with_our_plugin: GoSelected, Ours;
    a_go_host_on_the_oldest_grpc_with_a_go_plugin_on_it: GoSelected, GoSelected;
    a_go_host_of_1_4_3_with_our_plugin: Go143, Ours;
    a_go_host_of_1_4_3_with_a_go_plugin_of_1_4_3: Go143, Go143;
    a_go_host_of_1_4_3_with_a_python_plugin: Go143, Python;
}

#[test]
fn every_pair_on_the_page_has_a_test() {
    assert_eq!(TESTED, PAIRS);
}

/// A cell over a unix socket.
fn unix(host: Host, plugin: Plugin, tls: Tls, broker: Broker) -> Cell {
    Cell {
        host,
        plugin,
        tls,
        network: Network::Unix,
        broker,
    }
}

/// One case for a test of its own.
fn case(call: &str, request: serde_json::Value, expect: serde_json::Value) -> Case {
    let case = json!({ "name": call, "call": call, "request": request, "expect": expect });
    serde_json::from_value(case).unwrap()
}

/// The pairs that stand for all where the version of a peer makes no difference.
const NEWEST: &[(Host, Plugin)] = &[
    (Host::Ours, Plugin::Ours),
    (Host::Ours, Plugin::Go),
    (Host::Ours, Plugin::Python),
    (Host::Go, Plugin::Ours),
    (Host::Go, Plugin::Go),
    (Host::Go, Plugin::Python),
];

#[tokio::test]
async fn ends_of_the_broker_may_be_seven_seconds_late() {
    let Some(programs) = programs() else { return };
    let brokers = [Broker::Plain, Broker::Multiplexed];
    let cells = NEWEST
        .iter()
        .flat_map(|&(host, plugin)| brokers.map(|broker| unix(host, plugin, Tls::Plain, broker)));
    let cells = cells.filter(|cell| cell.impossible().is_none());
    // Each case on its own, so that their waits pass together.
    let runs = cells.flat_map(|cell| {
        let cases = cases::MATRIX_LATE.in_cell(cell).into_iter();
        cases.map(move |case| (cell, case))
    });
    let programs = &programs;
    let runs = runs.map(|(cell, case)| async move {
        problems(cell, programs, &[case], Setup::default()).await
    });
    none_has_problems(runs, usize::MAX).await;
}

#[tokio::test]
async fn the_highest_common_version_is_chosen_and_its_set_answers() {
    let Some(programs) = programs() else { return };
    let (programs, choices) = (
        &programs,
        [
            ([1, 2, 3].as_slice(), [2, 3, 4].as_slice(), 3),
            (&[2], &[1, 2, 3], 2),
            (&[1, 7], &[1], 1),
        ],
    );
    let runs = NEWEST.iter().flat_map(|&(host, plugin)| {
        choices.map(|(host_versions, plugin_versions, chosen)| async move {
            let cell = unix(host, plugin, Tls::Plain, Broker::Off);
            let cases = [
                case(
                    "Host.Protocol",
                    json!({}),
                    json!({ "response": { "version": chosen } }),
                ),
                case(
                    "Kv.Put",
                    json!({ "key": "a", "value": "b" }),
                    json!({ "response": {} }),
                ),
                case(
                    "Kv.Get",
                    json!({ "key": "a" }),
                    json!({ "response": { "value": "b", "version": chosen } }),
                ),
            ];
            let setup = Setup {
                host_versions,
                plugin_versions,
                ..Setup::default()
            };
            problems(cell, programs, &cases, setup).await
        })
    });
    none_has_problems(runs, AT_ONCE).await;
}

/// What a host says of a plugin that it cannot start.
async fn refusal(cell: Cell, programs: &Programs, setup: Setup<'_>) -> String {
    let outcome = matrix::run(cell, programs, &[], setup).await;
    assert_eq!(outcome.processes, [""; 0], "{cell}");
    assert_eq!(outcome.files, [""; 0], "{cell}");
    match outcome.seen.as_slice() {
        [seen] if seen.case == matrix::START => seen.error.clone().unwrap(),
        seen => panic!("{cell}: it started: {seen:?}"),
    }
}

#[tokio::test]
async fn without_a_common_version_the_error_names_those_of_both_sides() {
    let Some(programs) = programs() else { return };
    for &(host, plugin) in NEWEST {
        let cell = unix(host, plugin, Tls::Plain, Broker::Off);
        let setup = Setup {
            host_versions: &[50, 60],
            plugin_versions: &[20, 30],
            ..Setup::default()
        };
        let said = refusal(cell, &programs, setup).await;
        // A plugin tells one version, its lowest, if it can none of the host's.
        for version in ["20", "50", "60"] {
            assert!(said.contains(version), "{cell}: {said}");
        }
    }
}

#[tokio::test]
async fn a_plugin_that_cannot_multiplex_is_refused_by_a_host_that_wants_it() {
    let Some(programs) = programs() else { return };
    for (host, plugin) in [
        (Host::Ours, Plugin::Go143),
        (Host::Ours, Plugin::Python),
        (Host::Go, Plugin::Python),
    ] {
        let cell = unix(host, plugin, Tls::Plain, Broker::Multiplexed);
        assert!(cell.impossible().is_some());
        let said = refusal(cell, &programs, Setup::default()).await;
        assert!(said.contains("multiplex"), "{cell}: {said}");
    }
}

#[tokio::test]
async fn a_go_host_cannot_speak_with_grpcio_under_automtls() {
    let Some(programs) = programs() else { return };
    let cell = unix(Host::Go, Plugin::Python, Tls::Auto, Broker::Off);
    assert!(cell.impossible().is_some());
    let mut cases = [case(
        "Test.Double",
        json!({}),
        json!({ "code": "Unavailable" }),
    )];
    let seen = matrix::run(cell, &programs, &cases, Setup::default())
        .await
        .seen;
    assert_eq!(judge(&cases, &seen), [""; 0]);
    // It is the certificate: with one of P-256, ours, the same plugin speaks.
    let cell = unix(Host::Ours, Plugin::Python, Tls::Auto, Broker::Off);
    cases[0] = case(
        "Test.Double",
        json!({}),
        json!({ "response": { "output": 0 } }),
    );
    assert_eq!(
        problems(cell, &programs, &cases, Setup::default()).await,
        [""; 0]
    );
}

/// grpc servers have an option that makes connections end now and then, and a host
/// connects anew without losing a call.
#[tokio::test]
async fn no_call_is_lost_when_a_plugin_asks_for_new_connections() {
    let Some(programs) = programs() else { return };
    let programs = &programs;
    let cells = [Host::Ours, Host::Go].into_iter().flat_map(|host| {
        Tls::ALL.iter().flat_map(move |&tls| {
            [Broker::Off, Broker::Multiplexed]
                .map(move |broker| unix(host, Plugin::Go, tls, broker))
        })
    });
    let runs = cells.map(|cell| async move {
        let expect = json!({ "response": { "failures": [] } });
        let cases = [case("Peer.Outlive", json!({ "for_ms": 1500 }), expect)];
        let setup = Setup {
            plugin_args: &["--max-connection-age", "300ms"],
            ..Setup::default()
        };
        problems(cell, programs, &cases, setup).await
    });
    none_has_problems(runs, AT_ONCE).await;
}

/// DIFFERENCE: a Go plugin dies of a panic in a handler; ours loses the one call.
#[tokio::test]
async fn a_panic_costs_our_plugin_one_call_and_a_go_plugin_its_life() {
    let Some(programs) = programs() else { return };
    for (host, plugin, panicked, then) in [
        (
            Host::Ours,
            Plugin::Ours,
            "Internal",
            json!({ "response": { "output": 4 } }),
        ),
        (
            Host::Go,
            Plugin::Ours,
            "Internal",
            json!({ "response": { "output": 4 } }),
        ),
        (
            Host::Ours,
            Plugin::Go,
            "Unavailable",
            json!({ "code": "Unavailable" }),
        ),
        (
            Host::Go,
            Plugin::Go,
            "Unavailable",
            json!({ "code": "Unavailable" }),
        ),
    ] {
        let cell = unix(host, plugin, Tls::Auto, Broker::Off);
        let message = json!({ "message": "on fire" });
        let cases = [
            case("Test.Panic", message, json!({ "code": panicked })),
            case("Test.Double", json!({ "input": 2 }), then),
        ];
        let seen = matrix::run(cell, &programs, &cases, Setup::default())
            .await
            .seen;
        assert_eq!(judge(&cases, &seen), [""; 0], "{cell}");
    }
}
