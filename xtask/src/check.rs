//! `cargo xtask check` and `cargo xtask codegen`: all that can be said about the
//! code without running it.

use std::process::Command;

use crate::{
    Result,
    command::{cargo, run as run_command},
    metadata::Metadata,
    package,
    stage::Stages,
    tidy,
};

/// Packages whose features are checked one by one, because authors of plugins and
/// hosts choose among them.
const FEATURED: &[&str] = &["outboard-go-plugin", "outboard-sdk"];

/// Runs every check, cheap ones first, and prints what each took.
///
/// # Errors
///
/// The first check that fails.
pub(crate) fn run(_: &[String]) -> Result {
    let mut stages = Stages::default();
    stages.run("format", || {
        run_command(cargo(&["fmt", "--all", "--", "--check"]))
            .map_err(|error| format!("{error}; `cargo fmt --all` mends it").into())
    })?;
    stages.run("tidy", || tidy::run(&[]))?;
    stages.run("generated code", || codegen(&["--check".to_owned()]))?;
    stages.run("lints", || {
        let mut command = cargo(&["clippy", "--workspace", "--all-targets", "--all-features"]);
        command.args(["--", "-D", "warnings"]);
        run_command(command)
    })?;
    stages.run("each feature alone", features)?;
    stages.run("packages", package::pack_all)?;
    stages.run("documentation", || {
        let mut command = cargo(&["doc", "--workspace", "--no-deps", "--all-features"]);
        command.env("RUSTDOCFLAGS", "-D warnings");
        run_command(command)
    })?;
    stages.report();
    Ok(())
}

/// Generates the committed sources, or with `--check` compares them.
///
/// # Errors
///
/// When a `.proto` file is wrong, or the committed sources are not current.
pub(crate) fn codegen(arguments: &[String]) -> Result {
    let mut command = cargo(&["run", "--quiet", "--package", "outboard-codegen", "--"]);
    command.args(arguments);
    run_command(command)
}

/// Each feature of the packages that have a choice, alone and with none.
fn features() -> Result {
    let metadata = Metadata::load()?;
    for package in FEATURED {
        let mut features = metadata.features(package)?;
        // What begins with a line below is for other features, or for fuzzing.
        features.retain(|feature| feature != "default" && !feature.starts_with('_'));
        run_command(check_features(package, None))?;
        for feature in &features {
            run_command(check_features(package, Some(feature)))?;
        }
    }
    Ok(())
}

fn check_features(package: &str, feature: Option<&str>) -> Command {
    let mut command = cargo(&["check", "--quiet", "--package", package]);
    command.arg("--no-default-features");
    command.args(feature.map(|feature| format!("--features={feature}")));
    // A feature alone leaves code of the others unused; that is what lints with all
    // features are for. Here it must compile.
    eprintln!("{}", crate::command::shown(&command));
    command
}
