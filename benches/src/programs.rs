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

use crate::plan::{Maker, Program};

/// A host in Go, and the same plugins in Go and in Rust.
pub(crate) struct Programs {
    /// The Go host, which measures and prints its figures.
    pub(crate) go_bench: PathBuf,
    go: Plugins,
    rust: Plugins,
}

struct Plugins {
    kitchen: PathBuf,
    hello: PathBuf,
    bench: PathBuf,
    connector: PathBuf,
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
                .args(["./cmd/go-plugin-hello", "./cmd/go-plugin-bench"])
                .arg("./cmd/go-connector")
                .current_dir(tools::repository().join("interop/go")),
        )?;
        // One after the other, so that none has features that only another needs.
        for arguments in [
            ["outboard-interop", "--bin", "rust-kitchen"],
            ["outboard-interop", "--bin", "rust-connector"],
            ["hello-plugin", "--bin", "hello-plugin"],
            ["outboard-bench", "--bin", "rust-bench-plugin"],
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
            go: Plugins {
                kitchen: go.join("go-plugin-kitchen"),
                hello: go.join("go-plugin-hello"),
                bench: go.join("go-plugin-bench"),
                connector: go.join("go-connector"),
            },
            rust: Plugins {
                kitchen: rust.join("rust-kitchen"),
                hello: rust.join("hello-plugin"),
                bench: rust.join("rust-bench-plugin"),
                connector: rust.join("rust-connector"),
            },
        })
    }

    /// A maker's plugin.
    pub(crate) fn plugin(&self, program: Program, maker: Maker) -> &Path {
        let plugins = match maker {
            Maker::Us => &self.rust,
            Maker::Go => &self.go,
        };
        match program {
            Program::Kitchen => &plugins.kitchen,
            Program::Hello => &plugins.hello,
            Program::Bench => &plugins.bench,
            Program::Connector => &plugins.connector,
        }
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
