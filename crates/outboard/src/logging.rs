//! Our own log: on standard error, for people or, with `--log-format json`, for
//! machines.

use tracing_subscriber::EnvFilter;

use crate::{cli::Global, error::CliError, settings::Settings};

/// Installs the log. `RUST_LOG` decides what is in it; else `-v` and `-vv`.
pub(crate) fn install(global: &Global, settings: &Settings) -> Result<(), CliError> {
    let by_flags = match global.verbose {
        0 => "warn,plugin=info,outboard=info",
        1 => "info,plugin=debug,outboard=debug,outboard_workflow=debug,outboard_server=debug",
        _ => "debug,plugin=trace,outboard_go_plugin=trace",
    };
    let filter = match std::env::var("RUST_LOG") {
        Ok(text) if !text.is_empty() => text
            .parse::<EnvFilter>()
            .map_err(|error| CliError::usage(format!("RUST_LOG={text:?}: {error}")))?,
        _ => EnvFilter::new(by_flags),
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(anstream::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()));
    let installed = match settings.log_format()? {
        crate::settings::LogFormat::Text => builder.with_target(false).try_init(),
        crate::settings::LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    installed
        .map_err(|error| CliError::failed("internal", format!("cannot start the log: {error}")))
}
