//! `cargo xtask test` and `cargo xtask interop`.

use crate::{
    Result,
    command::{cargo, run as run_command},
    tools,
};

/// Runs every test of the workspace, the ones in documentation too. Arguments go to
/// `cargo test` as they are.
///
/// # Errors
///
/// When something does not compile or a test fails.
pub(crate) fn run(arguments: &[String]) -> Result {
    let missing = tools::missing();
    for line in &missing {
        eprintln!("note: {line}");
    }
    if !missing.is_empty() && tools::required() {
        return Err("OUTBOARD_INTEROP=require: install what is missing, or unset it".into());
    }
    // Tests start plugins as programs, which `cargo test` alone would not build for
    // other packages than their own. The targets are those of `cargo test`, so that
    // nothing is compiled twice.
    run_command(cargo(&["build", "--workspace", "--bins", "--tests"]))?;
    let mut command = cargo(&["test", "--workspace"]);
    command.args(arguments);
    run_command(command)
}

/// Runs the tests against Go and Python peers, where a missing tool is a failure.
///
/// # Errors
///
/// When a tool is missing, something does not compile or a test fails.
pub(crate) fn interop(arguments: &[String]) -> Result {
    run_command(cargo(&["build", "--workspace", "--bins"]))?;
    let mut command = cargo(&["test", "--package", "outboard-interop"]);
    command.args(arguments).env("OUTBOARD_INTEROP", "require");
    run_command(command)
}
