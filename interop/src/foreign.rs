//! Programs in Go that were not made with this project in mind: a Terraform provider,
//! and the example plugin and host that come with go-plugin.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use crate::tools::{found, repository, target_directory};

/// The provider in `interop/go-terraform`, a Go module of its own: what it stands on is
/// no business of the other Go programs. Built once per process; `None` after saying that
/// the running test is skipped.
///
/// # Panics
///
/// When it does not compile, or Go is missing and required.
pub fn terraform_provider() -> Option<PathBuf> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| build("go-terraform", &["."], "terraform-provider-shelf"));
    found("go", built)
}

/// go-plugin's key-value example as it comes: the directory of the programs
/// `plugin-go-grpc` and `grpc`, its host. As for the provider otherwise.
///
/// # Panics
///
/// When it does not compile, or Go is missing and required.
pub fn key_value_example() -> Option<PathBuf> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let packages = [
        "github.com/hashicorp/go-plugin/examples/grpc",
        "github.com/hashicorp/go-plugin/examples/grpc/plugin-go-grpc",
    ];
    found(
        "go",
        BUILT.get_or_init(|| build("go", &packages, "example/")),
    )
}

/// Downloads a module's dependencies and compiles packages. What cannot be had is a reason
/// to skip, what does not compile is a failure.
fn build(module: &str, packages: &[&str], out: &str) -> Result<PathBuf, String> {
    let directory = target_directory().join("interop");
    let io = |error: std::io::Error| format!("{}: {error}", directory.display());
    fs::create_dir_all(&directory).map_err(io)?;
    // Several test programs may come here at the same time.
    let lock = fs::File::create(directory.join(".lock")).map_err(io)?;
    lock.lock().map_err(io)?;

    let out = directory.join(out);
    let module = repository().join("interop").join(module);
    let download = go(&module, &["mod", "download"])?;
    if !download.status.success() {
        let said = String::from_utf8_lossy(&download.stderr).trim().to_owned();
        return Err(format!("its modules cannot be had: {said}"));
    }
    let shown = out.to_string_lossy();
    let arguments = ["build", "-trimpath", "-buildvcs=false", "-o", &shown];
    let built = go(&module, &[&arguments, packages].concat())?;
    let said = String::from_utf8_lossy(&built.stderr);
    assert!(
        built.status.success(),
        "{packages:?} do not compile in {}:\n{said}",
        module.display()
    );
    Ok(out)
}

fn go(module: &Path, arguments: &[&str]) -> Result<std::process::Output, String> {
    let mut command = Command::new("go");
    let output = command.current_dir(module).args(arguments).output();
    output.map_err(|error| format!("cannot run go: {error}"))
}
