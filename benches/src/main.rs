//! Side-by-side benchmarks: our host and plugin against a host and a plugin built
//! with the real go-plugin, in one run on one machine.
//!
//! Every round measures every pair once, so that whatever else the machine does
//! falls on all of them alike; a row is the median of its rounds. The figures go to
//! standard output as a table and to `target/bench.json`, and with `--publish` into
//! `docs/benchmarks.md`.

mod go;
mod ours;
mod page;
mod plan;
mod programs;
mod raw;
mod report;
mod rounds;
mod rows;

use std::{error::Error, path::Path, process::ExitCode, time::Instant};

use crate::{
    plan::Plan,
    programs::{Programs, target_directory},
    report::{Beside, Report},
    rounds::Rounds,
    rows::Source,
};

const USAGE: &str = "usage: outboard-bench [--quick] [--rounds N] [--only PART | --publish]

  --quick       smaller counts and fewer rounds
  --rounds N    how often everything is measured
  --only PART   only the rows with PART in their names
  --publish     writes the figures of a whole run into docs/benchmarks.md";

type Failure = Box<dyn Error + Send + Sync>;

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

fn run(plan: &Plan) -> Result<(), Failure> {
    let mut rows = rows::all();
    if std::thread::available_parallelism()?.get() < 2 {
        rows.retain(|row| !matches!(row.ours, Source::TimesRaw(_)));
    }
    if let Some(part) = &plan.only {
        rows.retain(|row| row.name.to_lowercase().contains(part));
        if rows.is_empty() {
            return Err(format!("no row has {part:?} in its name").into());
        }
    }
    let programs = Programs::build()?;
    let mut rounds = Rounds::of(&rows);
    for number in 1..=plan.rounds {
        let begun = Instant::now();
        rounds.measure(&plan.amounts, &programs)?;
        let seconds = begun.elapsed().as_secs_f64();
        eprintln!("round {number} of {}: {seconds:.0} s", plan.rounds);
    }
    let mut report = Report::default();
    for row in &rows {
        let figure = |source| {
            rounds
                .figure(source, &programs)
                .map_err(|error| format!("{}: {error}", row.name))
        };
        let beside = match row.beside {
            Beside::Go(source) => Beside::Go(figure(source)?),
            Beside::Baseline(source) => Beside::Baseline(figure(source)?),
            Beside::Nothing => Beside::Nothing,
        };
        let both = (figure(row.ours)?, beside);
        report.row(&row.name, row.unit, both, row.goal);
    }
    print!("{report}");
    // A part of the rows would pass for all of them there.
    if plan.only.is_none() {
        let path = target_directory().join("bench.json");
        std::fs::write(&path, report.json()?)?;
        eprintln!("written to {}", path.display());
    }
    if plan.publish {
        page::publish(&report, plan)?;
    }
    Ok(())
}
