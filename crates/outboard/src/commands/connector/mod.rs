//! `outboard connector …`, `tool …` and `job …`.

mod call;
mod catalog;
mod config;
mod install;
mod installed;
mod new;
mod package;
mod target;

use crate::{
    cli::connector::{CatalogCommand, ConnectorCommand, KindCommand},
    error::CliError,
    output::Output,
    settings::Settings,
};
use outboard_contracts::connector::Kind;

pub(super) use self::target::Connectors;

pub(crate) fn run(
    command: ConnectorCommand,
    settings: &Settings,
    output: &Output,
) -> Result<(), CliError> {
    let target = || Connectors::find(settings, Kind::Connector);
    match command {
        ConnectorCommand::New(arguments) => new::run(&arguments, output),
        ConnectorCommand::Build(arguments) => package::build(&arguments, output),
        ConnectorCommand::Pack(arguments) => package::pack(&arguments, output),
        ConnectorCommand::Keygen(arguments) => package::keygen(&arguments, output),
        ConnectorCommand::Sign(arguments) => package::sign(&arguments, output),
        ConnectorCommand::Verify(arguments) => package::verify(&arguments, settings, output),
        ConnectorCommand::Trust(arguments) => package::trust(&arguments, settings, output),
        ConnectorCommand::Search { query } => {
            install::search(&target()?, query.as_deref().unwrap_or_default(), output)
        }
        ConnectorCommand::Install(arguments) => install::install(&target()?, &arguments, output),
        ConnectorCommand::Update(arguments) => install::update(&target()?, &arguments, output),
        ConnectorCommand::Rollback { key, to } => {
            install::rollback(&target()?, &key, to.as_deref(), output)
        }
        ConnectorCommand::Remove { key, purge } => install::remove(&target()?, &key, purge, output),
        ConnectorCommand::Enable(arguments) => {
            installed::set_enabled(&target()?, &arguments.key, true, output)
        }
        ConnectorCommand::Disable(arguments) => {
            installed::set_enabled(&target()?, &arguments.key, false, output)
        }
        ConnectorCommand::List => installed::list(&target()?, settings, output),
        ConnectorCommand::Show(arguments) => installed::show(&target()?, &arguments.key, output),
        ConnectorCommand::Config(command) => config::run(command, &target()?, output),
        ConnectorCommand::Call(arguments) => call::run(&target()?, &arguments, output),
        ConnectorCommand::History(arguments) => installed::history(&target()?, &arguments, output),
        ConnectorCommand::Logs { key, lines } => installed::logs(&target()?, &key, lines, output),
        ConnectorCommand::Catalog(CatalogCommand::Build(arguments)) => {
            catalog::build(&arguments, output)
        }
    }
}

/// The commands of the kinds that are not connectors.
pub(crate) fn run_kind(
    kind: Kind,
    command: KindCommand,
    settings: &Settings,
    output: &Output,
) -> Result<(), CliError> {
    let target = Connectors::find(settings, kind)?;
    match command {
        KindCommand::List => installed::list(&target, settings, output),
        KindCommand::Show(arguments) => installed::show(&target, &arguments.key, output),
        KindCommand::Call(arguments) => call::run(&target, &arguments, output),
    }
}
