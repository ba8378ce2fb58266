//! The tools that some tests need and a machine may lack.

use std::process::{Command, Stdio};

/// A tool that is not there.
pub(crate) struct Missing {
    /// What that means for the tests, for a person.
    pub(crate) line: String,
    /// The variable that makes it a failure where it is `require`.
    variable: &'static str,
}

/// What is missing, and which tests will say skipped for it.
pub(crate) fn missing() -> Vec<Missing> {
    let mut missing = Vec::new();
    let mut lacks = |variable, line| missing.push(Missing { line, variable });
    if !works("go", &["version"]) {
        let line = "go is not installed: tests against real Go peers will say skipped";
        lacks("OUTBOARD_INTEROP", line.to_owned());
    }
    let python = std::env::var("OUTBOARD_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    if !works(&python, &["-c", "import grpc, google.protobuf"]) {
        let line = format!(
            "{python} with grpcio and protobuf is not there: tests of the Python plugin will say skipped"
        );
        lacks("OUTBOARD_INTEROP", line);
    }
    for program in ["chromium", "chromedriver"] {
        if !works(program, &["--version"]) {
            let line = format!(
                "{program} is not installed: tests of the pages in a browser will say skipped"
            );
            lacks("OUTBOARD_BROWSER", line);
        }
    }
    missing
}

/// The variable that makes one of the missing tools a failure rather than a reason to skip.
pub(crate) fn required(missing: &[Missing]) -> Option<&'static str> {
    let variables = missing.iter().map(|tool| tool.variable);
    variables
        .into_iter()
        .find(|variable| std::env::var(variable).is_ok_and(|value| value == "require"))
}

fn works(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
