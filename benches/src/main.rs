//! Side-by-side benchmarks: our host and plugin against a host and a plugin built
//! with the real go-plugin, in one run on one machine.
//!
//! Every round measures every pair once, so that whatever else the machine does
//! falls on all of them alike; a row is the median of its rounds. The figures go to
//! standard output as a table and to `target/bench.json`.

mod go;
mod ours;
mod plan;
mod programs;
mod raw;
mod report;

use std::{error::Error, path::Path, process::ExitCode};

use crate::{
    ours::Caller,
    plan::{Figures, Plan},
    programs::{Programs, megabytes, target_directory},
    report::{Report, median_of},
};

const USAGE: &str = "usage: outboard-bench [--quick] [--rounds N]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, socket] = arguments.as_slice()
        && flag == raw::PEER
    {
        return raw::peer(Path::new(socket));
    }
    let outcome = Plan::parse(&arguments)
        .ok_or_else(|| USAGE.into())
        .and_then(|plan| run(&plan));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("outboard-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What one round measured: each pair of host and plugin, and the pipe below.
struct Round {
    ours: Figures,
    ours_multi_thread: Figures,
    go: Figures,
    go_host_our_plugin: Figures,
    our_host_go_plugin: Figures,
    /// How much memory the smallest plugins have, ours and Go's.
    hello_kib: (f64, f64),
    raw_micros: Option<f64>,
}

fn run(plan: &Plan) -> Result<(), Box<dyn Error + Send + Sync>> {
    let programs = Programs::build()?;
    let mut rounds = Vec::new();
    for number in 1..=plan.rounds {
        eprintln!("round {number} of {}", plan.rounds);
        rounds.push(round(plan, &programs)?);
    }
    let mut report = rows(&rounds);
    report.row(
        "hello plugin, stripped",
        "MB",
        megabytes(&programs.rust_hello)?,
        megabytes(&programs.go_hello)?,
    );
    print!("{report}");
    let path = target_directory().join("bench.json");
    std::fs::write(&path, report.json()?)?;
    eprintln!("written to {}", path.display());
    Ok(())
}

fn round(plan: &Plan, programs: &Programs) -> Result<Round, Box<dyn Error + Send + Sync>> {
    let Programs {
        go_bench,
        go_kitchen,
        rust_kitchen,
        ..
    } = programs;
    Ok(Round {
        ours: ours::measure(plan, rust_kitchen, Caller::CurrentThread)?,
        go: go::measure(plan, go_bench, go_kitchen)?,
        ours_multi_thread: ours::measure(plan, rust_kitchen, Caller::MultiThread)?,
        go_host_our_plugin: go::measure(plan, go_bench, rust_kitchen)?,
        our_host_go_plugin: ours::measure(plan, go_kitchen, Caller::CurrentThread)?,
        hello_kib: (
            ours::memory(plan, &programs.rust_hello)?,
            ours::memory(plan, &programs.go_hello)?,
        ),
        raw_micros: raw::measure(plan.unary)?,
    })
}

fn rows(rounds: &[Round]) -> Report {
    let median = |figure: fn(&Round) -> f64| median_of(rounds.iter().map(figure));
    let mut report = Report::default();
    let go_p50 = median(|round| round.go.unary_p50_us);
    let go_rate = median(|round| round.go.calls_per_second);
    let go_start = median(|round| round.go.start_ms);

    let our_p50 = median(|round| round.ours.unary_p50_us);
    report.row("unary 100 B p50, plain", "us", our_p50, go_p50);
    report.row(
        "unary 100 B p99, plain",
        "us",
        median(|round| round.ours.unary_p99_us),
        median(|round| round.go.unary_p99_us),
    );
    let rate = median(|round| round.ours.calls_per_second);
    report.row("64 callers, plain", "calls/s", rate, go_rate);
    report.row(
        "start to first answer, plain",
        "ms",
        median(|round| round.ours.start_ms),
        go_start,
    );
    report.row(
        "stop, plain",
        "ms",
        median(|round| round.ours.kill_ms),
        median(|round| round.go.kill_ms),
    );
    report.row(
        "plugin RSS",
        "MiB",
        median(|round| round.hello_kib.0) / 1024.0,
        median(|round| round.hello_kib.1) / 1024.0,
    );
    report.row(
        "plugin RSS, after the calls",
        "MiB",
        median(|round| round.ours.rss_kib) / 1024.0,
        median(|round| round.go.rss_kib) / 1024.0,
    );
    pair(
        &mut report,
        "multi-thread caller",
        rounds,
        |round| &round.ours_multi_thread,
        (go_p50, go_rate),
    );
    for (peers, figures) in [
        (
            "Go host, our plugin",
            (|round| &round.go_host_our_plugin) as fn(&Round) -> &Figures,
        ),
        ("our host, Go plugin", |round| &round.our_host_go_plugin),
    ] {
        pair(&mut report, peers, rounds, figures, (go_p50, go_rate));
        let start = median_of(rounds.iter().map(|round| figures(round).start_ms));
        let name = format!("start to first answer, plain, {peers}");
        report.row(&name, "ms", start, go_start);
    }
    let raw: Option<Vec<f64>> = rounds.iter().map(|round| round.raw_micros).collect();
    if let Some(raw) = raw.map(median_of) {
        let name = "unary 100 B p50, plain, as a multiple of the raw socket";
        report.row(name, "x", our_p50 / raw, go_p50 / raw);
    }
    report
}

/// The two rows of calls for a pair that differs from ours with ours.
fn pair(
    report: &mut Report,
    what: &str,
    rounds: &[Round],
    figures: fn(&Round) -> &Figures,
    (go_p50, go_rate): (f64, f64),
) {
    let p50 = median_of(rounds.iter().map(|round| figures(round).unary_p50_us));
    let name = format!("unary 100 B p50, plain, {what}");
    report.row(&name, "us", p50, go_p50);
    let rate = median_of(rounds.iter().map(|round| figures(round).calls_per_second));
    let name = format!("64 callers, plain, {what}");
    report.row(&name, "calls/s", rate, go_rate);
}
