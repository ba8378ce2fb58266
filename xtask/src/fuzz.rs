//! `cargo xtask fuzz`: searches for inputs that make a parser break a promise.

use std::{
    fs,
    process::{Command, Stdio},
};

use crate::{
    Result,
    command::{cargo, root, run as run_command},
};

/// How long each target is searched unless told otherwise, in seconds.
const SECONDS: u32 = 60;

/// Where inputs go that libFuzzer finds interesting; the committed ones are only read.
const FOUND: &str = "target/fuzz";

/// Runs one target, or each of them in turn, under libFuzzer.
///
/// # Errors
///
/// When a tool is missing, something does not compile, or an input breaks a promise.
pub(crate) fn run(arguments: &[String]) -> Result {
    let targets = targets()?;
    let (chosen, seconds) = parse(arguments, &targets)?;
    let missing = missing();
    if !missing.is_empty() {
        return Err(format!(
            "libFuzzer cannot be run here:\n  {}\nWithout it, each target's corpus and inputs made \
             from it are tried by `cargo test -p outboard-fuzz`; OUTBOARD_FUZZ_ROUNDS=1000000 tries more",
            missing.join("\n  ")
        )
        .into());
    }
    for target in chosen {
        eprintln!("\n==> {target}");
        let found = root().join(FOUND).join("corpus").join(&target);
        let artifacts = root().join(FOUND).join("artifacts").join(&target);
        fs::create_dir_all(&found)?;
        fs::create_dir_all(&artifacts)?;
        let mut command = cargo(&["+nightly", "fuzz", "run", "--fuzz-dir", "fuzz/libfuzzer"]);
        // The compiler that started us must not stand in for the nightly one.
        command
            .env_remove("CARGO")
            .env_remove("RUSTC")
            .env_remove("RUSTUP_TOOLCHAIN");
        command
            .arg("--target-dir")
            .arg(root().join(FOUND).join("build"));
        command.arg(&target).arg(found);
        command.arg(root().join("fuzz/corpus").join(&target));
        command.args(["--", &format!("-max_total_time={seconds}"), "-timeout=10"]);
        command.arg(format!("-artifact_prefix={}/", artifacts.display()));
        run_command(command)?;
    }
    Ok(())
}

/// The targets: each has a corpus.
fn targets() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root().join("fuzz/corpus"))? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn parse(arguments: &[String], targets: &[String]) -> Result<(Vec<String>, u32)> {
    let mut chosen = Vec::new();
    let mut seconds = SECONDS;
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if argument == "--seconds" {
            let value = arguments.next().ok_or("--seconds needs a number")?;
            seconds = value
                .parse()
                .map_err(|_| format!("{value:?} is no number of seconds"))?;
        } else if targets.contains(argument) {
            chosen.push(argument.clone());
        } else {
            let known = targets.join(", ");
            return Err(format!("no target {argument:?}: there are {known}").into());
        }
    }
    if chosen.is_empty() {
        chosen = targets.to_vec();
    }
    Ok((chosen, seconds))
}

/// A line for each tool that is not there, with the way to get it.
fn missing() -> Vec<&'static str> {
    let mut missing = Vec::new();
    if !works("cargo", &["+nightly", "--version"]) {
        missing.push("a nightly compiler is missing: rustup toolchain install nightly");
    }
    if !works("cargo", &["fuzz", "--version"]) {
        missing.push("cargo-fuzz is missing: cargo install cargo-fuzz");
    }
    if !works("c++", &["--version"]) {
        missing.push("a C++ compiler is missing: install g++ or clang");
    }
    missing
}

fn works(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    // Only rustup's cargo understands `+nightly`, and it is first on the PATH.
    command.args(arguments).env_remove("RUSTUP_TOOLCHAIN");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn without_a_target_all_are_searched_for_a_minute() {
        let all = words("a b");
        assert_eq!(parse(&[], &all).unwrap(), (all.clone(), SECONDS));
        let (chosen, seconds) = parse(&words("b --seconds 5"), &all).unwrap();
        assert_eq!((chosen, seconds), (words("b"), 5));
    }

    #[test]
    fn a_wrong_word_is_answered_with_the_right_ones() {
        let error = parse(&words("c"), &words("a b")).unwrap_err();
        assert_eq!(error.to_string(), "no target \"c\": there are a, b");
        assert!(parse(&words("--seconds soon"), &[]).is_err());
    }
}
