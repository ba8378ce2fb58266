//! Outboard's own commands, for people and CI alike: `cargo xtask` lists them.

use std::process::ExitCode;

mod bench;
mod check;
mod command;
mod demo;
mod fuzz;
mod metadata;
mod package;
mod screenshots;
mod soak;
mod stage;
mod test;
mod tidy;
mod tools;
mod walk;

/// What a command needs to say when it cannot go on: one line or a few, for a person.
type Error = Box<dyn std::error::Error>;
type Result<T = (), E = Error> = std::result::Result<T, E>;

/// One command: its name, what follows it on the command line, what it is for.
struct Task {
    name: &'static str,
    arguments: &'static str,
    about: &'static str,
    run: fn(&[String]) -> Result,
}

const TASKS: &[Task] = &[
    Task {
        name: "demo",
        arguments: "",
        about: "build host and example plugin, run a pipeline over a real file, leave the server up",
        run: demo::run,
    },
    Task {
        name: "test",
        arguments: "[CARGO TEST ARGUMENTS]",
        about: "run all tests, the ones in documentation too",
        run: test::run,
    },
    Task {
        name: "walk",
        arguments: "",
        about: "run the README's walk through the life of a connector, word for word",
        run: walk::run,
    },
    Task {
        name: "check",
        arguments: "",
        about: "format, lints, generated code, tidy, documentation, each feature alone, packing",
        run: check::run,
    },
    Task {
        name: "codegen",
        arguments: "[--check]",
        about: "generate the committed sources from proto/, or check that they are current",
        run: check::codegen,
    },
    Task {
        name: "tidy",
        arguments: "",
        about: "the project's own rules: dependency arrows, file shape, links, seed map, licences",
        run: tidy::run,
    },
    Task {
        name: "interop",
        arguments: "[CARGO TEST ARGUMENTS]",
        about: "the tests against real Go and Python peers; a missing tool is a failure",
        run: test::interop,
    },
    Task {
        name: "screenshots",
        arguments: "",
        about: "picture every page into target/screenshots, and renew those in docs/images",
        run: screenshots::run,
    },
    Task {
        name: "package",
        arguments: "",
        about: "pack what is published, and compile each package alone",
        run: package::run,
    },
    Task {
        name: "fuzz",
        arguments: "[TARGET] [--seconds N]",
        about: "search for inputs that break a parser, with libFuzzer",
        run: fuzz::run,
    },
    Task {
        name: "soak",
        arguments: "[--cycles N]",
        about: "start, crash and end plugins 1,000 times each and see that nothing stays",
        run: soak::run,
    },
    Task {
        name: "bench",
        arguments: "[BENCHMARK ARGUMENTS]",
        about: "measure our host and plugin beside Go's, write target/bench.json",
        run: bench::run,
    },
];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let Some(task) = TASKS.iter().find(|task| task.name == name) else {
        return usage(&name);
    };
    if task.arguments.is_empty() && !rest.is_empty() {
        eprintln!("cargo xtask {name}: takes no arguments, and was given {rest:?}");
        return ExitCode::from(2);
    }
    match (task.run)(&rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\ncargo xtask {name}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Lists the commands: on stdout when asked for, on stderr after a wrong word.
fn usage(name: &str) -> ExitCode {
    let mut text = String::from("usage: cargo xtask COMMAND\n\n");
    for task in TASKS {
        let command = format!("{} {}", task.name, task.arguments);
        text += &format!("  {command:32}{}\n", task.about);
    }
    if matches!(name, "" | "help" | "-h" | "--help") {
        print!("{text}");
        return ExitCode::SUCCESS;
    }
    eprint!("cargo xtask: no command \"{name}\"\n\n{text}");
    ExitCode::from(2)
}
