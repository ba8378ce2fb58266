//! The Terraform provider in `interop/go-terraform`, a Go module of its own: what it
//! stands on is no business of the other Go programs.

use std::{fs, path::PathBuf, process::Command, sync::OnceLock};

use crate::tools::{found, repository, target_directory};

/// The provider's program, built once per process; `None` after saying that the running
/// test is skipped.
///
/// # Panics
///
/// When it does not compile, or Go is missing and required.
pub fn provider() -> Option<PathBuf> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    found("go", BUILT.get_or_init(build))
}

/// Downloads the modules and compiles. What cannot be had is a reason to skip, what does
/// not compile is a failure.
fn build() -> Result<PathBuf, String> {
    let directory = target_directory().join("interop");
    let io = |error: std::io::Error| format!("{}: {error}", directory.display());
    fs::create_dir_all(&directory).map_err(io)?;
    // Several test programs may come here at the same time.
    let lock = fs::File::create(directory.join(".lock")).map_err(io)?;
    lock.lock().map_err(io)?;

    let program = directory.join("terraform-provider-shelf");
    let go = |arguments: &[&str]| {
        let mut command = Command::new("go");
        command.current_dir(repository().join("interop/go-terraform"));
        let output = command.args(arguments).output();
        output.map_err(|error| format!("cannot run go: {error}"))
    };
    let download = go(&["mod", "download"])?;
    if !download.status.success() {
        let said = String::from_utf8_lossy(&download.stderr).trim().to_owned();
        return Err(format!("its modules cannot be had: {said}"));
    }
    let out = program.to_string_lossy();
    let build = go(&["build", "-trimpath", "-buildvcs=false", "-o", &out, "."])?;
    let said = String::from_utf8_lossy(&build.stderr);
    assert!(
        build.status.success(),
        "interop/go-terraform does not compile:\n{said}"
    );
    Ok(program)
}
