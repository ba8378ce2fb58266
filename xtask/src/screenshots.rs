//! `cargo xtask screenshots`: pictures of every page, and those of them that the documents
//! show.

use std::fs;

use crate::{
    Result,
    command::{cargo, root, run as run_command},
};

/// The most that one picture in the repository may take.
const LARGEST: u64 = 100 << 10;

/// Runs the tests that look at every page, and takes those pictures that a document shows.
///
/// # Errors
///
/// When a browser is missing, a page has something wrong with it, or a picture is too large.
pub(crate) fn run(_: &[String]) -> Result {
    let made = root().join("target/screenshots");
    if made.exists() {
        fs::remove_dir_all(&made)?;
    }
    let mut command = cargo(&["test", "--package", "outboard-browser", "--test", "it"]);
    command.args(["every_page::", "--", "--nocapture"]);
    command
        .env("OUTBOARD_BROWSER", "require")
        .env("CARGO_TARGET_DIR", root().join("target"));
    run_command(command)?;
    let images = root().join("docs/images");
    fs::create_dir_all(&images)?;
    let mut taken = 0;
    let documents = documents()?;
    for entry in fs::read_dir(made.join("documents"))? {
        let entry = entry?;
        let name = entry.file_name();
        if !documents.contains(&format!("images/{}", name.display())) {
            continue;
        }
        let size = entry.metadata()?.len();
        if size > LARGEST {
            return Err(format!(
                "{} has {size} bytes, and {LARGEST} are the most",
                name.display()
            )
            .into());
        }
        fs::copy(entry.path(), images.join(entry.file_name()))?;
        taken += 1;
    }
    println!(
        "\nAll pictures are in {}, {taken} of them in docs/images.",
        made.display()
    );
    Ok(())
}

/// All that people read, as one text.
fn documents() -> Result<String> {
    let mut text = fs::read_to_string(root().join("README.md"))?;
    for entry in fs::read_dir(root().join("docs"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "md") {
            text += &fs::read_to_string(path)?;
        }
    }
    Ok(text)
}
