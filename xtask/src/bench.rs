//! `cargo xtask bench`: the side-by-side benchmarks with Go.

use crate::{
    Result,
    command::{cargo, run as run_command},
};

/// Measures with everything built as a plugin author ships it. Arguments go to the
/// benchmark program.
///
/// # Errors
///
/// When something does not compile, Go is missing, or a measurement fails.
pub(crate) fn run(arguments: &[String]) -> Result {
    let mut command = cargo(&["run", "--profile", "plugin", "--package", "outboard-bench"]);
    command.arg("--").args(arguments);
    run_command(command)
}
