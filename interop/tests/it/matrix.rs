//! The matrix: every pair of host and plugin, over everything that both can do.

use futures_util::StreamExt as _;
use outboard_interop::{
    cases::{self, Case, judge},
    matrix::{self, Cell, Host, PAIRS, Plugin, Programs},
    tools,
};

/// How many cells run at once; most of a cell's time is waiting.
const AT_ONCE: usize = 4;

fn programs() -> Option<Programs> {
    Some(Programs {
        ours: env!("CARGO_BIN_EXE_matrix-plugin").into(),
        go: tools::go()?,
        python: tools::python()?,
    })
}

/// The list as it is in a cell.
fn cases_of(cell: Cell) -> Vec<Case> {
    let cases = cases::MATRIX.cases().into_iter();
    cases.filter_map(|case| case.in_cell(cell)).collect()
}

/// Runs all cells of a pair that are possible, and says what is wrong in any of them.
async fn all_cells(host: Host, plugin: Plugin) {
    let Some(programs) = programs() else { return };
    let cells = Cell::of(host, plugin).filter(|cell| cell.impossible().is_none());
    let runs = cells.map(|cell| {
        let programs = &programs;
        async move {
            let cases = cases_of(cell);
            let outcome = matrix::run(cell, programs, &cases, (&[1], &[1])).await;
            let mut problems = judge(&cases, &outcome.seen);
            if problems.len() > 1 && outcome.seen.len() == 1 {
                problems = vec![format!("{:?}", outcome.seen[0])];
            }
            problems.extend(outcome.left.iter().map(|left| format!("{left} is left")));
            let problems = problems.into_iter();
            problems
                .map(|problem| format!("{cell}: {problem}"))
                .collect::<Vec<_>>()
        }
    });
    let runs = futures_util::stream::iter(runs).buffer_unordered(AT_ONCE);
    let problems: Vec<_> = runs.collect::<Vec<_>>().await.concat();
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
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
