//! The commands, one file each.

mod completions;
mod config;
mod doctor;
mod plugin;
mod plugin_new;

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
    let settings = Settings::load(&global, &[])?;
    logging::install(&global, &settings)?;
    match command {
        Command::Plugin(command) => plugin::run(command, &settings, output),
        Command::Doctor => doctor::run(&settings, output),
        Command::Config(ConfigCommand::Show) => {
            config::show(&settings, output);
            Ok(())
        }
        Command::Completions { .. } => Ok(()),
    }
}
