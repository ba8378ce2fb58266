//! Running cargo and other programs from the root of the repository.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::Result;

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

/// The cargo that started us, to be run at the root of the repository.
///
/// What cargo told *us* through the environment is taken out again: build scripts
/// that look at it would otherwise run anew at every change between `cargo xtask
/// test` and `cargo test`.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root());
    for (name, _) in std::env::vars_os() {
        let shown = name.to_string_lossy();
        if shown.starts_with("CARGO_PKG_") || shown.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// The arguments of a command, as a person would type them.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut text = program
        .file_name()
        .unwrap_or(program.as_os_str())
        .to_string_lossy()
        .into_owned();
    for argument in command.get_args() {
        text.push(' ');
        text += &shell_word(&argument.to_string_lossy());
    }
    text
}

/// A word as a POSIX shell reads it back.
pub(crate) fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,@%^".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Runs a command that talks to the terminal itself.
///
/// # Errors
///
/// When it cannot be started or does not succeed.
pub(crate) fn run(mut command: Command) -> Result {
    let text = shown(&command);
    let status = command
        .status()
        .map_err(|error| format!("cannot run `{text}`: {error}"))?;
    if status.success() {
        return Ok(());
    }
    Err(format!("`{text}` failed: {status}").into())
}

/// Runs a command and returns what it printed; what it says on stderr is only
/// shown if it fails.
///
/// # Errors
///
/// When it cannot be started or does not succeed.
pub(crate) fn output(mut command: Command) -> Result<String> {
    let text = shown(&command);
    let output = command
        .output()
        .map_err(|error| format!("cannot run `{text}`: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("`{text}` failed: {}\n{}", output.status, said.trim()).into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Builds packages, with cargo's progress on the terminal, and returns the
/// programs that came out, each with the name of its target.
///
/// # Errors
///
/// When something does not compile.
pub(crate) fn build(arguments: &[&str]) -> Result<Vec<(String, PathBuf)>> {
    let mut command = cargo(&["build", "--message-format=json-render-diagnostics"]);
    command.args(arguments).stdout(std::process::Stdio::piped());
    command.stderr(std::process::Stdio::inherit());
    let text = shown(&command);
    let child = command
        .spawn()
        .map_err(|error| format!("cannot run `{text}`: {error}"))?;
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err(format!("`{text}` failed: {}", output.status).into());
    }
    let mut programs = Vec::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let Ok(message) = serde_json::from_str::<serde_json::Value>(line) else {
            continue;
        };
        let name = message["target"]["name"].as_str();
        if let (Some(name), Some(program)) = (name, message["executable"].as_str()) {
            programs.push((name.to_owned(), PathBuf::from(program)));
        }
    }
    Ok(programs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_only_where_a_shell_would_split_or_expand_it() {
        assert_eq!(shell_word("/tmp/outboard-demo"), "/tmp/outboard-demo");
        assert_eq!(shell_word(""), "''");
        assert_eq!(shell_word("two words"), "'two words'");
        assert_eq!(shell_word("it's $HOME"), r"'it'\''s $HOME'");
    }
}
