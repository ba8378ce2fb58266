//! `cargo xtask walk`: the README's walk through a connector's life, word for word.

use std::{fs, path::Path, process::Command};

use crate::{
    Result,
    command::{build, root},
    tidy::markdown,
};

/// The heading whose blocks are the walk.
const HEADING: &str = "A connector in four commands";

pub(crate) fn run(_: &[String]) -> Result {
    let readme = fs::read_to_string(root().join("README.md"))?;
    let script = script(&readme)?;
    println!("Building outboard …");
    let programs = build(&["--package", "outboard"])?;
    let outboard = programs
        .iter()
        .find(|(name, _)| name == "outboard")
        .map(|(_, path)| path.clone())
        .ok_or("cargo built no program \"outboard\"")?;
    let directory = scratch()?;
    let walked = walk(&script, &outboard, &directory);
    fs::remove_dir_all(&directory)?;
    walked?;
    println!("\nEvery command of the walk did what it should.");
    Ok(())
}

/// The lines of all `sh` blocks below the heading.
fn script(readme: &str) -> Result<Vec<String>> {
    let lines: Vec<String> = markdown::blocks(readme)
        .iter()
        .filter(|block| block.language == "sh" && block.heading == HEADING)
        .flat_map(|block| &block.lines)
        .map(|line| (*line).to_owned())
        .collect();
    if lines.is_empty() {
        return Err(format!("README.md: there is no sh block below {HEADING:?}").into());
    }
    Ok(lines)
}

fn scratch() -> Result<std::path::PathBuf> {
    let directory = std::env::temp_dir().join(format!("outboard-walk-{}", std::process::id()));
    fs::create_dir(&directory)?;
    Ok(directory)
}

/// Runs the lines in a directory of their own, in which `crates` is that of the checkout.
fn walk(script: &[String], outboard: &Path, directory: &Path) -> Result {
    let work = directory.join("work");
    fs::create_dir(&work)?;
    std::os::unix::fs::symlink(root().join("crates"), work.join("crates"))?;
    let programs = outboard.parent().ok_or("a program has a directory")?;
    let path = std::env::var("PATH").unwrap_or_default();
    let mut shell = Command::new("sh");
    shell
        .args(["-e", "-x", "-c", &script.join("\n")])
        .current_dir(&work)
        .env("PATH", format!("{}:{path}", programs.display()))
        .env("OUTBOARD_DATA_DIR", directory.join("data"))
        // Built once for all walks; what is built is the same.
        .env("CARGO_TARGET_DIR", root().join("target").join("walk"));
    for (name, _) in std::env::vars_os() {
        let shown = name.to_string_lossy();
        if shown.starts_with("CARGO_PKG_") || shown.starts_with("CARGO_MANIFEST_") {
            shell.env_remove(&name);
        }
    }
    let status = shell.status()?;
    if status.success() {
        return Ok(());
    }
    Err(format!("the walk stopped: {status}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_walk_is_all_blocks_below_its_heading_and_no_other() {
        let readme = "## Run it\n```sh\ncargo xtask demo\n```\n\
            ## A connector in four commands\n```sh\na\nb\n```\ntext\n```text\nno\n```\n```sh\nc\n```\n\
            ## Next\n```sh\nd\n```\n";
        assert_eq!(script(readme).unwrap(), ["a", "b", "c"]);
        assert!(script("## Next\n```sh\nd\n```\n").is_err());
    }
}
