//! The programs that are measured, built as their authors would ship them.

use std::{
    env,
    error::Error,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use outboard_interop::tools;

/// A host and two plugins in Go, and the same two plugins in Rust.
pub(crate) struct Programs {
    /// The Go host, which measures and prints its figures.
    pub(crate) go_bench: PathBuf,
    pub(crate) go_kitchen: PathBuf,
    pub(crate) go_hello: PathBuf,
    pub(crate) rust_kitchen: PathBuf,
    pub(crate) rust_hello: PathBuf,
}

impl Programs {
    /// Builds everything: Go without symbols and debug information, Rust with the
    /// `plugin` profile.
    pub(crate) fn build() -> Result<Programs, Box<dyn Error + Send + Sync>> {
        let go = target_directory().join("bench");
        fs::create_dir_all(&go)?;
        succeed(
            Command::new("go")
                .args(["build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w"])
                .arg("-o")
                .arg(&go)
                .args(["./cmd/go-bench", "./cmd/go-plugin-kitchen"])
                .arg("./cmd/go-plugin-hello")
                .current_dir(tools::repository().join("interop/go")),
        )?;
        for arguments in [
            ["outboard-interop", "--bin", "rust-kitchen"],
            ["outboard-sdk", "--example", "hello"],
        ] {
            succeed(
                Command::new(cargo())
                    .args(["build", "--quiet", "--profile", "plugin", "--package"])
                    .args(arguments)
                    .current_dir(tools::repository()),
            )?;
        }
        let rust = target_directory().join("plugin");
        Ok(Programs {
            go_bench: go.join("go-bench"),
            go_kitchen: go.join("go-plugin-kitchen"),
            go_hello: go.join("go-plugin-hello"),
            rust_kitchen: rust.join("rust-kitchen"),
            rust_hello: rust.join("examples").join("hello"),
        })
    }
}

/// Where cargo puts what it builds.
pub(crate) fn target_directory() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| tools::repository().join("target"), PathBuf::from)
}

/// A file's size in megabytes.
pub(crate) fn megabytes(path: &Path) -> Result<f64, Box<dyn Error + Send + Sync>> {
    let bytes = u32::try_from(fs::metadata(path)?.len())?;
    Ok(f64::from(bytes) / 1e6)
}

fn cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

fn succeed(command: &mut Command) -> Result<(), Box<dyn Error + Send + Sync>> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command
        .status()
        .map_err(|error| format!("cannot run {program}: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{program} could not build what is measured").into())
    }
}
