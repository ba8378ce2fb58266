//! `cargo xtask package`: what would be published can be packed, and what is in the
//! package compiles alone.

use std::{fs, path::PathBuf, process::Command};

use crate::{
    Result,
    command::{cargo, root, run as run_command},
};

/// Packages that people get from a registry.
const PUBLISHED: &[&str] = &["outboard-go-plugin"];

/// What each must have besides its sources.
const WANTED: &[&str] = &["Cargo.toml", "LICENSE", "README.md", "src/lib.rs"];

/// Packs each published package and compiles it where nothing of ours is around it,
/// with each feature alone and with all.
///
/// # Errors
///
/// When something is missing in the package, or does not compile.
pub(crate) fn run(_: &[String]) -> Result {
    let metadata = crate::metadata::Metadata::load()?;
    for package in PUBLISHED {
        let unpacked = Unpacked::new(&pack(package)?)?;
        let mut features: Vec<String> = metadata.features(package)?;
        features.retain(|feature| feature != "default" && !feature.starts_with('_'));
        let alone = features
            .iter()
            .map(|feature| format!("--features={feature}"));
        for choice in alone.chain(["--all-features".to_owned()]) {
            let mut command = cargo(&["check", "--quiet", &choice]);
            // What it needs is compiled once, and not with what is being developed.
            command
                .arg("--target-dir")
                .arg(root().join("target/package/build"));
            command.current_dir(&unpacked.crate_directory);
            eprintln!("{package} alone: {}", crate::command::shown(&command));
            run_command(command)?;
        }
    }
    Ok(())
}

/// Packs without compiling, which takes a second.
///
/// # Errors
///
/// When cargo refuses, or something is missing in the package.
pub(crate) fn pack_all() -> Result {
    for package in PUBLISHED {
        pack(package)?;
    }
    Ok(())
}

/// The file that `cargo publish` would send.
fn pack(package: &str) -> Result<PathBuf> {
    let mut command = cargo(&["package", "--quiet", "--allow-dirty", "--no-verify"]);
    command.args(["--package", package]);
    run_command(command)?;
    let mut list = cargo(&["package", "--quiet", "--allow-dirty", "--list"]);
    list.args(["--package", package]);
    let list = crate::command::output(list)?;
    for wanted in WANTED {
        if !list.lines().any(|file| file == *wanted) {
            return Err(format!("the package {package} is without {wanted}").into());
        }
    }
    let directory = root().join("target/package");
    let version = env!("CARGO_PKG_VERSION");
    Ok(directory.join(format!("{package}-{version}.crate")))
}

/// The content of a package in a directory of its own, far from the workspace.
struct Unpacked {
    crate_directory: PathBuf,
    scratch: PathBuf,
}

impl Unpacked {
    fn new(file: &std::path::Path) -> Result<Unpacked> {
        let name = file.file_stem().unwrap_or_default();
        let scratch = std::env::temp_dir().join(format!("outboard-package-{}", std::process::id()));
        fs::create_dir_all(&scratch)?;
        let unpacked = Unpacked {
            crate_directory: scratch.join(name),
            scratch,
        };
        let mut tar = Command::new("tar");
        tar.arg("-xzf").arg(file).arg("-C").arg(&unpacked.scratch);
        run_command(tar)?;
        Ok(unpacked)
    }
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        // Left in the directory for temporary files at worst.
        let _ = fs::remove_dir_all(&self.scratch);
    }
}
