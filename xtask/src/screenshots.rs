//! `cargo xtask screenshots`: pictures of every page, and those of them that the documents
//! show.

use std::fs;

use crate::{
    Result,
    command::{cargo, root, run as run_command},
};

/// The most that one picture in the repository may take.
const LARGEST: u64 = 100 << 10;

/// Runs the tests that look at every page, and takes what they left for the documents.
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
    command.args(["every_page", "--", "--nocapture"]);
    command
        .env("OUTBOARD_BROWSER", "require")
        .env("CARGO_TARGET_DIR", root().join("target"));
    run_command(command)?;
    let images = root().join("docs/images");
    fs::create_dir_all(&images)?;
    let mut taken = 0;
    for entry in fs::read_dir(made.join("documents"))? {
        let entry = entry?;
        let size = entry.metadata()?.len();
        if size > LARGEST {
            let name = entry.file_name();
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
