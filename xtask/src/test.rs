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
    for tool in &missing {
        eprintln!("note: {}", tool.line);
    }
    if let Some(variable) = tools::required(&missing) {
        return Err(format!("{variable}=require: install what is missing, or unset it").into());
    }
    // Tests start programs, also examples of their package, which `cargo test` does not
    // build when its arguments name something else. With the tests among the targets the
    // features are those of `cargo test`, so that nothing is compiled twice.
    let mut build = cargo(&["build", "--workspace"]);
    build.args(["--bins", "--examples", "--tests"]);
    run_command(build)?;
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
    let mut command = cargo(&["test", "--package", "outboard-interop"]);
    command.args(["--package", "terraform-provider"]);
    command.args(arguments).env("OUTBOARD_INTEROP", "require");
    run_command(command)
}
