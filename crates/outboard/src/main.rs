//! The `outboard` command: parse arguments, call a crate, print.

mod api;
mod cli;
mod commands;
mod error;
mod logging;
mod output;
mod server_file;
mod settings;

use std::process::ExitCode;

use clap::Parser as _;

use self::{cli::Cli, output::Output};

fn main() -> ExitCode {
    // Wrong use ends here, with clap's text and exit code 2.
    let cli = Cli::parse();
    let output = Output::new(cli.global.json);
    match commands::run(cli, &output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output.error(&error);
            ExitCode::from(error.exit.code())
        }
    }
}
