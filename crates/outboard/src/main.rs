//! The `outboard` command: parse arguments, call a crate, print.

mod api;
mod cli;
mod commands;
mod error;
mod input;
mod logging;
mod output;
mod server_file;
mod settings;

use std::process::ExitCode;

use clap::Parser as _;

use self::{cli::Cli, error::CliError, output::Output};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(wrong) => return end(&wrong),
    };
    let output = Output::new(cli.global.json);
    match commands::run(cli, &output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output.error(&error);
            ExitCode::from(error.exit.code())
        }
    }
}

/// Ends with clap's text, and exit code 2 for wrong use. A program that asked for JSON
/// gets wrong use in the form of all other failures.
fn end(wrong: &clap::Error) -> ExitCode {
    let wants_json = std::env::args_os()
        .take_while(|argument| argument != "--")
        .any(|argument| argument == "--json");
    if !wrong.use_stderr() || !wants_json {
        // A reader that went away is no error of ours.
        let _ = wrong.print();
        return ExitCode::from(u8::try_from(wrong.exit_code()).unwrap_or(2));
    }
    let text = wrong.render().to_string();
    let (message, hint) = text.split_once("\n\n").unwrap_or((&text, ""));
    let message = message.trim_start_matches("error: ").trim();
    let error = CliError::usage(message).hint(hint.trim());
    Output::new(true).error(&error);
    ExitCode::from(error.exit.code())
}
