//! The tools that some tests need and a machine may lack.

use std::process::{Command, Stdio};

/// A line for each tool that is missing, which says what will be skipped.
pub(crate) fn missing() -> Vec<String> {
    let mut lines = Vec::new();
    if !works("go", &["version"]) {
        lines.push("go is not installed: tests against real Go peers will say skipped".to_owned());
    }
    let python = std::env::var("OUTBOARD_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    if !works(&python, &["-c", "import grpc, google.protobuf"]) {
        lines.push(format!(
            "{python} with grpcio and protobuf is not there: tests of the Python plugin will say skipped"
        ));
    }
    lines
}

/// Whether the missing tools are a failure rather than a reason to skip.
pub(crate) fn required() -> bool {
    std::env::var("OUTBOARD_INTEROP").is_ok_and(|value| value == "require")
}

fn works(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
