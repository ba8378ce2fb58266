//! The commands, one file each.

mod check;
mod completions;
mod config;
mod connector;
mod doctor;
mod host;
mod open;
mod plugin;
mod plugin_new;
mod run;
mod serve;
mod token;
mod ui;
mod ui_new;

use outboard_contracts::connector::Kind;

use crate::{
    cli::{Cli, Command, ConfigCommand},
    error::CliError,
    logging,
    output::Output,
    settings::Settings,
};

pub(crate) fn run(cli: Cli, output: &Output) -> Result<(), CliError> {
    let Cli { global, command } = cli;
    if let Command::Completions { shell } = command {
        return completions::run(shell);
    }
    let flags = match &command {
        Command::Serve(arguments) => arguments.settings(),
        _ => Vec::new(),
    };
    let settings = Settings::load(&global, &flags)?;
    logging::install(&global, &settings)?;
    match command {
        Command::Serve(_) => serve::run(&settings, output),
        Command::Run(arguments) => run::run(&arguments, &settings, output),
        Command::Check(arguments) => check::run(&arguments, &settings, output),
        Command::Plugin(command) => plugin::run(command, &settings, output),
        Command::Connector(command) => connector::run(command, &settings, output),
        Command::Tool(command) => connector::run_kind(Kind::Tool, command, &settings, output),
        Command::Job(command) => connector::run_kind(Kind::Job, command, &settings, output),
        Command::Ui(command) => ui::run(command, &settings, output),
        Command::Token(command) => token::run(command, &settings, output),
        Command::Open { print } => open::run(print, &settings, output),
        Command::Doctor => doctor::run(&settings, output),
        Command::Config(ConfigCommand::Show { setting }) => {
            config::show(setting.as_deref(), &settings, output)
        }
        Command::Completions { .. } => Ok(()),
    }
}
