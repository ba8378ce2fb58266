//! `outboard completions`.

use clap::CommandFactory as _;

use crate::{cli::Cli, error::CliError};

pub(crate) fn run(shell: clap_complete::Shell) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "outboard", &mut script);
    crate::output::line(String::from_utf8_lossy(&script).trim_end());
    Ok(())
}
