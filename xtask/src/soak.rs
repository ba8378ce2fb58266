//! `cargo xtask soak`: start, crash and end plugins again and again, and see that
//! nothing of them stays.

use crate::{
    Result,
    command::{cargo, run as run_command},
};

/// How many cycles of each kind, unless told otherwise.
const CYCLES: u32 = 1000;

/// Runs the tests that `cargo test` runs with fewer cycles.
///
/// # Errors
///
/// When something does not compile, or something stays.
pub(crate) fn run(arguments: &[String]) -> Result {
    let cycles = parse(arguments)?;
    run_command(cargo(&[
        "build",
        "--package",
        "outboard-go-plugin",
        "--all-features",
        "--examples",
    ]))?;
    let mut command = cargo(&[
        "test",
        "--package",
        "outboard-go-plugin",
        "--all-features",
        "--test",
        "soak",
        "--",
        "--nocapture",
    ]);
    command.env("OUTBOARD_SOAK_CYCLES", cycles.to_string());
    run_command(command)
}

fn parse(arguments: &[String]) -> Result<u32> {
    let value = match arguments {
        [] => return Ok(CYCLES),
        [option, value] if option == "--cycles" => value,
        _ => return Err(format!("takes --cycles N, and was given {arguments:?}").into()),
    };
    match value.parse() {
        Ok(cycles) if cycles > 0 => Ok(cycles),
        _ => Err(format!("{value:?} is no number of cycles").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_cycles_is_a_thousand_or_what_is_asked_for() {
        let words = |text: &str| {
            text.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(parse(&[]).unwrap(), CYCLES);
        assert_eq!(parse(&words("--cycles 7")).unwrap(), 7);
        for wrong in [
            "--cycles",
            "--cycles 0",
            "--cycles many",
            "7",
            "--cycles 7 8",
        ] {
            assert!(parse(&words(wrong)).is_err(), "{wrong}");
        }
    }
}
